"""A loss that gives one number for a whole batch is evaluated for each point alone."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import dense, small_model

import replaychart as rc


def _whole(y_true: Any, y_pred: Any) -> Any:
    return keras.ops.mean(keras.ops.square(keras.ops.cast(y_true, y_pred.dtype) - y_pred))


def _whole_crossentropy(y_true: Any, y_pred: Any) -> Any:
    return keras.ops.mean(keras.losses.binary_crossentropy(y_true, y_pred))


def _over_points(y_true: Any, y_pred: Any) -> Any:
    """The mean over the points and not over the outputs."""
    return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=0)


def _not_vectorizable(y_true: Any, y_pred: Any) -> Any:
    """Asks how many points there are, and takes another way for one of them alone."""
    if y_pred.shape[0] is None or keras.ops.shape(y_pred)[0] > 1:
        return keras.ops.mean(y_pred)
    return keras.ops.sum(y_pred) + float(keras.ops.convert_to_numpy(keras.ops.sum(y_true)))


OBJECTS = {
    one.__name__: one for one in (_whole, _whole_crossentropy, _over_points, _not_vectorizable)
}


def _alone(model: keras.Model, X: np.ndarray, y: np.ndarray) -> list[float]:
    """What Keras says of each point as a batch of its own."""
    every = range(len(X))
    return [model.evaluate(X[[i]], y[[i]], verbose=0, return_dict=True)["loss"] for i in every]


@pytest.mark.parametrize("units", [1, 2])
@pytest.mark.parametrize(
    "loss",
    ["dice", "tversky", keras.losses.Dice(), _whole, _whole_crossentropy],
    ids=["dice", "tversky", "Dice", "mean", "crossentropy"],
)
def test_loss_of_each_point_is_that_of_keras(loss: Any, units: int, tmp_path: Path) -> None:
    X, labels = rc.datasets.parabola(6)
    y = (labels[:, None] if units == 1 else np.eye(2)[labels]).astype("float32")
    model = small_model(dense(2, "tanh", "hidden"), dense(units, "sigmoid", "output"), loss=loss)
    model.fit(X, y, verbose=0, callbacks=[rc.Recorder(X, y, tmp_path / "a.h5", "a")])
    run = rc.open_run(tmp_path / "a.h5", custom_objects=OBJECTS)
    assert run.losses().shape == (2, 12)
    np.testing.assert_allclose(run.losses()[1], _alone(model, X, y), rtol=0, atol=2e-6)
    for chart in (rc.feature_space, rc.loss_histogram, rc.loss_and_metric, rc.gradients):
        assert chart(run).to_dict()


def test_loss_as_long_as_there_are_outputs_is_none_of_the_points(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4, 2)).astype("float32")
    y = rng.normal(size=(4, 4)).astype("float32")
    model = small_model(dense(4, None, "output"), loss=_over_points)
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5", custom_objects=OBJECTS)
    np.testing.assert_allclose(run.losses()[0], _alone(model, X, y), rtol=1e-5)


def test_losses_of_points_that_are_told_wrong_for_sure_count_by_their_logits(
    tmp_path: Path,
) -> None:
    model = small_model(dense(1, "sigmoid", "output"), loss=_whole_crossentropy)
    model.set_weights([20 * np.ones((2, 1)), np.zeros(1)])
    X = np.linspace(-3, 3, 20, dtype="float32").reshape(10, 2)
    y = np.zeros((10, 1), "float32")
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    losses = rc.open_run(tmp_path / "a.h5", custom_objects=OBJECTS).losses()
    assert losses.max() > 20, "more than the loss of a probability of 1e-7"
    np.testing.assert_allclose(losses[0], _alone(model, X, y), rtol=1e-5)


def test_loss_that_cannot_be_vectorized_is_evaluated_point_by_point(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(4)
    model = small_model(dense(1, "sigmoid", "output"), loss=_not_vectorizable)
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5", custom_objects=OBJECTS)
    expected = model.predict(X, verbose=0)[:, 0] + y
    np.testing.assert_allclose(run.losses()[0], expected, rtol=1e-6)


def test_weights_of_points_count(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(6)
    weights = np.linspace(0.1, 2, 12)
    model = small_model(dense(1, "sigmoid", "output"), loss=_whole)
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model, sample_weight=weights)
    run = rc.open_run(tmp_path / "a.h5", custom_objects=OBJECTS)
    expected = weights * (model.predict(X, verbose=0)[:, 0] - y) ** 2
    np.testing.assert_allclose(run.losses()[0], expected, rtol=1e-5)
