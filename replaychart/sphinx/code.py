"""Runs code that ends in a chart."""

import ast
import contextlib
import traceback
from pathlib import Path
from typing import Any

from altair.typing import ChartType, is_chart_type


class CodeError(Exception):
    """Code does not run, or does not end in a chart.

    Attributes
    ----------
    line : int
        The line of its file.
    """

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def chart_of(code: str, path: Path, *, line: int = 1, before: str = "") -> ChartType:
    """Run code in the folder of its file, and return the value of its last line.

    Parameters
    ----------
    code : str
        The code.
    path : pathlib.Path
        The file that contains it.
    line : int, default 1
        The line of the file on which it starts.
    before : str, default ""
        Code that runs first.

    Raises
    ------
    CodeError
        The code raises an error, or the value is not an Altair chart.
    """
    names: dict[str, Any] = {"__name__": "__main__", "__file__": str(path)}
    tree = _parsed(code, path, line)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        message = "The code must end in a chart, as an expression on its last line."
        raise CodeError(message, last.lineno if last else line)
    expression = ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]
    try:
        with contextlib.chdir(path.parent):
            exec(compile(before, "replaychart_setup", "exec"), names)
            exec(compile(tree, str(path), "exec"), names)
            value = eval(compile(expression, str(path), "eval"), names)
    except (Exception, SystemExit) as error:
        own = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == str(path) and frame.lineno is not None
        ]
        where = "" if own else "In replaychart_setup: "
        message = f"{where}{type(error).__name__}: {error}"
        raise CodeError(message, own[-1] if own else line) from error
    if not is_chart_type(value):
        message = f"The code must end in an Altair chart. Got {type(value).__name__}."
        raise CodeError(message, last.lineno)
    return value


def _parsed(code: str, path: Path, line: int) -> ast.Module:
    try:
        tree = ast.parse(code, str(path))
    except SyntaxError as error:
        message = f"SyntaxError: {error.msg}"
        raise CodeError(message, line - 1 + (error.lineno or 1)) from error
    ast.increment_lineno(tree, line - 1)
    return tree
