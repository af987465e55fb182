"""The directive ``replaychart``."""

import dataclasses
import os
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from replaychart.errors import ReplayChartError
from replaychart.export.specs import ChartSpec
from replaychart.sphinx.chart_files import ChartFiles, digest, playing
from replaychart.sphinx.charts import chart_node, folder
from replaychart.sphinx.code import CodeError, chart_of

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class _Code:
    """The code of a chart.

    Attributes
    ----------
    text : str
    path : pathlib.Path
        The file that contains it.
    line : int
        The line of the file on which it starts.
    """

    text: str
    path: Path
    line: int


class ReplayChart(SphinxDirective):
    """A chart that plays in its page.

    The content is code that ends in a chart; instead, the argument can be the path of a script that
    does, relative to the document. The code runs in the folder of its file when the document is
    read, unless the same code has run in an earlier build. Each chart has a namespace of its own.

    Options
    -------
    alt : str
        Alternative text that describes the chart. Required if there is no caption.
    caption : str
        A caption, which can contain markup.
    epoch : float
        The epoch of the still. Default: the epoch that the chart shows initially.
    fps : float
        Epochs per second of a chart that its own code does not animate. Default: the configuration
        value ``replaychart_fps``, which is 10.
    height : int
        The largest height in pixels. A chart that is higher scrolls.
    depends : paths
        Files that the code reads, such as recordings. If one of them has changed, it runs again.
    show-code
        Show the code above the chart.
    name, class
        As for figures.
    """

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar = {
        "alt": directives.unchanged_required,
        "caption": directives.unchanged_required,
        "epoch": float,
        "fps": float,
        "height": directives.positive_int,
        "depends": directives.unchanged_required,
        "show-code": directives.flag,
        "name": directives.unchanged,
        "class": directives.class_option,
    }

    def run(self) -> list[nodes.Node]:
        """Return the nodes of the chart."""
        if "alt" not in self.options and "caption" not in self.options:
            message = "A chart needs the option alt or caption, which says what it shows."
            raise self.error(message)
        code = self._code()
        try:
            files = self._files(code)
        except CodeError as error:
            message = f"{error} (line {error.line} of {code.path.name})"
            source, line = str(code.path), error.line
            return [self.state.document.reporter.error(message, source=source, line=line)]
        except ReplayChartError as error:
            raise self.error(str(error)) from error
        return [*self._shown(code.text), self._chart(files)]

    def _code(self) -> _Code:
        if bool(self.arguments) == bool(self.content):
            message = "A chart needs either the path of a script or code, not both."
            raise self.error(message)
        if not self.arguments:
            source, line = self.content.items[0]
            return _Code("\n".join(self.content) + "\n", Path(source), line + 1)
        path = self._path(self.arguments[0])
        return _Code(path.read_text("utf-8"), path, 1)

    def _path(self, name: str) -> Path:
        """Return the path of a file on which the document depends."""
        relative, absolute = self.env.relfn2path(name)
        self.env.note_dependency(relative)
        if not Path(absolute).is_file():
            message = f"The file {name!r} is missing. It is looked for at {absolute!r}."
            raise self.error(message)
        return Path(absolute)

    def _files(self, code: _Code) -> ChartFiles:
        """Return the files of the chart. If they are missing, the code runs."""
        config, epoch = self.config, self.options.get("epoch")
        fps = self.options.get("fps", config.replaychart_fps)
        read = [self._path(name) for name in self.options.get("depends", "").split()]
        contents = [digest(path.read_bytes()) for path in read]
        place = os.path.relpath(code.path.parent, self.env.srcdir)
        name = digest(config.replaychart_setup, code.text, place, epoch, fps, *contents)
        files = ChartFiles(folder(self.env), name)
        if not files.exist():
            _log.info("drawing the chart in %s:%s", code.path, code.line)
            chart = chart_of(code.text, code.path, line=code.line, before=config.replaychart_setup)
            files.write(ChartSpec.of(playing(chart, fps=fps)), epoch=epoch)
        return files

    def _chart(self, files: ChartFiles) -> nodes.Node:
        options = self.options
        described: list[nodes.Node] = []
        if "caption" in options:
            texts, messages = self.parse_inline(options["caption"], lineno=self.lineno)
            described = [nodes.caption(options["caption"], "", *texts), *messages]
        alt = options.get("alt") or described[0].astext()
        node = chart_node(self.env, files, alt=alt)
        node += described
        node["classes"] += options.get("class", [])
        if "height" in options:
            node["height"] = options["height"]
        self.set_source_info(node)
        self.add_name(node)
        return node

    def _shown(self, code: str) -> list[nodes.Node]:
        if "show-code" not in self.options:
            return []
        block = nodes.literal_block(code.rstrip(), code.rstrip(), language="python")
        self.set_source_info(block)
        return [block]
