"""The API reference: a page of tables made from ``replaychart.__all__``, and links by name.

Which table a name stands in follows from the room of the package that defines it. A public name
whose room has no table here fails the build.
"""

import inspect
from pathlib import Path
from typing import Any

from docutils import nodes
from generated_pages import write_if_changed
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

import replaychart as rc

# Room: heading and what stands above the table.
TABLES = {
    "recording": ("Recording", "Hooks into a training."),
    "run": ("Opening", "What was recorded, as frames and arrays."),
    "charts": (
        "Charts",
        "Each takes a run first and everything else by keyword, and returns a plain Altair chart.",
    ),
    "playback": ("Playing", "The same chart, moving by itself."),
    "export": ("Saving", "A finished chart into a file."),
    "datasets": (
        "Data to learn from",
        "In ``replaychart.datasets``: small, seeded, known from the literature.",
    ),
    "errors": ("Errors", "All of them are `ReplayChartError`."),
}

_HEAD = """\
API reference
=============

Everything public, as ``import replaychart as rc`` gives it. What is not listed here is internal and
may change without notice.
"""


def public_objects() -> dict[str, object]:
    """Return every public name below ``replaychart``, datasets included, and what it stands for."""
    names = [name for name in rc.__all__ if name not in ("__version__", "datasets")]
    objects = {name: getattr(rc, name) for name in names}
    for name, value in vars(rc.datasets).items():
        if not name.startswith("_") and inspect.isfunction(value) and _room(value) == "datasets":
            objects[f"datasets.{name}"] = value
    return objects


def page() -> str:
    """Return the reST of the reference's first page.

    Raises
    ------
    ExtensionError
        A public name belongs to no table.
    """
    tables: dict[str, list[str]] = {room: [] for room in TABLES}
    for name, value in public_objects().items():
        if _room(value) not in tables:
            message = f"{name!r} is public and has no table: add its room, {_room(value)!r}."
            raise ExtensionError(message)
        tables[_room(value)].append(name)
    parts = [_HEAD]
    for room, names in tables.items():
        heading, text = TABLES[room]
        parts.append(f"{heading}\n{'-' * len(heading)}\n\n{text}\n")
        listed = "\n".join(f"   {name}" for name in names)
        parts.append(
            ".. currentmodule:: replaychart\n\n"
            f".. autosummary::\n   :toctree: generated\n   :nosignatures:\n\n{listed}\n"
        )
    return "\n".join(parts)


def _room(value: object) -> str:
    return str(value.__module__).split(".")[1]


def _name_role(
    name: str,  # noqa: ARG001
    rawtext: str,
    text: str,
    lineno: int,  # noqa: ARG001
    inliner: Any,  # noqa: ARG001
    options: Any = None,  # noqa: ARG001
    content: Any = None,  # noqa: ARG001
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """Return a link where a text is a public name, or a public member of `Run`; else code."""
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


def _write(app: Sphinx, config: Config) -> None:  # noqa: ARG001
    """Make the page of tables, and take away the pages of names that are gone."""
    # Before the builder begins: autosummary looks through the pages that are there by then.
    folder = Path(app.srcdir) / "reference"
    write_if_changed(folder / "index.rst", page())
    for path in (folder / "generated").glob("*.rst"):
        if path.stem.removeprefix("replaychart.") not in public_objects():
            path.unlink()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_role("name", _name_role)
    app.connect("config-inited", _write)
    return {"version": rc.__version__, "parallel_read_safe": True}
