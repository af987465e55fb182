"""Losses, metrics and layers that are not part of Keras are used as Keras uses them."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import dense, small_model

import replaychart as rc


class Power(keras.losses.Loss):
    """A loss with a setting of its own, which is not registered with Keras."""

    def __init__(self, power: float = 3.0, **options: Any) -> None:
        super().__init__(**options)
        self.power = power

    def call(self, y_true: Any, y_pred: Any) -> Any:
        off = keras.ops.abs(keras.ops.cast(y_true, y_pred.dtype) - y_pred)
        return keras.ops.mean(off**self.power, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "power": self.power}


class Positives(keras.metrics.Metric):
    """The share of outputs above a threshold."""

    def __init__(self, threshold: float = 0.5, name: str = "positives", **options: Any) -> None:
        super().__init__(name=name, **options)
        self.threshold = threshold
        self.total = self.add_weight(name="total", initializer="zeros")
        self.count = self.add_weight(name="count", initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        above = keras.ops.cast(y_pred > self.threshold, "float32")
        self.total.assign_add(keras.ops.sum(above))
        self.count.assign_add(keras.ops.cast(keras.ops.size(above), "float32"))

    def result(self) -> Any:
        return self.total / self.count

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "threshold": self.threshold}


class Penalized(keras.layers.Dense):
    """A layer that adds a loss of its own."""

    def call(self, inputs: Any, **options: Any) -> Any:
        outputs = super().call(inputs, **options)
        self.add_loss(0.1 * keras.ops.mean(keras.ops.square(outputs)))
        return outputs


def _points() -> tuple[np.ndarray, np.ndarray]:
    X, y = rc.datasets.parabola(16)
    return X, y[:, None]  # Keras hands targets of one axis to a class as they are


def _evaluated(model: keras.Model, X: np.ndarray, y: np.ndarray) -> dict[str, float]:
    return model.evaluate(X, y, batch_size=len(X), verbose=0, return_dict=True)


@pytest.mark.parametrize("given", ["custom_objects", "model"])
def test_loss_class_is_used(given: str, tmp_path: Path) -> None:
    X, y = _points()
    loss = Power(2.5)
    model = small_model(dense(1, "sigmoid", "output"), loss=loss)
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    options: dict[str, Any] = {"custom_objects": {"Power": Power}}
    if given == "model":
        options = {"model": model}
    run = rc.open_run(tmp_path / "a.h5", **options)
    expected = np.abs(model.predict(X, verbose=0) - y) ** 2.5
    np.testing.assert_allclose(run.losses()[0], expected[:, 0], rtol=0, atol=1e-6)
    assert run.losses().mean() == pytest.approx(_evaluated(model, X, y)["loss"], abs=1e-6)
    assert loss.reduction == "sum_over_batch_size", "the user's own stays as it is"
    assert rc.loss_histogram(run).to_dict()
    assert rc.gradients(run).to_dict()


def test_metric_class_is_used(tmp_path: Path) -> None:
    X, y = _points()
    model = small_model(dense(1, "sigmoid", "output"))
    model.compile("sgd", "binary_crossentropy", metrics=[Positives(0.45)])
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5", custom_objects={"Positives": Positives})
    expected = _evaluated(model, X, y)["positives"]
    assert 0 < expected < 1
    assert run.curves.values("positives", source="replay")[0] == pytest.approx(expected)


def test_loss_of_a_layer_is_none_of_a_point(tmp_path: Path) -> None:
    X, y = _points()
    model = small_model(
        Penalized(2, activation="tanh", name="hidden"), dense(1, "sigmoid", "output"), loss=Power()
    )
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    objects = {"Power": Power, "Penalized": Penalized}
    run = rc.open_run(tmp_path / "a.h5", custom_objects=objects)
    part = keras.Model(model.inputs, model.get_layer("hidden").output)
    added = 0.1 * np.square(part.predict(X, verbose=0)).mean()
    evaluated = _evaluated(model, X, y)["loss"]
    assert run.losses().mean() + added == pytest.approx(evaluated, abs=1e-6)


@keras.saving.register_keras_serializable(package="own", name="distance")
def mean_distance(y_true: Any, y_pred: Any) -> Any:
    return keras.ops.mean(keras.ops.abs(keras.ops.cast(y_true, y_pred.dtype) - y_pred), axis=-1)


def test_function_registered_under_another_name_keeps_its_own(tmp_path: Path) -> None:
    X, y = _points()
    model = small_model(dense(1, "sigmoid", "output"))
    model.compile("sgd", "binary_crossentropy", metrics=[mean_distance])
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a")
    history = model.fit(X, y, epochs=2, verbose=0, shuffle=False, callbacks=[recorder])
    assert "mean_distance" in history.history
    run = rc.open_run(tmp_path / "a.h5")
    assert "mean_distance" in run.curves.names("training")
    assert "mean_distance" in run.curves.names("replay")
    expected = model.evaluate(X, y, verbose=0, return_dict=True)["mean_distance"]
    found = run.curves.values("mean_distance", source="replay")[-1]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
