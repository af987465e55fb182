"""The README: its code gives its picture, its table lists every chart, and its links lead on."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

import replaychart as rc

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
THUMBNAILS = ROOT / "docs" / "images" / "charts"


def _code() -> str:
    blocks: list[str] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 1
    return blocks[0]


def _frames(path: Path) -> np.ndarray:
    """Every fifth frame of a picture, as small numbers of each color that can be subtracted."""
    with Image.open(path) as image:
        frames = []
        for number in range(0, image.n_frames, 5):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGB"), dtype=np.int16))
    return np.stack(frames)


def _changed(frames: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The share of pixels, frame by frame, that clearly have another color."""
    return (np.abs(frames - others).max(axis=-1) > 60).mean(axis=(1, 2))


def test_code_saves_the_picture_and_runs_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(_code(), {})
    saved, shown = _frames(tmp_path / "parabola.gif"), _frames(ROOT / "docs/images/parabola.gif")
    assert saved.shape == shown.shape
    assert saved.shape[0] > 10
    # Roundings differ from machine to machine, and with them a few pixels at the rim of shapes.
    assert _changed(saved, shown).max() < 0.001
    # That is less than what moves between two of these frames.
    assert _changed(shown[1:], shown[:-1]).min() > 0.004

    page = (tmp_path / "parabola.html").read_text(encoding="utf-8")
    assert "vegaEmbed" in page
    shorter = _code().replace("epochs=150", "epochs=4")
    assert shorter != _code()
    exec(shorter, {})
    assert rc.open_run("runs.h5").epochs.tolist() == [0, 1, 2, 3, 4]


def test_table_lists_every_chart_with_a_picture() -> None:
    rows = re.findall(r'^\| <img src="(\S+)" width="120" alt=""> \| `(\w+)\(', README, re.MULTILINE)
    public = {name: getattr(rc, name) for name in rc.__all__ if name != "__version__"}
    charts = {
        name
        for name, value in public.items()
        if getattr(value, "__module__", "").startswith("replaychart.charts.")
    }
    assert {name for _, name in rows} == charts
    for picture, name in rows:
        path = ROOT / picture
        assert path == THUMBNAILS / f"{name}.png"
        assert path.stat().st_size < 40_000
        with Image.open(path) as image:
            assert image.size == (320, 240)
    assert len(list(THUMBNAILS.iterdir())) == len(rows)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_to_files(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    targets = re.findall(r'\]\(([^)\s]+)\)|src="([^"]+)"', text)
    links = [urlsplit(first or second) for first, second in targets]
    assert links
    for link in links:
        assert link.scheme or (ROOT / link.path).exists(), link.geturl()


def test_nothing_is_installed_from_an_index_that_does_not_have_it() -> None:
    for name in ("README.md", "CONTRIBUTING.md", "docs/index.rst", "docs/install.rst"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"pip install \S*replaychart(?!-)", text), name
