"""The notebooks of the documentation are sources: the site runs them."""

from pathlib import Path

import nbformat
import pytest

DOCS = Path(__file__).parents[2] / "docs"
NOTEBOOKS = [DOCS / "tutorial.ipynb", *sorted((DOCS / "notebooks").glob("*.ipynb"))]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_committed_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_first_lines_say_how_charts_play(path: Path) -> None:
    first, code, *_ = nbformat.read(path, as_version=4).cells
    assert "rc.animate" in first.source
    assert "rc.enable()" in code.source
