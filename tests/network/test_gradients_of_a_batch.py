"""Gradients of a loss whose values belong to units, because it is a mean over the points."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import replaychart as rc

tensorflow = pytest.importorskip("tensorflow")


def over_points(targets: Any, outputs: Any) -> Any:
    return keras.ops.mean((targets - outputs) ** 2, axis=0)


def test_gradients_of_a_loss_over_points(tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(30, 2)).astype("float32")
    targets = np.stack([X[:, 0], X[:, 1] ** 2, X.sum(axis=1)], axis=1)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="out")])
    model.compile("sgd", loss=over_points)
    rc.Recorder(X, targets, tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5", custom_objects={"over_points": over_points})
    kernel = model.layers[-1].kernel.value
    with tensorflow.GradientTape() as tape:
        tape.watch(kernel)
        loss = keras.ops.mean(over_points(targets, model(X)))
    expected = np.asarray(tape.gradient(loss, kernel)).ravel()
    np.testing.assert_allclose(run.distributions("gradients")["value"], expected, atol=1e-6)
