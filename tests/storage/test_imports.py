"""Who may import what around the files: HDF5 stays in storage, and runs stay out of HDF5."""

import ast
from pathlib import Path

import replaychart

PACKAGE = Path(replaychart.__file__).parent
HDF5 = PACKAGE / "storage" / "hdf5"


def _imports(path: Path) -> set[str]:
    """Return the modules that a file imports, each with the names that it imports from them."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_only_storage_imports_h5py() -> None:
    importing = {
        path.relative_to(PACKAGE).parts[0]
        for path in PACKAGE.rglob("*.py")
        if any(name.split(".")[0] == "h5py" for name in _imports(path))
    }
    assert importing == {"storage"}


def test_hdf5_knows_nothing_about_runs() -> None:
    own = {name for path in HDF5.glob("*.py") for name in _imports(path)}
    others = {
        name
        for name in own
        if name.startswith("replaychart.") and not name.startswith("replaychart.storage.hdf5")
    }
    assert others
    assert all(name.startswith("replaychart.errors.") for name in others)
