"""The loss with regularization equals ``model.evaluate``'s, at each snapshot."""

from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from support.recordings import Subclassed
from support.training import EPOCHS, Training, dense, small_model, train

import replaychart as rc

NAME = "loss with regularization"


class Penalized(keras.layers.Dense):
    """A layer that adds a loss of its own."""

    def call(self, inputs: Any, **options: Any) -> Any:
        outputs = super().call(inputs, **options)
        self.add_loss(0.1 * keras.ops.mean(keras.ops.square(outputs)))
        return outputs


def _weights() -> keras.Model:
    l2 = keras.regularizers.L2(0.02)
    hidden = keras.layers.Dense(
        4, activation="tanh", kernel_regularizer=l2, bias_regularizer="l1", name="hidden"
    )
    return small_model(hidden, dense(1, "sigmoid", "output"))


def _activity() -> keras.Model:
    hidden = keras.layers.Dense(
        4, activation="tanh", activity_regularizer=keras.regularizers.L1(1e-3), name="hidden"
    )
    last = keras.layers.ActivityRegularization(l2=1e-3, name="activity")
    return small_model(hidden, last, dense(1, "sigmoid", "output"))


def _add_loss() -> keras.Model:
    return small_model(
        Penalized(3, activation="tanh", name="hidden"), dense(1, "sigmoid", "output"), loss="mse"
    )


def _nested() -> keras.Model:
    inner = keras.Sequential([keras.Input((2,)), *_weights().layers[:1]], name="inner")
    return small_model(inner, dense(1, "sigmoid", "output"))


def _subclassed() -> keras.Model:
    model = Subclassed()
    model.first.kernel_regularizer = keras.regularizers.L2(0.1)
    model.compile("sgd", "binary_crossentropy")
    return model


MODELS = {
    "weights": _weights,
    "activity": _activity,
    "add_loss": _add_loss,
    "nested": _nested,
}


def _trained(build: Any, path: Path) -> Training:
    keras.utils.set_random_seed(1)
    X, y = rc.datasets.parabola(40)
    return train(path, "a", build(), X, y)


def _evaluated(training: Training) -> np.ndarray:
    options = {"batch_size": len(training.X), "verbose": 0, "return_dict": True}
    return np.array(
        [
            training.at(snapshot).evaluate(training.X, training.y, **options)["loss"]
            for snapshot in range(EPOCHS + 1)
        ]
    )


@pytest.mark.parametrize("kind", MODELS)
def test_the_whole_loss_is_that_of_keras(kind: str, tmp_path: Path) -> None:
    training = _trained(MODELS[kind], tmp_path / "a.h5")
    run = training.open(custom_objects={"Penalized": Penalized})
    expected = _evaluated(training)
    assert run.verified is True, run.differences
    replayed = run.curves.values(NAME, source="replay")
    np.testing.assert_allclose(replayed, expected, atol=1e-6)
    loss = run.curves.values("loss", source="replay")
    np.testing.assert_allclose(loss, run.losses().mean(axis=1), atol=1e-6)
    assert (expected - loss > 1e-3).all()
    history = run.history().query("name == @NAME and source == 'replay'")
    np.testing.assert_allclose(history["value"], expected, atol=1e-6)


def test_a_model_that_is_passed_brings_its_regularization(tmp_path: Path) -> None:
    training = _trained(_subclassed, tmp_path / "a.h5")
    run = training.open(model=training.model)
    assert run.verified is True
    replayed = run.curves.values(NAME, source="replay")
    np.testing.assert_allclose(replayed, _evaluated(training), atol=1e-6)


def test_another_regularization_than_in_training_is_refused(tmp_path: Path) -> None:
    training = _trained(_weights, tmp_path / "a.h5")
    other = _weights()
    other.get_layer("hidden").kernel_regularizer = None
    other = keras.models.clone_model(other)
    run = training.open(model=other)
    assert run.verified is False
    (sentence,) = run.differences
    assert "The regularization of run 'a' cannot be replayed" in sentence
    for evaluate in (
        lambda: run.curves.values(NAME, source="replay"),
        lambda: rc.gradients(run),
    ):
        with pytest.raises(rc.EvaluationError, match="The regularization of run 'a' cannot"):
            evaluate()
    assert run.losses().shape == (EPOCHS + 1, 80)


def test_the_chart_says_what_it_leaves_out(tmp_path: Path, parabola: Training) -> None:
    run = _trained(_weights, tmp_path / "a.h5").open()
    default = rc.loss_and_metric(run).to_dict()
    assert default["title"]["subtitle"] == "loss without regularization"
    whole = rc.loss_and_metric(run, regularization=True)
    assert "subtitle" not in whole.to_dict()["title"]
    assert NAME in str(whole.to_dict())
    for source, regularization in (("training", False), ("training", True)):
        logged = rc.loss_and_metric(run, source=source, regularization=regularization).to_dict()
        assert "subtitle" not in logged["title"]
    plain = parabola.open()
    assert NAME not in plain.curves.names("replay")
    same = [rc.loss_and_metric(plain, regularization=whole).to_dict() for whole in (False, True)]
    assert "regularization" not in str(same)


def test_a_run_without_a_witness_is_recognized_by_its_architecture(tmp_path: Path) -> None:
    training = _trained(_weights, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        del file["a/witnesses"]
    run = training.open()
    assert run.verified is None
    replayed = run.curves.values(NAME, source="replay")
    np.testing.assert_allclose(replayed, _evaluated(training), atol=1e-6)


def test_it_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training = _trained(_weights, tmp_path / "a.h5")
    training.open().store()
    expected = _evaluated(training)
    monkeypatch.setattr("replaychart.evaluation.lazy_network.rebuilt_network", None)
    run = training.open()
    np.testing.assert_allclose(run.curves.values(NAME, source="replay"), expected, atol=1e-6)
    assert rc.loss_and_metric(run, regularization=True).to_dict()
