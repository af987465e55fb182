"""Resumed trainings: ``if_exists="append"`` goes on where a run stopped."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from support.training import dense, small_model

import replaychart as rc


def _data() -> tuple[np.ndarray, np.ndarray]:
    return rc.datasets.parabola(32)


def _model(*, seed: int = 1, units: int = 2, activation: str = "tanh") -> keras.Model:
    keras.utils.set_random_seed(seed)
    return small_model(dense(units, activation, "hidden"), dense(1, "sigmoid", "output"))


def _fit(path: Path, model: keras.Model, *, epochs: int, every: Any = 1, **fit: Any) -> None:
    X, y = _data()
    recorder = rc.Recorder(X, y, path, "a", if_exists="append", every=every)
    options = {"batch_size": 16, "verbose": 0, "shuffle": False, "callbacks": [recorder], **fit}
    model.fit(X, y, epochs=epochs, **options)


def test_resumed_training_is_the_uninterrupted_one(tmp_path: Path) -> None:
    X, y = _data()
    whole = rc.Recorder(X, y, tmp_path / "whole.h5", "a")
    _model().fit(
        X, y, epochs=6, batch_size=16, verbose=0, shuffle=False, callbacks=[whole],
        validation_data=(X, y),
    )  # fmt: skip

    path, model = tmp_path / "a.h5", _model()
    _fit(path, model, epochs=3)
    model.save(tmp_path / "checkpoint.keras")
    # Another process, in effect: the model comes back from its checkpoint.
    resumed = keras.saving.load_model(tmp_path / "checkpoint.keras")
    _fit(path, resumed, epochs=6, initial_epoch=3, validation_data=(X, y))

    run, expected = rc.open_run(path), rc.open_run(tmp_path / "whole.h5")
    assert run.epochs.tolist() == [0, 1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(run.probabilities(), expected.probabilities(), atol=1e-6)
    for name in ("loss", "accuracy", "learning_rate"):
        values = run.curves.values(name, source="training")
        np.testing.assert_allclose(values, expected.curves.values(name, source="training"))
    validation = run.curves.values("val_loss", source="training")
    assert np.isnan(validation[:4]).all(), "it was not validated before"
    reference = expected.curves.values("val_loss", source="training")
    np.testing.assert_allclose(validation[4:], reference[4:])


def test_what_lies_beyond_the_point_of_resumption_is_dropped(tmp_path: Path) -> None:
    path, model = tmp_path / "a.h5", _model()
    _fit(path, model, epochs=5)
    before = rc.open_run(path)
    before.store()
    earlier = before.probabilities()

    restored = _model(seed=2)
    before.restore(restored, epoch=2)
    restored.optimizer.learning_rate = 0.1
    _fit(path, restored, epochs=5, initial_epoch=2)
    run = rc.open_run(path)
    assert run.epochs.tolist() == [0, 1, 2, 3, 4, 5]
    np.testing.assert_array_equal(run.probabilities()[:3], earlier[:3])
    assert np.abs(run.probabilities()[3:] - earlier[3:]).max() > 1e-3, "stored ones do not count"
    last = restored.predict(_data()[0], verbose=0)[:, 0]
    np.testing.assert_allclose(run.probabilities()[-1, :, 1], last, atol=1e-6)
    with pytest.raises(rc.RunFileError, match="was replaced or removed since it was opened"):
        before.store()


def test_resumption_between_snapshots_and_at_fractions(tmp_path: Path) -> None:
    path, model = tmp_path / "a.h5", _model()
    _fit(path, model, epochs=2, every="2 batches")
    assert rc.open_run(path).epochs.tolist() == [0, 0.5, 1, 1.5, 2]
    rc.open_run(path).restore(model, 1)
    _fit(path, model, epochs=5, every=3, initial_epoch=1)
    assert rc.open_run(path).epochs.tolist() == [0, 0.5, 1, 3, 5]
    # Epoch 4 was passed and not recorded: a checkpoint of it is gone on with as well.
    _fit(path, model, epochs=6, initial_epoch=4)
    assert rc.open_run(path).epochs.tolist() == [0, 0.5, 1, 3, 4, 5, 6]


def test_run_that_does_not_exist_is_begun(tmp_path: Path) -> None:
    _fit(tmp_path / "a.h5", _model(), epochs=1)
    assert rc.open_run(tmp_path / "a.h5").epochs.tolist() == [0, 1]


def test_other_batches_per_epoch_are_not_told_as_the_first_ones(tmp_path: Path) -> None:
    path, model = tmp_path / "a.h5", _model()
    _fit(path, model, epochs=1, every="2 batches")
    assert rc.open_run(path).batches_per_epoch == 4
    _fit(path, model, epochs=2, every="2 batches", initial_epoch=1, batch_size=8)
    run = rc.open_run(path)
    assert run.epochs.tolist() == [0, 0.5, 1, 1.25, 1.5, 1.75, 2]
    assert run.batches_per_epoch is None


_ENDLESS = """
    import sys, keras, replaychart as rc
    keras.utils.set_random_seed(1)
    X, y = rc.datasets.parabola(32)
    model = keras.Sequential([
        keras.Input((2,)),
        keras.layers.Dense(2, activation="tanh", name="hidden"),
        keras.layers.Dense(1, activation="sigmoid", name="output"),
    ])
    model.compile(
        loss="binary_crossentropy", optimizer=keras.optimizers.SGD(0.5), metrics=["accuracy"]
    )
    recorder = rc.Recorder(X, y, sys.argv[1], "a", every="1 batch")
    model.fit(X, y, epochs=100_000, batch_size=16, verbose=0, callbacks=[recorder])
"""


def test_killed_training_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_ENDLESS), str(path)],
        env={**os.environ, "KERAS_BACKEND": "tensorflow"},
        stderr=subprocess.DEVNULL,
    )
    try:
        started = time.monotonic()
        while not path.exists() or not rc.list_runs(path) or rc.open_run(path).epochs[-1] < 1:
            assert process.poll() is None
            assert time.monotonic() - started < 120
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    with pytest.warns(UserWarning, match="run 'a' was interrupted after epoch"):
        killed = rc.open_run(path)
    last = int(killed.epochs[-1])
    assert last >= 1
    kept = int(np.searchsorted(killed.epochs, last, side="right"))
    model = _model(seed=5)
    killed.restore(model, last)
    _fit(path, model, epochs=last + 2, initial_epoch=last)
    run = rc.open_run(path)
    assert run.epochs.tolist() == [*killed.epochs[:kept], last + 1, last + 2]
    expected = model.predict(_data()[0], verbose=0)[:, 0]
    np.testing.assert_allclose(run.probabilities()[-1, :, 1], expected, atol=1e-6)


def test_snapshot_that_was_cut_short_is_taken_the_place_of(tmp_path: Path) -> None:
    path, model = tmp_path / "a.h5", _model()
    _fit(path, model, epochs=4)
    with h5py.File(path, "a") as file:
        # What a crash leaves that comes before the epochs are written.
        file["a/epochs"].resize(3, axis=0)
    rc.open_run(path).restore(model)
    _fit(path, model, epochs=3, initial_epoch=2)
    run = rc.open_run(path)
    assert run.epochs.tolist() == [0, 1, 2, 3]
    expected = model.predict(_data()[0], verbose=0)[:, 0]
    np.testing.assert_allclose(run.probabilities()[-1, :, 1], expected, atol=1e-6)
    assert len(run.curves.values("loss", source="training")) == 4


def _refused(path: Path, message: str, *, X: Any = None, **options: Any) -> None:
    """Assert that a training cannot be appended and that the file stays what it is."""
    before = path.read_bytes()
    model = options.pop("model", None) or _model()
    fit = {"initial_epoch": 2, **options.pop("fit", {})}
    points, targets = _data()
    recorder = rc.Recorder(
        points if X is None else X, options.pop("y", targets), path, "a",
        if_exists="append", **options,
    )  # fmt: skip
    stepped = model.optimizer.iterations.numpy()
    with pytest.raises(rc.RecordingError, match=message):
        model.fit(points, targets, epochs=4, verbose=0, callbacks=[recorder], **fit)
    assert model.optimizer.iterations.numpy() == stepped, "told before the training"
    assert path.read_bytes() == before


def test_trainings_that_cannot_be_appended_are_told_before_they_start(tmp_path: Path) -> None:
    path, trained = tmp_path / "a.h5", _model()
    _fit(path, trained, epochs=2)
    X, y = _data()
    other = X.copy()
    other[0, 0] += 1e-3
    _refused(path, "cannot be appended to run 'a': its inputs have other values", X=other)
    _refused(path, r"its inputs have the shape \(64, 2\), these \(60, 2\)", X=X[:60], y=y[:60])
    _refused(path, "its targets have other values", y=1 - y)
    _refused(path, "its class_names are None, these", class_names=["a", "b"])
    _refused(
        path, r"its layer 1 is Dense \(2,\) tanh, here .* relu", model=_model(activation="relu")
    )
    _refused(path, r"its layer 1 is Dense \(2,\) tanh, here .* \(3,\)", model=_model(units=3))
    _refused(path, "layers= differs: .* 'output'", model=trained, layers=["hidden"])
    loss = _model()
    loss.compile("sgd", "mse")
    _refused(path, "its loss is different", model=loss)
    _refused(path, r"weights are not those .* at epoch 2: they differ in layer 'hidden'.*restore")
    _refused(path, "begins at epoch 0. To continue, pass initial_epoch=2", fit={"initial_epoch": 0})
