"""Layers that learn from data before the training are rebuilt as they were, or told."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import dense, small_model

import replaychart as rc


def _record(path: Path, model: keras.Model, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Record an untrained model, and return what Keras predicts."""
    rc.Recorder(X, y, path, "adapted", model=model)
    return model.predict(X, verbose=0)[:, 0]


def _numbers() -> tuple[np.ndarray, np.ndarray]:
    X = np.random.default_rng(0).normal(3, 2, (40, 1)).astype("float32")
    return X, (X[:, 0] > 3).astype(int)


def test_adapted_discretization_keeps_its_boundaries(tmp_path: Path) -> None:
    X, y = _numbers()
    bins = keras.layers.Discretization(num_bins=4)
    bins.adapt(X)
    encoded = keras.layers.CategoryEncoding(5, output_mode="one_hot")
    model = small_model(bins, encoded, dense(1, "sigmoid", "output"), features=1)
    expected = _record(tmp_path / "a.h5", model, X, y)
    assert len(np.unique(expected)) == 4
    run = rc.open_run(tmp_path / "a.h5")
    np.testing.assert_allclose(run.probabilities()[0, :, 1], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("wrapped", [False, True])
def test_adapted_normalization_keeps_its_mean(wrapped: bool, tmp_path: Path) -> None:
    X, y = _numbers()
    normal = keras.layers.Normalization()
    normal.adapt(X)
    layers: list[Any] = [normal, dense(1, "sigmoid", "output")]
    if wrapped:
        flat = [keras.layers.Reshape((1, 1)), keras.layers.TimeDistributed(normal)]
        layers = [*flat, keras.layers.Flatten(), layers[-1]]
    expected = _record(tmp_path / "a.h5", small_model(*layers, features=1), X, y)
    run = rc.open_run(tmp_path / "a.h5")
    np.testing.assert_allclose(run.probabilities()[0, :, 1], expected, rtol=0, atol=1e-6)


def test_given_normalization_and_boundaries_are_kept(tmp_path: Path) -> None:
    X, y = _numbers()
    normal = keras.layers.Normalization(mean=[3.0], variance=[4.0])
    bins = keras.layers.Discretization(bin_boundaries=[-1.0, 0.0, 1.0])
    encoded = keras.layers.CategoryEncoding(4, output_mode="one_hot")
    model = small_model(normal, bins, encoded, dense(1, "sigmoid", "output"), features=1)
    expected = _record(tmp_path / "a.h5", model, X, y)
    run = rc.open_run(tmp_path / "a.h5")
    np.testing.assert_allclose(run.probabilities()[0, :, 1], expected, rtol=0, atol=1e-6)


def _lookup_model(lookup: keras.layers.Layer) -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((2,), dtype="int64"),
            lookup,
            keras.layers.Embedding(8, 2),
            keras.layers.Flatten(),
            dense(1, "sigmoid", "output"),
        ]
    )
    model.compile("sgd", "binary_crossentropy")
    return model


def _tokens() -> tuple[np.ndarray, np.ndarray]:
    X = np.random.default_rng(0).integers(5, 9, (40, 2))
    return X, (X[:, 0] > 6).astype(int)


def test_given_vocabulary_is_kept(tmp_path: Path) -> None:
    X, y = _tokens()
    model = _lookup_model(keras.layers.IntegerLookup(vocabulary=[5, 7, 8]))
    expected = _record(tmp_path / "a.h5", model, X, y)
    run = rc.open_run(tmp_path / "a.h5")
    np.testing.assert_allclose(run.probabilities()[0, :, 1], expected, rtol=0, atol=1e-6)


def test_learned_vocabulary_is_asked_for(tmp_path: Path) -> None:
    X, y = _tokens()
    lookup = keras.layers.IntegerLookup(name="tokens")
    lookup.adapt(X)
    model = _lookup_model(lookup)
    expected = _record(tmp_path / "a.h5", model, X, y)
    with pytest.raises(
        rc.EvaluationError, match=r"'tokens' \(IntegerLookup\) learned its vocabulary.*model="
    ):
        rc.open_run(tmp_path / "a.h5").probabilities()
    run = rc.open_run(tmp_path / "a.h5", model=model)
    np.testing.assert_allclose(run.probabilities()[0, :, 1], expected, rtol=0, atol=1e-6)
