"""Arguments of losses and metrics that Keras's configurations leave out are replayed."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.expected import skipped_where_keras_is_too_old
from support.training import dense, small_model

import replaychart as rc
from replaychart.network.omitted_arguments import OMITTED, set_omitted_arguments


def _data(targets: Any) -> tuple[np.ndarray, np.ndarray]:
    X = np.random.default_rng(0).normal(size=(40, 2)).astype("float32")
    return X, targets(X)


def _numbers(X: np.ndarray) -> np.ndarray:
    return (X * [2, -3]).astype("float32")


def _model(loss: Any, **compiled: Any) -> keras.Model:
    keras.utils.set_random_seed(2)
    model = small_model(dense(3, "tanh", "hidden"), dense(2, None, "output"))
    model.compile("sgd", loss, **compiled)
    return model


def _evaluated(model: keras.Model, X: np.ndarray, y: np.ndarray) -> dict[str, float]:
    return model.evaluate(X, y, batch_size=len(X), verbose=0, return_dict=True)


def _recorded(path: Path, model: keras.Model, X: Any, y: Any, **recorder: Any) -> rc.Run:
    rc.Recorder(X, y, path, "a", model=model, **recorder)
    return rc.open_run(path)


@pytest.mark.parametrize(
    "loss",
    [
        keras.losses.Huber(delta=0.1),
        keras.losses.Huber(delta=np.float32(0.3), reduction="sum"),
        keras.losses.CosineSimilarity(axis=0),
    ],
    ids=["Huber", "Huber with a NumPy number", "CosineSimilarity"],
)
def test_the_loss_has_its_arguments(loss: keras.losses.Loss, tmp_path: Path) -> None:
    X, y = _data(_numbers)
    model = _model(loss)
    run = _recorded(tmp_path / "a.h5", model, X, y)
    assert run.verified is True, run.differences
    expected = _evaluated(model, X[:1], y[:1])["loss"]
    single = _recorded(tmp_path / "b.h5", model, X[:1], y[:1])
    assert single.losses()[0, 0] == pytest.approx(expected, abs=1e-6)


def test_the_curve_of_a_huber_loss_is_that_of_keras(tmp_path: Path) -> None:
    X, y = _data(_numbers)
    model = _model(keras.losses.Huber(delta=0.1))
    run = _recorded(tmp_path / "a.h5", model, X, y)
    replayed = run.curves.values("loss", source="replay")[0]
    assert replayed == pytest.approx(_evaluated(model, X, y)["loss"], abs=1e-6)
    other = _evaluated(_model(keras.losses.Huber()), X, y)["loss"]
    assert abs(other - replayed) > 0.5
    assert rc.gradients(run).to_dict()


def test_a_loss_given_to_the_recorder_has_its_arguments(tmp_path: Path) -> None:
    X, y = _data(_numbers)
    loss = keras.losses.Huber(delta=0.1)
    model = _model("mse")
    run = _recorded(tmp_path / "a.h5", model, X, y, loss=loss)
    assert run.verified is True
    expected = float(loss(y, model.predict(X, verbose=0)))
    assert run.losses().mean() == pytest.approx(expected, abs=1e-6)


def test_metrics_have_their_arguments(tmp_path: Path) -> None:
    X, y = _data(_numbers)
    wrapped = keras.metrics.MeanMetricWrapper(keras.losses.huber, name="narrow", delta=0.1)
    metrics = [keras.metrics.CosineSimilarity(name="across", axis=0), wrapped]
    model = _model("mse", metrics=metrics)
    expected = _evaluated(model, X, y)
    run = _recorded(tmp_path / "a.h5", model, X, y)
    assert run.verified is True
    for name in ("across", "narrow"):
        replayed = run.curves.values(name, source="replay")[0]
        assert replayed == pytest.approx(expected[name], abs=1e-6)


def test_weighted_metrics_and_metrics_by_output_have_their_arguments(tmp_path: Path) -> None:
    X, y = _data(_numbers)

    def narrow() -> keras.metrics.Metric:
        return keras.metrics.CosineSimilarity(name="across", axis=0)

    model = _model("mse", weighted_metrics={"output": [narrow()]}, metrics={"output": [narrow()]})
    with skipped_where_keras_is_too_old():
        expected = _evaluated(model, X, y)
    run = _recorded(tmp_path / "a.h5", model, X, y)
    for name in ("across", "weighted_across"):
        replayed = run.curves.values(name, source="replay")[0]
        assert replayed == pytest.approx(expected[name], abs=1e-6)


def test_only_what_is_omitted_is_added(tmp_path: Path) -> None:
    X, y = _data(_numbers)
    for loss, omitted in (
        (keras.losses.Huber(), None),
        (keras.losses.Huber(delta=0.5), {"delta": 0.5}),
        (keras.losses.MeanSquaredError(), None),
    ):
        path = tmp_path / f"{omitted}{loss.name}.h5"
        run = _recorded(path, _model(loss), X, y)
        entry = json.loads(run._stored.compile_config)["loss"]
        assert entry.get(OMITTED) == omitted


@pytest.mark.parametrize(
    "hostile",
    [
        {"nothing": 1},
        {"y_true": [1.0], "y_pred": [1.0]},
        {"delta": {"class_name": "function", "config": "relu", "module": "builtins"}},
        {"fn": "relu"},
        ["delta"],
        "delta",
    ],
)
def test_files_set_only_values_of_known_arguments(hostile: Any) -> None:
    loss = keras.losses.Huber(delta=0.5)
    set_omitted_arguments(loss, {"class_name": "Huber", OMITTED: hostile})
    assert loss._fn_kwargs == {"delta": 0.5}
