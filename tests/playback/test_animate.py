"""Animated charts in a real Chromium."""

import io
from collections.abc import Callable
from typing import Any

import altair as alt
import numpy as np
import pytest
from PIL import Image, ImageChops
from support.browser import Page
from support.training import EPOCHS, Training

import replaychart as rc
from replaychart.charts.dashboard import dashboard

Opened = Callable[[Any], Page]


def _pixels(picture: bytes) -> Image.Image:
    return Image.open(io.BytesIO(picture)).convert("RGB")


def _difference(first: bytes, second: bytes) -> float:
    """The fraction of pixels that differ visibly."""
    difference = np.asarray(ImageChops.difference(_pixels(first), _pixels(second)))
    return float((difference.max(axis=2) > 24).mean())


def test_composed_chart_plays_stops_goes_on_and_follows_the_slider(
    shipped: rc.Run, opened: Opened
) -> None:
    page = opened(rc.animate(dashboard(shipped), fps=20))
    page.wait_until("view.signal('epoch') >= 3")
    button = page.page.locator("#play")
    assert button.get_attribute("aria-label") == "Pause"

    button.click()
    stopped = page.epoch()
    page.page.wait_for_timeout(400)
    assert page.epoch() == stopped

    button.click()
    page.wait_until(f"view.signal('epoch') > {stopped + 2}")
    button.click()

    slider = page.page.locator("#slider")
    slider.fill("70")
    page.wait_until("view.signal('epoch') === 70")
    at_70 = page.picture()
    slider.fill("15")
    page.wait_until("view.signal('epoch') === 15")
    assert _difference(at_70, page.picture()) > 0.02
    slider.fill("70")
    page.wait_until("view.signal('epoch') === 70")
    assert _difference(at_70, page.picture()) < 0.001


def test_playing_ends_at_the_last_epoch_or_begins_again(parabola: Training, opened: Opened) -> None:
    chart = rc.loss_histogram(parabola.open())
    once = opened(rc.animate(chart, fps=30, loop=False))
    once.wait_until(f"view.signal('epoch') === {EPOCHS} && view.signal('playing') === false")
    # It may be at its end again before anyone looks, so every epoch is kept.
    once.page.evaluate(
        """() => {
            window.seen = [];
            view.addSignalListener('epoch', (_, value) => seen.push(value));
        }"""
    )
    once.page.locator("#play").click()
    once.wait_until(f"seen.some((epoch) => epoch < {EPOCHS})")

    again = opened(rc.animate(chart, fps=30))
    again.wait_until(f"view.signal('epoch') === {EPOCHS}")
    again.wait_until("view.signal('epoch') <= 1")


def test_chart_that_does_not_play_by_itself_waits(parabola: Training, opened: Opened) -> None:
    page = opened(rc.animate(rc.loss_histogram(parabola.open()), autoplay=False))
    page.page.wait_for_timeout(500)
    assert page.epoch() == 0
    page.page.locator("#play").click()
    page.wait_until("view.signal('epoch') >= 2")


@pytest.mark.parametrize("build", [rc.feature_space, rc.decision_boundary, rc.loss_and_metric])
def test_picture_depends_on_the_epoch_and_not_on_the_way_there(
    build: Callable[..., Any], shipped: rc.Run, opened: Opened
) -> None:
    moved = opened(build(shipped, epoch=0))
    for epoch in (3, 30, 9, 60):
        moved.show(epoch)
    fresh = opened(build(shipped, epoch=60))
    assert _difference(moved.picture(), fresh.picture()) < 0.001


def test_own_chart_moves_with_the_slider(parabola: Training, opened: Opened) -> None:
    run = parabola.open()
    own = (
        alt.Chart(run.points("hidden"), name="own")
        .mark_point()
        .encode(x="x", y="y")
        .transform_filter("datum.epoch == epoch")
        .add_params(rc.epoch_param(run))
    )
    with alt.data_transformers.disable_max_rows():
        page = opened(rc.loss_histogram(run) | own)
    counted = "view.scenegraph().root.items[0].items.flatMap(g => g.items || []).length"
    assert page.page.evaluate(counted) > 0
    before = page.picture()
    page.show(0)
    assert _difference(before, page.picture()) > 0.005


def test_shorter_run_stays_at_its_last_epoch(
    parabola: Training, shipped: rc.Run, opened: Opened
) -> None:
    run = parabola.open()
    epoch = rc.epoch_param(run, shipped, value=EPOCHS)
    both = rc.feature_space(run, epoch=epoch) | rc.feature_space(shipped, epoch=epoch)
    page = opened(both)
    first = _pixels(page.picture())
    page.show(120)
    later = _pixels(page.picture())
    half = first.width // 2
    left = (40, 60, half - 40, first.height - 120)
    right = (half + 40, 60, first.width - 40, first.height - 120)
    assert ImageChops.difference(first.crop(left), later.crop(left)).getbbox() is None
    assert ImageChops.difference(first.crop(right), later.crop(right)).getbbox() is not None


def test_animated_chart_keeps_its_class_and_its_other_options(parabola: Training) -> None:
    chart = rc.loss_histogram(parabola.open()).properties(usermeta={"author": "me"})
    playing = rc.animate(chart)
    assert type(playing) is type(chart)
    assert playing.usermeta == chart.usermeta
    assert {parameter.name for parameter in chart.params} == {"epoch"}


@pytest.mark.parametrize("wrong", [{"loop": 3}, {"loop": "x"}, {"autoplay": "no"}, {"loop": None}])
def test_bad_switches_raise(wrong: dict[str, Any], parabola: Training) -> None:
    (name,) = wrong
    with pytest.raises(
        rc.ArgumentError, match=f"{name} must be True or False. Got {wrong[name]!r}"
    ):
        rc.animate(rc.loss_histogram(parabola.open()), **wrong)


def test_numbers_of_numpy_count_like_python_s(parabola: Training) -> None:
    chart = rc.loss_histogram(parabola.open())
    python = rc.animate(chart, fps=5, loop=False, autoplay=True).to_json()
    own = {"fps": np.int64(5), "loop": np.False_, "autoplay": np.True_}
    assert rc.animate(chart, **own).to_json() == python


@pytest.mark.parametrize("fps", [0, -1, 61, "fast", True, np.True_, [5]])
def test_bad_frame_rates_raise(fps: Any, parabola: Training) -> None:
    with pytest.raises(rc.ArgumentError, match="fps must be more than 0 and at most 60"):
        rc.animate(rc.loss_histogram(parabola.open()), fps=fps)


def test_charts_that_cannot_play_raise(parabola: Training) -> None:
    still = rc.loss_histogram(parabola.open(), epochs=[2])
    with pytest.raises(rc.ArgumentError, match="must have the 'epoch' parameter with a slider"):
        rc.animate(still)
    with pytest.raises(rc.ArgumentError, match="chart must be an Altair chart. Got str"):
        rc.animate("chart")  # type: ignore[type-var]
