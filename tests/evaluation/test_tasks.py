"""What a network's outputs are for is judged by its loss, its last layer, and their values."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import dense, small_model

import replaychart as rc


def contrastive(targets: Any, distances: Any) -> Any:
    """Similar pairs (1) should be close, other pairs (0) far apart."""
    far = keras.ops.maximum(2 - distances, 0)
    return keras.ops.mean(targets * distances**2 + (1 - targets) * far**2, axis=-1)


def of_first(targets: Any, outputs: Any) -> Any:
    """The squared error of the first output."""
    return keras.ops.mean((targets - outputs[:, :1]) ** 2, axis=-1)


def _pairs() -> tuple[list[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(60, 2)).astype("float32") for _ in range(2)]
    return X, (np.linalg.norm(X[0] - X[1], axis=1) < 1.5).astype("int64")


def _twins(last: keras.layers.Layer, loss: Any) -> keras.Model:
    """A network of two points whose last layer has no activation."""
    keras.utils.set_random_seed(0)
    first, second = keras.Input((2,), name="first"), keras.Input((2,), name="second")
    shared = keras.Sequential([keras.Input((2,)), dense(8, "tanh", "wide"), dense(2, None, "code")])
    model = keras.Model([first, second], last([shared(first), shared(second)]))
    model.compile(keras.optimizers.SGD(0.1), loss)
    return model


def _fitted(trained: keras.Model, X: Any, y: Any, path: Path, **options: Any) -> rc.Run:
    recorder = rc.Recorder(X, y, path, "a")
    trained.fit(X, y, epochs=2, batch_size=16, verbose=0, shuffle=False, callbacks=[recorder])
    return rc.open_run(path, **options)


def test_distances_are_not_probabilities(tmp_path: Path) -> None:
    X, y = _pairs()
    model = _twins(keras.layers.Dot(1, name="product"), contrastive)
    run = _fitted(model, X, y, tmp_path / "a.h5", custom_objects={"contrastive": contrastive})
    outputs = model.predict(X, verbose=0)
    assert outputs.max() > 1.1, "no probabilities"
    assert run.classes == 0
    np.testing.assert_array_equal(run.targets, y)
    np.testing.assert_allclose(run.residuals()[-1], outputs[:, 0] - y, rtol=0, atol=1e-5)
    with pytest.raises(rc.EvaluationError, match=r"its outputs, which range from"):
        rc.probability_histogram(run)
    assert rc.residual_histogram(run).to_dict()


def test_without_a_witness_the_outputs_themselves_are_judged(tmp_path: Path) -> None:
    X, y = _pairs()
    model = _twins(keras.layers.Dot(1, name="product"), "mse")
    run = _fitted(model, X, y, tmp_path / "a.h5")
    stored = rc.open_run(tmp_path / "a.h5")
    object.__setattr__(stored._stored, "witnesses", ())
    assert run.classes == stored.classes == 0


def test_a_layer_without_activation_can_give_probabilities(tmp_path: Path) -> None:
    X, y = _pairs()

    class Closeness(keras.layers.Layer):
        def call(self, both: Any) -> Any:
            apart = keras.ops.sum((both[0] - both[1]) ** 2, axis=-1, keepdims=True)
            return keras.ops.exp(-apart)

    model = _twins(Closeness(name="closeness"), contrastive)
    run = _fitted(model, X, y, tmp_path / "a.h5", model=model)
    assert run.classes == 2
    np.testing.assert_allclose(
        run.point_probabilities()[-1], model.predict(X, verbose=0)[:, 0], rtol=0, atol=1e-6
    )


def test_whole_numbers_are_classes_only_if_the_outputs_are_shares(tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(40, 2)).astype("float32")
    y = np.arange(40) % 2
    for name, shares in (("shares", True), ("spread", False)):
        keras.utils.set_random_seed(1)
        inputs = keras.Input((2,))
        mean = dense(1, "sigmoid", "mean")(inputs)
        other = 1 - mean if shares else dense(1, "sigmoid", "spread")(inputs)
        model = keras.Model(inputs, keras.layers.Concatenate(name="both")([mean, other]))
        model.compile("sgd", of_first)
        run = _fitted(model, X, y, tmp_path / f"{name}.h5", model=model)
        assert run.classes == (2 if shares else 0)


def test_a_crossentropy_of_forgotten_logits_says_so(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(20)
    model = small_model(dense(1, None, "output"))
    model.set_weights([np.full((2, 1), 9.0), np.zeros(1)])
    run = _fitted(model, X, y, tmp_path / "a.h5")
    with pytest.raises(rc.EvaluationError, match="compile the loss with from_logits=True"):
        run.probabilities()


def test_a_diverged_classifier_is_a_classifier(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(20)
    model = small_model(dense(1, "sigmoid", "output"))
    model.set_weights([np.full((2, 1), np.nan), np.zeros(1)])
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    assert rc.open_run(tmp_path / "a.h5").classes == 2
