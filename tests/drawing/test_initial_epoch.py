"""Which epoch a composition shows initially: one that was asked for, or its first chart's."""

from pathlib import Path
from typing import Any

import pytest
from support.training import EPOCHS, Training

import replaychart as rc


def _initial(chart: Any) -> dict[str, Any]:
    parameters = chart.to_dict()["params"]
    return {one["name"]: one.get("still", one["value"]) for one in parameters if "value" in one}


def test_a_default_gives_way(parabola: Training) -> None:
    run = parabola.open()
    half = _initial(rc.dashboard(run))["epoch"]
    assert half != EPOCHS
    weights = rc.weights(run)
    asked = rc.weights(run, epoch=2)
    for chart, expected in {
        "of the first": (rc.dashboard(run) | weights, half),
        "of the first below": (weights & rc.dashboard(run), EPOCHS),
        "asked for": (rc.dashboard(run) | asked, 2),
        "asked for first": (asked | rc.dashboard(run), 2),
        "asked for in the last of several": ((rc.dashboard(run) | weights) & asked, 2),
        "asked for by a parameter": (
            rc.dashboard(run) | rc.weights(run, epoch=rc.epoch_param(run)),
            EPOCHS,
        ),
    }.values():
        assert _initial(chart) == {"epoch": expected}
    # Neither chart has changed.
    assert _initial(weights) == {"epoch": EPOCHS}
    assert _initial(asked) == {"epoch": 2}


def test_two_that_were_asked_for_differ(parabola: Training) -> None:
    run = parabola.open()
    with pytest.raises(rc.ArgumentError, match="initially 2 and .* initially 1"):
        rc.weights(run, epoch=2) | rc.weights(run, epoch=1)


def test_a_default_gives_way_to_a_playing_chart(parabola: Training, tmp_path: Path) -> None:
    run = parabola.open()
    asked = rc.animate(rc.weights(run, epoch=2))
    for chart in (asked | rc.loss_histogram(run), rc.animate(rc.loss_histogram(run)) | asked):
        assert _initial(chart)["epoch"] == 2
        assert rc.save(chart, tmp_path / "a.png").exists()


def test_irregular_epochs_agree_too(parabola: Training) -> None:
    run = parabola.open()
    epochs = [0, 1, EPOCHS]
    chart = rc.loss_histogram(run, epochs=epochs) | rc.weights(run, epochs=epochs, epoch=1)
    assert _initial(chart) == {"epoch": 1, "snapshot": 1}


def test_other_epochs_still_raise(parabola: Training) -> None:
    run = parabola.open()
    with pytest.raises(rc.ArgumentError, match="different 'epoch' parameters"):
        rc.loss_histogram(run, epochs=range(3)) | rc.weights(run)
