"""Curves of two runs in the same colors are refused; anything else is layered as usual."""

from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import pytest
from support.training import Training

import replaychart as rc

REFUSED = r"cannot be layered on each other with \+.* side by side \(a \| b\).* run.history\(\)"


@pytest.fixture
def both(parabola: Training, folded: Training) -> tuple[Any, Any]:
    runs = parabola.open(), folded.open()
    epoch = rc.epoch_param(*runs)
    first, second = (rc.loss_and_metric(run, epoch=epoch) for run in runs)
    return first, second


def _rule() -> alt.Chart:
    return alt.Chart(pd.DataFrame({"x": [2]})).mark_rule().encode(x="x")


def test_curves_on_curves_are_refused(both: tuple[Any, Any]) -> None:
    first, second = both
    with pytest.raises(rc.ArgumentError, match=REFUSED):
        first + second
    with pytest.raises(rc.ArgumentError, match=REFUSED):
        first += second
    with pytest.raises(rc.ArgumentError, match=REFUSED):
        (both[0] + _rule()) + second
    with pytest.raises(rc.ArgumentError, match=REFUSED):
        _rule() + both[0].properties(title="changed") + rc.animate(second)


def test_curves_are_composed_in_every_other_way(both: tuple[Any, Any], tmp_path: Path) -> None:
    first, second = both
    marked = first + _rule()
    assert isinstance(marked, alt.LayerChart)
    assert len(marked.layer) == len(first.layer) + 1
    below = _rule() + second
    assert len(below.layer) == 2
    for name, chart in {
        "side": first | second,
        "stacked": first & second,
        "marked": (marked | below) & second,
    }.items():
        assert rc.save(chart, tmp_path / f"{name}.png").exists()
    assert isinstance(first.copy(), alt.LayerChart)
    assert alt.Chart.from_dict(first.to_dict()).to_dict()["layer"] == first.to_dict()["layer"]
