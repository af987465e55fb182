"""Linked charts: a selection by the pointer in a real Chromium, compared with NumPy."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pytest
from support.browser import Page
from support.training import EPOCHS, Training

import replaychart as rc
from replaychart.playback.sample_codes import ALPHABET, Bins, SampleCodes

Opened = Callable[[Any], Page]

# Every mark on the screen: its view, kind, row and opacity, without groups.
_MARKS = """(kind) => {
  const found = [];
  const search = (mark, view) => {
    for (const item of mark.items || []) {
      if (item.items) search(item, view);
      else if (mark.marktype === kind)
        found.push({view, kind: mark.marktype, opacity: item.opacity ?? 1,
          point: item.datum?.point, order: item.datum?.order, count: item.datum?.count,
          text: item.text, filled: item.fill != null && item.fill !== 'transparent',
          x: item.x, y: item.y, step: item.datum?.step});
    }
  };
  const walk = (item, view) => (item.items || []).forEach((mark) => {
    if (mark.marktype === 'group') mark.items.forEach((group) =>
      walk(group, /^linked_[0-9]+_group$/.test(mark.name) ? mark.name : view));
    else search(mark, view);
  });
  walk(view.scenegraph().root.items[0], null);
  return found;
}"""
_PLACE = """(name) => {
  const find = (item, x, y) => {
    const groups = (item.items || []).filter((mark) => mark.marktype === 'group');
    for (const mark of groups) for (const group of mark.items) {
      const place = {x: x + group.x, y: y + group.y, width: group.width, height: group.height};
      if (mark.name === name) return place;
      const inner = find(group, place.x, place.y);
      if (inner) return inner;
    }
  };
  const box = document.querySelector('#chart canvas, #chart svg.marks').getBoundingClientRect();
  const [left, top] = view.origin(), padding = view.padding();
  const place = find(view.scenegraph().root.items[0], 0, 0);
  const [x, y] = [place.x + box.x + left + padding.left, place.y + box.y + top + padding.top];
  return {...place, x, y};
}"""

_PLACE_OF_TEXT = """(name) => {
  const found = [];
  const each = (item, f) => (item.items || []).forEach(
    (mark) => mark.items.forEach((one) => f(mark, one)));
  const walk = (item, x, y) => each(item, (mark, one) => {
    if (mark.marktype === 'group') walk(one, x + (one.x || 0), y + (one.y || 0));
    else if (mark.role === 'legend-label' || one.datum?.class_number != null)
      found.push([one.text, x + one.x, y + one.y]);
  });
  walk(view.scenegraph().root.items[0], 0, 0);
  const chart = document.querySelector('#chart canvas, #chart svg.marks');
  const box = chart.getBoundingClientRect();
  const [left, top] = view.origin(), padding = view.padding();
  const [, x, y] = found.find(([text]) => text === name);
  return [x + box.x + left + padding.left, y + box.y + top + padding.top];
}"""


class Linked:
    """A linked chart in the browser, with a pointer."""

    def __init__(self, page: Page) -> None:
        self.shown = page
        self.page = page.page
        self.page.set_viewport_size({"width": 1700, "height": 1400})
        # The page fits the chart to its new size in the next frame.
        self.page.evaluate(
            "new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))"
        )
        self.settle()

    def marks(self, kind: str, view: int | None = None) -> list[dict[str, Any]]:
        name = None if view is None else f"linked_{view}_group"
        return [one for one in self.page.evaluate(_MARKS, kind) if name in (None, one["view"])]

    def selected(self, view: int) -> set[int]:
        """The samples drawn at full strength."""
        dots = [one for one in self.marks("symbol", view) if one["point"] is not None]
        return {one["point"] for one in dots if one["filled"] and one["opacity"] == 1}

    def bars(self, view: int) -> dict[int, int]:
        """The count of every bar that shows the share of the selection, by its number."""
        return {
            one["order"]: one["count"]
            for one in self.marks("rect", view)
            if one["opacity"] == 1 and one["count"] is not None
        }

    def texts(self) -> list[str]:
        return [one["text"] for one in self.marks("text")]

    def drag(
        self, view: int, begin: tuple[float, float], end: tuple[float, float], **keys: bool
    ) -> None:
        """Drag from one place in a view to another, as shares of its width and height."""
        place = self.page.evaluate(_PLACE, f"linked_{view}_group")
        (x, y), (to_x, to_y) = (
            (place["x"] + a * place["width"], place["y"] + b * place["height"])
            for a, b in (begin, end)
        )
        if keys.get("shift"):
            self.page.keyboard.down("Shift")
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move((x + to_x) / 2, (y + to_y) / 2)
        self.page.mouse.move(to_x, to_y)
        self.page.mouse.up()
        if keys.get("shift"):
            self.page.keyboard.up("Shift")
        self.settle()

    def click(self, view: int, at: tuple[float, float], **keys: bool) -> None:
        self.drag(view, at, at, **keys)

    def clear(self, view: int) -> None:
        place = self.page.evaluate(_PLACE, f"linked_{view}_group")
        self.page.mouse.dblclick(place["x"] + 3, place["y"] + place["height"] - 3)
        self.settle()

    def settle(self) -> None:
        self.page.evaluate("view.runAsync().then(() => 1)")

    def show(self, epoch: int) -> None:
        self.shown.show(epoch)


def _counts(values: np.ndarray, counts: Any) -> dict[int, int]:
    """The bars of a histogram over some samples, without empty ones."""
    edges = np.append(counts["bin_start"].unique(), counts["bin_end"].iloc[-1])
    heights = np.histogram(np.clip(values, edges[0], None), edges)[0]
    return {place: int(height) for place, height in enumerate(heights) if height}


def test_brush_selects_the_same_samples_in_all_views_and_stays_on_them(
    shipped: rc.Run, opened: Opened
) -> None:
    some: dict[str, Any] = {"epochs": range(0, 151, 50), "epoch": 100}
    planes = rc.feature_space(shipped, "hidden", **some) | rc.decision_boundary(shipped, **some)
    curves = rc.loss_histogram(shipped, **some) & rc.probability_histogram(shipped, **some)
    linked = Linked(opened(rc.link(planes | curves)))
    assert len(linked.selected(0)) == len(shipped.targets)

    linked.drag(0, (0.02, 0.02), (0.4, 0.4))
    chosen = linked.selected(0)
    region = linked.page.evaluate("view.signal('link_regions')[0]")
    invert = "([name, at]) => view.scale(name).invert(at)"
    xlim = [linked.page.evaluate(invert, ["linked_0_x", share * 400]) for share in (0.02, 0.4)]
    ylim = [linked.page.evaluate(invert, ["linked_0_y", share * 400]) for share in (0.4, 0.02)]
    x, y = shipped.coordinates("hidden", epochs=100)[0].T
    away = 0.6 * np.array([xlim[1] - xlim[0], ylim[1] - ylim[0]]) / 152  # about half a pixel
    sure = np.flatnonzero(
        (x > xlim[0] + away[0])
        & (x < xlim[1] - away[0])
        & (y > ylim[0] + away[1])
        & (y < ylim[1] - away[1])
    )
    near = np.flatnonzero(
        (x > xlim[0] - away[0])
        & (x < xlim[1] + away[0])
        & (y > ylim[0] - away[1])
        & (y < ylim[1] + away[1])
    )
    assert region["at"] == 2  # where epoch 100 is among the epochs of the chart
    assert set(sure) <= chosen <= set(near)
    assert 100 < len(chosen) < 1900

    samples = np.array(sorted(chosen))
    for epoch in (100, 50, 150):
        linked.show(epoch)
        assert linked.selected(0) == linked.selected(1) == chosen
        losses = shipped.losses(epochs=epoch)[0][samples]
        assert linked.bars(2) == _counts(losses, shipped.loss_histogram(scale="log", epochs=epoch))
        probability = shipped.point_probabilities(epochs=epoch)[0]
        wrong = shipped.wrong(epochs=epoch)[0]
        for view, case in ((3, 0), (4, 1)):
            own = samples[shipped.targets[samples] == case]
            frame = shipped.probability_histogram(epochs=epoch)
            right = _counts(probability[own[~wrong[own]]], frame)
            mistaken = _counts(probability[own[wrong[own]]], frame)
            assert linked.bars(view) == right | {
                10 + place: count for place, count in mistaken.items()
            }
        accuracy = f"{1 - wrong[samples].mean():.1%}"
        assert any(
            f"{len(samples):,} of 2,000 samples selected" in text and accuracy in text
            for text in linked.texts()
        )

    linked.clear(0)
    assert len(linked.selected(1)) == len(shipped.targets)
    assert (
        linked.bars(2).keys()
        == _counts(
            shipped.losses(epochs=150)[0], shipped.loss_histogram(scale="log", epochs=150)
        ).keys()
    )


def test_bars_select_and_shift_adds(three: Training, opened: Opened) -> None:
    run = three.open()
    epoch = rc.epoch_param(run, value=2)
    chart = rc.probability_histogram(run, target=1, epoch=epoch) & rc.loss_histogram(
        run, loss_scale="linear", epoch=epoch
    )
    linked = Linked(opened(rc.link(rc.feature_space(run, epoch=epoch) | chart)))
    losses = run.losses(epochs=2)[0]
    counts = run.loss_histogram(scale="linear", epochs=2)
    edges = np.append(counts["bin_start"], counts["bin_end"].iloc[-1])
    bins = np.clip(np.searchsorted(edges, losses, side="right") - 1, 0, 19)
    fullest = int(np.bincount(bins).argmax())
    linked.click(2, ((fullest + 0.5) / 20, 0.1))
    assert linked.selected(0) == set(np.flatnonzero(bins == fullest))

    probability = run.point_probabilities(epochs=2)[0]
    decile = np.clip((probability * 10).astype(int), 0, 9)
    linked.drag(1, (0.05, 0.5), (0.35, 0.5), shift=True)
    added = set(np.flatnonzero((decile <= 3) & (run.targets == 1)))
    assert linked.selected(0) == set(np.flatnonzero(bins == fullest)) | added


def test_click_picks_a_sample_and_its_trail_ends_at_the_epoch_shown(
    shipped: rc.Run, opened: Opened
) -> None:
    space = rc.feature_space(shipped, "hidden", epochs=range(0, 151, 10), epoch=50)
    curves = rc.loss_and_metric(shipped, epochs=range(0, 151, 10), epoch=50)
    linked = Linked(opened(rc.link(space & curves)))
    dots = [one for one in linked.marks("symbol", 0) if one["point"] is not None]
    sample = dots[-1]["point"]  # the one on top
    linked.click(0, (dots[-1]["x"] / 400, dots[-1]["y"] / 400))
    assert linked.page.evaluate("view.signal('link_samples')") == str(sample)
    steps = {one["step"] for one in linked.marks("line", 0) if one["point"] == sample}
    assert steps == set(range(6))
    assert f"#{sample} · {shipped.targets[sample]}" in linked.texts()
    linked.show(120)
    steps = {one["step"] for one in linked.marks("line", 0) if one["point"] == sample}
    assert steps == set(range(13))
    own = [one for one in linked.marks("line", 1) if one["point"] == sample]
    assert {one["step"] for one in own} == set(range(13))

    box = linked.page.locator("input[type=text]")
    box.fill("3, 17 and 1999")
    linked.shown.wait_until("view.signal('link_picked').length === 3")
    assert {one["point"] for one in linked.marks("line", 0) if one["point"] is not None} == {
        3,
        17,
        1999,
    }


def test_legend_singles_out_a_class(three: Training, opened: Opened) -> None:
    run = three.open()
    linked = Linked(opened(rc.link(rc.feature_space(run) | rc.loss_histogram(run))))
    label = linked.page.evaluate(_PLACE_OF_TEXT, run.class_names[1])
    linked.page.mouse.click(label[0] + 2, label[1])
    linked.settle()
    assert linked.selected(0) == set(np.flatnonzero(run.targets == 1))
    trails = {one["point"] for one in linked.marks("line", 0) if one["point"] is not None}
    of_class = np.flatnonzero(run.targets == 1)
    assert len(trails) == min(50, len(of_class))
    assert trails <= set(of_class)


def test_dashboard_answers_its_own_legend_and_its_bars(three: Training, opened: Opened) -> None:
    run = three.open()
    linked = Linked(opened(rc.link(rc.dashboard(run, epoch=4))))
    place = linked.page.evaluate(_PLACE_OF_TEXT, run.class_names[2])
    linked.page.mouse.click(place[0] + 4, place[1])
    linked.settle()
    of_class = set(np.flatnonzero(run.targets == 2))
    assert linked.selected(0) == linked.selected(1) == of_class
    assert any(text.startswith(f"{len(of_class)} of 240 samples") for text in linked.texts())
    linked.clear(0)
    assert len(linked.selected(1)) == len(run.targets)


def test_own_chart_and_a_regression_join(regression: Training, opened: Opened) -> None:
    run = regression.open()
    own = (
        alt.Chart(run.points(run.layers[0], projection="pca").query(f"epoch == {EPOCHS}"))
        .mark_point()
        .encode(x="x", y="loss")
    )
    residuals = rc.residual_histogram(run)
    linked = Linked(opened(rc.link(own.add_params(rc.epoch_param(run)) | residuals)))
    counts = run.residual_histogram(epochs=EPOCHS)
    fullest = int(counts["count"].to_numpy().argmax())
    linked.click(1, ((fullest + 0.5) / 20, 0.1))
    low, high = counts[["bin_start", "bin_end"]].iloc[fullest]
    values = run.residuals(epochs=EPOCHS)[0]
    inside = set(np.flatnonzero((values >= low) & (values < high)))
    shown = [one for one in linked.marks("symbol", 0) if one["opacity"] == 1]
    assert {one["point"] for one in shown} == inside


def test_two_runs_of_the_same_samples_share_one_selection(shipped: rc.Run, opened: Opened) -> None:
    again = rc.open_run(rc.datasets.parabola_recording())
    epoch = rc.epoch_param(shipped, epochs=[0, 60, 150])
    some = {"epochs": [0, 60, 150], "epoch": epoch}
    both = rc.feature_space(shipped, **some) | rc.feature_space(again, **some)
    linked = Linked(opened(rc.link(both | rc.loss_histogram(again, **some))))
    linked.drag(0, (0.1, 0.1), (0.5, 0.5))
    chosen = linked.selected(0)
    assert linked.selected(1) == chosen
    assert 0 < sum(linked.bars(2).values()) == len(chosen) < 2000


def test_points_selected_where_two_runs_are_compared_show_in_charts_of_both(
    shipped: rc.Run, opened: Opened
) -> None:
    epoch = rc.epoch_param(shipped, epochs=[0, 60, 150])
    some = {"epochs": [0, 60, 150], "epoch": epoch}
    compared = rc.difference(
        shipped, shipped, names=("a", "b"), clock="progress", resolution=10, **some
    )
    linked = Linked(opened(rc.link(compared | rc.feature_space(shipped, "hidden", **some))))
    linked.drag(0, (0.1, 0.1), (0.5, 0.5))
    chosen = linked.selected(1)
    assert 0 < len(chosen) < 2000
    assert linked.selected(0) == chosen
    x, y = shipped.inputs[sorted(chosen)].T
    middle = [float(np.mean(one)) for one in (x, y)]
    assert middle[0] < 0 < middle[1]
    linked.drag(1, (0.4, 0.4), (0.6, 0.6))
    assert linked.selected(0) == linked.selected(1) != chosen
    name = f"{shipped.name}: {len(linked.selected(0)):,} of 2,000 samples selected"
    assert any(text.startswith(name) for text in linked.texts())


def test_linked_chart_plays_and_is_saved_with_its_trails(shipped: rc.Run, tmp_path: Path) -> None:
    epochs = range(0, 151, 30)
    space = rc.feature_space(shipped, "hidden", epochs=epochs)
    with_trail = rc.save(rc.link(space, find=[12]), tmp_path / "trail.svg", epoch=90).read_text()
    without = rc.save(rc.link(space), tmp_path / "none.svg", epoch=90).read_text()
    assert "#12 · 0" in with_trail
    assert "#12" not in without
    orders = [rc.link(rc.animate(space)).to_dict(), rc.animate(rc.link(space)).to_dict()]
    for spec in orders:
        spec["params"].sort(key=lambda parameter: parameter["name"])
    assert orders[0] == orders[1]
    film = rc.save(rc.animate(rc.link(space, find=[12])), tmp_path / "film.gif", progress=False)
    assert film.stat().st_size > 10_000


def test_unlinked_charts_contain_nothing_of_it(shipped: rc.Run) -> None:
    chart = rc.feature_space(shipped, epochs=[0, 150]) | rc.loss_histogram(shipped, epochs=[0, 150])
    before = chart.to_json()
    rc.link(chart)
    assert chart.to_json() == before
    assert "link" not in before


def test_linking_warns_of_nothing(three: Training) -> None:
    run = three.open()
    parts = (rc.feature_space(run) | rc.feature_space(run)) & rc.probability_histogram(run)
    rc.animate(rc.link(parts)).to_dict()  # warnings are errors here


@pytest.mark.parametrize(
    ("sizes", "width"), [({"a": 90}, 1), ({"a": 21, "b": 2, "c": 361}, 3), ({"a": 45, "b": 2}, 1)]
)
def test_codes_hold_every_number(sizes: dict[str, int], width: int) -> None:
    rng = np.random.default_rng(0)
    numbers = {name: rng.integers(0, size, (7, 30)) for name, size in sizes.items()}
    codes = SampleCodes(sizes)
    packed = codes.packed(numbers)
    assert codes.width == width
    for epoch, sample in itertools.product(range(7), range(30)):
        characters = packed[sample][width * epoch : width * (epoch + 1)]
        total = sum(
            ALPHABET.index(c) * len(ALPHABET) ** place for place, c in enumerate(characters)
        )
        for name in reversed(sizes):
            total, number = divmod(total, sizes[name])
            assert number == numbers[name][epoch, sample]


def test_levels_lie_within_their_bins() -> None:
    bins = Bins(np.linspace(0, 2, 11), levels=30)
    values = np.array([0.0, 0.2, 1.99, 2.0, -0.1, 2.1, np.nan])
    assert (bins.levels_of(values) // 30).tolist() == [0, 1, 9, 9, 10, 10, 10]


def test_charts_that_cannot_be_linked_raise(shipped: rc.Run, three: Training) -> None:
    some = {"epochs": [0, 150]}
    space = rc.feature_space(shipped, **some)
    with pytest.raises(rc.ArgumentError, match="chart must contain a chart of samples"):
        rc.link(rc.loss_and_metric(shipped, **some))
    with pytest.raises(rc.ArgumentError, match="chart must be an Altair chart. Got str"):
        rc.link("chart")  # type: ignore[arg-type]
    with pytest.raises(rc.ArgumentError, match="chart must not be linked yet"):
        rc.link(rc.link(space))
    run = three.open()
    epoch = rc.epoch_param(shipped, run)
    both = rc.loss_histogram(shipped, epoch=epoch) | rc.loss_histogram(run, epoch=epoch)
    with pytest.raises(rc.ArgumentError, match="runs of the same samples"):
        rc.link(both)
    for wrong in ([2000], [-1], [1.5], "12", ["a"]):
        with pytest.raises(rc.ArgumentError, match="find must contain numbers of samples"):
            rc.link(space, find=wrong)
    with pytest.raises(rc.ArgumentError, match="at most 50 samples. Got 51"):
        rc.link(space, find=range(51))


def test_dragging_on_a_chart_of_curves_selects_nothing(shipped: rc.Run, opened: Opened) -> None:
    some: dict[str, Any] = {"epochs": [0, 50, 100], "width": 300, "height": 300}
    chart = rc.link(rc.feature_space(shipped, **some) | rc.roc(shipped, curve="roc", **some))
    page = opened(rc.animate(chart, autoplay=False))
    box = page.page.locator("#chart canvas").bounding_box()
    regions = "view.signal('link_regions').filter((one) => one).length"
    for share, count in ((0.65, 0), (0.2, 1)):
        x, y = box["x"] + share * box["width"], box["y"] + 150
        page.page.mouse.move(x, y)
        page.page.mouse.down()
        page.page.mouse.move(x + 60, y + 50, steps=3)
        page.page.mouse.up()
        page.page.wait_for_timeout(100)
        assert page.page.evaluate(regions) == count
        assert page.epoch() == 0
        assert page.page.evaluate("view.signal('link_picked')[0]") == ""
