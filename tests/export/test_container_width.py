"""Charts with width="container" fill the page that they are saved in."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import pytest
from PIL import Image
from support.training import Training

import replaychart as rc

CHARTS = {
    "feature_space": rc.feature_space,
    "decision_boundary": rc.decision_boundary,
    "probability_histogram": partial(rc.probability_histogram, target=1),
    "loss_and_metric": rc.loss_and_metric,
    "loss_histogram": rc.loss_histogram,
    "weights": rc.weights,
    "spread": partial(rc.spread, kind="weights"),
    "without a slider": partial(rc.spread, epochs=[3]),
}
# The margins of the page, with the room for the menu of vega-embed on wide ones, by its width.
MARGINS = {1300: 32 + 2 * 38, 390: 16}


def _widths(page: Any) -> tuple[float, float, float]:
    """The widths of the picture, of what is drawn in it with its axes, and of the page."""
    return page.evaluate(
        "(() => { const box = document.querySelector('#chart .marks').getBoundingClientRect();"
        " const bounds = view.scenegraph().root.bounds;"
        " return [box.width, bounds.x2 - bounds.x1, document.documentElement.scrollWidth]; })()"
    )


def _fills(page: Any, window: int) -> bool:
    picture, drawn, whole = _widths(page)
    room = window - MARGINS[window]
    return whole <= window and abs(picture - room) <= 2 and room - 60 <= drawn <= room + 2


@pytest.mark.parametrize("build", CHARTS.values(), ids=CHARTS)
def test_page_is_filled_also_after_its_window_changed(
    build: Callable[..., Any], parabola: Training, opened: Any
) -> None:
    page = opened(build(parabola.open(), width="container")).page
    assert _fills(page, 1300)
    page.set_viewport_size({"width": 390, "height": 700})
    page.wait_for_timeout(300)
    assert _fills(page, 390)


def test_playing_chart_fills_its_page(parabola: Training, opened: Any) -> None:
    page = opened(rc.animate(rc.loss_histogram(parabola.open(), width="container")))
    assert _fills(page.page, 1300)
    page.wait_until("view.signal('epoch') >= 2")


def test_chart_of_others_fills_its_page_and_other_charts_keep_their_width(
    parabola: Training, opened: Any
) -> None:
    own = alt.Chart(pd.DataFrame({"x": [1, 2]}), width="container").mark_point().encode(x="x")
    assert _fills(opened(own).page, 1300)
    assert _widths(opened(rc.loss_histogram(parabola.open())).page)[0] < 400


def test_label_of_a_panel_is_in_its_middle(parabola: Training, opened: Any) -> None:
    chart = rc.probability_histogram(parabola.open(), target=0, width="container")
    chart.usermeta = {"embedOptions": {"renderer": "svg"}}
    page = opened(chart).page
    left, width = page.evaluate(
        "(() => { const texts = [...document.querySelectorAll('#chart svg.marks text')];"
        " const box = texts.find(t => t.textContent.endsWith('wrong')).getBoundingClientRect();"
        " const all = document.querySelector('#chart svg.marks').getBoundingClientRect();"
        " return [(box.x + box.right) / 2 - all.x - view.origin()[0]"
        "   - view.padding().left, view.signal('width')]; })()"
    )
    assert left == pytest.approx(width / 2, abs=2)


def test_pictures_have_the_width_of_the_theme(parabola: Training, tmp_path: Path) -> None:
    chart = rc.loss_histogram(parabola.open(), width="container")
    for name in ("a.png", "a.gif"):
        path = rc.save(chart, tmp_path / name, progress=False)
        with Image.open(path) as picture:
            assert abs(picture.width - 400) <= 5


def test_positions_are_exact_on_a_wide_screen(parabola: Training) -> None:
    run = parabola.open()
    spec = rc.feature_space(run, width="container").to_dict()
    points = next(layer for layer in spec["layer"] if layer["mark"]["type"] == "circle")
    expression = next(step["calculate"] for step in points["transform"] if step["as"] == "x")
    step = float(expression.split("? ")[1].split(" * ")[0].split(" + ")[1])
    low, high = points["encoding"]["x"]["scale"]["domain"]
    assert step <= (high - low) / 1600


@pytest.mark.parametrize("width", ["wide", "Container", [300], None])
def test_other_widths_raise(width: Any, parabola: Training) -> None:
    message = "width must be a positive number of pixels or 'container'. Got "
    with pytest.raises(rc.ArgumentError, match=message):
        rc.loss_histogram(parabola.open(), width=width)


def test_panels_below_each_other_have_no_container(parabola: Training) -> None:
    with pytest.raises(rc.ArgumentError, match="needs a single panel.*: pass target=0"):
        rc.probability_histogram(parabola.open(), width="container")
