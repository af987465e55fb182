"""The directive ``executed``: code that runs when the page is built, and what it gives.

The blocks of a page share their names and run in one folder. What the last expression gives stands
below the code: a chart plays, a frame is a table, anything else is shown as text. A block with the
option ``once`` (a training) is skipped as long as the page's code up to it is what it was when the
folder's files were made; only its imports run.
"""

import ast
import contextlib
import hashlib
import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from docutils import nodes
from docutils.parsers.rst import directives
from playing_charts import chart_files, chart_node, playing
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import replaychart as rc


class Page:
    """The blocks of one page: the names that they share, and the folder in which they run.

    Parameters
    ----------
    folder : pathlib.Path
        Holds what the blocks wrote, from this build or an earlier one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: dict[str, Any] = {"__name__": "__main__"}
        self._code = f"{rc.__version__}\n"
        self._skipped: dict[Path, str] = {}
        self._emptied = False
        folder.mkdir(parents=True, exist_ok=True)

    def run(self, code: str, *, once: bool, where: str) -> tuple[Any, str]:
        """Run a block, and return its last expression's value and what it printed.

        Parameters
        ----------
        code : str
        once : bool
            Whether to skip it if its files are there.
        where : str
            The file and line, for tracebacks.
        """
        self._code += code
        if not once:
            return self._execute(code, where)
        marker = self._folder / f"{hashlib.sha256(self._code.encode()).hexdigest()[:20]}.done"
        if marker.exists():
            self._skipped[marker] = code
            return self._execute(_imports_of(code), where)
        if not self._emptied:
            self._begin_again(where)
        result = self._execute(code, where)
        marker.touch()
        return result

    def _begin_again(self, where: str) -> None:
        """Empty the folder and run what was skipped: a later block needs its names."""
        shutil.rmtree(self._folder)
        self._folder.mkdir()
        self._emptied = True
        for marker, code in self._skipped.items():
            self._execute(code, where)
            marker.touch()

    def _execute(self, code: str, where: str) -> tuple[Any, str]:
        tree = ast.parse(code, where)
        value = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        printed = io.StringIO()
        with contextlib.chdir(self._folder), contextlib.redirect_stdout(printed):
            exec(compile(tree, where, "exec"), self._names)
            if value is None:
                return None, printed.getvalue()
            expression = ast.Expression(value.value)
            return eval(compile(expression, where, "eval"), self._names), printed.getvalue()


class Executed(SphinxDirective):
    """Run the code, show it, and show what it gives.

    Options
    -------
    once
        Skip the code if its files are there from an earlier build; nothing is shown below it.
    hide-code, hide-output
        Show only the other one.
    alt : str
        What a chart shows, for readers who do not see it. Required for charts.
    epoch : int
        The epoch of a chart's still. Default: the one that the chart shows at first.
    fps : float
        Epochs per second of a chart that is not animated by its own code. Default: 10.
    """

    has_content = True
    option_spec = {  # noqa: RUF012
        "once": directives.flag,
        "hide-code": directives.flag,
        "hide-output": directives.flag,
        "alt": directives.unchanged_required,
        "epoch": directives.nonnegative_int,
        "fps": float,
    }

    def run(self) -> list[nodes.Node]:
        """Return the nodes of code and result."""
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
        return _text(repr(value))

    def _chart(self, chart: Any) -> nodes.Node:
        if "alt" not in self.options:
            message = "A chart needs the option alt: what does it show?"
            raise self.error(message)
        chart = playing(chart, fps=self.options.get("fps", 10))
        files = chart_files(self.env.app, chart, epoch=self.options.get("epoch"))
        return chart_node(self.env, files, alt_text=self.options["alt"])


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
    """Return a frame as a table, without its index."""
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
