"""Ticks are short, whatever the size of the numbers."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import replaychart as rc
from replaychart.drawing.limits import tick_format

CHARTS: dict[str, Callable[[rc.Run], Any]] = {
    "curve": rc.loss_and_metric,
    "losses": rc.loss_histogram,
    "residuals": rc.residual_histogram,
    "points": lambda run: rc.feature_space(run, "hidden"),
    "activations": rc.activations,
}


@pytest.mark.parametrize("size", [2.3e30, 3.3e16, 3e-9])
@pytest.mark.parametrize("name", CHARTS)
def test_ticks_of_large_and_small_numbers_are_short(name: str, size: float, tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(8)
    layers = np.random.default_rng(0).normal(size=(16, 2)) * size
    epochs = [
        {
            "epoch": epoch,
            "losses": np.full(16, size * (epoch + 1) / 4),
            "predictions": np.full(16, size * epoch / 4),
            "layers": {"hidden": layers},
        }
        for epoch in range(4)
    ]
    rc.record_outputs(tmp_path / "a.h5", "a", inputs=X, targets=y * size, epochs=epochs)
    chart = CHARTS[name](rc.open_run(tmp_path / "a.h5"))
    drawn = rc.save(chart, tmp_path / "a.svg").read_text()
    numbers = re.findall(r"<text[^>]*>(\W?\d[^<]*)</text>", drawn)
    assert any("e" in number for number in numbers)
    assert max(map(len, numbers)) < 10, numbers


def test_ticks_far_from_0_stay_apart() -> None:
    assert tick_format(0, 1) == tick_format(-1e6, 1e6) == tick_format(5e9, 5e9) == {}
    assert tick_format(0, 1e9) == {"format": ".4~g"}
    assert tick_format(1e12, 1e12 + 1e6) == {"format": ".10~g"}
