"""One output in a dict or a list is one output."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.expected import skipped_where_keras_is_too_old

import replaychart as rc

X, Y = rc.datasets.parabola(32)

STRUCTURES: dict[str, Callable[[Any], Any]] = {
    "dict": lambda one: {"label": one},
    "list": lambda one: [one],
    "tuple": lambda one: (one,),
    "nested": lambda one: {"all": {"label": one}},
}


def _functional(structure: str) -> keras.Model:
    keras.utils.set_random_seed(1)
    inputs = keras.Input((2,))
    hidden = keras.layers.Dense(2, "tanh", name="hidden")(inputs)
    output = keras.layers.Dense(1, "sigmoid", name="output")(hidden)
    return keras.Model(inputs, STRUCTURES[structure](output))


@keras.saving.register_keras_serializable("tests")
class InDict(keras.Model):
    """A model without a graph that returns its output in a dict."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.hidden = keras.layers.Dense(2, "tanh", name="hidden")
        self.last = keras.layers.Dense(1, "sigmoid", name="output")

    def call(self, inputs: Any) -> Any:
        return {"label": self.last(self.hidden(inputs))}


def _fit(model: keras.Model, path: Path, targets: Any, loss: Any, metrics: Any) -> None:
    model.compile(loss=loss, optimizer=keras.optimizers.SGD(0.5), metrics=metrics)
    with skipped_where_keras_is_too_old():
        model.fit(X, targets, epochs=1, verbose=0)
    recorder = rc.Recorder(X, targets, path, "a", on_error="raise")
    model.fit(X, targets, epochs=2, verbose=0, callbacks=[recorder])


def _compare(run: rc.Run, model: keras.Model, targets: Any) -> None:
    (outputs,) = keras.tree.flatten(model.predict(X, verbose=0))
    expected = model.evaluate(X, targets, verbose=0, return_dict=True)
    assert run.verified
    np.testing.assert_allclose(run.probabilities()[-1, :, 1], outputs[:, 0], atol=1e-6)
    assert run.losses()[-1].mean() == pytest.approx(expected["loss"], abs=1e-6)
    (metric,) = {name for name in expected if name != "loss"}
    replayed = run.curves.values("mae", source="replay")[-1]
    assert replayed == pytest.approx(expected[metric], abs=1e-6)


@pytest.mark.parametrize("structure", list(STRUCTURES))
def test_a_functional_model_is_evaluated(structure: str, tmp_path: Path) -> None:
    model = _functional(structure)
    _fit(model, tmp_path / "a.h5", Y, "binary_crossentropy", ["mae"])
    run = rc.open_run(tmp_path / "a.h5")
    _compare(run, model, Y)
    _compare(rc.open_run(tmp_path / "a.h5", model=model), model, Y)
    spec = rc.feature_space(run, "hidden", max_bytes=None).to_dict()
    assert spec["layer"]
    assert len(run.distributions("gradients", summary=True)) == 3 * 2


def test_targets_loss_and_metrics_may_be_in_the_same_structure(tmp_path: Path) -> None:
    model, targets = _functional("dict"), {"label": Y}
    _fit(model, tmp_path / "a.h5", targets, {"label": "binary_crossentropy"}, {"label": ["mae"]})
    _compare(rc.open_run(tmp_path / "a.h5"), model, targets)


def test_a_list_of_targets(tmp_path: Path) -> None:
    model = _functional("list")
    _fit(model, tmp_path / "a.h5", [Y], ["binary_crossentropy"], [["mae"]])
    _compare(rc.open_run(tmp_path / "a.h5"), model, [Y])


def test_a_model_without_a_graph(tmp_path: Path) -> None:
    model = InDict()
    model(X[:1])
    _fit(model, tmp_path / "a.h5", Y, "binary_crossentropy", ["mae"])
    _compare(rc.open_run(tmp_path / "a.h5"), model, Y)


def test_a_list_of_one_point_is_not_a_list_of_outputs(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, "softmax")])
    model.compile(loss="categorical_crossentropy")
    rc.Recorder(X[:1], [np.array([0, 0, 1])], tmp_path / "a.h5", "a", model=model)
    assert rc.open_run(tmp_path / "a.h5").targets.tolist() == [2]


def test_several_targets_are_still_refused(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input(X.shape[1:]), keras.layers.Dense(1)])
    model.compile(loss="mse")
    with pytest.raises(rc.ArgumentError, match="y must be the targets of one output.*a dict of 2"):
        rc.Recorder(X, {"a": Y, "b": Y}, tmp_path / "a.h5", "a", model=model)
