"""Reads and runs the scripts in ``gallery/``, for the site's pages and for the tests.

A script consists of a module docstring (the title, a blank line, and prose in reStructuredText),
the comment ``# category: ...``, optional comments ``# thumbnail-epoch: ...`` and
``# card-view: ...``, and code whose last statement is the chart.
"""

import ast
import contextlib
import dataclasses
import hashlib
import inspect
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import altair as alt

CATEGORIES = (
    "Feature spaces",
    "Decision boundaries",
    "Inside the network",
    "Comparisons",
    "Trainings",
    "Your own charts",
)
# The examples that come first in their category.
STRIKING = (
    "dashboard",
    "layer_morph",
    "folds",
    "vanishing_gradients",
    "three_units",
    "gan",
    "grokking",
    "optimizers",
    "xor",
    "autoencoder",
    "five_seeds",
)


class GalleryError(Exception):
    """Raised if a gallery script does not follow the conventions."""


@dataclasses.dataclass(frozen=True)
class GalleryScript:
    """A parsed gallery script.

    Attributes
    ----------
    path : pathlib.Path
        The script.
    name : str
        The file name without its suffix.
    title : str
        The first line of the docstring.
    prose : str
        The rest of the docstring, in reStructuredText.
    category : str
        One of `CATEGORIES`.
    thumbnail_epoch : int or None
        The epoch of the thumbnail. If None, the epoch that the chart shows.
    card_view : int
        The number of the view that the card shows, from 1, in reading order.
    code : str
        The code after the docstring and the comments.
    """

    path: Path
    name: str
    title: str
    prose: str
    category: str
    thumbnail_epoch: int | None
    card_view: int
    code: str

    @property
    def key(self) -> str:
        """Return the name of the directory for the script's recordings, with a digest of its code.

        The digest leaves out the prose, so you can edit that without training again.
        """
        return f"{self.name}-{hashlib.sha256(self.code.encode()).hexdigest()[:16]}"


def scripts(directory: Path) -> list[GalleryScript]:
    """Return the scripts in a directory by category: the most striking first, then by title.

    Raises
    ------
    GalleryError
        As in `read_script`.
    """
    found = [read_script(path) for path in directory.glob("*.py")]
    return sorted(found, key=_place)


def _place(script: GalleryScript) -> tuple[int, int, str]:
    striking = STRIKING.index(script.name) if script.name in STRIKING else len(STRIKING)
    return CATEGORIES.index(script.category), striking, script.title


def read_script(path: Path) -> GalleryScript:
    """Parse a script.

    Raises
    ------
    GalleryError
        If its docstring, comments or last statement do not follow the conventions.
    """
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source, str(path))
    title, _, prose = inspect.cleandoc(ast.get_docstring(tree) or "").partition("\n\n")
    if not title or "\n" in title or not prose:
        _refuse(path, "its docstring must be a title, a blank line, and prose.")
    if len(tree.body) < 2 or not isinstance(tree.body[-1], ast.Expr):
        _refuse(path, "its last statement must be the chart, as a bare expression.")

    comments, code = _head_and_code(source, after=tree.body[0].end_lineno or 0)
    category = comments.pop("category", None)
    if category not in CATEGORIES:
        _refuse(path, f"its category must be one of {', '.join(CATEGORIES)}. Got {category!r}.")
    epoch = _whole_number(path, "thumbnail-epoch", comments)
    return GalleryScript(
        path=path,
        name=path.stem,
        title=title,
        prose=prose.strip(),
        category=str(category),
        thumbnail_epoch=epoch,
        card_view=_whole_number(path, "card-view", comments) or 1,
        code=code,
    )


def names_used(script: GalleryScript) -> list[str]:
    """Return the names of ``replaychart`` that a script's code uses, by their first use.

    Names such as ``rc.datasets.parabola`` are returned as ``datasets.parabola``.
    """
    found = []
    for node in ast.walk(ast.parse(script.code)):
        if isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            if re.fullmatch(r"rc\.(datasets\.)?\w+", name):
                found.append((node.lineno, node.col_offset, name.removeprefix("rc.")))
    names = dict.fromkeys(name for _, _, name in sorted(found))
    return [name for name in names if name != "datasets"]


def run_script(script: GalleryScript, cache: Path) -> Any:
    """Run a script in its own directory under `cache` and return its chart.

    Recordings stay in that directory, so the same code does not train twice. If the script fails
    or is killed, later builds do not mistake what it left behind for a finished recording.

    Returns
    -------
    altair.TopLevelMixin
        The value of the last expression.

    Raises
    ------
    GalleryError
        If that value is not an Altair chart.
    """
    finished = cache.resolve() / script.key
    if finished.exists():
        return _chart(script, finished)
    cache.mkdir(parents=True, exist_ok=True)
    # Each run gets its own directory, because two builds may share a cache.
    unfinished = Path(tempfile.mkdtemp(".unfinished", f"{script.key}-", finished.parent))
    try:
        chart = _chart(script, unfinished)
        with contextlib.suppress(OSError):  # another build was faster
            unfinished.rename(finished)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return chart


def _chart(script: GalleryScript, directory: Path) -> Any:
    tree = ast.parse(script.code, str(script.path))
    # Keep the line numbers of the file, for tracebacks.
    source = script.path.read_text(encoding="utf-8")
    ast.increment_lineno(tree, source[: source.index(script.code)].count("\n"))
    last = tree.body.pop()
    assert isinstance(last, ast.Expr)
    names: dict[str, Any] = {"__name__": "__main__", "__file__": str(script.path)}
    with contextlib.chdir(directory):
        exec(compile(tree, str(script.path), "exec"), names)
        chart = eval(compile(ast.Expression(last.value), str(script.path), "eval"), names)
    if not isinstance(chart, alt.TopLevelMixin):
        _refuse(script.path, f"its last expression must be a chart. Got {type(chart).__name__}.")
    return chart


def _whole_number(path: Path, name: str, comments: dict[str, str]) -> int | None:
    given = comments.pop(name, None)
    if given is not None and not given.isdigit():
        _refuse(path, f"its {name} must be a whole number. Got {given!r}.")
    return None if given is None else int(given)


def _head_and_code(source: str, *, after: int) -> tuple[dict[str, str], str]:
    """Return the comments that describe the script, by name, and the code after them."""
    lines = source.splitlines(keepends=True)[after:]
    comments: dict[str, str] = {}
    while lines:
        match = re.fullmatch(r"# (category|thumbnail-epoch|card-view): (.+)", lines[0].strip())
        if match:
            comments[match[1]] = match[2].strip()
        elif lines[0].strip():
            break
        lines.pop(0)
    return comments, "".join(lines)


def _refuse(path: Path, what: str) -> None:
    message = f"{path.name}: {what}"
    raise GalleryError(message)
