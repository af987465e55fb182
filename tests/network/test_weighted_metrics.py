"""Weighted metrics and losses are weighed as Keras weighs them."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.expected import one_warning
from support.training import dense

import replaychart as rc

WEIGHTS = np.random.default_rng(5).uniform(0.1, 2, 64).astype("float32")


def _points() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(64, 2)).astype("float32")
    return X, (X.sum(axis=1) + rng.normal(size=64) > 0).astype(int)


def _model(**compiled: Any) -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((2,))
    model = keras.Model(inputs, dense(1, "sigmoid", "output")(dense(2, "tanh", "hidden")(inputs)))
    compiled = {"loss": "binary_crossentropy", "optimizer": "sgd", **compiled}
    model.compile(**compiled)
    return model


def _evaluated(model: keras.Model, **weights: Any) -> dict[str, Any]:
    X, y = _points()
    return model.evaluate(X, y, batch_size=64, verbose=0, return_dict=True, **weights)


def _replayed(run: rc.Run, epoch: int) -> dict[str, float]:
    history = run.history().query("source == 'replay'")
    own = history[history["epoch"] == epoch]
    return dict(zip(own["name"], own["value"], strict=True))


def _fitted(model: keras.Model, path: Path, **weights: Any) -> rc.Run:
    X, y = _points()
    recorder = rc.Recorder(X, y, path, "a", **weights)
    model.fit(X, y, verbose=0, callbacks=[recorder], **weights)
    return rc.open_run(path)


@pytest.mark.parametrize(
    "compiled",
    [
        {"weighted_metrics": ["accuracy"]},
        {"weighted_metrics": ["accuracy", "mse", keras.metrics.AUC(name="area")]},
        {"weighted_metrics": ["accuracy", "mse"], "metrics": ["accuracy", "mse"]},
        {"weighted_metrics": {"output": ["mae"]}, "metrics": ["mse"]},
    ],
    ids=["alone", "several", "beside metrics", "by output"],
)
def test_weighted_metrics_are_those_of_keras(compiled: Any, tmp_path: Path) -> None:
    model = _model(**compiled)
    run = _fitted(model, tmp_path / "a.h5", sample_weight=WEIGHTS)
    evaluated = _evaluated(model, sample_weight=WEIGHTS)
    replayed = _replayed(run, 1)
    assert {name: replayed[name] for name in evaluated} == pytest.approx(evaluated, abs=1e-6)
    assert set(evaluated) <= set(run.curves.names("training"))
    for name in evaluated:
        assert rc.loss_and_metric(run, None if name == "loss" else name).to_dict()
    run.store()
    assert _replayed(rc.open_run(tmp_path / "a.h5"), 1) == pytest.approx(replayed)


def test_weights_of_classes_are_those_of_keras(tmp_path: Path) -> None:
    model = _model(weighted_metrics=["accuracy"], metrics=["accuracy"])
    classes = {0: 0.3, 1: 2.0}
    run = _fitted(model, tmp_path / "a.h5", class_weight=classes)
    _, y = _points()
    weights = np.where(y == 1, 2.0, 0.3)
    evaluated = _evaluated(model, sample_weight=weights)
    assert evaluated["accuracy"] != pytest.approx(evaluated["weighted_accuracy"], abs=1e-3)
    assert _replayed(run, 1) == pytest.approx(evaluated, abs=1e-6)


def test_weights_of_classes_of_soft_targets_are_those_of_keras(tmp_path: Path) -> None:
    X, y = _points()
    model = _model()
    recorder = rc.Recorder(
        X, y * 0.8 + 0.1, tmp_path / "a.h5", "a", class_weight={0: 0.3, 1: 2.0}, model=model
    )
    assert recorder is not None
    losses = rc.open_run(tmp_path / "a.h5").losses()
    outputs = model.predict(X, verbose=0)
    unweighted = keras.losses.binary_crossentropy(y[:, None] * 0.8 + 0.1, outputs)
    expected = keras.ops.convert_to_numpy(unweighted) * np.where(y == 1, 2.0, 0.3)
    np.testing.assert_allclose(losses[0], expected, rtol=1e-5)


def test_without_weights_weighted_metrics_are_not(tmp_path: Path) -> None:
    model = _model(weighted_metrics=["accuracy"])
    run = _fitted(model, tmp_path / "a.h5")
    assert _replayed(run, 1) == pytest.approx(_evaluated(model), abs=1e-6)


@pytest.mark.parametrize("weights", [0.5, [0.5], {"output": 0.5}])
@pytest.mark.parametrize("given", [False, True])
def test_weight_of_the_loss_counts(weights: Any, given: bool, tmp_path: Path) -> None:
    loss: Any = {"output": "binary_crossentropy"} if isinstance(weights, dict) else "mse"
    model = _model(loss=loss, loss_weights=weights)
    run = _fitted(model, tmp_path / "a.h5", sample_weight=WEIGHTS)
    if given:
        run = rc.open_run(tmp_path / "a.h5", model=model)
    evaluated = _evaluated(model, sample_weight=WEIGHTS)
    assert run.losses()[1].mean() == pytest.approx(evaluated["loss"], abs=1e-6)
    frame = run.distributions("gradients", variable="bias", layers=["output"], epochs=1)
    unweighted = _model(loss=loss)
    unweighted.set_weights(model.get_weights())
    X, y = _points()
    rc.Recorder(X, y, tmp_path / "b.h5", "b", model=unweighted, sample_weight=WEIGHTS)
    whole = rc.open_run(tmp_path / "b.h5").distributions(
        "gradients", variable="bias", layers=["output"]
    )
    np.testing.assert_allclose(frame["value"], whole["value"] / 2, rtol=1e-5)


def test_weight_of_the_compiled_loss_is_none_of_another(tmp_path: Path) -> None:
    X, y = _points()
    model = _model(loss_weights=[0.5])
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model, loss="mse")
    expected = (model.predict(X, verbose=0)[:, 0] - y) ** 2
    np.testing.assert_allclose(rc.open_run(tmp_path / "a.h5").losses()[0], expected, rtol=1e-4)


def _off(y_true: Any, y_pred: Any) -> Any:
    return keras.ops.mean(keras.ops.abs(keras.ops.cast(y_true, "float32") - y_pred), axis=-1)


def test_weighted_metric_that_is_not_known_stays_in_the_training(tmp_path: Path) -> None:
    model = _model(weighted_metrics=[_off])
    run = _fitted(model, tmp_path / "a.h5", sample_weight=WEIGHTS)
    with one_warning("Metric '_off' cannot be replayed"):
        history = run.history()
    assert "_off" in set(history[history["source"] == "training"]["name"])
    with pytest.raises(
        rc.EvaluationError, match="the values of '_off' that Keras logged, pass source='training'"
    ):
        rc.loss_and_metric(run, "_off")
    assert rc.loss_and_metric(run, "_off", source="training").to_dict()


def test_metric_that_was_only_logged_is_told(tmp_path: Path) -> None:
    X, y = _points()
    model = _model(metrics=["accuracy"])
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a")
    model.fit(X, y, verbose=0, validation_data=(X, y), callbacks=[recorder])
    run = rc.open_run(tmp_path / "a.h5")
    with pytest.raises(
        rc.ArgumentError, match="'val_accuracy' cannot be replayed.*source='training'"
    ):
        rc.loss_and_metric(run, "val_accuracy")
