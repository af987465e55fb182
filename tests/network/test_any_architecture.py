"""Whatever the architecture: frames say what Keras computes with the recorded weights."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from support.any_network import AnyNetwork, Recorded, given_by, networks

# Each example is a network of its own, which costs more than other examples do.
examples = settings(max_examples=settings().max_examples // 7)


def _probabilities(network: AnyNetwork, outputs: np.ndarray) -> np.ndarray:
    if network.head == "one logit":
        outputs = keras.ops.convert_to_numpy(keras.ops.sigmoid(outputs))
    if network.head == "sparse logits":
        outputs = keras.ops.convert_to_numpy(keras.ops.softmax(outputs))
    return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs


def _labels(recorded: Recorded) -> np.ndarray:
    return recorded.y.argmax(axis=1) if recorded.y.ndim > 1 else recorded.y


def _losses(network: AnyNetwork, recorded: Recorded, model: keras.Model) -> np.ndarray:
    """The loss of each point alone, of outputs as the model gives them to its loss."""
    loss: Any = keras.losses.get(network.loss())
    targets = recorded.y[:, None] if recorded.y.ndim == 1 else recorded.y
    return np.array(
        [
            float(keras.ops.mean(loss(targets[[i]].astype("float32"), model(recorded.X[[i]]))))
            for i in range(len(targets))
        ]
    )


@examples
@given(network=networks())
def test_frames_are_those_of_keras(network: AnyNetwork, directory: Path) -> None:
    recorded = network.record(directory)
    run = recorded.run
    frame = run.points()
    assert run.epochs.tolist() == list(network.epochs)
    assert len(frame) == len(network.epochs) * network.points
    assert (frame["target"].to_numpy().reshape(-1, network.points) == _labels(recorded)).all()
    for snapshot, epoch in enumerate(network.epochs):
        model = recorded.at(snapshot)
        outputs = given_by(model, recorded.X)
        own = frame[frame["epoch"] == epoch]
        assert own["point"].tolist() == list(range(network.points))
        np.testing.assert_array_equal(own.filter(regex="^x|^y"), recorded.X)
        losses = _losses(network, recorded, model)
        np.testing.assert_allclose(own["loss"], losses, rtol=1e-5, atol=2e-6)
        if network.head == "number":
            np.testing.assert_allclose(own["prediction"], outputs[:, 0], rtol=1e-5, atol=1e-6)
            continue
        probabilities = _probabilities(network, outputs)
        np.testing.assert_allclose(
            run.probabilities(epochs=epoch)[0], probabilities, rtol=0, atol=1e-6
        )
        binary = probabilities.shape[1] == 2
        expected = probabilities[:, 1] if binary else _of_the_true(probabilities, recorded)
        np.testing.assert_allclose(own["probability"], expected, rtol=0, atol=1e-6)
        ranked = np.sort(probabilities, axis=1)
        sure = ranked[:, -1] - ranked[:, -2] > 1e-5
        np.testing.assert_array_equal(
            own["prediction"][sure.tolist()], probabilities.argmax(axis=1)[sure]
        )


def _of_the_true(probabilities: np.ndarray, recorded: Recorded) -> np.ndarray:
    return probabilities[np.arange(len(probabilities)), _labels(recorded)]


@examples
@given(network=networks())
def test_layers_weights_and_curves_are_those_of_keras(network: AnyNetwork, directory: Path) -> None:
    recorded = network.record(directory)
    run = recorded.run
    outputs = {layer: run.coordinates(layer) for layer in run.layers}
    weights = run.distributions("weights")
    curves = {name: run.curves.values(name, source="replay") for name in run.curves.names("replay")}
    for snapshot, epoch in enumerate(network.epochs):
        model = recorded.at(snapshot)
        for layer in run.layers:
            expected = given_by(recorded.part(None, layer), recorded.X)
            np.testing.assert_allclose(outputs[layer][snapshot], expected, rtol=1e-5, atol=2e-6)
        for layer in set(weights["layer"]):
            own = weights[(weights["layer"] == layer) & (weights["epoch"] == epoch)]
            kernel = model.get_layer(layer).get_weights()[0]
            np.testing.assert_array_equal(own["value"], kernel.ravel())
        evaluated = model.evaluate(
            recorded.X, recorded.y, verbose=0, batch_size=network.points, return_dict=True
        )
        for name, values in curves.items():
            assert np.isclose(values[snapshot], evaluated[name], rtol=1e-5, atol=2e-6), name


@pytest.mark.thorough
@examples
@given(network=networks(heads=("sigmoid", "softmax", "sparse logits", "number")))
def test_histograms_count_every_point_once(network: AnyNetwork, directory: Path) -> None:
    run = network.record(directory).run
    frames = {"loss": run.loss_histogram(bins=7)}
    if network.head == "number":
        frames["residual"] = run.residual_histogram(bins=9)
    else:
        frames["probability"] = run.probability_histogram(bins=5)
    for name, frame in frames.items():
        counted = frame.groupby("epoch")["count"].sum()
        assert counted.tolist() == [network.points] * len(network.epochs), name
        if name == "probability":
            for target, own in frame.groupby("target"):
                each = own.groupby("epoch")["count"].sum()
                assert (each == (run.targets == target).sum()).all()
