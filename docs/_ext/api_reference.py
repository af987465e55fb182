"""The API reference: tables generated from ``replaychart.__all__``, and links by name.

There is one table per part of the package (a top-level module or subpackage), with the names it
defines. The build fails if a public name comes from a part without a table. The page of a name has
its picture, if there is one, and the examples of the gallery that use it.
"""

import inspect
from collections.abc import Collection
from pathlib import Path
from typing import Any

from docutils import nodes
from gallery_pages import gallery
from gallery_scripts import names_used
from generated_pages import write_if_changed
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

import replaychart as rc

# For each part of the package: the heading and the text above the table.
TABLES = {
    "recording": ("Recording", "Record training runs."),
    "run": ("Opening", "Open recordings and read them as DataFrames and arrays."),
    "charts": (
        "Charts",
        "Each chart function takes a run and keyword arguments, and returns a plain Altair chart. "
        "`epoch_param` creates a parameter for the charts of several runs to share.",
    ),
    "playback": ("Playing", "Make a chart play automatically."),
    "live": ("Watching", "Draw a training run while it goes on."),
    "export": ("Saving and showing", "Save a finished chart to a file, or show it in a notebook."),
    "datasets": (
        "Datasets",
        "Small, seeded datasets known from the literature, in ``replaychart.datasets``.",
    ),
    "errors": ("Errors", "All errors derive from `ReplayChartError`."),
}
# Parts whose public names are listed in the table of another part.
_LISTED_WITH = {"drawing": "charts", "opening": "run", "ranking": "run", "storing": "run"}

# The pictures of charts, relative to the folder of the pages.
PICTURES = "images/charts"
# The number of examples that a page shows as cards. It names the others.
MOST_CARDS = 8

_HEAD = """\
API reference
=============

This is the public API of ReplayChart, available through ``import replaychart as rc``. Anything not
listed here is internal and may change without notice.
"""


def public_objects() -> dict[str, object]:
    """Return every public object of ``replaychart``, including the datasets, by name."""
    names = [name for name in rc.__all__ if name not in ("__version__", "datasets")]
    objects = {name: getattr(rc, name) for name in names}
    for name, value in vars(rc.datasets).items():
        if not name.startswith("_") and inspect.isfunction(value) and _part(value) == "datasets":
            objects[f"datasets.{name}"] = value
    return objects


def page(pictures: Collection[str] = ()) -> str:
    """Return the reST source of the reference's index page.

    Parameters
    ----------
    pictures : collection of str
        The names of the charts of which there are pictures.

    Raises
    ------
    ExtensionError
        If a public name does not belong to any table.
    """
    tables: dict[str, list[str]] = {part: [] for part in TABLES}
    for name, value in public_objects().items():
        if _part(value) not in tables:
            message = f"{name!r} is public and has no table. Add one for {_part(value)!r}."
            raise ExtensionError(message)
        tables[_part(value)].append(name)
    sections = [_HEAD]
    for part, names in tables.items():
        heading, text = TABLES[part]
        sections.append(f"{heading}\n{'-' * len(heading)}\n\n{text}\n")
        shown = [name for name in names if name in pictures]
        if shown:
            sections.append(".. container:: chart-pictures\n\n" + "".join(map(_picture, shown)))
        listed = "\n".join(f"   {name}" for name in names)
        sections.append(
            ".. currentmodule:: replaychart\n\n"
            f".. autosummary::\n   :toctree: generated\n   :nosignatures:\n\n{listed}\n"
        )
    return "\n".join(sections)


def _picture(name: str) -> str:
    return (
        f"   .. figure:: /{PICTURES}/{name}.png\n"
        f"      :target: generated/replaychart.{name}.html\n"
        f"      :alt: {name}\n\n"
        f"      {name}\n\n"
    )


def _part(value: object) -> str:
    part = str(value.__module__).split(".")[1]
    return _LISTED_WITH.get(part, part)


def _name_role(
    name: str,  # noqa: ARG001
    rawtext: str,
    text: str,
    lineno: int,  # noqa: ARG001
    inliner: Any,  # noqa: ARG001
    options: Any = None,  # noqa: ARG001
    content: Any = None,  # noqa: ARG001
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """Return a link if the text is a public name or a public member of `Run`, otherwise code."""
    literal = nodes.literal(rawtext, text)
    target = text.removesuffix("()").removeprefix("rc.")
    member = target.removeprefix("Run.")
    known = target in public_objects() or (member != target and hasattr(rc.Run, member))
    if not known:
        return [literal], []
    link = addnodes.pending_xref(
        rawtext,
        literal,
        refdomain="py",
        reftype="obj",
        reftarget=f"replaychart.{target}",
        refexplicit=True,
        refwarn=True,
    )
    return [link], []


def examples(config: Config) -> dict[str, list[str]]:
    """Return the names of the gallery's examples that use a public name, for each that is used."""
    found: dict[str, list[str]] = {}
    for script in gallery(config):
        for name in names_used(script):
            found.setdefault(name, []).append(script.name)
    return found


def _write(app: Sphinx, config: Config) -> None:
    """Write the index page, and remove the pages of names that no longer exist."""
    pictures = {path.stem for path in (Path(app.srcdir) / PICTURES).glob("*.png")}
    config.autosummary_context |= {
        "pictures": pictures,
        "examples": examples(config),
        "most_cards": MOST_CARDS,
    }
    # This must happen before the build starts, because autosummary scans the existing pages then.
    folder = Path(app.srcdir) / "reference"
    write_if_changed(folder / "index.rst", page(pictures))
    for path in (folder / "generated").glob("*.rst"):
        if path.stem.removeprefix("replaychart.") not in public_objects():
            path.unlink()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_role("name", _name_role)
    app.connect("config-inited", _write)
    return {"version": rc.__version__, "parallel_read_safe": True}
