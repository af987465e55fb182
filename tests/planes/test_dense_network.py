"""Networks of dense layers are computed from their weights, and others are not mistaken for one."""

from pathlib import Path

import keras
import numpy as np
import pytest
from support.training import Training, dense, small_model, train

import replaychart as rc


@pytest.fixture(scope="module")
def activations(tmp_path_factory: pytest.TempPathFactory) -> Training:
    """Every activation that is known, in layers and between them."""
    keras.utils.set_random_seed(8)
    X = np.random.default_rng(1).normal(size=(40, 3)).astype("float32")
    y = np.arange(40) % 3
    layers = keras.layers
    model = small_model(
        dense(4, "elu", "layer_0"),
        dense(4, "silu", "layer_1"),
        layers.Dropout(0.2),
        dense(4, "softplus", "layer_2"),
        layers.Dense(4, use_bias=False),
        layers.ReLU(),
        dense(4, "softsign", "layer_3"),
        dense(4, "sigmoid", "layer_4"),
        layers.Activation("tanh"),
        dense(3, "softmax", "layer_5"),
        loss="sparse_categorical_crossentropy",
        features=3,
    )
    path = tmp_path_factory.mktemp("activations") / "activations.h5"
    return train(path, "activations", model, X, y)


def test_dense_network_equals_keras(activations: Training) -> None:
    run = activations.open()
    network = run.planes.dense_network
    assert network is not None
    points = np.random.default_rng(2).normal(size=(30, 3)).astype("float32") * 3
    for snapshot in range(len(activations.weights)):
        model = activations.at(snapshot)
        every = keras.Model(model.inputs, [layer.output for layer in model.layers])
        for layer, expected in zip(model.layers, every.predict(points, verbose=0), strict=True):
            (own,) = network.outputs(points, [snapshot], layer.name)
            np.testing.assert_allclose(own, expected, atol=2e-6)
    assert network.numbers == sum(array.size for array in activations.weights[0])


def test_other_networks_are_not_dense(
    branches: Training, images: Training, two_inputs: Training
) -> None:
    for training in (branches, images, two_inputs):
        assert training.open().planes.dense_network is None


def test_layer_that_is_called_twice_is_not_mistaken_for_a_chain(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    keras.utils.set_random_seed(1)
    inputs = keras.Input((2,))
    twice = keras.layers.Dense(2, "tanh", name="twice")
    outputs = keras.layers.Dense(1, "sigmoid", name="output")(twice(twice(inputs)))
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "binary_crossentropy")
    X = np.random.default_rng(0).normal(size=(20, 2)).astype("float32")
    path = tmp_path_factory.mktemp("twice") / "twice.h5"
    training = train(path, "twice", model, X, (X[:, 0] > 0).astype(int), epochs=1)
    assert training.open().planes.dense_network is None


def test_run_without_a_model_is_not_dense(parabola: Training, tmp_path: Path) -> None:
    run, path = parabola.open(), tmp_path / "outputs.h5"
    with rc.record_outputs(path, "outputs", inputs=run.inputs, targets=run.targets) as outputs:
        outputs.snapshot(0, probabilities=run.outputs()[0])
    assert rc.open_run(path).planes.dense_network is None
