"""No text is too small to be read, and no axis has too few or too many numbers."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import altair as alt
import pytest
from support.training import Training

import replaychart as rc
from replaychart.drawing.limits import ticks

SMALLEST = 12
CHARTS: dict[str, Callable[[rc.Run], Any]] = {
    "feature_space": rc.feature_space,
    "decision_boundary": partial(rc.decision_boundary, grid=True),
    "probability_histogram": rc.probability_histogram,
    "combined": partial(rc.probability_histogram, layout="combined"),
    "loss_histogram": rc.loss_histogram,
    "weights": rc.weights,
    "gradients": rc.gradients,
    "activations": rc.activations,
    "pre_activations": rc.pre_activations,
    "spread": rc.spread,
    "updates": rc.updates,
}


@pytest.mark.parametrize("name", CHARTS)
def test_texts_are_at_least_12_pixels_high(name: str, parabola: Training, tmp_path: Path) -> None:
    with alt.theme.enable("replaychart"):
        svg = rc.save(CHARTS[name](parabola.open()), tmp_path / "a.svg", epoch=2).read_text()
    sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)px"', svg)]
    assert len(sizes) > 5
    assert min(sizes) >= SMALLEST


def test_texts_of_other_tasks(regression: Training, three: Training, tmp_path: Path) -> None:
    run = regression.open()
    charts = [
        rc.feature_space(run, "space", projection="rotate"),
        rc.residual_histogram(run),
        rc.feature_space(three.open()),
    ]
    with alt.theme.enable("replaychart"):
        for chart in charts:
            svg = rc.save(chart, tmp_path / "a.svg").read_text()
            assert min(map(float, re.findall(r'font-size="([\d.]+)px"', svg))) >= SMALLEST


LIMITS = [(-0.05, 1.05), (-1.1, 1.1), (-0.85, 1.35), (0, 1), (-3, 8), (0, 1000), (2e-9, 9e-9)]


@pytest.mark.parametrize(("low", "high"), [*LIMITS, (-0.9, 4.2), (0.9, 6.1), (-2.49, 2.49)])
def test_an_axis_has_three_to_five_numbers_with_0_among_them(
    low: float, high: float, tmp_path: Path
) -> None:
    axis = alt.Axis(**ticks(low, high))
    chart = (
        alt.Chart(alt.Data(values=[{}]))
        .mark_point()
        .encode(
            x=alt.X(datum=low, axis=axis, scale=alt.Scale(domain=[low, high], nice=False)),
        )
    )
    svg = rc.save(chart.properties(width=300), tmp_path / "axis.svg").read_text()
    labels = re.findall(r">(-?\N{MINUS SIGN}?[\d.,e\N{MINUS SIGN}-]+)</text>", svg)
    assert 3 <= len(labels) <= 5, labels
    if low <= 0 <= high:
        assert any(float(label.replace("\N{MINUS SIGN}", "-")) == 0 for label in labels)
