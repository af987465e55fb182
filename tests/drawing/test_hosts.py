"""Rows that web frameworks do not distort."""

from pathlib import Path
from typing import Any

import altair as alt
import pytest
from support.training import Training

import replaychart as rc
from replaychart.drawing.packing import PackedData


@pytest.fixture(params=["id", "to_arrow_dataset"])
def read_by_streamlit(request: Any) -> Any:
    """Within this, charts are converted as Streamlit converts them."""
    alt.data_transformers.register(request.param, lambda data: data)
    with alt.data_transformers.enable(request.param):
        yield
    alt.data_transformers.register(request.param, None)


def _install(version: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Python find a distribution of Streamlit with this version."""
    information = folder / f"streamlit-{version}.dist-info"
    information.mkdir()
    text = f"Metadata-Version: 2.1\nName: streamlit\nVersion: {version}\n"
    (information / "METADATA").write_text(text, "utf-8")
    monkeypatch.syspath_prepend(folder)


@pytest.mark.usefixtures("read_by_streamlit")
@pytest.mark.parametrize("version", ["1.63.1", "1.9.0", "0.88.0"])
def test_streamlit_that_would_draw_a_wrong_picture_is_rejected(
    version: str, parabola: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install(version, tmp_path, monkeypatch)
    with pytest.raises(rc.MissingDependencyError, match=rf"1.64 or newer.*Found {version}"):
        rc.loss_histogram(parabola.open()).to_dict()


@pytest.mark.usefixtures("read_by_streamlit")
@pytest.mark.parametrize("version", ["1.64.0", "1.100.0rc1", "2.0"])
def test_streamlit_that_draws_the_right_picture_is_not(
    version: str, parabola: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install(version, tmp_path, monkeypatch)
    assert rc.loss_histogram(parabola.open()).to_dict()["datasets"]


def test_an_old_streamlit_that_does_not_read_the_chart_is_no_obstacle(
    parabola: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install("1.20.0", tmp_path, monkeypatch)
    assert rc.loss_histogram(parabola.open()).to_dict()["datasets"]


def test_rows_look_like_features_in_a_spec_only() -> None:
    data = PackedData([{"a": 1}, {"a": 2}])
    spec = alt.Chart(data).mark_point().to_dict()
    assert spec["datasets"][data.name] == [{"a": 1, "type": "Feature", "geometry": None}, {"a": 2}]
    assert data.rows == [{"a": 1}, {"a": 2}]
    empty = PackedData([])
    assert alt.Chart(empty).mark_point().to_dict()["datasets"] == {empty.name: []}
