"""Every file imports only from the rooms before its own, and a library only where it belongs."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "replaychart"
# The way from a training to a picture. A room is a folder, or a file that stands by itself. A
# recorder may evaluate what it has recorded, so recording comes after opening.
ROOMS = (
    "version", "errors", "arguments", "datasets", "facts", "storage.hdf5", "storage", "network",
    "workers", "progress", "evaluation", "planes", "frames", "summary", "run", "opening", "ranking",
    "storing", "recording", "drawing", "charts", "playback", "export", "live", "sphinx", "",
    "conversion", "demonstration", "command", "__main__",
)  # fmt: skip
# Which rooms may import a library; demonstration trains a network for `replaychart demo --train`.
LIBRARIES = {
    "h5py": {"storage", "storage.hdf5"},
    "keras": {"network", "recording", "demonstration"},
    "tensorflow": {"network", "recording"},
    "torch": {"network", "recording"},
    "jax": {"network", "recording"},
    "lightning": {"recording"},
    "pytorch_lightning": {"recording"},
    "transformers": {"recording"},
    "altair": {
        "drawing",
        "charts",
        "playback",
        "export",
        "live",
        "sphinx",
        "demonstration",
        "command",
    },
}


def _room(module: str) -> str:
    """Return the room of a module, whose name is relative to the package."""
    rooms = [room for room in ROOMS if module == room or module.startswith(f"{room}.")]
    return max(rooms, key=len, default="")


def _imports(source: str) -> Iterator[str]:
    """Yield what a file imports when it runs, late imports too; not what only types need."""
    tree = ast.parse(source)
    for_types = [
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    ]
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _violations(module: str, source: str) -> list[str]:
    """Return what a file imports and should not."""
    own = _room(module)
    found = []
    for imported in _imports(source):
        library, _, below = imported.partition(".")
        if library == "replaychart" and ROOMS.index(_room(below)) > ROOMS.index(own):
            found.append(f"{module} imports {imported}, from a later room")
        elif library in LIBRARIES and own not in LIBRARIES[library]:
            found.append(f"{module} imports {library}, which is not for {own or 'the facade'}")
    return found


def _modules() -> dict[str, str]:
    return {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        .removesuffix("__init__")
        .rstrip("."): path.read_text(encoding="utf-8")
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def test_every_file_belongs_to_a_room() -> None:
    strays = [module for module in _modules() if module and not _room(module)]
    assert not strays


def test_no_file_imports_from_a_later_room_nor_a_library_of_another_one() -> None:
    found = [
        violation
        for module, source in _modules().items()
        for violation in _violations(module, source)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("frames.points", "from replaychart.charts.weights import weights"),
        ("storage.hdf5.checked", "from replaychart.storage import layout"),
        ("evaluation.memory", "def late():\n    from replaychart.planes.paths import Paths"),
        ("planes.planes", "import replaychart.run"),
        ("run", "import h5py"),
        ("frames.points", "import altair as alt"),
        ("evaluation.evaluations", "from keras import ops"),
        ("evaluation.evaluations", "def late():\n    import keras"),
        ("evaluation.evaluations", "def late():\n    import torch"),
        ("planes.planes", "from jax import numpy"),
    ],
)
def test_violations_are_found(module: str, source: str) -> None:
    assert len(_violations(module, source)) == 1


def test_type_checkers_may_look_ahead() -> None:
    source = "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import keras"
    assert not _violations("run", source)
