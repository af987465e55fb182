"""The directive ``executed``: runs code when the page is built, and shows the code and its output.

All blocks of a page share one namespace and run in one folder. The value of the last expression is
shown below the code: a chart plays, a DataFrame becomes a table, the path of a picture becomes the
picture, and anything else is shown as text. A block with the option ``once`` (such as a training
run) is skipped, except for its imports, as long as the page's code up to and including it is the
same as when the files in the folder were written.
"""

import ast
import contextlib
import hashlib
import io
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import replaychart as rc
from replaychart.export.specs import ChartSpec
from replaychart.sphinx.chart_files import of_content, playing
from replaychart.sphinx.charts import chart_node, folder

# The suffixes of pictures that a page shows.
PICTURES = (".png", ".svg", ".gif", ".webp")


class Page:
    """The blocks of one page, with their shared namespace and the folder they run in.

    Parameters
    ----------
    folder : pathlib.Path
        Contains the files the blocks wrote, in this build or an earlier one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names: dict[str, Any] = {"__name__": "__main__"}
        self._code = f"{rc.__version__}\n"
        self._skipped: dict[Path, str] = {}
        self._emptied = False
        folder.mkdir(parents=True, exist_ok=True)

    def run(self, code: str, *, once: bool, where: str) -> tuple[Any, str]:
        """Run a block, and return the value of its last expression and its printed output.

        Parameters
        ----------
        code : str
        once : bool
            Whether to skip the block if its files already exist.
        where : str
            The file and line number, for tracebacks.
        """
        self._code += code
        if not once:
            return self._execute(code, where)
        marker = self.folder / f"{hashlib.sha256(self._code.encode()).hexdigest()[:20]}.done"
        if marker.exists():
            self._skipped[marker] = code
            return self._execute(_imports_of(code), where)
        if not self._emptied:
            self._start_over(where)
        result = self._execute(code, where)
        marker.touch()
        return result

    def _start_over(self, where: str) -> None:
        """Empty the folder and run the skipped blocks, because later blocks need their names."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        self._emptied = True
        for marker, code in self._skipped.items():
            self._execute(code, where)
            marker.touch()

    def _execute(self, code: str, where: str) -> tuple[Any, str]:
        tree = ast.parse(code, where)
        value = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        printed = io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(printed):
            exec(compile(tree, where, "exec"), self._names)
            if value is None:
                return None, printed.getvalue()
            expression = ast.Expression(value.value)
            return eval(compile(expression, where, "eval"), self._names), printed.getvalue()


class Executed(SphinxDirective):
    """Run the code, and show the code and its output.

    Options
    -------
    once
        Skip the code if its files exist from an earlier build. No output is shown.
    hide-code, hide-output
        Hide the code or the output.
    alt : str
        Alternative text that describes the chart or picture. Required for both.
    epoch : int
        The epoch of a chart's still. Default: the epoch that the chart shows initially.
    fps : float
        Epochs per second of a chart that its own code does not animate. Default: 10.
    class : str
        Classes of a picture.
    """

    has_content = True
    option_spec = {  # noqa: RUF012
        "once": directives.flag,
        "hide-code": directives.flag,
        "hide-output": directives.flag,
        "alt": directives.unchanged_required,
        "epoch": directives.nonnegative_int,
        "fps": float,
        "class": directives.class_option,
    }

    def run(self) -> list[nodes.Node]:
        """Return the nodes of the code and its output."""
        code = "\n".join(self.content) + "\n"
        source, line = self.get_source_info()
        value, printed = _page(self.env).run(
            code, once="once" in self.options, where=f"{source}:{line}"
        )
        result: list[nodes.Node] = []
        if "hide-code" not in self.options:
            block = nodes.literal_block(code.rstrip(), code.rstrip(), language="python")
            self.set_source_info(block)
            result.append(block)
        if "hide-output" not in self.options and "once" not in self.options:
            result += _text(printed) + self._shown(value)
        return result

    def _shown(self, value: Any) -> list[nodes.Node]:
        if value is None:
            return []
        if isinstance(value, pd.DataFrame):
            return [_table(value)]
        if hasattr(value, "to_dict") and hasattr(value, "add_params"):
            return [self._chart(value)]
        if isinstance(value, Path) and value.suffix in PICTURES:
            return [self._picture(value)]
        return _text(repr(value))

    def _alt(self) -> str:
        if "alt" not in self.options:
            message = "A chart or picture needs the option alt, a description of what it shows."
            raise self.error(message)
        return self.options["alt"]

    def _picture(self, path: Path) -> nodes.Node:
        """Return a picture that the code has saved in the page's folder."""
        saved = _page(self.env).folder / path
        # A path that begins with a slash is relative to the folder of the sources.
        uri = "/" + Path(os.path.relpath(saved, self.env.srcdir)).as_posix()
        classes = ["saved-picture", *self.options.get("class", [])]
        return nodes.image(uri=uri, alt=self._alt(), classes=classes)

    def _chart(self, chart: Any) -> nodes.Node:
        alt = self._alt()
        chart = playing(chart, fps=self.options.get("fps", 10))
        files = of_content(folder(self.env), ChartSpec.of(chart), epoch=self.options.get("epoch"))
        return chart_node(self.env, files, alt=alt)


def _page(env: Any) -> Page:
    names = env.temp_data
    if "executed_page" not in names:
        folder = Path(env.config.recordings_folder) / "pages" / env.docname
        names["executed_page"] = Page(folder)
    return names["executed_page"]


def _imports_of(code: str) -> str:
    imports = [
        node for node in ast.parse(code).body if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    return "\n".join(ast.unparse(node) for node in imports)


def _text(text: str) -> list[nodes.Node]:
    if not text.strip():
        return []
    text = text.rstrip()
    return [nodes.literal_block(text, text, language="none", classes=["output"])]


def _table(frame: pd.DataFrame) -> nodes.Node:
    """Return a DataFrame as a table, without its index."""
    texts = [[_cell(value) for value in row] for row in frame.itertuples(index=False)]
    group = nodes.tgroup(cols=len(frame.columns))
    group += [nodes.colspec(colwidth=1) for _ in frame.columns]
    group += nodes.thead("", _row([str(name) for name in frame.columns]))
    group += nodes.tbody("", *[_row(row) for row in texts])
    table = nodes.table("", group, classes=["frame", "output"])
    return nodes.container("", table, classes=["pst-scrollable-table-container"])


def _row(texts: list[str]) -> nodes.row:
    return nodes.row("", *[nodes.entry("", nodes.paragraph("", text)) for text in texts])


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else str(value)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_directive("executed", Executed)
    app.add_config_value("recordings_folder", "", "env", str)
    return {"version": rc.__version__, "parallel_read_safe": False}
