"""Models with several inputs, replayed: what Keras itself computes is the measure."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import EPOCHS, Training, dense

import replaychart as rc


@pytest.fixture(params=["two_inputs", "image_and_features", "tokens_and_features"])
def training(request: pytest.FixtureRequest) -> Training:
    return request.getfixturevalue(request.param)


def _predicted(model: keras.Model, X: Any) -> np.ndarray:
    return model.predict(X, verbose=0)


def test_predictions_losses_and_metrics_are_those_of_keras(training: Training) -> None:
    run = training.open()
    losses = run.losses().mean(axis=1)
    metric = "mae" if run.classes == 0 else "accuracy"
    values = run.curves.values(metric, source="replay")
    for snapshot in range(EPOCHS + 1):
        model = training.at(snapshot)
        outputs = run._evaluations.predictions([snapshot])[0]
        np.testing.assert_allclose(outputs, _predicted(model, training.X), rtol=0, atol=1e-6)
        loss, value = model.evaluate(training.X, training.y, verbose=0, batch_size=1000)
        assert losses[snapshot] == pytest.approx(loss, rel=1e-6)
        assert values[snapshot] == pytest.approx(value, rel=1e-6)
    assert run.points().shape[0] == (EPOCHS + 1) * len(training.y)


def test_layers_are_those_of_keras(training: Training) -> None:
    """Also those that only some of the inputs lead to."""
    run = training.open()
    for layer in run.layers:
        part = keras.Model(training.model.inputs, training.model.get_layer(layer).output)
        for snapshot in (0, EPOCHS):
            training.at(snapshot)
            inputs = [run.inputs[tensor.name] for tensor in part.inputs]
            expected = _predicted(part, inputs).reshape(len(training.y), -1)
            found = run.coordinates(layer, epochs=snapshot)[0]
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_activations_and_pre_activations(two_inputs: Training) -> None:
    run, model = two_inputs.open(), two_inputs.at(EPOCHS)
    after = run.distributions("activations", layers=["left"], inputs=True, epochs=EPOCHS)
    before = run.distributions("pre_activations", layers=["left"], epochs=EPOCHS)
    kernel, bias = model.get_layer("left").get_weights()
    expected = two_inputs.X[0] @ kernel + bias
    np.testing.assert_allclose(before["value"], expected.ravel(), rtol=0, atol=1e-5)
    of_layer = after[after["layer"] == "left"]["value"]
    np.testing.assert_allclose(of_layer, np.tanh(expected).ravel(), rtol=0, atol=1e-5)
    of_inputs = after[after["layer"] == "inputs"]["value"]
    np.testing.assert_allclose(of_inputs, np.hstack(two_inputs.X).ravel(), rtol=1e-6)


def test_gradients_are_those_of_keras(training: Training) -> None:
    import tensorflow as tf

    run, model = training.open(), training.at(3)
    inputs = [run.inputs[tensor.name] for tensor in model.inputs]
    structure = keras.tree.pack_sequence_as(model.input, inputs)
    loss = keras.losses.get(model.loss)
    kernels = [weight for weight in model.weights if weight.path.endswith(("kernel", "embeddings"))]
    with tf.GradientTape() as tape:
        outputs = model(structure, training=False)
        y = training.y[:, None].astype("float32" if run.classes == 0 else "int64")
        values = tf.reduce_mean(loss(y, outputs))
    gradients = tape.gradient(values, [kernel.value for kernel in kernels])
    expected = np.concatenate(
        [tf.convert_to_tensor(gradient).numpy().ravel() for gradient in gradients]
    )
    found = run.distributions("gradients", epochs=3)["value"].to_numpy()
    np.testing.assert_allclose(np.sort(found), np.sort(expected), rtol=1e-3, atol=1e-6)


def test_large_inputs_are_evaluated_in_batches(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, gradients = training.open().losses(), training.open().distributions("gradients")
    monkeypatch.setattr("replaychart.network.batches.VALUES_PER_BATCH", 200)
    np.testing.assert_allclose(training.open().losses(), whole, rtol=1e-5, atol=1e-6)
    again = training.open().distributions("gradients")
    np.testing.assert_allclose(again["value"], gradients["value"], rtol=1e-3, atol=1e-6)


def test_whether_the_rest_of_the_network_needs_a_layer_alone(two_inputs: Training) -> None:
    run = two_inputs.open()
    continues = {layer: run.planes.continues_from(layer) for layer in run.layers}
    assert continues == {
        "left": False,
        "right": False,
        "both": True,
        "plane": True,
        "output": True,
    }


class Joined(keras.Model):
    """Takes its inputs by name, or in a list, and connects them by code."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.narrow = keras.layers.Dense(2, activation="tanh", name="narrow")
        self.last = keras.layers.Dense(1, activation="sigmoid", name="last")

    def call(self, inputs: Any) -> Any:
        wide, other = (
            (inputs["wide"], inputs["other"]) if isinstance(inputs, dict) else tuple(inputs)
        )
        return self.last(keras.ops.concatenate([self.narrow(wide), other], axis=-1))


@pytest.mark.parametrize("form", ["list", "mapping"])
def test_subclassed_models(form: str, two_inputs: Training, tmp_path: Path) -> None:
    wide, other = two_inputs.X
    X = [wide, other] if form == "list" else {"wide": wide, "other": other}
    keras.utils.set_random_seed(1)
    model = Joined()
    model.compile("sgd", "binary_crossentropy")
    recorder = rc.Recorder(X, two_inputs.y, tmp_path / "a.h5", "a")
    model.fit(X, two_inputs.y, verbose=0, callbacks=[recorder])
    for options in ({"custom_objects": {"Joined": Joined}}, {"model": model}):
        run = rc.open_run(tmp_path / "a.h5", **options)
        assert list(run.inputs) == (["input 1", "input 2"] if form == "list" else list(X))
        expected = _predicted(model, X)[:, 0]
        np.testing.assert_allclose(run.probabilities()[1, :, 1], expected, rtol=0, atol=1e-6)
        first, last = run.feature_names[0], run.feature_names[-1]
        boundary = run.boundary(features=(first, last), epochs=1)
        held = [np.tile(np.median(array, axis=0), (len(boundary), 1)) for array in two_inputs.X]
        held[0][:, 0], held[1][:, -1] = boundary["x"], boundary["y"]
        moved = held if form == "list" else dict(zip(X, held, strict=True))
        assert len(boundary) > 1
        np.testing.assert_allclose(_predicted(model, moved), 0.5, atol=1e-3)
        assert len(run.distributions("gradients", epochs=0)) == 6 + 4


def test_one_layer_for_both_inputs(two_inputs: Training, tmp_path: Path) -> None:
    """A layer that is called twice is shown as its first call has it."""
    keras.utils.set_random_seed(2)
    left, right = keras.Input((2,), name="left"), keras.Input((2,), name="right")
    shared = dense(3, "tanh", "shared")
    distance = keras.layers.Subtract()([shared(left), shared(right)])
    model = keras.Model([left, right], dense(1, "sigmoid", "same")(distance))
    model.compile("sgd", "binary_crossentropy")
    X = [two_inputs.X[0][:, :2], two_inputs.X[1]]
    rc.Recorder(X, two_inputs.y, tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5")
    np.testing.assert_allclose(
        run.probabilities()[0, :, 1], _predicted(model, X)[:, 0], rtol=0, atol=1e-6
    )
    expected = keras.ops.convert_to_numpy(shared(X[0]))
    np.testing.assert_allclose(run.coordinates("shared")[0], expected, rtol=0, atol=1e-6)
    assert not run.planes.continues_from("shared")


def test_a_given_model_may_have_its_inputs_in_another_order(two_inputs: Training) -> None:
    zeta, beta = keras.Input((3,), name="zeta"), keras.Input((2,), name="beta")
    both = keras.layers.Concatenate()([dense(4, "tanh", "a")(zeta), dense(2, "tanh", "b")(beta)])
    model = keras.Model([beta, zeta], dense(1, "sigmoid", "d")(dense(2, "tanh", "c")(both)))
    run = two_inputs.open()
    shapes = [weight.shape for weight in model.weights]
    assert shapes == [weight.shape for weight in two_inputs.model.weights]
    given = two_inputs.open(model=model)
    np.testing.assert_allclose(given.probabilities(), run.probabilities(), rtol=0, atol=1e-6)


def test_a_model_with_other_inputs_is_told(two_inputs: Training) -> None:
    whole = keras.Input((3,), name="whole")
    both = keras.layers.Concatenate()(
        [dense(4, "tanh", "a")(whole), dense(2, "tanh", "b")(whole[:, :2])]
    )
    model = keras.Model(whole, dense(1, "sigmoid", "d")(dense(2, "tanh", "c")(both)))
    with pytest.raises(rc.EvaluationError, match="has 1 inputs, but the recording of .* has 2"):
        two_inputs.open(model=model).probabilities()
