"""The page of promises names tests that exist."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guide" / "promises.rst").read_text(encoding="utf-8")


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"``(tests/[^`*]+)``", PAGE)
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).is_file()] == []


def test_versions_named_are_the_lowest_that_are_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    allowed = [*project["dependencies"], *project["optional-dependencies"]["tensorflow"]]
    for name in ("Altair", "NumPy", "pandas", "h5py", "Keras", "TensorFlow"):
        (found,) = re.findall(rf"{name} (\d[\d.]*\d)", PAGE)
        assert any(one.startswith(f"{name.lower()}>={found}") for one in allowed), name


def test_files_for_the_lowest_versions_exist() -> None:
    listed = (ROOT / "tests" / "lowest_versions.txt").read_text(encoding="utf-8").split()
    assert [path for path in listed if not (ROOT / path).exists()] == []
