"""Charts above the size limit keep evenly spaced epochs and a proportional sample of points."""

import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.browser import Page
from support.training import Training

import replaychart as rc
from replaychart.drawing import budget
from replaychart.drawing.clock import Clock
from replaychart.export.specs import spec_of

CHARTS: dict[str, Callable[..., Any]] = {
    "feature_space": rc.feature_space,
    "decision_boundary": rc.decision_boundary,
    "probability_histogram": rc.probability_histogram,
    "loss_histogram": rc.loss_histogram,
    "loss_and_metric": rc.loss_and_metric,
    "weights": rc.weights,
    "updates": rc.updates,
    "spread": lambda run, **options: rc.spread(run, kind="weights", **options),
}


def data_of(chart: Any) -> list[list[dict[str, Any]]]:
    return list(spec_of(chart)["datasets"].values())


def bytes_of(chart: Any) -> int:
    return len(json.dumps(data_of(chart), separators=(",", ":")))


def points_of(chart: Any) -> list[dict[str, Any]]:
    (rows,) = (rows for rows in data_of(chart) if "point" in rows[0])
    return rows


@pytest.mark.parametrize("name", CHARTS)
def test_within_the_budget_nothing_is_left_out(name: str, shipped: rc.Run) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kept = CHARTS[name](shipped)
        everything = CHARTS[name](shipped, max_bytes=None)
    assert spec_of(kept) == spec_of(everything)


@pytest.mark.parametrize("name", CHARTS)
def test_a_limit_is_kept_and_the_warning_names_the_option(name: str, shipped: rc.Run) -> None:
    whole = bytes_of(CHARTS[name](shipped))
    with pytest.warns(UserWarning, match=r"max_bytes=.*of 151 epochs.*Pass max_bytes=None") as seen:
        smaller = CHARTS[name](shipped, max_bytes=max(1000, whole // 4))
    assert bytes_of(smaller) < max(1000, whole // 4) * 1.6
    assert Path(seen[0].filename) == Path(__file__)


def test_points_are_kept_if_lines_take_the_space(shipped: rc.Run) -> None:
    clock = Clock.of(shipped, None, None)
    for lines, points in ((60_000, 2000), (6_000, 1600)):
        with pytest.warns(UserWarning, match=r"epochs \(evenly spaced\)"):
            kept = budget.kept(shipped, clock, 3_000_000, bytes_per_point=12, bytes_per_epoch=lines)
        assert len(kept.points) <= points
        assert (len(kept.points) == 2000) == (points == 2000)
        spent = len(kept.clock.epochs) * (lines + 12 * len(kept.points))
        assert 2_000_000 < spent < 3_000_000


@pytest.mark.parametrize("build", [rc.loss_histogram, rc.probability_histogram])
def test_a_thinned_histogram_shows_its_epoch(
    build: Callable[..., Any], shipped: rc.Run, tmp_path: Path
) -> None:
    with pytest.warns(UserWarning, match="epochs"):
        chart = build(shipped, max_bytes=1500)
    kept = np.array(data_of(chart)[0][0]["replay_epochs"])
    svg = rc.save(chart, tmp_path / "a.svg", epoch=77).read_text("utf-8")
    assert f"\N{MIDDLE DOT} epoch {kept[kept <= 77].max()}<" in svg
    whole = rc.save(build(shipped), tmp_path / "b.svg", epoch=77).read_text("utf-8")
    assert "\N{MIDDLE DOT} epoch" not in whole


def test_points_are_a_proportional_sample_of_each_class(shipped: rc.Run) -> None:
    with pytest.warns(UserWarning, match=r"2,000 points \(a proportional sample of each class\)"):
        rows = points_of(rc.feature_space(shipped, max_bytes=200_000))
    numbers = [row["point"] for row in rows]
    assert numbers == sorted(set(numbers))
    kept, every = np.bincount(shipped.targets[numbers]), np.bincount(shipped.targets)
    np.testing.assert_allclose(kept / kept.sum(), every / every.sum(), atol=0.01)
    assert [row["target"] for row in rows] == shipped.targets[numbers].tolist()


def test_a_rare_class_is_not_lost(tmp_path: Path) -> None:
    probability = np.zeros((4000, 3), np.float32)
    probability[:, 0] = 1
    targets = np.zeros(4000, np.int64)
    targets[1234], targets[2345] = 1, 2
    inputs = np.random.default_rng(0).normal(size=(4000, 2)).astype("float32")
    snapshots = [
        {"epoch": epoch, "probabilities": probability, "layers": {"plane": inputs * (epoch + 1)}}
        for epoch in range(3)
    ]
    rc.record_outputs(
        tmp_path / "rare.h5", "rare", inputs=inputs, targets=targets, epochs=snapshots
    )
    run = rc.open_run(tmp_path / "rare.h5")
    with pytest.warns(UserWarning, match="a proportional sample of each class"):
        rows = points_of(rc.feature_space(run, "plane", max_bytes=50_000))
    assert {1234, 2345} <= {row["point"] for row in rows}
    assert len(rows) < 1000


def test_points_are_the_same_as_in_the_whole_chart(shipped: rc.Run) -> None:
    whole = {row["point"]: row for row in points_of(rc.decision_boundary(shipped))}
    with pytest.warns(UserWarning, match="epochs"):
        rows = points_of(rc.decision_boundary(shipped, max_bytes=100_000))
    epochs = rows[0]["replay_epochs"]
    assert (epochs[0], epochs[-1]) == (0, 150)
    assert 2 < len(epochs) < 151
    assert np.ptp(np.diff(epochs)) <= 1
    for row in rows:
        assert row["replay_p"] == [whole[row["point"]]["replay_p"][epoch] for epoch in epochs]
        assert (row["x"], row["y"]) == (whole[row["point"]]["x"], whole[row["point"]]["y"])


@pytest.mark.parametrize("count", [2, 3, 7, 50, 149, 150, 151, 400])
def test_thinned_epochs_are_evenly_spaced_with_the_first_and_the_last(
    count: int, shipped: rc.Run
) -> None:
    clock = Clock.of(shipped, None, None)
    thinned = clock.thinned(count)
    assert len(thinned.epochs) == min(count, 151)
    assert thinned.epochs[[0, -1]].tolist() == [0, 150]
    assert np.ptp(np.diff(thinned.epochs)) <= 1
    assert thinned.parameter is clock.parameter


def test_one_slider_moves_a_thinned_and_a_whole_chart_and_the_title_shows_the_kept_epoch(
    shipped: rc.Run, opened: Callable[[Any], Page]
) -> None:
    with pytest.warns(UserWarning, match="epochs"):
        thinned = rc.feature_space(shipped, max_bytes=60_000)
    kept = np.array(points_of(thinned)[0]["replay_epochs"])
    page = opened(thinned.properties(name="thinned") | rc.loss_histogram(shipped))
    assert page.page.locator("#slider:visible").count() == 1
    titles = "[...document.querySelectorAll('.role-title-text text')].map(t => t.textContent)"
    page.page.evaluate("view.renderer ? view.renderer('svg').runAsync().then(() => 1) : 1")
    for epoch in (0, 1, 37, int(kept[3]) - 1, int(kept[3]), 149, 150):
        page.show(epoch)
        shown = int(kept[kept <= epoch].max())
        assert f"Hidden layer \N{MIDDLE DOT} epoch {shown}" in page.page.evaluate(titles)


def test_an_animation_of_a_thinned_chart_stays_at_the_last_kept_epoch(
    shipped: rc.Run, tmp_path: Path
) -> None:
    with pytest.warns(UserWarning, match="epochs"):
        chart = rc.loss_histogram(shipped, max_bytes=1000)
    kept = data_of(chart)[0][0]["replay_epochs"]
    between = (kept[1] + kept[2]) // 2
    stills = [
        rc.save(chart, tmp_path / f"{epoch}.png", epoch=epoch).read_bytes()
        for epoch in (kept[1], between, kept[2])
    ]
    assert stills[0] == stills[1] != stills[2]


def test_fractional_epochs_thin_alike(parabola: Training, tmp_path: Path) -> None:
    recorder = rc.Recorder(
        parabola.X, parabola.y, tmp_path / "batches.h5", "batches", every="1 batches"
    )
    parabola.model.fit(
        parabola.X, parabola.y, epochs=3, batch_size=10, verbose=0, callbacks=[recorder]
    )
    run = rc.open_run(tmp_path / "batches.h5")
    with pytest.warns(UserWarning, match=rf"of {len(run.epochs)} epochs \(evenly spaced\)"):
        chart = rc.loss_histogram(run, max_bytes=1000)
    for position in (0, 1, 17, 30, len(run.epochs) - 1):
        epoch = run.epochs[position].item()
        rc.save(chart, tmp_path / "still.svg", epoch=epoch)
        kept = np.array(data_of(chart)[0][0]["replay_epochs"])
        shown = kept[kept <= epoch].max()
        svg = (tmp_path / "still.svg").read_text()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            alone = rc.loss_histogram(run, max_bytes=1000, epoch=float(shown))
        rc.save(alone, tmp_path / "alone.svg")
        assert svg == (tmp_path / "alone.svg").read_text()


@pytest.mark.parametrize("wrong", [0, 999, -1, "many", True, [1000], float("inf"), float("nan")])
def test_a_budget_is_a_number_or_none(wrong: Any, shipped: rc.Run) -> None:
    with pytest.raises(rc.ArgumentError, match="max_bytes must be at least 1000, or None"):
        rc.loss_histogram(shipped, max_bytes=wrong)


@pytest.mark.parametrize("name", ["feature_space", "decision_boundary", "weights"])
@pytest.mark.parametrize("kept", ["few", "all"])
def test_a_limit_that_is_too_small_is_reported_with_the_minimum(
    name: str, kept: str, shipped: rc.Run
) -> None:
    epochs = [0, 150] if kept == "all" else None
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        chart = CHARTS[name](shipped, max_bytes=1000, epochs=epochs)
    (message,) = (str(one.message) for one in seen)
    pattern = "is too small for the chart of run 'parabola', which needs at least about (.*) bytes"
    found = re.search(pattern, message)
    assert found, message
    least = int(found[1].replace(",", ""))
    # The estimate ignores data that do not change with the epoch, except for the points.
    assert 1000 < least < 1.6 * bytes_of(chart)
    assert name == "weights" or least > bytes_of(chart) / 1.6
    assert ("It keeps 2 of 151 epochs" in message) == (kept == "few")
    assert (name != "weights") == (" 2 of 2,000 points" in message)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        CHARTS[name](shipped, max_bytes=1.1 * least, epochs=epochs)
    assert not any("is too small" in str(one.message) for one in seen)
