"""A user's own functions that have the name of one of Keras's: warned of, refused, and replaced."""

import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.expected import one_warning, skipped_where_keras_is_too_old
from support.training import dense, small_model

import replaychart as rc


def relu(x: Any) -> Any:
    return 2 * keras.ops.tanh(x)


def softmax(x: Any) -> Any:
    return keras.ops.sigmoid(x)


def huber(y_true: Any, y_pred: Any) -> Any:
    return 7 * keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)


def Precision(y_true: Any, y_pred: Any) -> Any:  # noqa: ARG001, N802
    return keras.ops.mean(y_pred, axis=-1)


def l2(weights: Any) -> Any:
    return keras.ops.sum(keras.ops.abs(weights))


OWN = {"relu": relu, "softmax": softmax, "huber": huber, "Precision": Precision, "l2": l2}


def _data() -> tuple[np.ndarray, np.ndarray]:
    X, y = rc.datasets.parabola(24)
    return X, y[:, None].astype("float32")


def _sequential(activation: Any = "tanh", **layer: Any) -> keras.Model:
    keras.utils.set_random_seed(1)
    hidden = keras.layers.Dense(3, activation=activation, name="hidden", **layer)
    return small_model(hidden, dense(1, "sigmoid", "output"), loss="mse")


def _nested() -> keras.Model:
    keras.utils.set_random_seed(1)
    inner = keras.Sequential([keras.Input((2,)), dense(3, relu, "inside")], name="inner")
    return small_model(inner, dense(1, "sigmoid", "output"), loss="mse")


def _recurrent() -> keras.Model:
    keras.utils.set_random_seed(1)
    lstm = keras.layers.LSTM(3, recurrent_activation=softmax, name="lstm")
    return small_model(
        keras.layers.Reshape((2, 1)), lstm, dense(1, "sigmoid", "output"), loss="mse"
    )


def _compiled(**arguments: Any) -> keras.Model:
    model = _sequential()
    model.compile(**{"optimizer": "sgd", "loss": "mse", **arguments})
    return model


MODELS = {
    "activation": (lambda: _sequential(relu), "'relu' (activation of layer 'hidden')", "outputs"),
    "layer of an activation": (
        lambda: small_model(
            dense(3, None, "hidden"),
            keras.layers.Activation(relu, name="bend"),
            dense(1, "sigmoid", "output"),
            loss="mse",
        ),
        "'relu' (activation of layer 'bend')",
        "outputs",
    ),
    "nested": (_nested, "'relu' (activation of layer 'inside')", "outputs"),
    "recurrent": (_recurrent, "'softmax' (recurrent activation of layer 'lstm')", "outputs"),
    "loss": (lambda: _compiled(loss=huber), "'huber' (loss)", "loss"),
    "metric": (lambda: _compiled(metrics=[Precision]), "'Precision' (metric)", "metric"),
    "weighted metric": (
        lambda: _compiled(weighted_metrics=[Precision]),
        "'Precision' (metric)",
        "metric",
    ),
    "wrapped metric": (
        lambda: _compiled(metrics=[keras.metrics.MeanMetricWrapper(huber, name="mine")]),
        "'huber' (metric)",
        "metric",
    ),
}


def _trained(path: Path, model: keras.Model) -> None:
    X, y = _data()
    model.fit(X, y, epochs=1, verbose=0, callbacks=[rc.Recorder(X, y, path, "a")])


@pytest.mark.parametrize("kind", MODELS)
def test_the_recorder_warns_and_custom_objects_replay_it(kind: str, tmp_path: Path) -> None:
    build, named, differs = MODELS[kind]
    X, y = _data()
    model = build()
    with one_warning("Functions of your own have the name of one of Keras's") as texts:
        _trained(tmp_path / "a.h5", model)
    assert named in texts[0]

    without = rc.open_run(tmp_path / "a.h5")
    assert without.verified is False
    assert differs in without.differences[0]

    run = rc.open_run(tmp_path / "a.h5", custom_objects=OWN)
    assert run.verified is True, run.differences
    predicted = model.predict(X, verbose=0)[:, 0]
    np.testing.assert_allclose(run.probabilities()[-1, :, 1], predicted, atol=1e-6)
    evaluated = model.evaluate(X, y, batch_size=len(X), verbose=0, return_dict=True)
    for name in set(evaluated) & set(run.curves.names("replay")):
        replayed = run.curves.values(name, source="replay")[-1]
        assert replayed == pytest.approx(evaluated[name], abs=1e-6), name


def test_a_regularizer_of_the_same_name_is_warned_of(tmp_path: Path) -> None:
    with skipped_where_keras_is_too_old():
        model = _sequential(kernel_regularizer=l2)
    with one_warning(r"'l2' \(kernel regularizer of layer 'hidden'\)"):
        _trained(tmp_path / "a.h5", model)


@keras.saving.register_keras_serializable("tests")
def gelu(x: Any) -> Any:
    return keras.ops.tanh(x) * 3


@keras.saving.register_keras_serializable("tests")
def log_cosh(y_true: Any, y_pred: Any) -> Any:
    return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)


def own_name(x: Any) -> Any:
    return keras.ops.sin(x)


@pytest.mark.thorough
def test_what_keras_tells_apart_is_not_warned_of(tmp_path: Path) -> None:
    import tensorflow as tf

    for number, activation in enumerate(
        [gelu, own_name, "relu", keras.activations.gelu, keras.ops.relu, tf.nn.relu]
    ):
        model = _sequential(activation)
        metrics = ["mae", keras.metrics.mean_squared_error, keras.metrics.Precision()]
        model.compile("sgd", log_cosh, metrics=metrics)
        path = tmp_path / f"{number}.h5"
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="Functions of your own")
            _trained(path, model)
        assert rc.open_run(path, custom_objects={"own_name": own_name}).verified is True


def test_a_stored_difference_is_asked_again(tmp_path: Path) -> None:
    with one_warning("Functions of your own"):
        _trained(tmp_path / "a.h5", _compiled(loss=huber))
    run = rc.open_run(tmp_path / "a.h5", custom_objects={})
    with pytest.raises(rc.EvaluationError, match="The loss of run 'a' cannot be replayed"):
        run.store()
    rc.open_run(tmp_path / "a.h5", custom_objects=OWN).store()
    stored = rc.open_run(tmp_path / "a.h5")
    assert stored.verified is True
    assert repr(stored).endswith("verified)")
