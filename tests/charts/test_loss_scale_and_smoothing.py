"""Losses on a logarithmic axis, and smoothed curves."""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.training import EPOCHS, Training

import replaychart as rc
from replaychart.drawing.limits import log_ticks


def _layers(chart: Any, curve: str) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """The layers of a curve, with their rows: faint line, strong line, dot."""
    spec = chart.to_dict()
    return [
        (layer, spec["datasets"][layer["data"]["name"]])
        for layer in spec["layer"]
        if any(f'"{curve}' in str(step.get("calculate")) for step in layer["transform"])
    ]


def _smoothed(values: list[float], weight: float) -> list[float]:
    """What TensorBoard computes, step by step."""
    last, smoothed = 0.0, []
    for step, value in enumerate(values, start=1):
        last = weight * last + (1 - weight) * value
        smoothed.append(last / (1 - weight**step))
    return smoothed


@pytest.mark.parametrize("weight", [0.3, 0.9])
def test_smoothed_values_are_those_of_tensorboard(weight: float, parabola: Training) -> None:
    run = parabola.open()
    losses = run.losses().mean(axis=1, dtype=np.float64).tolist()
    faint, strong, dot = _layers(rc.loss_and_metric(run, smooth=weight), "loss")
    np.testing.assert_allclose([row["value"] for row in faint[1]], losses, rtol=1e-5)
    wanted = _smoothed(losses, weight)
    np.testing.assert_allclose([row["smoothed"] for row in strong[1]], wanted, rtol=1e-5)
    assert strong[1] == dot[1]
    for layer, _ in (strong, dot):
        assert {"calculate": "datum.smoothed", "as": "value"} in layer["transform"]
    assert faint[0]["mark"]["strokeOpacity"] == 0.25
    assert "datum.smoothed" not in str(faint[0]["transform"])


def test_smoothing_does_not_depend_on_the_epochs_shown(parabola: Training) -> None:
    run = parabola.open()
    every, some = (
        {row["epoch"]: row["smoothed"] for row in _layers(chart, "loss")[1][1]}
        for chart in (
            rc.loss_and_metric(run, smooth=0.8),
            rc.loss_and_metric(run, smooth=0.8, epochs=[2, 5]),
        )
    )
    assert some == {epoch: every[epoch] for epoch in (2, 5)}


def test_logged_curves_are_smoothed_from_their_first_value(parabola: Training) -> None:
    run = parabola.open()
    chart = rc.loss_and_metric(run, source="training", smooth=0.5)
    logged = run.curves.values("val_loss", source="training")[1:].tolist()
    rows = _layers(chart, "val_loss")[1][1]
    assert [row["epoch"] for row in rows] == list(range(1, EPOCHS + 1))
    np.testing.assert_allclose([row["smoothed"] for row in rows], _smoothed(logged, 0.5), rtol=1e-5)
    assert "smoothed (0.5); faint: not smoothed" in chart.to_dict()["title"]["subtitle"]


def test_without_smoothing_nothing_is_added(parabola: Training) -> None:
    chart = rc.loss_and_metric(parabola.open())
    assert "smoothed" not in str(chart.to_dict())


def test_logarithmic_axis_is_drawn(parabola: Training, tmp_path: Path) -> None:
    """The heights of the curve in the SVG are the logarithms of the losses."""
    run = parabola.open()
    chart = rc.loss_and_metric(run, loss_scale="log", height=200)
    losses = run.losses().mean(axis=1, dtype=np.float64)
    svg = rc.save(chart, tmp_path / "a.svg").read_text()
    line = next(
        path for path in re.findall(r"<path [^>]*>", svg) if "#7b4aa0" in path and " d=" in path
    )
    heights = [
        float(y) for _, y in re.findall(r"([\d.]+),([\d.]+)", line.split(' d="')[1].split('"')[0])
    ]
    logs = np.log(losses)
    assert len(heights) == len(logs)
    span = logs.max() - logs.min() + 2 * math.log(1.25)
    wanted = 200 * (logs.max() + math.log(1.25) - logs) / span
    np.testing.assert_allclose(heights, wanted, atol=0.3)
    metric = chart.to_dict()["layer"][0]["encoding"]["y"]["scale"]
    assert "type" not in metric, "the metric keeps its axis"


def test_losses_of_zero_leave_a_gap_on_a_logarithmic_axis(tmp_path: Path) -> None:
    with rc.record_outputs(
        tmp_path / "runs.h5", "zero", inputs=np.zeros((3, 2)), targets=np.array([0, 1, 0])
    ) as record:
        for epoch, loss in enumerate([1.0, 0.0, 0.1]):
            record.snapshot(
                epoch, probabilities=np.full(3, 0.5), losses=np.array([loss, loss, loss])
            )
    run = rc.open_run(tmp_path / "runs.h5")
    chart = rc.loss_and_metric(run, loss_scale="log")
    rows = _layers(chart, "loss")[0][1]
    assert [row["value"] for row in rows] == [1, None, 0.1]
    histogram = rc.loss_histogram(run, loss_scale="log", bins=6).to_dict()
    assert histogram["title"]["subtitle"] == "first bar: also losses below 0.1"
    (bars,) = histogram["datasets"].values()
    assert [row["replay_count"][1] for row in bars] == [3, 0, 0, 0, 0, 0]
    assert [row["replay_count"][0] for row in bars] == [0, 0, 0, 0, 0, 3]


def test_bins_of_the_histogram_are_equally_wide_on_its_axis(parabola: Training) -> None:
    run = parabola.open()
    spec = rc.loss_histogram(run, loss_scale="log", bins=8).to_dict()
    assert spec["encoding"]["x"]["scale"]["type"] == "log"
    (rows,) = spec["datasets"].values()
    ratios = [row["bin_end"] / row["bin_start"] for row in rows]
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-4)
    losses = run.losses()
    edges = np.array([row["bin_start"] for row in rows] + [rows[-1]["bin_end"]])
    assert 0.4 * losses.min() < edges[0] <= losses.min()
    assert losses.max() <= edges[-1] < 2.6 * losses.max()
    for end in (edges[0], edges[-1]):
        assert f"{end:.0e}"[0] in "125", "the ends are round numbers"
    for epoch in (0, EPOCHS):
        counts, _ = np.histogram(np.clip(losses[epoch], edges[0], None), edges)
        assert [row["replay_count"][epoch] for row in rows] == counts.tolist()


@pytest.mark.parametrize("smooth", [-0.1, 1, "much", True, float("nan")])
def test_other_weights_raise(smooth: Any, parabola: Training) -> None:
    message = "smooth must be at least 0 and less than 1. Got"
    with pytest.raises(rc.ArgumentError, match=message):
        rc.loss_and_metric(parabola.open(), smooth=smooth)


@pytest.mark.parametrize("build", [rc.loss_and_metric, rc.loss_histogram])
def test_other_scales_raise(build: Any, parabola: Training) -> None:
    message = "loss_scale must be one of 'linear', 'log'.* Got 'sqrt'"
    with pytest.raises(rc.ArgumentError, match=message):
        build(parabola.open(), loss_scale="sqrt")


def test_losses_are_on_a_logarithmic_axis_unless_some_are_negative(
    parabola: Training, tmp_path: Path
) -> None:
    run = parabola.open()
    for bins in (5, 20):
        default = run.loss_histogram(bins=bins)
        assert default.equals(run.loss_histogram(bins=bins, scale="log"))
        assert rc.loss_histogram(run, bins=bins).to_dict() == (
            rc.loss_histogram(run, bins=bins, loss_scale="log").to_dict()
        )
    linear = run.loss_histogram(scale="linear", bins=4)
    counts, _ = np.histogram(run.losses()[3], np.linspace(0, run.losses().max(), 5))
    assert linear.query("epoch == 3")["count"].tolist() == counts.tolist()
    with pytest.raises(rc.ArgumentError, match="scale must be one of 'linear', 'log', None"):
        run.loss_histogram(scale="sqrt")  # type: ignore[arg-type]
    with rc.record_outputs(
        tmp_path / "runs.h5", "negative", inputs=np.zeros((3, 2)), targets=np.array([0, 1, 0])
    ) as record:
        for epoch in (0, 1):
            record.snapshot(epoch, probabilities=np.full(3, 0.5), losses=np.array([-1.0, 0.5, 2.0]))
    run = rc.open_run(tmp_path / "runs.h5")
    assert run.loss_histogram(bins=3)["bin_start"].tolist()[:3] == [-1, 0, 1]
    assert rc.loss_histogram(run).to_dict()["encoding"]["x"]["scale"]["type"] == "linear"


def test_a_good_training_does_not_collapse_into_one_bar(shipped: rc.Run) -> None:
    last = shipped.loss_histogram().query("epoch == 150")["count"]
    assert last.max() < len(shipped.targets) / 3
    linear = shipped.loss_histogram(scale="linear").query("epoch == 150")["count"]
    assert linear.max() > 0.9 * len(shipped.targets)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (5e-4, 2, [1e-3, 1e-2, 1e-1, 1]),
        (1e-6, 10, [1e-5, 1e-3, 1e-1, 10]),
        (0.1, 1, [0.1, 0.3, 1]),
        (0.2, 50, [0.3, 1, 3, 10, 30]),
        (0.1, 0.2, [0.1, 0.2]),
        (1, 1e5, [1e1, 1e3, 1e5]),
    ],
)
def test_ticks_of_a_logarithmic_axis(low: float, high: float, ticks: list[float]) -> None:
    assert log_ticks(low, high) == ticks
