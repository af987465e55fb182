"""A training's model is described once, as it is when the first snapshot is taken."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import dense, small_model

import replaychart as rc
from replaychart.storage.reader import read_run


class Counting(keras.Model):
    """A network with one hidden layer that counts how often its configuration is asked for."""

    def __init__(self) -> None:
        features = keras.Input((2,))
        hidden = keras.layers.Dense(2, activation="tanh", name="hidden")(features)
        output = keras.layers.Dense(1, activation="sigmoid", name="output")(hidden)
        super().__init__(features, output)
        self.asked = 0

    def get_config(self) -> dict[str, Any]:
        self.asked += 1
        return super().get_config()


def _compiled() -> Counting:
    model = Counting()
    model.compile(loss="binary_crossentropy", optimizer="sgd", metrics=["accuracy"])
    return model


X, Y = rc.datasets.parabola(16)


def _fit(model: keras.Model, path: Path, **options: Any) -> None:
    recorder = rc.Recorder(X, Y, path, "a", **options)
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[recorder])


def _fit_with_class_names(model: keras.Model, path: Path) -> None:
    _fit(model, path, class_names=["upper", "lower"])


def _append(model: keras.Model, path: Path) -> None:
    recorder = rc.Recorder(
        X, Y, path, "before", if_exists="append", class_names=["upper", "lower"]
    )  # fmt: skip
    model.fit(X, Y, initial_epoch=1, epochs=3, verbose=0, callbacks=[recorder])


def _loop(model: keras.Model, path: Path) -> None:
    with rc.Recorder(X, Y, path, "a", class_names=["upper", "lower"]) as recorder:
        for epoch in range(3):
            recorder.snapshot(model, epoch)


def _at_once(model: keras.Model, path: Path) -> None:
    rc.Recorder(X, Y, path, "a", model=model, class_names=["upper", "lower"])


@pytest.mark.parametrize("record", [_fit, _fit_with_class_names, _append, _loop, _at_once])
def test_configuration_of_the_model_is_asked_for_once(
    record: Callable[[keras.Model, Path], None], tmp_path: Path
) -> None:
    model = _compiled()
    before = rc.Recorder(X, Y, tmp_path / "a.h5", "before", class_names=["upper", "lower"])
    model.fit(X, Y, epochs=1, verbose=0, callbacks=[before])
    model.asked = 0
    record(model, tmp_path / "a.h5")
    assert model.asked == 1


class _Freezing(keras.callbacks.Callback):
    """Freezes a layer and slows the training down, after the recorder has checked the model."""

    def on_train_begin(self, logs: Any = None) -> None:
        self.model.get_layer("hidden").trainable = False
        self.model.optimizer.learning_rate = 0.125


def test_description_is_that_of_the_first_snapshot(tmp_path: Path) -> None:
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    recorder = rc.Recorder(X, Y, tmp_path / "a.h5", "a")
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[recorder, _Freezing()])
    stored = read_run(tmp_path / "a.h5", "a")
    layers = json.loads(stored.architecture)["config"]["layers"]
    trainable = {layer["config"]["name"]: layer["config"].get("trainable") for layer in layers}
    assert (trainable["hidden"], trainable["output"]) == (False, True)
    optimizer = json.loads(stored.compile_config)["optimizer"]
    assert optimizer["config"]["learning_rate"] == 0.125
    hidden = stored.weights()[0]
    np.testing.assert_array_equal(hidden[0], hidden[-1])


class BuiltLate(keras.Model):
    """Makes its layer's weights when it is called; its metrics are built by the first batch."""

    def __init__(self) -> None:
        super().__init__()
        self.output_layer = keras.layers.Dense(1, activation="sigmoid", name="output")

    def call(self, inputs: Any) -> Any:
        return self.output_layer(inputs)


def test_model_and_metrics_that_are_built_late_are_described_whole(tmp_path: Path) -> None:
    model = BuiltLate()
    model.compile(
        loss="binary_crossentropy", optimizer="sgd", metrics=["accuracy", keras.metrics.AUC()]
    )
    recorder = rc.Recorder(X, Y, tmp_path / "a.h5", "a")
    history = model.fit(X, Y, epochs=2, verbose=0, callbacks=[recorder]).history
    stored = read_run(tmp_path / "a.h5", "a")
    assert [variable.shape for variable in stored.recorded_variables] == [(2, 1), (1,)]
    assert {variable.layer for variable in stored.recorded_variables} == {"output"}
    assert set(stored.details["metrics"]) == {"accuracy", "auc"} == set(history) - {"loss"}


def test_values_that_hdf5_cannot_hold_are_stored_exactly_as_float32(tmp_path: Path) -> None:
    layer = keras.layers.Dense(1, activation="sigmoid", name="output", dtype="bfloat16")
    model = small_model(layer)
    rc.Recorder(X, Y, tmp_path / "a.h5", "a", model=model)
    stored = read_run(tmp_path / "a.h5", "a")
    assert [variable.dtype for variable in stored.recorded_variables] == ["float32", "float32"]
    kernel = keras.ops.convert_to_numpy(keras.ops.cast(layer.kernel, "float32"))
    np.testing.assert_array_equal(stored.weights()[0][0], kernel)
    assert np.abs(kernel).max() > 0
