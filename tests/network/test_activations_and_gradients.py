"""Activations, pre-activations and gradients agree with what Keras computes with the weights."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow
from support.training import EPOCHS, Training, dense, train

import replaychart as rc

L = keras.layers


@pytest.fixture(scope="session")
def activated(directory: Path) -> Training:
    """Every place that an activation can stand in, regularization, and logits."""
    keras.utils.set_random_seed(11)
    inputs = keras.Input((4,))
    fused = L.Dense(3, activation="relu", name="fused", kernel_regularizer="l2")(inputs)
    plain = L.Dense(3, name="plain")(inputs)
    behind = L.Activation("tanh", name="behind")(plain)
    normal = L.BatchNormalization(name="normal")(L.Dense(3, name="normalized")(inputs))
    leaky = L.LeakyReLU(name="leaky")(L.Dropout(0.2, name="dropped")(normal))
    rectified = L.ReLU(name="rectified")(L.Dense(2, name="before_relu")(inputs))
    operation = keras.ops.sigmoid(L.Dense(2, name="before_operation")(inputs))
    both = L.Concatenate(name="both")([fused, behind, leaky, rectified, operation])
    model = keras.Model(inputs, L.Dense(3, name="logits", activity_regularizer="l2")(both))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(loss=loss, optimizer=keras.optimizers.SGD(0.3))
    rng = np.random.default_rng(2)
    X = rng.normal(size=(70, 4)).astype("float32")
    return train(directory / "activated.h5", "activated", model, X, X[:, :3].argmax(axis=1))


def _of_keras(model: keras.Model, tensor: Any, X: np.ndarray) -> np.ndarray:
    return keras.Model(model.inputs, tensor).predict(X, verbose=0)


def _of_run(run: rc.Run, kind: str, layer: str, epoch: int) -> np.ndarray:
    frame = run.distributions(kind, layers=[layer], epochs=epoch)
    return frame.pivot_table(index="point", columns="unit", values="value").to_numpy()


@pytest.mark.parametrize(
    ("layer", "before", "behind"),
    [
        ("plain", "plain", "behind"),
        ("normalized", "dropped", "leaky"),
        ("before_relu", "before_relu", "rectified"),
        ("logits", "logits", "logits"),
    ],
)
def test_activations_behind_a_layer(
    layer: str, before: str, behind: str, activated: Training
) -> None:
    run = activated.open()
    for epoch in (0, EPOCHS):
        model = activated.at(epoch)
        for kind, name in (("pre_activations", before), ("activations", behind)):
            expected = _of_keras(model, model.get_layer(name).output, activated.X)
            np.testing.assert_allclose(_of_run(run, kind, layer, epoch), expected, atol=1e-6)


def test_fused_activation(activated: Training) -> None:
    run, model = activated.open(), activated.at(EPOCHS)
    kernel, bias = model.get_layer("fused").get_weights()
    expected = activated.X @ kernel + bias
    np.testing.assert_allclose(
        _of_run(run, "pre_activations", "fused", EPOCHS), expected, atol=1e-6
    )
    np.testing.assert_allclose(
        _of_run(run, "activations", "fused", EPOCHS), np.maximum(expected, 0), atol=1e-6
    )


def test_activation_that_is_an_operation(activated: Training) -> None:
    run, model = activated.open(), activated.at(2)
    expected = _of_keras(model, model.get_layer("before_operation").output, activated.X)
    np.testing.assert_allclose(
        _of_run(run, "pre_activations", "before_operation", 2), expected, atol=1e-6
    )
    np.testing.assert_allclose(
        _of_run(run, "activations", "before_operation", 2), 1 / (1 + np.exp(-expected)), atol=1e-6
    )


def test_the_user_s_model_is_left_alone(activated: Training) -> None:
    model = activated.at(0)
    weights = [weight.copy() for weight in model.get_weights()]
    run = activated.open(model=model)
    run.distributions("pre_activations", epochs=[0, EPOCHS])
    run.distributions("gradients", epochs=EPOCHS)
    assert model.get_layer("fused").activation is keras.activations.relu
    assert model.get_layer("fused").output is not None
    for kept, weight in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, weight)


@pytest.mark.parametrize("name", ["activated", "branches", "one_hot", "three", "subclassed"])
def test_gradients_are_those_of_the_model_s_own_loss(
    name: str, request: pytest.FixtureRequest
) -> None:
    training: Training = request.getfixturevalue(name)
    run, model = training.open(), training.at(EPOCHS)
    kernels = {layer.name: layer.kernel for layer in model.layers if hasattr(layer, "kernel")}
    targets = training.y if training.y.ndim > 1 else training.y[:, None]
    with tensorflow.GradientTape() as tape:
        loss = model.compute_loss(training.X, targets, model(training.X, training=False))
    found = tape.gradient(loss, [kernel.value for kernel in kernels.values()])
    frame = run.distributions("gradients", epochs=EPOCHS)
    assert frame["layer"].unique().tolist() == list(kernels)
    for layer, gradient in zip(kernels, found, strict=True):
        own = frame[frame["layer"] == layer]
        values = own.pivot_table(index="input", columns="unit", values="value").to_numpy()
        np.testing.assert_allclose(values, gradient.numpy(), atol=1e-6)


def test_gradients_do_not_depend_on_the_batches(
    activated: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    regularized = keras.layers.ActivityRegularization(l2=1.0)
    regularized(np.ones((2, 1), "float32"))
    if float(regularized.losses[0]) != 1:
        pytest.skip("this version of Keras adds an activity regularization up over the batch")
    whole = activated.open().distributions("gradients", epochs=[0, EPOCHS])
    monkeypatch.setattr("replaychart.network.batches.VALUES_PER_BATCH", 4 * 11)
    pieces = activated.open().distributions("gradients", epochs=[0, EPOCHS])
    # Keras divides an activity regularization by the batch: so does each piece.
    np.testing.assert_allclose(pieces["value"], whole["value"], atol=1e-6)


def test_activations_do_not_depend_on_the_batches(
    activated: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = activated.open()
    layers, points = run.layers[:2], [activated.X[:9], activated.X[20:25], activated.X[:1]]
    snapshots = [0, 3, EPOCHS]

    def activations() -> Iterator[list[np.ndarray]]:
        network = activated.open()._network.rebuilt("")
        for own in network.layers_by_snapshot(layers, points, snapshots, before_activation=False):
            yield [np.concatenate(batches) for batches in own]

    every = list(activations())
    assert [[len(values) for values in own] for own in every] == [[9, 9], [5, 5], [1, 1]]
    monkeypatch.setattr("replaychart.network.batches.VALUES_PER_BATCH", 4 * activated.X.shape[1])
    for own, pieces in zip(every, activations(), strict=True):
        for values, joined in zip(own, pieces, strict=True):
            np.testing.assert_allclose(joined, values, atol=1e-6)


def test_gradients_of_a_loss_that_is_summed(directory: Path) -> None:
    keras.utils.set_random_seed(12)
    model = keras.Sequential([keras.Input((2,)), dense(3, "tanh", "hidden"), dense(1, None, "out")])
    model.compile(loss=keras.losses.MeanSquaredError(reduction="sum"), optimizer="sgd")
    X = np.random.default_rng(0).normal(size=(40, 2)).astype("float32")
    y = X.sum(axis=1)
    rc.Recorder(X, y, directory / "summed.h5", "summed", model=model)
    run = rc.open_run(directory / "summed.h5")
    with tensorflow.GradientTape() as tape:
        loss = tensorflow.reduce_sum((model(X)[:, 0] - y) ** 2)
    kernel = model.get_layer("hidden").kernel.value
    expected = tape.gradient(loss, kernel).numpy()
    own = run.distributions("gradients", layers=["hidden"])["value"].to_numpy()
    np.testing.assert_allclose(own.reshape(2, 3), expected, rtol=1e-5)


def test_convolutions_and_recurrent_layers(directory: Path) -> None:
    keras.utils.set_random_seed(13)
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            L.Conv2D(3, 3, activation="relu", name="convolution"),
            L.SeparableConv2D(2, 2, name="separable"),
            L.ReLU(name="rectified"),
            L.Reshape((9, 2), name="reshaped"),
            L.LSTM(4, name="recurrent"),
            dense(1, "sigmoid", "output"),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer="sgd")
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(9, 6, 6, 2)).astype("float32"), rng.integers(0, 2, 9)
    rc.Recorder(X, y, directory / "layers.h5", "layers", model=model)
    run = rc.open_run(directory / "layers.h5")

    pre_activations = run.distributions("pre_activations")
    assert pre_activations["layer"].unique().tolist() == ["convolution", "separable", "output"]
    own = pre_activations[pre_activations["layer"] == "convolution"]["value"].to_numpy()
    convolved = keras.ops.conv(X, model.layers[0].kernel) + model.layers[0].bias
    np.testing.assert_allclose(own, np.asarray(convolved).ravel(), atol=1e-5)
    activations = run.distributions("activations", layers=["separable"])["value"].to_numpy()
    expected = _of_keras(model, model.get_layer("rectified").output, X)
    np.testing.assert_allclose(activations, expected.ravel(), atol=1e-6)

    weights = run.distributions("weights", layers=["recurrent", "separable"])
    assert weights.groupby("layer", sort=False)["variable"].unique().map(list).to_dict() == {
        "separable": ["depthwise_kernel", "pointwise_kernel"],
        "recurrent": ["lstm_cell/kernel", "lstm_cell/recurrent_kernel"],
    }
    recurrent = weights[weights["variable"] == "lstm_cell/recurrent_kernel"]
    np.testing.assert_array_equal(
        recurrent["value"].to_numpy().reshape(4, 16),
        model.get_layer("recurrent").cell.recurrent_kernel.numpy(),
    )
    with pytest.raises(rc.ArgumentError, match="layers must be one of 'convolution', 'separable'"):
        run.distributions("pre_activations", layers=["recurrent"])


def test_a_subclassed_model_has_weights_and_gradients_only(subclassed: Training) -> None:
    run = subclassed.open()
    assert run.distributions("weights")["layer"].unique().tolist() == ["first", "last"]
    for kind in ("activations", "pre_activations"):
        with pytest.raises(rc.EvaluationError, match="subclassed"):
            run.distributions(kind)
