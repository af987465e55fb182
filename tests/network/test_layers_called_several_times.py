"""A layer that is called several times is shown at its first call."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import dense

import replaychart as rc


def _data() -> tuple[np.ndarray, np.ndarray]:
    return rc.datasets.parabola(20)


def _compiled(inputs: Any, outputs: Any) -> keras.Model:
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    return model


def _chain(calls: int, *, before: bool = False) -> tuple[keras.Model, keras.Model]:
    """Return a model that calls a layer in a row, and the part up to the first call."""
    keras.utils.set_random_seed(4)
    shared = dense(2, "tanh", "shared")
    if before:
        shared(keras.Input((2,)))  # a call in no graph of ours
    inputs = keras.Input((2,))
    first = shared(inputs)
    last = first
    for _ in range(calls - 1):
        last = shared(last)
    return _compiled(inputs, dense(1, "sigmoid", "output")(last)), keras.Model(inputs, first)


def _opened(path: Path, model: keras.Model, *, passed: bool = False) -> rc.Run:
    X, y = _data()
    model.fit(X, y, epochs=2, verbose=0, callbacks=[rc.Recorder(X, y, path, "a")])
    return rc.open_run(path, model=model if passed else None)


@pytest.mark.parametrize("calls", [1, 2, 3])
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("passed", [False, True])
def test_calls_in_a_row(calls: int, before: bool, passed: bool, tmp_path: Path) -> None:
    X, _ = _data()
    model, part = _chain(calls, before=before)
    run = _opened(tmp_path / "a.h5", model, passed=passed)
    assert run.verified is True
    assert "shared" in run._stored.witnesses[-1].layers
    expected = part.predict(X, verbose=0)
    np.testing.assert_allclose(run.coordinates("shared")[-1], expected, atol=1e-6)
    activations = run.distributions("activations", layers=["shared"], epochs=2)
    assert activations["value"].min() == pytest.approx(expected.min(), abs=1e-5)
    # The network after the first call leads from its plane to the output.
    boundary = run.boundary("shared", epochs=2)
    assert set(boundary.columns) >= {"x", "y"}


def test_calls_in_branches(tmp_path: Path) -> None:
    X, _ = _data()
    keras.utils.set_random_seed(4)
    inputs = keras.Input((2,))
    shared = dense(2, "tanh", "shared")
    moved = keras.layers.Rescaling(-2.0, offset=0.5)(inputs)
    second = shared(dense(2, "tanh", "before")(moved))  # deeper, and called earlier
    first = shared(inputs)
    both = keras.layers.Concatenate()([first, second])
    model = _compiled(inputs, dense(1, "sigmoid", "output")(both))
    run = _opened(tmp_path / "a.h5", model)
    expected = keras.Model(inputs, second).predict(X, verbose=0)
    np.testing.assert_allclose(run.coordinates("shared")[-1], expected, atol=1e-6)
    assert not run.planes.continues_from("shared")


def test_an_output_layer_that_is_also_called_before(tmp_path: Path) -> None:
    X, y = _data()
    keras.utils.set_random_seed(4)
    inputs = keras.Input((2,))
    last = dense(2, "sigmoid", "last")
    model = keras.Model(inputs, last(last(inputs)))
    model.compile("sgd", "binary_crossentropy")
    targets = np.eye(2)[y].astype("float32")
    path = tmp_path / "a.h5"
    model.fit(X, targets, verbose=0, callbacks=[rc.Recorder(X, targets, path, "a")])
    run = rc.open_run(path)
    assert run.verified is True, run.differences
    expected = model.evaluate(X, targets, verbose=0)
    assert run.losses()[-1].mean() == pytest.approx(expected, abs=1e-6)
