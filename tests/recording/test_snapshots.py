"""Trainings without ``fit``: a Recorder that is driven by hand."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import dense, small_model

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
    from conftest import Subclassed

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
