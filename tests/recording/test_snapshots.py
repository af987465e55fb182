"""Trainings without ``fit``: a Recorder that is driven by hand."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.expected import one_warning
from support.training import dense, small_model

import replaychart as rc


def _uncompiled() -> keras.Model:
    keras.utils.set_random_seed(1)
    layers = [dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output")]
    return keras.Sequential([keras.Input((2,)), *layers])


def test_custom_loop_is_recorded_as_it_went(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(32)
    model, optimizer = _uncompiled(), keras.optimizers.SGD(0.5)
    loss_of = keras.losses.BinaryCrossentropy()
    kept, reported = [model.get_weights()], []
    with rc.Recorder(X, y, tmp_path / "a.h5", "a", loss="binary_crossentropy") as recorder:
        recorder.snapshot(model, 0)
        for half in range(1, 7):
            with tf.GradientTape() as tape:
                loss = loss_of(y[:, None], model(X, training=True))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply(gradients, model.trainable_variables)
            logs = {"loss": loss, "learning_rate": optimizer.learning_rate}
            recorder.snapshot(model, half / 2, logs)
            kept.append(model.get_weights())
            reported.append(float(loss))

    run = rc.open_run(tmp_path / "a.h5")
    assert run.epochs.tolist() == [0, 0.5, 1, 1.5, 2, 2.5, 3]
    np.testing.assert_allclose(run.curves.values("loss", source="training")[1:], reported)
    rates = run.curves.values("learning_rate", source="training")
    assert np.isnan(rates[0])
    assert rates[1:].tolist() == [0.5] * 6
    assert run.curves.names("training") == ["loss", "learning_rate"]
    for snapshot, weights in enumerate(kept):
        model.set_weights(weights)
        expected = model.predict(X, verbose=0)
        np.testing.assert_allclose(run.probabilities()[snapshot, :, 1:], expected, atol=1e-6)
        loss = float(loss_of(y[:, None], expected))
        assert run.losses()[snapshot].mean() == pytest.approx(loss, abs=1e-6)


def test_compiled_model_brings_loss_metrics_and_learning_rate(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(32)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    with rc.Recorder(X, y, tmp_path / "a.h5", "a") as recorder:
        recorder.snapshot(model, 0)
        for epoch in (1, 2):
            loss, accuracy = model.train_on_batch(X, y)
            recorder.snapshot(model, epoch, {"loss": loss, "accuracy": accuracy})
    run = rc.open_run(tmp_path / "a.h5")
    loss, accuracy = model.evaluate(X, y, verbose=0)
    assert run.curves.values("loss", source="replay")[-1] == pytest.approx(loss, abs=1e-6)
    assert run.curves.values("accuracy", source="replay")[-1] == pytest.approx(accuracy)
    assert run.curves.values("learning_rate", source="training").tolist()[1:] == [0.5, 0.5]


def test_given_loss_takes_the_place_of_the_compiled_one(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(32)
    model = small_model(dense(1, "sigmoid", "output"))
    loss = keras.losses.BinaryFocalCrossentropy(gamma=3.0)
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model, loss=loss)
    losses = rc.open_run(tmp_path / "a.h5").losses()[0]
    expected = float(loss(y[:, None], model.predict(X, verbose=0)))
    assert losses.mean() == pytest.approx(expected, abs=1e-6)


def test_subclassed_model_is_built_with_the_points(tmp_path: Path) -> None:
    from support.recordings import Subclassed

    X, y = rc.datasets.parabola(8)
    model = Subclassed()
    with rc.Recorder(X, y, tmp_path / "a.h5", "a", loss="mse") as recorder:
        recorder.snapshot(model, 0)
    expected = model.predict(X, verbose=0)[:, 0]
    np.testing.assert_allclose(
        rc.open_run(tmp_path / "a.h5").point_probabilities()[0], expected, atol=1e-6
    )


def test_loop_is_gone_on_with(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(32)
    model = small_model(dense(1, "sigmoid", "output"))
    with rc.Recorder(X, y, tmp_path / "a.h5", "a") as recorder:
        for epoch in range(4):
            recorder.snapshot(model, epoch)
            model.train_on_batch(X, y)
    run = rc.open_run(tmp_path / "a.h5")
    run.restore(model, 2)
    with rc.Recorder(X, y, tmp_path / "a.h5", "a", if_exists="append") as recorder:
        recorder.snapshot(model, 2)
        model.train_on_batch(X, y)
        recorder.snapshot(model, 2.5)
    assert rc.open_run(tmp_path / "a.h5").epochs.tolist() == [0, 1, 2, 2.5]


def test_training_that_fails_keeps_its_snapshots(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(32)
    model = small_model(dense(1, "sigmoid", "output"))

    def training() -> None:
        with rc.Recorder(X, y, tmp_path / "a.h5", "a") as recorder:
            recorder.snapshot(model, 0)
            recorder.snapshot(model, 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        training()
    with pytest.warns(UserWarning, match="run 'a' was interrupted after epoch 1"):
        run = rc.open_run(tmp_path / "a.h5")
    assert run.epochs.tolist() == [0, 1]


def test_bad_snapshots_are_told_and_leave_the_run_whole(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(8)
    model = small_model(dense(1, "sigmoid", "output"))
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a")
    with pytest.raises(rc.RecordingError, match=r"not compiled.* or pass loss= to the Recorder"):
        recorder.snapshot(_uncompiled(), 0)
    with pytest.raises(rc.RecordingError, match="model must be a Keras model. Got str"):
        recorder.snapshot("model", 0)  # type: ignore[arg-type]
    bad: list[Any] = [-1, np.nan, "1", True, None]
    for epoch in bad:
        with pytest.raises(rc.ArgumentError, match="epoch must be a finite number of at least 0"):
            recorder.snapshot(model, epoch)
    assert not (tmp_path / "a.h5").exists()
    recorder.snapshot(model, 1)
    for epoch in (0, 0.5, 1, 1.0000001):
        with pytest.raises(rc.RecordingError, match="epoch must be later than 1, .* of 'a'"):
            recorder.snapshot(model, epoch)
    recorder.close()
    with pytest.raises(rc.RecordingError, match="Recorder of 'a' is closed"):
        recorder.snapshot(model, 2)
    assert rc.open_run(tmp_path / "a.h5").epochs.tolist() == [1]


def test_recorder_of_a_training_takes_no_snapshots_behind_it(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(8)
    model = small_model(dense(1, "sigmoid", "output"))
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a")
    model.fit(X, y, epochs=1, verbose=0, callbacks=[recorder])
    with pytest.raises(rc.RecordingError, match="is closed"):
        recorder.snapshot(model, 2)
    begun = rc.Recorder(X, y, tmp_path / "a.h5", "b")
    begun.snapshot(model, 0)
    with pytest.raises(rc.RecordingError, match="already recorded 'b'"):
        model.fit(X, y, epochs=1, verbose=0, callbacks=[begun])


class Unbuilt(keras.Model):
    """A model whose ``build`` builds none of its layers."""

    def __init__(self, *, deeper: bool = False) -> None:
        super().__init__()
        self.last = keras.layers.Dense(1, activation="sigmoid", name="last")
        self.late = keras.layers.Dense(1, activation="sigmoid", name="late")
        self.deeper = deeper

    def build(self, shape: object) -> None:
        self.built = True

    def call(self, inputs: Any) -> Any:
        return self.late(self.last(inputs)) if self.deeper else self.last(inputs)


def _unbuilt() -> Unbuilt:
    model = Unbuilt()
    model.compile(loss="binary_crossentropy", optimizer="sgd")
    model.build((None, 2))
    assert not model.weights
    return model


@pytest.mark.parametrize("how", ["fit", "snapshot", "model"])
def test_a_model_whose_layers_are_not_built_is_recorded_with_its_weights(
    how: str, tmp_path: Path
) -> None:
    X, y = rc.datasets.parabola(20)
    model = _unbuilt()
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model if how == "model" else None)
    if how == "fit":
        model.fit(X, y, epochs=2, verbose=0, callbacks=[recorder])
    elif how == "snapshot":
        with recorder:
            recorder.snapshot(model, 0)
    run = rc.open_run(tmp_path / "a.h5", model=model)
    assert len(run._stored.weights()) == 2
    np.testing.assert_allclose(
        run.probabilities()[-1, :, 1], model.predict(X, verbose=0)[:, 0], atol=1e-6
    )


def test_a_model_that_cannot_be_called_on_the_points_is_told(tmp_path: Path) -> None:
    class Failing(Unbuilt):
        def call(self, inputs: Any) -> Any:
            message = "no such thing"
            raise KeyError(message)

    model = Failing()
    model.compile(loss="mse")
    recorder = rc.Recorder([[0.0, 1.0]], [1], tmp_path / "a.h5", "a")
    with pytest.raises(rc.RecordingError, match="no weights.*no such thing.*Call it on data on"):
        recorder.snapshot(model, 0)


def test_weights_that_come_later_are_told(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(20)
    model = _unbuilt()
    with rc.Recorder(X, y, tmp_path / "a.h5", "a") as recorder:
        recorder.snapshot(model, 0)
        model.deeper = True
        model(X[:1])
        message = (
            r"'a' must keep its weights. It had 2 variables \(3 values\) at first and has 4 var"
        )
        with pytest.raises(rc.RecordingError, match=message):
            recorder.snapshot(model, 1)
    assert rc.open_run(tmp_path / "a.h5", model=_built_unbuilt(X)).epochs.tolist() == [0]


def _built_unbuilt(X: np.ndarray) -> Unbuilt:
    model = _unbuilt()
    model(X[:1])
    return model


class _Deepening(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        if epoch == 1:
            self.model.deeper = True
            self.model(np.ones((1, 2)))


@pytest.mark.parametrize("on_error", ["warn", "raise"])
def test_weights_that_come_in_a_training_end_its_recording(on_error: str, tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(20)
    model = _unbuilt()
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a", on_error=on_error)
    callbacks = [_Deepening(), recorder]
    message = "must keep its weights. It had 2 variables"
    if on_error == "raise":
        with pytest.raises(rc.RecordingError, match=message):
            model.fit(X, y, epochs=3, verbose=0, callbacks=callbacks)
    else:
        with one_warning(f"stopped after epoch 1, .*{message}"):
            history = model.fit(X, y, epochs=3, verbose=0, callbacks=callbacks).history
        assert len(history["loss"]) == 3
    with pytest.warns(UserWarning, match="was interrupted after epoch 1"):
        assert rc.open_run(tmp_path / "a.h5").epochs.tolist() == [0, 1]
