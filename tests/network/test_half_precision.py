"""Networks that compute in 16 bits are judged as Keras judges them."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import replaychart as rc

METRICS = ["accuracy", "mse", "mae"]


def _model(policy: str, units: int, activation: Any, last: str | None, **compiled: Any) -> Any:
    keras.utils.set_random_seed(1)
    large = keras.initializers.RandomNormal(stddev=6.0, seed=0)
    hidden = keras.layers.Dense(8, activation="relu", dtype=policy, kernel_initializer=large)
    output = keras.layers.Dense(
        units, activation=activation, dtype=last or policy, kernel_initializer=large, name="output"
    )
    model = keras.Sequential([keras.Input((2,)), hidden, output])
    # XLA does not round between operations. The replay, and the live model's own calls, do.
    model.compile("sgd", jit_compile=False, **compiled)
    return model


def _check(model: keras.Model, X: np.ndarray, y: np.ndarray, path: Path) -> rc.Run:
    expected = model.evaluate(X, y, batch_size=len(X), verbose=0, return_dict=True)
    rc.Recorder(X, y, path, "a", model=model)
    run = rc.open_run(path)
    assert run.verified is True, run.differences
    for name, value in expected.items():
        replayed = run.curves.values(name, source="replay")[0]
        assert replayed == pytest.approx(value, rel=1e-6, abs=1e-6), name
    return run


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("last", [None, "float32"], ids=["half", "float32"])
def test_binary_crossentropy(policy: str, last: str | None, tmp_path: Path) -> None:
    X, labels = rc.datasets.parabola(100)
    y = labels[:, None]
    metrics = [*METRICS, keras.metrics.BinaryCrossentropy(name="crossentropy")]
    model = _model(policy, 1, "sigmoid", last, loss="binary_crossentropy", metrics=metrics)
    run = _check(model, X, y, tmp_path / "a.h5")
    losses = run.losses()[0]
    loss = keras.losses.BinaryCrossentropy(reduction="none")
    np.testing.assert_allclose(losses, loss(y, model(X)), rtol=1e-6, atol=1e-6)
    # In 16 bits, probabilities are rounded to 0 and 1, and their crossentropies end at 16.1.
    assert bool(losses.max() > 17) is (last is not None)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_softmax(policy: str, tmp_path: Path) -> None:
    X, labels = rc.datasets.parabola(100)
    model = _model(
        policy, 2, "softmax", None, loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    _check(model, X, labels, tmp_path / "a.h5")


def test_logits_and_numbers(tmp_path: Path) -> None:
    X, labels = rc.datasets.parabola(100)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model = _model("mixed_float16", 1, None, None, loss=loss, metrics=["mse"])
    _check(model, X, labels[:, None].astype("float32"), tmp_path / "a.h5")


def test_activation_in_a_layer_of_its_own(tmp_path: Path) -> None:
    X, labels = rc.datasets.parabola(100)
    inner = _model("mixed_bfloat16", 1, None, None, loss="mse")
    for dtype in ("mixed_bfloat16", "float32"):
        last = keras.layers.Activation("sigmoid", dtype=dtype)
        model = keras.Sequential([*inner.layers, last])
        model.build((None, 2))
        model.compile("sgd", "binary_crossentropy", metrics=METRICS, jit_compile=False)
        _check(model, X, labels[:, None], tmp_path / f"{dtype}.h5")
