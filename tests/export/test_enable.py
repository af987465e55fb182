"""One line sets up a notebook."""

import importlib.util
from collections.abc import Iterator
from typing import Any

import altair as alt
import pandas as pd
import pytest

import replaychart as rc
from replaychart.errors import ArgumentError


@pytest.fixture(autouse=True)
def settings() -> Iterator[None]:
    """Altair's settings are as before after each test."""
    with (
        alt.theme.enable("default"),
        alt.renderers.enable("default"),
        alt.data_transformers.enable("default"),
    ):
        yield


def _shown(chart: alt.typing.ChartType) -> dict[str, str]:
    bundle = chart._repr_mimebundle_()
    return bundle[0] if isinstance(bundle, tuple) else bundle


@pytest.mark.parametrize(
    ("theme", "name"),
    [("auto", "replaychart"), ("light", "replaychart"), ("dark", "replaychart-dark")],
)
def test_theme(theme: str, name: str) -> None:
    rc.enable(theme=theme)  # type: ignore[arg-type]
    assert alt.theme.active == name


def test_pages_by_default_without_a_limit_on_rows(shipped: rc.Run) -> None:
    rc.enable(theme="light")
    own = alt.Chart(pd.DataFrame({"x": range(6000)})).mark_point().encode(x="x")
    for chart in (own, rc.animate(rc.loss_histogram(shipped))):
        bundle = _shown(chart)
        assert bundle["text/html"].count("<iframe srcdoc=") == 1
        assert "data-scheme=&quot;light&quot;" in bundle["text/html"]
        assert bundle["text/plain"].startswith("<Page: ")


def test_a_chart_that_has_no_page_says_so(shipped: rc.Run) -> None:
    rc.enable()
    epoch, _ = rc.epoch_param(shipped, epochs=[0, 1, 5])
    incomplete = alt.Chart(alt.Data(values=[{}])).mark_point().add_params(epoch)
    with pytest.raises(ArgumentError, match="without 'snapshot'"):
        _shown(incomplete)


@pytest.mark.skipif(importlib.util.find_spec("anywidget") is None, reason="needs anywidget")
def test_widget_of_altair_without_a_network(shipped: rc.Run) -> None:
    from ipywidgets import Widget

    rc.enable(renderer="jupyter")
    chart = rc.animate(rc.loss_histogram(shipped))
    shown: Any = _shown(chart)["application/vnd.jupyter.widget-view+json"]
    widget = Widget.get_manager_state()["state"][shown["model_id"]]["state"]
    assert widget["spec"] == chart.to_dict()


@pytest.mark.skipif(importlib.util.find_spec("anywidget") is not None, reason="has anywidget")
def test_widget_that_is_not_installed() -> None:
    with pytest.raises(rc.MissingDependencyError, match="pip install anywidget"):
        rc.enable(renderer="jupyter")
    assert alt.theme.active == "default"


def test_renderer_of_altair(shipped: rc.Run) -> None:
    rc.enable(renderer="html")
    assert "cdn.jsdelivr.net" in _shown(rc.loss_histogram(shipped))["text/html"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"theme": "black"}, "theme must be one of 'auto', 'light', 'dark'. Got 'black'."),
        ({"renderer": "svg"}, "renderer must be one of 'page', 'jupyter', 'html'. Got 'svg'."),
    ],
)
def test_errors(options: dict[str, str], message: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        rc.enable(**options)  # type: ignore[arg-type]
    assert str(raised.value) == message
    assert alt.theme.active == "default"
