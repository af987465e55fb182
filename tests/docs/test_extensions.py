"""The site's own Sphinx extensions."""

import sys
from pathlib import Path

import pytest

import replaychart as rc

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "_ext"))

import api_reference
import gallery_scripts
from executed_code import Page
from gallery_pages import with_epochs_linked
from sphinx.errors import ExtensionError

COUNT = "with open('count', 'a') as file:\n    counted = file.write('x')\n"


def _count(folder: Path) -> int:
    return len((folder / "count").read_text())


def test_code_that_runs_once_is_skipped_until_it_changes(tmp_path: Path) -> None:
    folder = tmp_path / "page"
    for expected in (1, 1):
        page = Page(folder)
        page.run(f"import math\n{COUNT}", once=True, where="test")
        assert page.run("math.floor(1.5)", once=False, where="test") == (1, "")
        assert _count(folder) == expected

    page = Page(folder)
    page.run(f"import math\n{COUNT}", once=True, where="test")
    page.run(f"{COUNT}total = counted", once=True, where="test")
    assert page.run("total", once=False, where="test")[0] == 1
    assert _count(folder) == 2, "the folder was emptied, and both blocks ran"


def test_code_above_belongs_to_what_runs_once(tmp_path: Path) -> None:
    folder = tmp_path / "page"
    for first in ("counted = 1\n", "counted = 1\n", "counted = 2\n"):
        page = Page(folder)
        page.run(first, once=False, where="test")
        page.run(COUNT, once=True, where="test")
        page.run(COUNT, once=False, where="test")
    assert _count(folder) == 2, "emptied when the code above changed"


def test_blocks_run_in_the_pages_folder_and_print(tmp_path: Path) -> None:
    page = Page(tmp_path / "page")
    assert page.run(f"print('told')\n{COUNT}", once=False, where="t")[1] == "told\n"
    assert _count(tmp_path / "page") == 1


def test_public_name_without_a_table_fails_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rc, "stray", Path, raising=False)
    monkeypatch.setattr(rc, "__all__", [*rc.__all__, "stray"])
    monkeypatch.setattr(Path, "__module__", "replaychart.elsewhere")
    with pytest.raises(ExtensionError, match="'stray' is public and has no table"):
        api_reference.page()


def test_names_that_a_script_uses_are_found_in_order(tmp_path: Path) -> None:
    path = tmp_path / "example.py"
    path.write_text(
        '"""A title\n\nProse, which names rc.weights.\n"""\n# category: Comparisons\n\n'
        "import replaychart as rc\n\n"
        "run = rc.open_run(rc.datasets.parabola_recording())\n"
        "rc.link(rc.feature_space(run) | rc.feature_space(run))\n"
    )
    used = gallery_scripts.names_used(gallery_scripts.read_script(path))
    assert used == ["open_run", "datasets.parabola_recording", "link", "feature_space"]


def test_reference_shows_the_pictures_of_charts() -> None:
    text = api_reference.page({"feature_space"})
    assert text.count(".. figure::") == 1
    assert ":target: generated/replaychart.feature_space.html" in text


def test_epochs_in_the_prose_of_the_gallery_are_links() -> None:
    linked = with_epochs_linked("From epoch 5 on. At epoch\n0.5, after 3 epochs.")
    assert linked == (
        "From `epoch 5 <#epoch=5>`__ on. At `epoch\n0.5 <#epoch=0.5>`__, after 3 epochs."
    )
