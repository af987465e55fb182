"""Losses that Keras cannot serialize: the architecture is recorded, and what is missing is said."""

import functools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import dense, small_model

import replaychart as rc

X, Y = rc.datasets.parabola(16)
Y = Y[:, None]


class _Callable:
    def __call__(self, targets: Any, outputs: Any) -> Any:
        return keras.ops.mean(keras.ops.abs(targets - outputs) ** 3, axis=-1)


class _Unserializable(keras.losses.Loss):
    def call(self, targets: Any, outputs: Any) -> Any:
        return keras.ops.mean(keras.ops.abs(targets - outputs), axis=-1)

    def get_config(self) -> Any:
        message = "no configuration"
        raise AttributeError(message)


LOSSES = {
    "partial(huber)": functools.partial(keras.losses.huber, delta=0.1),
    "_Callable": _Callable(),
    "_Unserializable": _Unserializable(),
}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("partial(huber)", "compiled"),
        ("_Callable", "in a list"),
        ("_Unserializable", "passed"),
    ],
)
def test_a_loss_that_cannot_be_serialized_costs_nothing_else(
    name: str, given: str, tmp_path: Path
) -> None:
    loss = LOSSES[name]
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    model.compile(loss=[loss] if given == "in a list" else loss, optimizer="sgd", metrics=["mae"])
    options = {"loss": loss} if given == "passed" else {}
    recorder = rc.Recorder(X, Y, tmp_path / "a.h5", "a", **options)
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[recorder])
    expected = model.evaluate(X, Y, verbose=0, return_dict=True)

    run = rc.open_run(tmp_path / "a.h5")
    np.testing.assert_allclose(
        run.coordinates("output")[-1],
        model.predict(X, verbose=0),
        atol=1e-6,
    )
    assert run.curves.values("mae", source="replay")[-1] == pytest.approx(expected["mae"], abs=1e-6)
    with pytest.raises(rc.EvaluationError, match=r"names the function .* custom_objects=") as told:
        run.losses()
    assert repr(name) in str(told.value)

    for options in ({"custom_objects": {name: loss}}, {"model": model}):
        run = rc.open_run(tmp_path / "a.h5", **options)
        assert run.losses()[-1].mean() == pytest.approx(expected["loss"], abs=1e-6)
        assert run.verified


def test_the_live_model_is_as_before(tmp_path: Path) -> None:
    inner = small_model(dense(2, "tanh", "hidden"), loss=LOSSES["partial(huber)"])
    model = small_model(inner, dense(1, "sigmoid", "output"))
    config = model.get_compile_config()
    rc.Recorder(X, Y, tmp_path / "a.h5", "a", model=model)
    assert model.get_compile_config() == config
    assert "get_compile_config" not in vars(model) | vars(inner)
    run = rc.open_run(tmp_path / "a.h5")
    expected = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert run.losses()[0].mean() == pytest.approx(expected["loss"], abs=1e-6)


def test_losses_and_metrics_may_be_given_as_classes(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(30)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    model.compile(
        "sgd",
        loss=keras.losses.MeanSquaredError,
        metrics=["accuracy", keras.metrics.MeanAbsoluteError],
    )
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a")
    model.fit(X, y, epochs=2, verbose=0, callbacks=[recorder])
    run = rc.open_run(tmp_path / "a.h5")
    assert run.verified is True
    loss, _, error = model.evaluate(X, y, verbose=0)
    assert run.curves.values("loss", source="replay")[-1] == pytest.approx(loss, abs=1e-6)
    replayed = run.curves.values("mean_absolute_error", source="replay")
    assert replayed[-1] == pytest.approx(error, abs=1e-6)


def test_what_cannot_be_serialized_leaves_the_other_metrics(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(30)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    own = functools.partial(keras.metrics.mean_squared_error)
    model.compile("sgd", loss="mse", metrics=[own, "mae"])
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a")
    model.fit(X, y, epochs=2, verbose=0, callbacks=[recorder])
    run = rc.open_run(tmp_path / "a.h5")
    error = model.evaluate(X, y, verbose=0)[-1]
    assert run.curves.values("mae", source="replay")[-1] == pytest.approx(error, abs=1e-6)
