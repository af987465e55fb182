"""Bundles of scripts are kept in the user's cache folder."""

from pathlib import Path

import pytest

from replaychart.export.bundles import bundled

SNIPPET = "globalThis.version = vega.version;"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "cache" / name)
    return tmp_path


def test_bundle_is_made_once_for_all_processes(home: Path) -> None:
    bundle = bundled.__wrapped__(SNIPPET)
    assert "globalThis.version" in bundle
    assert len(bundle) > 400_000, "it contains Vega"
    (kept,) = (home / "cache" / "replaychart" / "bundles").iterdir()
    assert kept.read_text(encoding="utf-8") == bundle
    kept.write_text("kept", encoding="utf-8")
    assert bundled.__wrapped__(SNIPPET) == "kept"
    assert bundled.__wrapped__(SNIPPET + "1;") != "kept"


def test_folder_that_cannot_be_written_is_no_obstacle(home: Path) -> None:
    (home / "cache").write_text("a file", encoding="utf-8")
    assert "globalThis.version" in bundled.__wrapped__(SNIPPET)
    assert (home / "cache").read_text(encoding="utf-8") == "a file"
