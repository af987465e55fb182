"""A training run whose weights become NaN or infinite is shown up to that point."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from support.training import EPOCHS, Training

import replaychart as rc

FIRST = 4


@pytest.fixture(scope="module")
def diverged(folded: Training, tmp_path_factory: pytest.TempPathFactory) -> rc.Run:
    """Recorded weights, some of which are NaN at epoch 4, and all infinite after it."""
    path = tmp_path_factory.mktemp("diverged") / "diverged.h5"
    path.write_bytes(folded.path.read_bytes())
    with h5py.File(path, "a") as file:
        del file["folded/witnesses"]  # what the model computed with its own weights
        weights = file["folded/weights/float32"]
        weights[FIRST, ::3] = np.nan
        weights[FIRST + 1 :] = np.inf
    return rc.open_run(path)


CHARTS: dict[str, tuple[Callable[[rc.Run], Any], str]] = {
    "layer": (lambda run: rc.feature_space(run, "fold"), "points: NaN or infinite from epoch 4"),
    "per epoch": (
        lambda run: rc.feature_space(run, "fold", scale="per-epoch"),
        "points: NaN or infinite from epoch 4",
    ),
    "components": (lambda run: rc.feature_space(run, "wide"), "points: NaN or infinite"),
    "aligned": (
        lambda run: rc.feature_space(run, "wide", projection="aligned"),
        "points: NaN or infinite",
    ),
    "boundary": (rc.decision_boundary, "output: NaN or infinite from epoch 4"),
    "probabilities": (rc.probability_histogram, "not finite"),
    "curves": (rc.loss_and_metric, "loss: NaN or infinite from epoch 4"),
    "losses": (rc.loss_histogram, "losses: NaN or infinite from epoch 4"),
    "spread": (lambda run: rc.spread(run, kind="weights"), "values: NaN or infinite from epoch 4"),
    "updates": (rc.updates, "values: NaN or infinite from epoch 4"),
    "weights": (rc.weights, "not finite"),
    "gradients": (rc.gradients, "not finite"),
    "activations": (rc.activations, "not finite"),
    "pre_activations": (rc.pre_activations, "not finite"),
}


@pytest.mark.parametrize("name", CHARTS)
def test_chart_draws_and_says_what_is_not_finite(
    name: str, diverged: rc.Run, folded: Training, tmp_path: Path
) -> None:
    draw, note = CHARTS[name]
    chart = draw(diverged)
    for epoch in (FIRST, EPOCHS):
        svg = rc.save(chart, tmp_path / f"{epoch}.svg", epoch=epoch).read_text("utf-8")
        assert note in svg
    whole = rc.save(draw(folded.open()), tmp_path / "whole.svg", epoch=FIRST).read_text("utf-8")
    assert note not in whole


def test_regression_and_relu_note_non_finite_values(regression: Training, tmp_path: Path) -> None:
    path = tmp_path / "diverged.h5"
    path.write_bytes(regression.path.read_bytes())
    with h5py.File(path, "a") as file:
        del file["regression/witnesses"]
        file["regression/weights/float32"][FIRST:] = np.nan
    chart = rc.decision_boundary(rc.open_run(path))
    svg = rc.save(chart, tmp_path / "a.svg", epoch=FIRST).read_text("utf-8")
    assert "output: NaN or infinite from epoch 4" in svg

    X = regression.X
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(2, "relu", name="plane"),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile("sgd", "binary_crossentropy")
    with rc.Recorder(X, X[:, 0] > 0, tmp_path / "relu.h5", "relu") as recorder:
        recorder.snapshot(model, 0)
        model.set_weights([np.full_like(values, np.nan) for values in model.get_weights()])
        recorder.snapshot(model, 1)
    svg = rc.save(
        rc.feature_space(rc.open_run(tmp_path / "relu.h5"), "plane"), tmp_path / "b.svg"
    ).read_text("utf-8")
    assert "NaN or infinite from epoch 1" in svg


def test_spread_ends_where_nothing_is_finite(diverged: rc.Run, tmp_path: Path) -> None:
    chart = rc.spread(diverged, kind="weights")
    assert rc.save(chart, tmp_path / "spread.png").stat().st_size > 1000
    summary = diverged.distributions("weights", summary=True)
    assert summary[summary["epoch"] > FIRST]["std"].isna().all()


def test_epochs_before_are_drawn_as_ever(diverged: rc.Run, folded: Training) -> None:
    before = list(range(FIRST))
    np.testing.assert_array_equal(
        diverged.probabilities(epochs=before), folded.open().probabilities(epochs=before)
    )


def test_a_loss_that_keras_logged_as_nan_is_noted(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    X = np.random.default_rng(0).normal(size=(40, 2)).astype("float32") * 50
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, "relu", name="plane")])
    model.add(keras.layers.Dense(1))
    model.compile(keras.optimizers.SGD(1e3), "mse", metrics=["mae"])
    recorder = rc.Recorder(X, X[:, 0], tmp_path / "a.h5", "a")
    model.fit(X, X[:, 0], epochs=4, verbose=0, callbacks=[recorder])
    run = rc.open_run(tmp_path / "a.h5")
    assert not np.isfinite(run.curves.values("loss", source="training")[2:]).any()
    chart = rc.loss_and_metric(run, "learning_rate", source="training")
    svg = rc.save(chart, tmp_path / "a.svg").read_text("utf-8")
    assert "loss: NaN, infinite or not logged" in svg
    assert ">Loss</text>" in svg, "the strip remains"
    # A ReLU turns NaN into 0, for regressions as well as classes.
    svg = rc.save(rc.feature_space(run, "plane"), tmp_path / "b.svg").read_text("utf-8")
    assert "NaN or infinite from epoch" in svg
