"""Saved files contain all data, whichever data transformer of Altair is enabled."""

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from support.training import Training

import replaychart as rc

OWN = "#12cc34"


@pytest.fixture(params=["default", "json", "vegafusion", "sampled"])
def transformer(request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """One of Altair's data transformers, or a user's own, enabled in an empty directory."""

    def sampled(data: pd.DataFrame, max_rows: int = 5000) -> Any:
        return alt.to_values(data.head(max_rows))

    folder = tmp_path / "working"
    folder.mkdir()
    monkeypatch.chdir(folder)
    alt.data_transformers.register("sampled", sampled)
    options = {"sampled": {"max_rows": 3}}.get(request.param, {})
    with alt.data_transformers.enable(request.param, **options):
        yield request.param
        assert alt.data_transformers.active == request.param
        assert alt.data_transformers.options == options
    alt.data_transformers.register("sampled", None)
    assert not list(folder.iterdir()), "no stray files"


def _beside(run: rc.Run) -> alt.HConcatChart:
    """Return a chart of ours beside one of the user's own, with more rows than Altair allows."""
    frame = pd.DataFrame({"x": np.arange(6000) % 80, "y": np.arange(6000) // 80})
    own = alt.Chart(frame).mark_square(color=OWN, opacity=1, size=60).encode(x="x", y="y")
    return rc.loss_histogram(run) | own.properties(width=200, height=200)


def _own_pixels(picture: Image.Image) -> int:
    wanted = np.array([int(OWN[i : i + 2], 16) for i in (1, 3, 5)])
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    return int((np.abs(pixels - wanted).max(axis=2) <= 40).sum())


@pytest.mark.usefixtures("transformer")
@pytest.mark.parametrize("suffix", ["png", "gif"])
def test_pictures_show_the_user_s_points(suffix: str, parabola: Training, tmp_path: Path) -> None:
    options: dict[str, Any] = {} if suffix == "png" else {"epochs": [0, 1], "progress": False}
    path = rc.save(_beside(parabola.open()), tmp_path / f"a.{suffix}", **options)
    with Image.open(path) as picture:
        assert _own_pixels(picture) > 20_000


@pytest.mark.usefixtures("transformer")
def test_documents_contain_the_user_s_points(
    parabola: Training, tmp_path: Path, opened: Any
) -> None:
    chart = _beside(parabola.open())
    spec = json.loads(rc.save(chart, tmp_path / "a.json").read_text())
    assert "url" not in spec["hconcat"][1]["data"]
    assert len(spec["datasets"][spec["hconcat"][1]["data"]["name"]]) == 6000
    assert rc.save(chart, tmp_path / "a.svg").read_text().count(OWN) >= 6000
    page = opened(chart)
    picture = page.page.evaluate("view.toImageURL('png')").split(",")[1]
    assert _own_pixels(Image.open(io.BytesIO(base64.b64decode(picture)))) > 20_000


@pytest.mark.usefixtures("transformer")
def test_animate_does_not_depend_on_the_transformer(parabola: Training) -> None:
    chart = _beside(parabola.open())
    params = [parameter.to_dict() for parameter in rc.animate(chart).params]
    assert any(parameter.get("on") for parameter in params)
    with alt.data_transformers.enable("default", max_rows=None):
        assert [parameter.to_dict() for parameter in rc.animate(chart).params] == params


def test_theme_keeps_its_options(parabola: Training, tmp_path: Path) -> None:
    @alt.theme.register("own", enable=False)
    def own(color: str = "red") -> alt.theme.ThemeConfig:
        return {"config": {"background": color}}

    chart = rc.loss_histogram(parabola.open())
    try:
        with alt.theme.enable("own", color="#102030"):
            spec = json.loads(rc.save(chart, tmp_path / "a.json").read_text())
            assert spec["config"]["background"] == "#102030"
            assert alt.theme.options == {"color": "#102030"}
    finally:
        alt.theme.unregister("own")
