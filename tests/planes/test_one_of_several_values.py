"""A surface shows one of several values of a point, as if the model predicted only this one."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

import replaychart as rc

L = keras.layers
X = np.random.default_rng(0).normal(size=(30, 2)).astype("float32")
Y = np.stack([X[:, 0] ** 2, X[:, 1] - 1, X.sum(axis=1)], axis=1)


def pinball(targets: Any, outputs: Any) -> Any:
    shares = keras.ops.convert_to_tensor([0.1, 0.5, 0.9])
    error = targets - outputs
    return keras.ops.mean(keras.ops.maximum(shares * error, (shares - 1) * error), axis=-1)


def _recorded(
    path: Path, units: list[int], targets: np.ndarray, loss: Any, activation: str | None = None
) -> rc.Run:
    """A run of a model that computes some of three values."""
    keras.utils.set_random_seed(4)
    hidden = L.Dense(2, "tanh", name="hidden")
    wide = L.Dense(3)
    model = keras.Sequential([keras.Input((2,)), hidden, wide])
    weights = [values[..., units] for values in wide.get_weights()]
    output = L.Dense(len(units), activation, name="output")
    model = keras.Sequential([keras.Input((2,)), hidden, output])
    output.set_weights(weights)
    model.compile("sgd", loss=loss)
    group = f"{units}"
    rc.Recorder(X, targets, path, group, model=model)
    return rc.open_run(path, group, custom_objects={"pinball": pinball})


@pytest.mark.parametrize("unit", [0, 2])
def test_one_of_several_targets(tmp_path: Path, unit: int) -> None:
    every = _recorded(tmp_path / "a.h5", [0, 1, 2], Y, "mse")
    alone = _recorded(tmp_path / "a.h5", [unit], Y[:, unit], "mse")
    pd.testing.assert_frame_equal(every.surface(unit=unit), alone.surface(), atol=0.01)
    pd.testing.assert_frame_equal(
        every.surface("hidden", unit=unit), alone.surface("hidden"), atol=0.01
    )
    low, high = Y[:, unit].min(), Y[:, unit].max()
    for chart in (rc.decision_boundary(every, unit=unit), rc.feature_space(every, unit=unit)):
        spec = chart.to_dict()
        shown = f"surface: unit {unit} of the output, {low:.3g} to {high:.3g}"
        assert spec["title"]["subtitle"] == shown
        assert "Target" in str(spec)  # points have the colors of their targets


def test_one_of_several_labels(tmp_path: Path) -> None:
    labels = (Y > 0).astype(int)
    every = _recorded(tmp_path / "a.h5", [0, 1, 2], labels, "binary_crossentropy", "sigmoid")
    alone = _recorded(tmp_path / "a.h5", [1], labels[:, 1], "binary_crossentropy", "sigmoid")
    assert every.multi_label
    pd.testing.assert_frame_equal(every.surface(unit=1), alone.surface(), atol=0.01)
    pd.testing.assert_frame_equal(every.boundary(unit=1), alone.boundary(), atol=0.01)
    assert rc.decision_boundary(every, unit=1).to_dict()


def test_values_without_targets_of_their_own(tmp_path: Path) -> None:
    run = _recorded(tmp_path / "a.h5", [0, 1, 2], Y[:, :1], pinball)
    outputs = run.outputs()[..., 2]
    surface = run.surface(unit=2)
    inner = np.linspace(outputs.min(), outputs.max(), 11)[1:-1]
    assert np.isclose(np.unique(surface["level"])[:, None], [-np.inf, *inner]).any(axis=1).all()
    spec = rc.decision_boundary(run, unit=2).to_dict()
    assert f"{outputs.min():.3g} to {outputs.max():.3g}" in spec["title"]["subtitle"]
    assert "residual" not in str(spec)
    # With more targets than one, but not one for each value, points have no single target.
    mixture = _recorded(tmp_path / "b.h5", [0, 1, 2], Y[:, :2], lambda y, p: (y - p[:, :2]) ** 2)
    assert rc.decision_boundary(mixture, unit=0).to_dict()


def test_without_a_choice_the_message_says_how(tmp_path: Path) -> None:
    run = _recorded(tmp_path / "a.h5", [0, 1, 2], Y, "mse")
    with pytest.raises(rc.EvaluationError, match="choose it with unit=, from 0 to 2"):
        rc.decision_boundary(run)
    spec = rc.feature_space(run).to_dict()
    assert "choose one with unit=" in " ".join(spec["title"]["subtitle"])


@pytest.mark.parametrize("unit", [3, -1, 0.5, "mean", True])
def test_a_unit_that_does_not_exist(tmp_path: Path, unit: Any) -> None:
    run = _recorded(tmp_path / "a.h5", [0, 1, 2], Y, "mse")
    with pytest.raises(rc.ArgumentError, match="unit must be a whole number from 0 to 2"):
        rc.decision_boundary(run, unit=unit)


def test_runs_with_one_value_have_no_unit(tmp_path: Path) -> None:
    run = rc.open_run(rc.datasets.parabola_recording())
    with pytest.raises(rc.ArgumentError, match="unit must be None .* predicts classes"):
        rc.feature_space(run, unit=0)
    number = _recorded(tmp_path / "a.h5", [0], Y[:, 0], "mse")
    with pytest.raises(rc.ArgumentError, match="unit must be None .* one value for each point"):
        number.surface(unit=0)


def test_stored_surfaces_of_units_are_told_apart(tmp_path: Path) -> None:
    run = _recorded(tmp_path / "a.h5", [0, 1, 2], Y, "mse")
    before = {unit: run.surface(unit=unit) for unit in (0, 2)}
    run.store()
    again = rc.open_run(tmp_path / "a.h5")
    for unit, surface in before.items():
        pd.testing.assert_frame_equal(again.surface(unit=unit), surface)
    assert not again._network.is_rebuilt
