"""Linked charts of unusual runs, with a real pointer, compared with NumPy."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pytest
from playback.test_link import Linked
from support.browser import Page

import replaychart as rc
from replaychart.playback.sample_codes import Bins, Ranges

Opened = Callable[[Any], Page]
_EPOCHS = 3


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of the same 60 inputs: two with different targets, one of numbers, one that diverged."""
    path = tmp_path_factory.mktemp("odd") / "runs.h5"
    rng = np.random.default_rng(4)
    X = rng.normal(size=(60, 2)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    for group, targets in (("first", y), ("noisy", rng.permutation(y)), ("diverged", y)):
        with rc.record_outputs(path, group, inputs=X, targets=targets) as outputs:
            for epoch in range(_EPOCHS):
                p = 1 / (1 + np.exp(-epoch * X[:, 0] - 0.3 * rng.normal(size=60)))
                losses = -np.log(np.where(targets == 1, p, 1 - p))
                if group == "diverged" and epoch == _EPOCHS - 1:
                    losses[X[:, 0] > 0.5] = np.nan
                hidden = np.tanh(X * (1 + epoch))
                outputs.snapshot(epoch, layers={"hidden": hidden}, probabilities=p, losses=losses)
    with rc.record_outputs(path, "numbers", inputs=X, targets=X[:, 1]) as outputs:
        for epoch in range(_EPOCHS):
            predictions = X[:, 1] * epoch / 2
            losses = (predictions - X[:, 1]) ** 2
            layers = {"hidden": np.tanh(X * (1 + epoch))}
            outputs.snapshot(epoch, layers=layers, predictions=predictions, losses=losses)
    return path


def _lines(linked: Linked) -> list[str]:
    return [text for text in linked.texts() if "selected" in str(text)]


def _said_loss(line: str) -> float:
    return float(line.rsplit("loss ", 1)[1])


def test_region_without_samples_selects_none(recorded: Path, opened: Opened) -> None:
    run = rc.open_run(recorded, "first")
    linked = Linked(opened(rc.link(rc.feature_space(run, epoch=0) | rc.loss_histogram(run))))
    linked.drag(0, (0.01, 0.01), (0.03, 0.03))
    assert linked.selected(0) == set()
    assert _lines(linked) == ["0 of 60 samples selected"]
    assert linked.bars(1) == {}


def test_loss_of_a_selection_is_exact_or_not_a_number(recorded: Path, opened: Opened) -> None:
    run = rc.open_run(recorded, "diverged")
    linked = Linked(opened(rc.link(rc.feature_space(run) | rc.loss_histogram(run))))
    assert "60 samples · accuracy 100.0% · loss NaN" in " ".join(linked.texts()).replace(
        f"{1 - run.wrong()[-1].mean():.1%}", "100.0%"
    )
    for begin, end in (((0.02, 0.02), (0.4, 0.98)), ((0.3, 0.02), (0.98, 0.6))):
        linked.drag(0, begin, end)
        samples = np.array(sorted(linked.selected(0)))
        assert 3 < len(samples) < 60
        for epoch in range(_EPOCHS):
            linked.show(epoch)
            mean = run.losses(epochs=epoch)[0][samples].mean(dtype=float)
            (line,) = _lines(linked)
            if np.isnan(mean):
                assert line.endswith("loss NaN")
            else:
                assert _said_loss(line) == float(f"{mean:.3g}")


def test_large_chart_says_that_its_loss_is_approximate(shipped: rc.Run, opened: Opened) -> None:
    linked = Linked(opened(rc.link(rc.feature_space(shipped, epoch=20, grid=False))))
    linked.drag(0, (0.02, 0.02), (0.6, 0.5))
    samples = sorted(linked.selected(0))
    mean = shipped.losses(epochs=20)[0][samples].mean(dtype=float)
    (line,) = _lines(linked)
    assert "loss \N{ALMOST EQUAL TO} " in line
    assert float(line.split("\N{ALMOST EQUAL TO} ")[1]) == pytest.approx(mean, rel=0.006)


def test_ranges_tell_values_in_the_same_level_apart() -> None:
    rng = np.random.default_rng(0)
    values = rng.lognormal(sigma=3, size=(5, 40))
    values[2, 3] = np.nan
    bins = Bins(np.array([0.0, 0.1, 1, 1e6]), levels=10)
    levels = bins.levels_of(values)
    errors = []
    for width in range(4):
        ranges = Ranges.of(bins.size, levels, values, width)
        stored = ranges.values(levels, ranges.places(levels, values))
        assert np.array_equal(np.isnan(stored), np.isnan(values))
        errors.append(np.nanmax(np.abs(stored - values)))
    assert errors[0] > 50 * errors[1] > 2500 * errors[2] > 0
    assert errors[3] < 1e-6 * np.nanmax(values)


def test_runs_with_other_targets_share_their_samples(recorded: Path, opened: Opened) -> None:
    first, noisy = (rc.open_run(recorded, name) for name in ("first", "noisy"))
    numbers = rc.open_run(recorded, "numbers")
    bars = rc.probability_histogram(noisy, target=1) & rc.residual_histogram(numbers)
    chart = rc.feature_space(first) | rc.feature_space(noisy) | bars
    linked = Linked(opened(rc.link(chart)))
    linked.drag(0, (0.02, 0.02), (0.5, 0.98))
    samples = np.array(sorted(linked.selected(0)))
    assert 10 < len(samples) < 50
    assert linked.selected(1) == set(samples)
    own = samples[noisy.targets[samples] == 1]
    assert sum(linked.bars(2).values()) == len(own)
    assert sum(linked.bars(3).values()) == len(samples)
    lines = {line.split(":")[0]: line for line in _lines(linked)}
    for run in (first, noisy, numbers):
        mean = run.losses()[-1][samples].mean(dtype=float)
        assert _said_loss(lines[run.name]) == float(f"{mean:.3g}")
    assert f"accuracy {1 - noisy.wrong()[-1][samples].mean():.1%}" in lines["noisy"]

    # The bars of a class select the samples that the run of the bars has in it.
    probability = noisy.point_probabilities()[-1]
    tenth = np.clip((probability * 10).astype(int), 0, 9)
    fullest = int(np.bincount(tenth[noisy.targets == 1]).argmax())
    linked.click(2, ((fullest + 0.5) / 10, 0.1))
    inside = np.flatnonzero((tenth == fullest) & (noisy.targets == 1))
    assert linked.selected(0) == linked.selected(1) == set(inside)


def test_recording_that_is_opened_twice_is_one_run(recorded: Path) -> None:
    once, again = (rc.open_run(recorded, "first") for _ in range(2))
    assert once.is_same_as(again)
    assert not once.is_same_as(rc.open_run(recorded, "noisy"))
    linked = rc.link(rc.feature_space(once) | rc.loss_histogram(again)).to_dict()
    assert len(linked["vconcat"][0]["layer"]) == 2
    codes = [rows for rows in linked["datasets"].values() if rows and "replay_s" in rows[0]]
    assert len(codes) == 1


def test_runs_of_other_samples_are_refused(recorded: Path, shipped: rc.Run) -> None:
    run = rc.open_run(recorded, "first")
    epoch = rc.epoch_param(run, shipped)
    both = rc.feature_space(run, epoch=epoch) | rc.feature_space(shipped, epoch=epoch)
    match = re.escape("Got 'first' with 60 samples and 'parabola' with 2,000 samples")
    with pytest.raises(rc.ArgumentError, match=match):
        rc.link(both)


def test_validation_points_are_no_samples(recorded: Path, opened: Opened) -> None:
    run = rc.open_run(recorded, "first")
    frame = run.points("hidden", epochs=2)
    others = frame.assign(subset="validation", x=frame["x"] + 0.1)
    rows = alt.Data(values=[*frame.to_dict("records"), *others.to_dict("records")])
    own = alt.Chart(rows).mark_circle().encode(x="x:Q", y="y:Q")
    linked = Linked(opened(rc.link(rc.feature_space(run) | own)))
    linked.drag(0, (0.02, 0.02), (0.5, 0.98))
    samples = linked.selected(0)
    dots = [one for one in linked.marks("symbol", 1) if one["opacity"] == 1]
    assert len(dots) == len(samples)
    assert {one["point"] for one in dots} == samples


def test_recorded_validation_points_fade_while_samples_are_selected(
    tmp_path: Path, opened: Opened
) -> None:
    rng = np.random.default_rng(2)
    X, other = rng.normal(size=(2, 40, 2)).astype(np.float32)
    path = tmp_path / "validation.h5"

    def apply(params: Any, inputs: np.ndarray) -> Any:
        hidden = np.tanh(inputs @ params["hidden"]["kernel"])
        logits = hidden @ params["output"]["kernel"]
        return {"hidden": hidden, "output": 1 / (1 + np.exp(-logits))}

    def crossentropy(p: np.ndarray, y: np.ndarray) -> np.ndarray:
        return -np.log(np.where(y == 1, p, 1 - p))

    kernels = [rng.normal(size=(2, units)).astype(np.float32) for units in (2, 1)]
    params = {"hidden": {"kernel": kernels[0]}, "output": {"kernel": kernels[1]}}
    targets = [(one[:, 0] > 0).astype(int) for one in (X, other)]
    with rc.record_function(
        apply,
        params,
        X,
        targets[0],
        path,
        "a",
        loss=crossentropy,
        predicts="probabilities",
        validation=(other, targets[1]),
    ) as recorder:
        recorder.snapshot(params, 1)
    run = rc.open_run(path, "a", model=apply)
    linked = Linked(opened(rc.link(rc.feature_space(run, grid=False))))

    def hollow() -> set[float]:
        dots = [one for one in linked.marks("symbol", 0) if one["point"] is None]
        return {one["opacity"] for one in dots if not one["filled"]}

    assert hollow() == {1}
    linked.drag(0, (0.02, 0.02), (0.6, 0.98))
    assert 0 < len(linked.selected(0)) < 40
    assert hollow() == {0.15}
    linked.clear(0)
    assert hollow() == {1}


def test_accuracy_follows_the_threshold(recorded: Path, opened: Opened) -> None:
    run = rc.open_run(recorded, "first")
    chart = rc.feature_space(run, threshold=True) | rc.loss_histogram(run)
    linked = Linked(opened(rc.link(chart)))
    positive = run.targets == 1
    probability = run.points("hidden", epochs=2)["probability"].to_numpy()

    def accuracy(threshold: float, samples: Any) -> str:
        return f"accuracy {((probability >= threshold) == positive)[samples].mean():.1%}"

    linked.page.evaluate("view.signal('threshold', 0.8).runAsync().then(() => 1)")
    assert accuracy(0.8, slice(None)) != accuracy(0.5, slice(None))
    assert any(accuracy(0.8, slice(None)) in str(text) for text in linked.texts())
    linked.drag(0, (0.3, 0.02), (0.98, 0.98))
    samples = sorted(linked.selected(0))
    for threshold in (0.8, 0.35, 0.5):
        linked.page.evaluate(f"view.signal('threshold', {threshold}).runAsync().then(() => 1)")
        (line,) = _lines(linked)
        assert accuracy(threshold, samples) in line


def test_data_map_joins_the_selection(recorded: Path, opened: Opened) -> None:
    run = rc.open_run(recorded, "first")
    linked = Linked(opened(rc.link(rc.feature_space(run) | rc.data_map(run))))
    linked.drag(0, (0.02, 0.02), (0.4, 0.98))
    samples = linked.selected(0)
    assert 5 < len(samples) < 55
    assert linked.selected(1) == samples


def test_a_data_map_alone_is_linked(recorded: Path, opened: Opened) -> None:
    run = rc.open_run(recorded, "first")
    linked = Linked(opened(rc.link(rc.data_map(run), find=[3])))
    linked.drag(0, (0.01, 0.02), (0.99, 0.3))
    confidence = run.samples()["confidence"]
    inside = (confidence > 0.7) & (confidence < 0.98)
    assert 5 < inside.sum() < 55
    assert linked.selected(0) == set(np.flatnonzero(inside))
    (line,) = _lines(linked)
    assert line.startswith(f"{inside.sum()} of 60 samples selected")
    assert len(linked.marks("line", 0)) >= 1, "the trail of the sample that was found"


def test_a_data_map_selects_for_the_others(recorded: Path, opened: Opened) -> None:
    run = rc.open_run(recorded, "first")
    chart = rc.data_map(run) | rc.feature_space(run) | rc.loss_histogram(run)
    linked = Linked(opened(rc.link(chart)))
    linked.drag(0, (0.02, 0.02), (0.98, 0.3))
    samples = linked.selected(0)
    assert 5 < len(samples) < 55
    assert linked.selected(1) == samples
    assert sum(linked.bars(2).values()) == len(samples)
