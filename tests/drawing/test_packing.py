"""Packed rows can be unpacked exactly, and a still image contains only its own epoch."""

import altair as alt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.training import EPOCHS, Training

import replaychart as rc
from replaychart.drawing.clock import Clock
from replaychart.drawing.packing import PackedData, Ruler, at_epoch


@given(st.floats(-1e4, 1e4), st.floats(1e-3, 1e4), st.integers(20, 2000))
def test_rulers_are_finer_than_half_a_pixel(low: float, span: float, pixels: int) -> None:
    ruler = Ruler.over(low, low + span, pixels=pixels)
    values = np.linspace(low, low + span, 50)
    back = ruler.origin + ruler.step * np.array(ruler.measured(values))
    assert np.abs(back - values).max() <= 0.5 * span / pixels
    assert all(isinstance(step, int) for step in ruler.measured(values))


def test_what_is_not_finite_becomes_nothing() -> None:
    ruler = Ruler.over(0, 1, pixels=100)
    assert ruler.measured(np.array([0.0, np.nan, np.inf, 1.0]))[1:3] == [None, None]


@pytest.mark.parametrize("build", [rc.feature_space, rc.loss_histogram, rc.loss_and_metric])
def test_still_contains_its_own_epoch(build: object, parabola: Training) -> None:
    spec = build(parabola.open()).to_dict()  # type: ignore[operator]
    for name, rows in spec["datasets"].items():
        still = at_epoch(name, rows, 4)
        assert still
        if "replay_epoch" in rows[0]:
            assert {row["replay_epoch"] for row in still} == {4}
        for before, after in zip(rows, still, strict="replay_epoch" not in rows[0]):
            for column, values in after.items():
                if column.startswith("replay_") and column != "replay_epoch":
                    assert values == [before[column][4]]


def test_still_after_a_shorter_run_shows_its_last_epoch(parabola: Training) -> None:
    spec = rc.feature_space(parabola.open()).to_dict()
    for name, rows in spec["datasets"].items():
        assert at_epoch(name, rows, 500) == at_epoch(name, rows, EPOCHS)


def test_data_of_others_is_left_alone() -> None:
    rows = [{"replay_epoch": 1, "replay_epochs": [1, 2], "replay_x": [1, 2]}]
    assert at_epoch("data-0123", rows, 2) is rows


def test_dataset_names_depend_on_content_alone() -> None:
    rows = [{"a": 1, "b": [1.5, None], "c": "text"}]
    again = [{"a": int("1"), "b": [float("1.5"), None], "c": "".join(["te", "xt"])}]
    assert PackedData(rows).name == PackedData(again).name
    assert PackedData(rows).name != PackedData([{"a": 2}]).name


def test_irregular_epochs_are_found(shipped: rc.Run) -> None:
    clock = Clock.of(shipped, [0, 1, 5, 50], None)
    assert clock.position_expression() == "snapshot"
    assert clock.epoch_expression() == "epoch"
    epoch, position = clock.parameters
    assert position.param.bind.to_dict() == {
        "input": "range", "min": 0, "max": 3, "step": 1, "name": "Snapshot "
    }  # fmt: skip
    expression = {"expr": "[0, 1, 5, 50][snapshot]", "value": 50}
    assert epoch.param.to_dict() == {"name": "epoch", **expression}

    shared = rc.epoch_param(shipped)
    regular = Clock.of(shipped, [0, 1, 5], shared)
    frames = [0, 1, 1, 1, 1, *[2] * 146]
    assert regular.position_expression() == f"{frames}[clamp(floor((epoch - 0) / 1), 0, 150)]"
    assert regular.epoch_expression() == f"[0, 1, 5][{regular.position_expression()}]"

    shared = rc.epoch_param(shipped, epochs=[0, 1, 4, 50])
    assert Clock.of(shipped, [0, 4], shared).position_expression() == "[0, 0, 1, 1][snapshot]"

    own = Clock.of(shipped, [0, 1, 5], alt.param(name="epoch", value=3))
    assert own.position_expression() == "(epoch >= 1) + (epoch >= 5)"
    assert own.parameters == (own.parameter,)
