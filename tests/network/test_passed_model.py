"""A model that is passed to open_run replaces the architecture; loss and metrics are recorded."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import dense, small_model

import replaychart as rc


def _data() -> tuple[np.ndarray, np.ndarray]:
    return rc.datasets.parabola(24)


def _model(loss: Any, metrics: Any = ()) -> keras.Model:
    keras.utils.set_random_seed(1)
    model = small_model(dense(3, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    model.compile("sgd", loss, metrics=list(metrics))
    return model


def _evaluated(model: keras.Model, X: np.ndarray, y: np.ndarray) -> dict[str, float]:
    return model.evaluate(X, y, batch_size=len(X), verbose=0, return_dict=True)


@pytest.mark.parametrize(
    "passed",
    [
        lambda: _model("mse"),
        lambda: _model(keras.losses.BinaryFocalCrossentropy(gamma=3.0), ["mae"]),
        lambda: _model(None),
        lambda: keras.models.clone_model(_model("mse")),
    ],
    ids=["another loss", "another loss and metric", "compiled without a loss", "not compiled"],
)
def test_the_recorded_loss_and_metrics_win(passed: Any, tmp_path: Path) -> None:
    X, y = _data()
    trained = _model("binary_crossentropy", ["accuracy", "mse"])
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=trained)
    expected = _evaluated(trained, X, y)
    run = rc.open_run(tmp_path / "a.h5", model=passed())
    assert run.verified is True, run.differences
    for name in ("loss", "accuracy", "mse"):
        replayed = run.curves.values(name, source="replay")[0]
        assert replayed == pytest.approx(expected[name], abs=1e-6), name
    assert "mae" not in run.curves.names("replay")
    assert rc.gradients(run).to_dict()


def test_the_recorded_loss_wins_with_its_arguments(tmp_path: Path) -> None:
    X, y = _data()
    trained = _model(keras.losses.Huber(delta=0.1))
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=trained)
    run = rc.open_run(tmp_path / "a.h5", model=_model(keras.losses.Huber(delta=0.7)))
    assert run.verified is True
    expected = _evaluated(trained, X, y)["loss"]
    assert run.losses().mean() == pytest.approx(expected, abs=1e-6)


class OwnStep(keras.Model):
    """Trains with a loss of its own, and is compiled without one."""

    def __init__(self) -> None:
        super().__init__()
        self.last = keras.layers.Dense(1, activation="sigmoid", name="last")

    def call(self, inputs: Any) -> Any:
        return self.last(inputs)

    def train_step(self, data: Any) -> dict[str, Any]:
        import tensorflow as tf

        x, y = data
        with tf.GradientTape() as tape:
            loss = keras.losses.MeanAbsoluteError()(y[:, None], self(x, training=True))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}


def test_a_model_with_a_training_step_of_its_own(tmp_path: Path) -> None:
    X, y = _data()
    keras.utils.set_random_seed(1)
    model = OwnStep()
    model.compile("sgd")
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a", loss="mae")
    model.fit(X, y, epochs=2, verbose=0, callbacks=[recorder])
    run = rc.open_run(tmp_path / "a.h5", model=model)
    assert run.verified is True
    expected = np.abs(model.predict(X, verbose=0)[:, 0] - y)
    np.testing.assert_allclose(run.losses()[-1], expected, atol=1e-6)


def test_without_a_recorded_loss_that_of_the_model_is_used(tmp_path: Path) -> None:
    X, y = _data()
    keras.utils.set_random_seed(1)
    model = OwnStep()
    model.compile("sgd")
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a")
    model.fit(X, y, epochs=1, verbose=0, callbacks=[recorder])
    with pytest.raises(rc.EvaluationError, match="pass loss= to the Recorder"):
        rc.open_run(tmp_path / "a.h5", model=model).losses()
    model.compile("sgd", "mse")
    losses = rc.open_run(tmp_path / "a.h5", model=model).losses()[-1]
    expected = (model.predict(X, verbose=0)[:, 0] - y) ** 2
    np.testing.assert_allclose(losses, expected, atol=1e-6)
