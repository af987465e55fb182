"""Charts whose points and grid lines glide between epochs, in a real Chromium."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pytest
import vl_convert
from PIL import Image
from support.browser import Page

import replaychart as rc
from replaychart.drawing.gliding import Way
from replaychart.export.film import gliding
from replaychart.export.specs import Between, ChartSpec, Compiled
from replaychart.planes.paths import needed_vertices

Opened = Callable[..., Page]
IRREGULAR = [0, 1, 2, 5, 10]

# What is drawn when the signals have the values that come with it.
_SEEN = """async (columns) => {
  await view.runAsync();
  const points = {}, label = [], lines = {};
  const walk = (group, title) => (group.items || []).forEach((mark) => {
    if (mark.marktype === 'group') mark.items.forEach((one) => walk(one, title));
    else if (mark.marktype === 'line') mark.items.forEach((one) => {
      const {line, vertex, x, y} = one.datum;
      if (vertex !== undefined && line !== undefined) lines[`${line} ${vertex}`] = [x, y];
    });
    else if (mark.marktype === 'text') mark.items.forEach((one) => {
      if (one.text === 'between epochs: interpolated') label.push(one.opacity);
    });
    else mark.items.forEach((one) => {
      const {datum} = one, fill = one.fill && one.fill !== 'transparent';
      if (fill && datum.point !== undefined && (datum.replay_x || datum.replay_x1)) {
        points[datum.point] = columns.map((name) => datum[name]);
      }
    });
  });
  walk(view.scenegraph().root.items[0]);
  return {epoch: view.signal('epoch'), glide: view.signal('glide'), points, label, lines};
}"""


def _seen(page: Page) -> dict[str, Any]:
    seen = page.page.evaluate(_SEEN, ["x", "y"])
    seen["points"] = np.array([seen["points"][key] for key in sorted(seen["points"], key=int)])
    return seen


def _in_between(page: Page) -> dict[str, Any]:
    """Return what is seen at a moment between two epochs."""
    for _ in range(100):
        seen = _seen(page)
        if seen["glide"] is not None and 0.15 < seen["glide"] < 0.9:
            return seen
        page.page.wait_for_timeout(20)
    raise AssertionError("never in between")


def _paused(page: Page) -> dict[str, Any]:
    page.page.locator("#play").click()
    page.wait_until("view.signal('playing') === false && view.signal('glide') === null")
    return _seen(page)


def _steps(run: rc.Run, **options: Any) -> np.ndarray:
    """Return the positions of the points at each epoch, as a chart that does not glide has them."""
    chart = rc.feature_space(run, **options)
    spec = chart.to_dict()
    rows = next(rows for rows in spec["datasets"].values() if "replay_p" in rows[0])
    steps = np.array([[row["replay_x"], row["replay_y"]] for row in rows], np.float64)
    layers = [layer for layer in spec["layer"] if layer["data"]["name"] in spec["datasets"]]
    places = []
    for axis, name in enumerate("xy"):
        calculated = next(
            step["calculate"]
            for layer in layers
            for step in layer["transform"]
            if step.get("as") == name and "replay_" in step["calculate"]
        )
        origin, step = re.search(r"\? ([-\d.e]+) \+ ([-\d.e]+) \*", calculated).groups()  # type: ignore[union-attr]
        places.append(float(origin) + float(step) * steps[:, axis])
    return np.stack(places, axis=2).transpose(1, 0, 2)


@pytest.mark.parametrize("epochs", [range(31), IRREGULAR], ids=["equal steps", "irregular"])
def test_points_are_on_their_way_while_it_plays_and_at_their_places_when_paused(
    epochs: Any, shipped: rc.Run, opened: Opened
) -> None:
    known = _steps(shipped, epochs=epochs)
    recorded = shipped.coordinates("hidden", epochs=list(epochs))
    assert np.abs(known - recorded).max() < 0.002
    listed = list(epochs)
    page = opened(rc.animate(rc.feature_space(shipped, epochs=epochs), fps=3, smooth=True))
    seen = _in_between(page)
    place, share = listed.index(seen["epoch"]), seen["glide"]
    then = known[min(place + 1, len(known) - 1)]
    np.testing.assert_allclose(
        seen["points"], known[place] + (then - known[place]) * share, rtol=0, atol=1e-9
    )
    assert seen["label"] == [1, 1]

    still = _paused(page)
    place = listed.index(still["epoch"])
    np.testing.assert_array_equal(still["points"], known[place])
    assert still["label"] == [0, 0]

    page.page.keyboard.press("ArrowRight")
    page.wait_until(f"view.signal('epoch') === {listed[min(place + 1, len(listed) - 1)]}")
    stepped = _seen(page)
    assert stepped["glide"] is None
    np.testing.assert_array_equal(stepped["points"], known[min(place + 1, len(known) - 1)])
    page.page.locator("#slider").fill(str(3))
    page.wait_until(f"view.signal('epoch') === {listed[3]}")
    np.testing.assert_array_equal(_seen(page)["points"], known[3])


def test_grid_lines_glide_with_the_points_and_the_rest_waits(
    shipped: rc.Run, opened: Opened
) -> None:
    epochs = range(0, 151, 10)
    both = rc.feature_space(shipped, epochs=epochs) | rc.loss_histogram(shipped, epochs=epochs)
    page = opened(rc.animate(rc.link(both), fps=3, smooth=True))
    page.wait_until("view.signal('epoch') >= 10")
    seen = _in_between(page)
    known = _steps(shipped, epochs=epochs)
    place = seen["epoch"] // 10
    way = known[place + 1] - known[place]
    np.testing.assert_allclose(
        seen["points"], known[place] + way * seen["glide"], rtol=0, atol=1e-9
    )
    layer = shipped.planes
    limits: dict[str, Any] = {"xlim": None, "ylim": None, "lines": 11, "view": None}
    vertices, line = layer.grid_vertices("hidden", snapshots=list(epochs), **limits)
    between = vertices[:, place] + (vertices[:, place + 1] - vertices[:, place]) * seen["glide"]
    drawn = {key: value for key, value in seen["lines"].items() if value[0] is not None}
    for number, (of_line, position) in enumerate(zip(line, between, strict=True)):
        if number == 0 or line[number - 1] != of_line:  # A line has one item, at its first vertex.
            np.testing.assert_allclose(drawn[f"{of_line} {number}"], position, atol=0.005)
    reading = page.page.evaluate(
        'JSON.stringify(view.scenegraph().toJSON()).match(/samples[^"]*/)[0]'
    )
    accuracy = 1 - shipped.wrong(epochs=seen["epoch"]).mean()
    assert f"accuracy {accuracy:.1%}" in reading or _seen(page)["epoch"] != seen["epoch"]


def test_it_ends_at_the_last_epoch(shipped: rc.Run, opened: Opened) -> None:
    chart = rc.feature_space(shipped, epochs=IRREGULAR)
    page = opened(rc.animate(chart, fps=30, loop=False, pace="early", smooth=True))
    page.wait_until("view.signal('epoch') === 10 && view.signal('playing') === false")
    page.wait_until("view.signal('glide') === null")
    np.testing.assert_array_equal(_seen(page)["points"], _steps(shipped, epochs=IRREGULAR)[-1])


def test_chart_with_fewer_epochs_than_the_slider_takes_several_steps_for_its_way(
    shipped: rc.Run, opened: Opened
) -> None:
    epoch = rc.epoch_param(shipped)
    few = rc.feature_space(shipped, epochs=range(0, 151, 50), epoch=epoch)
    page = opened(rc.animate(few | rc.loss_histogram(shipped, epoch=epoch), fps=5, smooth=True))
    page.wait_until("view.signal('epoch') >= 3")
    seen = _in_between(page)
    known = _steps(shipped, epochs=range(0, 151, 50), epoch=epoch)
    share = (seen["epoch"] + seen["glide"]) / 50
    expected = known[0] + (known[1] - known[0]) * share
    np.testing.assert_allclose(seen["points"], expected, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(_paused(page)["points"], known[0])


def test_ways_of_charts_with_other_epochs() -> None:
    stops = np.arange(5)
    assert Way.of(stops, stops).is_step
    assert Way.of(np.arange(3), stops).is_step  # It ended earlier.
    assert Way.of(np.array([0, 2, 4]), stops) == ([0, 0.5, 0, 0.5, 0], [0.5, 0.5, 0.5, 0.5, 1])
    later = Way.of(np.array([2, 3]), stops)
    assert (later.done, later.step) == ([0, 0, 0, 0, 0], [0, 0, 1, 1, 1])


def test_line_keeps_the_vertices_that_it_needs_at_any_epoch() -> None:
    rng = np.random.default_rng(5)
    along = np.linspace(0, 1, 101)
    bends = 400 * rng.random(8) - 200
    line = np.stack([np.stack([500 * along, bend * along**2], axis=1) for bend in bends], axis=1)
    kept = needed_vertices(line)
    assert 3 < kept.sum() < 30
    for now in range(8):
        height = np.interp(line[:, now, 0], line[kept, now, 0], line[kept, now, 1])
        assert np.abs(height - line[:, now, 1]).max() < 1.5
    assert needed_vertices(np.zeros((9, 2, 2))).sum() == 2
    broken = line.copy()
    broken[4, 3] = np.nan
    assert needed_vertices(broken).all()


def test_positions_that_are_missing_stay_so() -> None:
    from replaychart.drawing.packing import EpochRows

    rows = [
        {"replay_epochs": [0, 1, 2], "replay_x": [2, 4, None], "replay_p": [10, 20, 30]},
        {"replay_x": [None, 8, 8], "replay_p": [10, 20, 30]},
    ]
    packed = EpochRows("replaychart-a", rows, ["replay_x"])
    assert packed.at(0, share=0.25) == [
        {"replay_x": [2.5], "replay_p": [10]},
        {"replay_x": [None], "replay_p": [10]},
    ]
    assert [row["replay_x"] for row in packed.at(1, share=0.5)] == [[4], [8]]


def test_film_has_frames_between_epochs_if_it_is_faster_than_the_chart(shipped: rc.Run) -> None:
    chart = rc.feature_space(shipped, epochs=IRREGULAR)
    smooth = ChartSpec.of(rc.animate(chart, fps=4, smooth=True))
    assert gliding([0, 1, 2], smooth, 8) == [(0, 0), (0, 0.5), (1, 0), (1, 0.5), 2]
    assert gliding([2, 0], smooth, 12)[1] == pytest.approx((1, 1 / 3))
    # It passes the epochs that the slider has in between.
    passing = gliding([0, 5, 10], smooth, 6)
    assert [passing[0], passing[1], passing[-1]] == [(0, 0), (2, 0), 10]
    assert passing[2] == pytest.approx((5, 1 / 3))
    assert gliding([0, 1, 2], smooth, 4) == [0, 1, 2]
    assert gliding([0, 1, 2], ChartSpec.of(rc.animate(chart, fps=4)), 8) == [0, 1, 2]


def test_frame_of_a_film_between_epochs(shipped: rc.Run, tmp_path: Path) -> None:
    chart = rc.feature_space(shipped, epochs=[0, 20], width=200, height=200)
    smooth = rc.animate(chart, fps=5, smooth=True)
    pictures = []
    with Image.open(rc.save(smooth, tmp_path / "a.gif", fps=10, progress=False)) as film:
        assert film.n_frames == 3  # type: ignore[attr-defined]
        for frame in range(3):
            film.seek(frame)
            pictures.append(np.asarray(film.convert("L"), float))
    first, between, second = pictures
    assert np.abs(between - first).mean() > 1 < np.abs(between - second).mean()
    compiled = Compiled(ChartSpec.of(smooth), 0)
    rows = next(
        rows for rows in compiled.at(Between(0, 0.25)).datasets.values() if "replay_p" in rows[0]
    )
    known = _steps(shipped, epochs=[0, 20], width=200, height=200)
    moved = known[0] + 0.25 * (known[1] - known[0])
    share = [row["replay_x"][0] for row in rows]
    assert np.corrcoef(share, moved[:, 0])[0, 1] > 1 - 1e-12
    assert {len(row["replay_x"]) for row in rows} == {1}


def test_still_shows_a_whole_epoch(shipped: rc.Run, tmp_path: Path) -> None:
    chart = rc.feature_space(shipped, epochs=IRREGULAR, grid=False)
    pictures = [
        rc.save(one, tmp_path / f"{number}.png", epoch=5).read_bytes()
        for number, one in enumerate((chart, rc.animate(chart, smooth=True)))
    ]
    still, smooth = (np.asarray(Image.open(tmp_path / f"{i}.png"), int) for i in range(2))
    assert len(pictures[0]) > 1000
    np.testing.assert_array_equal(still, smooth)


def test_spec_changes_only_if_something_glides(shipped: rc.Run) -> None:
    without = rc.loss_histogram(shipped) | rc.decision_boundary(shipped)
    assert rc.animate(without, smooth=True).to_dict()["hconcat"] == without.to_dict()["hconcat"]
    chart = rc.feature_space(shipped)
    before = chart.to_dict()
    smooth = rc.animate(chart, smooth=True)
    assert isinstance(smooth, alt.LayerChart)
    assert chart.to_dict() == before
    assert "glide" not in rc.animate(chart).to_json()
    again = [rc.animate(smooth, smooth=on, fps=4).to_dict() for on in (True, False)]
    assert again[0]["layer"] == again[1]["layer"] == smooth.to_dict()["layer"]
    glide = [one for spec in again for one in spec["params"] if one["name"] == "glide"]
    assert ["on" in one.keys() for one in glide] == [True, False]  # noqa: SIM118


def _some(run: rc.Run, **options: Any) -> Any:
    return rc.feature_space(run, epochs=range(20), **options)


@pytest.mark.parametrize(
    "build",
    [
        lambda run: rc.story(rc.layer_morph(run, depth=0.5, epochs=range(20)), {0: "Start."}),
        pytest.param(
            lambda run: _some(run, threshold=True, width="container"), marks=pytest.mark.thorough
        ),
        pytest.param(
            lambda run: rc.small_multiples({"a": run, "b": run}, chart=_some),
            marks=pytest.mark.thorough,
        ),
    ],
    ids=["layer_morph in a story", "container", "small_multiples"],
)
def test_other_charts_glide(
    build: Callable[[rc.Run], Any], shipped: rc.Run, opened: Opened
) -> None:
    page = opened(rc.animate(build(shipped), fps=3, smooth=True))
    page.wait_until("view.signal('epoch') >= 1")
    seen = _in_between(page)
    later = _seen(page)
    assert len(seen["points"]) == 2000
    assert (seen["points"] != later["points"]).any()
    assert set(seen["label"]) == {1}


def test_smooth_chart_is_drawn_where_handlers_are_dropped(shipped: rc.Run) -> None:
    spec = rc.animate(rc.feature_space(shipped, epochs=IRREGULAR), smooth=True).to_dict()
    for parameter in spec["params"]:
        parameter.pop("on", None)
    assert "between epochs" in vl_convert.vegalite_to_svg(spec)


def test_smooth_must_be_a_switch(shipped: rc.Run) -> None:
    with pytest.raises(rc.ArgumentError, match="smooth must be True or False. Got 'yes'"):
        rc.animate(rc.feature_space(shipped), smooth="yes")  # type: ignore[arg-type]
