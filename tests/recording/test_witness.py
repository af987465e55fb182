"""The witness in a recording: what it holds, and that taking it leaves the training as it is."""

import random
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import dense, small_model

import replaychart as rc


def _data() -> tuple[np.ndarray, np.ndarray]:
    return rc.datasets.parabola(32)


def _with_everything_random() -> keras.Model:
    """A model with dropout, noise, running means and a metric with many states."""
    return _compiled(
        keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dense(
                    6, kernel_regularizer="l2", activity_regularizer="l1", name="wide"
                ),
                keras.layers.GaussianNoise(0.1, name="noise"),
                keras.layers.BatchNormalization(name="normal"),
                keras.layers.Dropout(0.3, name="dropout"),
                dense(1, "sigmoid", "output"),
            ]
        )
    )


def _stateful() -> keras.Model:
    """A recurrent layer that keeps its state from batch to batch."""
    inputs = keras.Input((2,), batch_size=16)
    steps = keras.layers.Reshape((2, 1))(inputs)
    hidden = keras.layers.LSTM(3, stateful=True, name="lstm")(steps)
    return _compiled(keras.Model(inputs, dense(1, "sigmoid", "output")(hidden)))


def _compiled(model: keras.Model) -> keras.Model:
    model.compile(
        "adam",
        "binary_crossentropy",
        metrics=["accuracy", keras.metrics.AUC(name="area")],
        weighted_metrics=["mse"],
    )
    return model


class _KeepStates(keras.callbacks.Callback):
    """Everything that changes in a training, after each batch."""

    def __init__(self) -> None:
        super().__init__()
        self.states: list[list[np.ndarray]] = []

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        metrics = [variable for metric in self.model.metrics for variable in metric.variables]
        every = {id(one): one for one in [*self.model.variables, *metrics]}
        self.states.append([keras.ops.convert_to_numpy(one) for one in every.values()])


def _trained(build: Any, *recorders: keras.callbacks.Callback) -> tuple[Any, ...]:
    """Return the history, all states, and the random numbers that come next."""
    keras.utils.set_random_seed(3)
    X, y = _data()
    model, states = build(), _KeepStates()
    history = model.fit(
        X,
        y,
        epochs=3,
        batch_size=16,
        verbose=0,
        validation_data=(X[:16], y[:16]),
        callbacks=[*recorders, states],
    ).history
    drawn = keras.ops.convert_to_numpy(keras.random.normal((4,)))
    legacy = np.random.random()  # noqa: NPY002  (what users draw from)
    return history, states.states, (random.random(), legacy, drawn.tolist())


@pytest.mark.parametrize("build", [_with_everything_random, _stateful])
def test_a_training_is_the_same_bit_by_bit_with_a_recorder(build: Any, tmp_path: Path) -> None:
    X, y = _data()
    without = _trained(build)
    recorder = rc.Recorder(X[:16], y[:16], tmp_path / "a.h5", "a")
    history, states, drawn = _trained(build, recorder)
    assert history == without[0]
    assert drawn == without[2]
    assert len(states) == len(without[1]) == 12
    for batch, expected in zip(states, without[1], strict=True):
        for own, other in zip(batch, expected, strict=True):
            np.testing.assert_array_equal(own, other)
    assert rc.open_run(tmp_path / "a.h5").witnessed_epochs == [0, 3]


def test_a_witness_holds_what_keras_computes(tmp_path: Path) -> None:
    X, y = _data()
    keras.utils.set_random_seed(1)
    model = small_model(dense(3, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    model.compile("sgd", "mse", metrics=["accuracy", "mae"], weighted_metrics=["mae"])
    weights = {0: 0.5, 1: 3.0}
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a", class_weight=weights)
    model.fit(X, y, epochs=2, verbose=0, callbacks=[recorder])
    first, last = rc.open_run(tmp_path / "a.h5")._stored.witnesses
    assert (first.epoch, last.epoch) == (0, 2)
    assert len(last.points) == 16
    few, targets = X[last.points], y[last.points]
    sample_weight = np.where(targets == 1, 3.0, 0.5)
    predicted = model.predict(few, verbose=0)
    np.testing.assert_allclose(last.outputs, predicted, atol=1e-6)
    squares = (predicted[:, 0] - targets) ** 2
    np.testing.assert_allclose(last.losses, squares * sample_weight, atol=1e-6)
    evaluated = model.evaluate(
        few, targets, sample_weight=sample_weight, verbose=0, return_dict=True
    )
    for name in ("accuracy", "mae", "weighted_mae"):
        np.testing.assert_allclose(last.metrics[name], [evaluated[name]], atol=1e-6)
    hidden = keras.Model(model.inputs, model.get_layer("hidden").output)
    means = hidden.predict(few, verbose=0).mean(axis=1)
    np.testing.assert_allclose(last.layers["hidden"], means, atol=1e-6)
    assert list(last.layers) == ["hidden", "output"]


def test_metrics_of_functions_are_recorded_under_the_name_that_keras_logs(tmp_path: Path) -> None:
    def MeanOfOutputs(y_true: Any, y_pred: Any) -> Any:  # noqa: ARG001, N802
        return keras.ops.mean(y_pred, axis=-1)

    X, y = _data()
    model = small_model(dense(1, "sigmoid", "output"))
    model.compile("sgd", "mse", metrics=[MeanOfOutputs])
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a")
    history = model.fit(X, y, epochs=1, verbose=0, callbacks=[recorder]).history
    run = rc.open_run(tmp_path / "a.h5", custom_objects={"MeanOfOutputs": MeanOfOutputs})
    (name,) = set(history) - {"loss"}
    assert name == "mean_of_outputs"
    assert list(run._stored.witnesses[-1].metrics) == [name]
    replayed = run.curves.values(name, source="replay")
    assert replayed[-1] == pytest.approx(model.predict(X, verbose=0).mean(), abs=1e-6)


class LastMean(keras.metrics.Metric):
    """The mean output of the last batch; its result is the variable itself."""

    def __init__(self, name: str = "last_mean", **options: Any) -> None:
        super().__init__(name=name, **options)
        self.mean = self.add_weight(name="mean", initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.mean.assign(keras.ops.mean(y_pred))

    def result(self) -> Any:
        return self.mean


def test_metrics_that_return_a_variable_are_witnessed(tmp_path: Path) -> None:
    X, y = _data()
    model = small_model(dense(1, "sigmoid", "output"))
    model.compile("sgd", "mse", metrics=[LastMean()])
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a")
    model.fit(X, y, epochs=1, verbose=0, callbacks=[recorder])
    run = rc.open_run(tmp_path / "a.h5", custom_objects={"LastMean": LastMean})
    witness = run._stored.witnesses[-1]
    np.testing.assert_allclose(witness.metrics["last_mean"], witness.outputs.mean(), atol=1e-6)
    assert run.verified is True


def test_snapshots_in_a_custom_loop_have_a_witness_at_the_first_and_the_last(
    tmp_path: Path,
) -> None:
    X, y = _data()
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    with rc.Recorder(X, y, tmp_path / "a.h5", "a") as recorder:
        for epoch in range(4):
            recorder.snapshot(model, epoch)
            model.train_on_batch(X, y)
    run = rc.open_run(tmp_path / "a.h5")
    assert run.witnessed_epochs == [0, 3]
    assert run.verified is True


def test_a_resumed_run_drops_the_witnesses_of_later_epochs(tmp_path: Path) -> None:
    X, y = _data()
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    path, fit = tmp_path / "a.h5", {"verbose": 0, "batch_size": 16}
    model.fit(X, y, epochs=4, callbacks=[rc.Recorder(X, y, path, "a")], **fit)
    assert rc.open_run(path).witnessed_epochs == [0, 4]
    rc.open_run(path).restore(model, 2)
    recorder = rc.Recorder(X, y, path, "a", if_exists="append")
    model.fit(X, y, initial_epoch=2, epochs=3, callbacks=[recorder], **fit)
    run = rc.open_run(path)
    assert run.epochs.tolist() == [0, 1, 2, 3]
    assert run.witnessed_epochs == [0, 3]
    assert run.verified is True


class Scripted(keras.Model):
    """A model that can be trained, and that refuses to be called with other variables."""

    def __init__(self) -> None:
        super().__init__()
        self.last = keras.layers.Dense(1, activation="sigmoid", name="last")

    def call(self, inputs: Any) -> Any:
        return self.last(inputs)

    def stateless_call(self, *arguments: Any, **options: Any) -> Any:
        message = "not here"
        raise NotImplementedError(message)


def test_a_model_that_cannot_be_asked_is_recorded_without_a_witness(tmp_path: Path) -> None:
    X, y = _data()
    model = Scripted()
    model.compile("sgd", "mse")
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a")
    model.fit(X, y, epochs=2, verbose=0, callbacks=[recorder])
    run = rc.open_run(tmp_path / "a.h5", custom_objects={"Scripted": Scripted})
    assert run.epochs.tolist() == [0, 1, 2]
    assert run.witnessed_epochs == []
    assert run.verified is None
    assert run.differences == []
    assert "verified" not in repr(run)


class TwoOutputs(keras.Model):
    """A model without a graph, with two outputs of the same shape."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.first = keras.layers.Dense(2, name="first")
        self.second = keras.layers.Dense(2, name="second")

    def call(self, inputs: Any) -> Any:
        return self.first(inputs), self.second(inputs)


def test_several_outputs_without_a_graph_are_witnessed(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(20)
    model = TwoOutputs()
    model.compile("sgd", loss=["mse", "mse"])
    targets = np.stack([y, y], axis=1).astype("float32")
    recorder = rc.Recorder(X, [targets, targets], tmp_path / "a.h5", "a")
    model.fit(X, [targets, targets], epochs=1, verbose=0, callbacks=[recorder])
    run = rc.open_run(tmp_path / "a.h5", model=model)
    assert run.witnessed_epochs == run.epochs.tolist() == [0, 1]
    assert run.verified
