"""Logits and soft targets mean what Keras' losses make of them."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import dense, small_model

import replaychart as rc


def _record(path: Path, model: keras.Model, X: np.ndarray, y: np.ndarray) -> rc.Run:
    rc.Recorder(X, y, path, model.name, model=model)
    return rc.open_run(path, model.name)


def _twins(loss: type, units: int, tmp_path: Path, y: np.ndarray) -> tuple[rc.Run, rc.Run]:
    """Runs of the same network, with logits and with sigmoids."""
    X = np.random.default_rng(0).normal(size=(len(y), 2)).astype("float32")
    logits = small_model(dense(units, None, "output"), loss=loss(from_logits=True))
    logits.set_weights([3 * weight for weight in logits.get_weights()])
    sigmoids = small_model(dense(units, "sigmoid", "output"), loss=loss())
    sigmoids.set_weights(logits.get_weights())
    return (
        _record(tmp_path / "logits.h5", logits, X, y),
        _record(tmp_path / "sigmoids.h5", sigmoids, X, y),
    )


@pytest.mark.parametrize(
    "loss", [keras.losses.BinaryCrossentropy, keras.losses.BinaryFocalCrossentropy]
)
@pytest.mark.parametrize("units", [1, 2, 3])
def test_logits_of_a_binary_loss_are_sigmoids(loss: Any, units: int, tmp_path: Path) -> None:
    labels = np.arange(30) % max(units, 2)
    y = labels if units == 1 else np.eye(units)[labels]
    logits, sigmoids = _twins(loss, units, tmp_path, y)
    assert logits.classes == sigmoids.classes == max(units, 2)
    for of in (rc.Run.probabilities, rc.Run.point_probabilities, rc.Run.losses):
        np.testing.assert_allclose(of(logits), of(sigmoids), rtol=1e-5, atol=1e-6)
    assert (logits.points()["prediction"] == sigmoids.points()["prediction"]).all()
    if units > 1:
        assert np.abs(logits.probabilities().sum(axis=-1) - 1).max() > 0.1, "each on its own"


def test_labels_of_logits_are_labels(tmp_path: Path) -> None:
    y = np.random.default_rng(1).integers(0, 2, (30, 3))
    for run in _twins(keras.losses.BinaryCrossentropy, 3, tmp_path, y):
        with pytest.raises(rc.EvaluationError, match="multi-label"):
            run.probabilities()
        with pytest.raises(rc.EvaluationError, match="predicts labels, not numbers"):
            run.residuals()


def test_logits_of_a_categorical_loss_are_a_softmax(tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(30, 2)).astype("float32")
    loss = keras.losses.CategoricalFocalCrossentropy(from_logits=True)
    model = small_model(dense(3, None, "output"), loss=loss)
    run = _record(tmp_path / "a.h5", model, X, np.eye(3)[np.arange(30) % 3])
    expected = keras.ops.convert_to_numpy(keras.ops.softmax(model.predict(X, verbose=0)))
    np.testing.assert_allclose(run.probabilities()[0], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("logits", [False, True])
def test_soft_targets_of_one_sigmoid_are_classes(logits: bool, tmp_path: Path) -> None:
    X, labels = rc.datasets.parabola(16)
    y = (labels * 0.8 + 0.1).astype("float32")
    loss = keras.losses.BinaryCrossentropy(from_logits=logits)
    model = small_model(dense(1, None if logits else "sigmoid", "output"), loss=loss)
    run = _record(tmp_path / "a.h5", model, X, y)
    assert run.classes == 2
    np.testing.assert_array_equal(run.targets, labels)
    evaluated = model.evaluate(X, y, verbose=0, batch_size=len(X), return_dict=True)
    history = run.history()
    replayed = history[history["source"] == "replay"].set_index("name")["value"]
    assert replayed["loss"] == pytest.approx(evaluated["loss"], abs=1e-6)
    assert replayed["accuracy"] == evaluated["accuracy"] == 0, "what Keras makes of soft targets"
    positive = model.predict(X, verbose=0)[:, 0]
    positive = 1 / (1 + np.exp(-positive)) if logits else positive
    np.testing.assert_allclose(run.point_probabilities()[0], positive, rtol=0, atol=1e-6)
    assert rc.probability_histogram(run).to_dict()
    assert rc.decision_boundary(run).to_dict()


def test_soft_targets_are_told_apart_at_one_half(tmp_path: Path) -> None:
    X = np.zeros((4, 2), "float32")
    model = small_model(dense(1, "sigmoid", "output"))
    run = _record(tmp_path / "a.h5", model, X, np.array([0.0, 0.5, 0.51, 1.0]))
    np.testing.assert_array_equal(run.targets, [0, 0, 1, 1])


def test_shares_under_another_loss_are_numbers(tmp_path: Path) -> None:
    X, labels = rc.datasets.parabola(16)
    model = small_model(dense(1, "sigmoid", "output"), loss="mse")
    run = _record(tmp_path / "a.h5", model, X, labels * 0.8 + 0.1)
    assert run.classes == 0
    assert rc.residual_histogram(run).to_dict()


def test_soft_targets_of_recorded_probabilities_are_classes(tmp_path: Path) -> None:
    X, labels = rc.datasets.parabola(16)
    epochs = [{"epoch": 0, "probabilities": np.full(32, 0.6)}]
    rc.record_outputs(tmp_path / "a.h5", "a", inputs=X, targets=labels * 0.8 + 0.1, epochs=epochs)
    run = rc.open_run(tmp_path / "a.h5")
    np.testing.assert_array_equal(run.targets, labels)
