"""The values that Keras logged are available even if the model cannot be evaluated."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.expected import one_warning
from support.training import dense, small_model

import replaychart as rc


def _squared(y_true: Any, y_pred: Any) -> Any:
    return keras.ops.mean(keras.ops.square(keras.ops.cast(y_true, "float32") - y_pred), axis=-1)


class Unregistered(keras.Model):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.dense = keras.layers.Dense(1, activation="sigmoid")

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


def _run(model: keras.Model, path: Path) -> tuple[rc.Run, dict[str, list[float]]]:
    X, y = rc.datasets.parabola(16)
    logged = model.fit(X, y, epochs=2, verbose=0, callbacks=[rc.Recorder(X, y, path, "a")])
    return rc.open_run(path), logged.history


def _logged(history: Any, name: str) -> list[float]:
    of_training = history[history["source"] == "training"]
    return of_training[of_training["name"] == name]["value"].tolist()


def test_unknown_loss_is_left_out(tmp_path: Path) -> None:
    model = small_model(dense(1, "sigmoid", "output"), loss=_squared)
    run, logged = _run(model, tmp_path / "a.h5")
    with one_warning("^Loss cannot be replayed: .*'_squared'.*custom_objects"):
        history = run.history()
    assert _logged(history, "loss") == pytest.approx(logged["loss"])
    assert set(history.query("source == 'replay'")["name"]) == {"accuracy"}
    with pytest.raises(
        rc.EvaluationError, match="the values of 'loss' that Keras logged, pass source='training'"
    ):
        rc.loss_and_metric(run)
    assert rc.loss_and_metric(run, source="training").to_dict()


def test_logged_values_remain_if_the_model_cannot_be_rebuilt(tmp_path: Path) -> None:
    model = Unregistered()
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    model(np.zeros((1, 2)))
    run, logged = _run(model, tmp_path / "a.h5")
    with one_warning("^Nothing can be replayed: .*Unregistered'.*model="):
        history = run.history()
    for name in ("loss", "accuracy"):
        assert _logged(history, name) == pytest.approx(logged[name])
    assert set(history["source"]) == {"training"}
