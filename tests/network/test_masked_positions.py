"""Steps that only fill sequences up count for no loss and no metric, as with Keras."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import replaychart as rc

POINTS = 30


def _padded() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.integers(1, 9, (POINTS, 6))
    for row, length in zip(X, rng.integers(1, 7, POINTS), strict=True):
        row[length:] = 0
    return X, (X > 4).astype(int)


def _model(units: int, **compiled: Any) -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Embedding(9, 3, mask_zero=True, name="embedding"),
        keras.layers.LSTM(4, return_sequences=True, name="lstm"),
        keras.layers.Dense(units, activation="sigmoid" if units == 1 else "softmax", name="output"),
    ]
    model = keras.Sequential([keras.Input((6,), dtype="int32"), *layers])
    loss = "binary_crossentropy" if units == 1 else "sparse_categorical_crossentropy"
    compiled = {"loss": loss, "metrics": ["accuracy"], **compiled}
    model.compile(optimizer=keras.optimizers.Adam(0.1), **compiled)
    return model


def _replayed(run: rc.Run, epoch: int) -> dict[str, float]:
    history = run.history().query("source == 'replay'")
    own = history[history["epoch"] == epoch]
    return dict(zip(own["name"], own["value"], strict=True))


@pytest.mark.parametrize(
    ("units", "weighted"),
    [(1, True), (2, False)]
    + [pytest.param(*rest, marks=pytest.mark.thorough) for rest in ((1, False), (2, True))],
)
def test_history_is_that_of_keras(units: int, weighted: bool, tmp_path: Path) -> None:
    X, y = _padded()
    y = y[..., None]
    weights: dict[str, Any] = {}
    compiled: dict[str, Any] = {}
    if weighted:
        weights = {"sample_weight": np.random.default_rng(1).uniform(0.1, 2, POINTS)}
        compiled = {"weighted_metrics": ["accuracy", "mse"] if units == 1 else ["accuracy"]}
    model = _model(units, **compiled)
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a", **weights)
    # Keras itself wants weights of as many axes as there are losses.
    given = {name: values[:, None] for name, values in weights.items()}
    model.fit(X, y, epochs=3, verbose=0, callbacks=[recorder], **given)
    run = rc.open_run(tmp_path / "a.h5")
    evaluated = model.evaluate(X, y, batch_size=POINTS, verbose=0, return_dict=True, **given)
    assert _replayed(run, 3) == pytest.approx(evaluated, abs=1e-6)
    run.store()
    assert _replayed(rc.open_run(tmp_path / "a.h5"), 3) == pytest.approx(evaluated, abs=1e-6)


def test_losses_of_points_are_those_of_the_steps_that_count(tmp_path: Path) -> None:
    X, y = _padded()
    model = _model(2)
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    losses = rc.open_run(tmp_path / "a.h5").losses()[0]
    lengths = (X > 0).sum(axis=1)
    assert len(set(lengths)) > 3
    for point in (0, 5, 11):
        alone = slice(point, point + 1)
        evaluated = model.evaluate(X[alone], y[alone], verbose=0, return_dict=True)["loss"]
        expected = evaluated * lengths[point] / lengths.mean()
        assert losses[point] == pytest.approx(expected, abs=1e-6)


def test_gradients_are_those_of_the_steps_that_count(tmp_path: Path) -> None:
    import tensorflow

    X, y = _padded()
    model = _model(2)
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5")
    found = run.distributions("gradients", layers=["output"])["value"].to_numpy()
    kernel = model.get_layer("output").kernel
    with tensorflow.GradientTape() as tape:
        loss = model.compute_loss(X, y, model(X))
    expected = keras.ops.convert_to_numpy(tape.gradient(loss, kernel.value))
    np.testing.assert_allclose(found, expected.ravel(), rtol=0, atol=1e-6)
