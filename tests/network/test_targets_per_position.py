"""Networks that say something of every position of a point: sequences, images."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import replaychart as rc

POINTS = 30


def _sequences(targets: str) -> tuple[keras.Model, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(POINTS, 5, 3)).astype("float32")
    y = X.argmax(axis=-1)
    units, activation, loss = 3, "softmax", "sparse_categorical_crossentropy"
    if targets == "column":
        y = y[..., None]
    if targets == "one-hot":
        y, loss = keras.utils.to_categorical(y, 3), "categorical_crossentropy"
    if targets == "binary":
        y, units, activation, loss = (y > 0).astype(int), 1, "sigmoid", "binary_crossentropy"
    layers = [
        keras.layers.LSTM(2, return_sequences=True, name="lstm"),
        keras.layers.Dense(units, activation=activation, name="output"),
    ]
    model = keras.Sequential([keras.Input((5, 3)), *layers])
    model.compile(keras.optimizers.Adam(0.1), loss, metrics=["accuracy"])
    return model, X, y


def _segmented() -> tuple[keras.Model, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    X = rng.uniform(size=(POINTS, 4, 4, 1)).astype("float32")
    y = np.digitize(X[..., 0], [0.3, 0.6])
    layers = [
        keras.layers.Conv2D(2, 3, padding="same", name="maps"),
        keras.layers.Conv2D(3, 1, activation="softmax", name="output"),
    ]
    model = keras.Sequential([keras.Input((4, 4, 1)), *layers])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, X, y


def _autoencoder() -> tuple[keras.Model, np.ndarray, np.ndarray]:
    X = np.random.default_rng(2).uniform(size=(POINTS, 4, 4, 1)).astype("float32")
    layers = [
        keras.layers.Conv2D(2, 3, padding="same", name="maps"),
        keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid", name="output"),
    ]
    model = keras.Sequential([keras.Input((4, 4, 1)), *layers])
    model.compile("adam", "binary_crossentropy", metrics=["mse", "accuracy"])
    return model, X, X


def _fitted(made: tuple[keras.Model, np.ndarray, np.ndarray], path: Path) -> rc.Run:
    model, X, y = made
    model.fit(X, y, epochs=2, verbose=0, callbacks=[rc.Recorder(X, y, path, "a")])
    return rc.open_run(path)


LABELED = {
    "sparse": lambda: _sequences("sparse"),
    "column": lambda: _sequences("column"),
    "one-hot": lambda: _sequences("one-hot"),
    "binary": lambda: _sequences("binary"),
    "segmented": _segmented,
}
EVERY: dict[str, Any] = {**LABELED, "autoencoder": _autoencoder}


@pytest.mark.parametrize("kind", EVERY)
def test_history_is_that_of_keras(kind: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    made = EVERY[kind]()
    run = _fitted(made, tmp_path / "a.h5")
    model, X, y = made
    evaluated = model.evaluate(X, y, batch_size=POINTS, verbose=0, return_dict=True)
    replayed = run.history().query("source == 'replay' and epoch == 2")
    values = dict(zip(replayed["name"], replayed["value"], strict=True))
    assert values == pytest.approx(evaluated, abs=1e-6)
    assert rc.loss_and_metric(run, "accuracy").to_dict()
    run.store()
    stored = rc.open_run(tmp_path / "a.h5").curves.values("accuracy", source="replay")
    assert stored[2] == pytest.approx(evaluated["accuracy"], abs=1e-6)


@pytest.mark.parametrize("kind", LABELED)
def test_charts_of_a_class_say_that_a_point_has_many(kind: str, tmp_path: Path) -> None:
    run = _fitted(LABELED[kind](), tmp_path / "a.h5")
    for chart in (rc.probability_histogram, rc.residual_histogram):
        with pytest.raises(rc.EvaluationError, match="'a' predicts a class for each position"):
            chart(run)
    with pytest.raises(rc.EvaluationError, match=r"has targets of the shape .* for each point"):
        run.points()
    for chart in (rc.loss_histogram, rc.loss_and_metric, rc.activations):
        assert chart(run).to_dict()
    assert rc.feature_space(run, "maps" if kind == "segmented" else "lstm").to_dict()


def test_residuals_of_an_autoencoder_are_those_of_all_its_numbers(tmp_path: Path) -> None:
    made = _autoencoder()
    run = _fitted(made, tmp_path / "a.h5")
    model, X, y = made
    residuals = model.predict(X, verbose=0) - y
    np.testing.assert_allclose(run.residuals()[2], residuals, rtol=0, atol=1e-6)
    counts = run.residual_histogram(bins=10, epochs=2)
    assert counts["count"].sum() == residuals.size == POINTS * 16
    text = str(rc.residual_histogram(run).to_dict())
    assert "Residuals (of " in text
    assert "Points (of " not in text
    with pytest.raises(rc.EvaluationError, match="predicts numbers, not classes.*residual_hist"):
        rc.probability_histogram(run)


def test_residuals_of_outputs_that_are_no_predictions_are_told(tmp_path: Path) -> None:
    """A loss may read other things from the outputs than the target, such as a variance."""
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(POINTS, 2)).astype("float32"), rng.normal(size=(POINTS, 1))
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, name="output")])
    model.compile("sgd", lambda t, p: keras.ops.square(t[:, 0] - p[:, 0]) + p[:, 1] ** 2)
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5", model=model)
    with pytest.raises(
        rc.EvaluationError, match="2 outputs and 1 target for each point, so there are no residuals"
    ):
        rc.residual_histogram(run)
    assert run.losses().shape == (1, POINTS)
