"""An error in validation ends a training after an epoch's training, which is kept."""

from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from support.expected import one_warning
from support.training import KeepWeights, dense, small_model

import replaychart as rc

X, Y = rc.datasets.parabola(16)


class _Fails(keras.callbacks.Callback):
    """Raises an error in the middle of the validation of one epoch, and keeps its weights."""

    def __init__(self, error: BaseException, epoch: int) -> None:
        super().__init__()
        self._error, self._epoch, self.weights = error, epoch, []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._current = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.weights, self.loss = self.model.get_weights(), logs["loss"]

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._current == self._epoch:
            raise self._error


class _Shift(keras.callbacks.Callback):
    """Changes the weights during each validation, as ``SwapEMAWeights`` does."""

    def on_test_begin(self, logs: Any = None) -> None:
        self.model.set_weights([one + 1 for one in self.model.get_weights()])

    def on_test_end(self, logs: Any = None) -> None:
        self.model.set_weights([one - 1 for one in self.model.get_weights()])


def _fit(*callbacks: keras.callbacks.Callback, epochs: int = 4, **options: Any) -> Any:
    keras.utils.set_random_seed(1)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    options = {"validation_data": (X, Y), "batch_size": 8, **options}
    return model.fit(X, Y, epochs=epochs, verbose=0, callbacks=list(callbacks), **options)


def _logged(run: rc.Run, name: str) -> dict[float, float]:
    history = run.history().query("source == 'training'").set_index(["name", "epoch"])["value"]
    return history[name].dropna().to_dict()


@pytest.mark.parametrize("error", [RuntimeError("on purpose"), KeyboardInterrupt("on purpose")])
@pytest.mark.parametrize("every", [1, "1 batch", [1, 2, 3, 4]])
def test_the_epoch_is_recorded(error: BaseException, every: Any, tmp_path: Path) -> None:
    recorder = rc.Recorder(X, Y, tmp_path / "a.h5", "a", every=every)
    fails = _Fails(error, 3)
    with pytest.raises(type(error), match="on purpose"):
        _fit(recorder, fails)
    with pytest.warns(UserWarning, match="was interrupted after epoch 3"):
        run = rc.open_run(tmp_path / "a.h5")
    assert run.state == "interrupted"
    epochs = run.epochs.tolist()
    assert [one for one in epochs if one == int(one)] == [0, 1, 2, 3]
    assert epochs == sorted(set(epochs))
    for values, own in zip(run._stored.weights(), fails.weights, strict=True):
        np.testing.assert_array_equal(values[-1], own)
    assert _logged(run, "loss")[3] == pytest.approx(fails.loss)
    assert _logged(run, "learning_rate")[3] == pytest.approx(0.5)
    assert set(_logged(run, "val_loss")) == {1, 2}


def test_epochs_that_are_not_due_are_not_recorded_for_it(tmp_path: Path) -> None:
    recorder = rc.Recorder(X, Y, tmp_path / "a.h5", "a", every=2)
    with pytest.raises(RuntimeError, match="on purpose"):
        _fit(recorder, _Fails(RuntimeError("on purpose"), 3))
    with pytest.warns(UserWarning, match="was interrupted after epoch 2"):
        assert rc.open_run(tmp_path / "a.h5").epochs.tolist() == [0, 2]


def test_a_training_without_errors_is_recorded_as_before(tmp_path: Path) -> None:
    recorder, kept = rc.Recorder(X, Y, tmp_path / "a.h5", "a"), KeepWeights()
    history = _fit(recorder, kept, validation_freq=2).history
    run = rc.open_run(tmp_path / "a.h5")
    assert (run.epochs.tolist(), run.state, run.verified) == ([0, 1, 2, 3, 4], "finished", True)
    _assert_same_weights(run, kept)
    np.testing.assert_allclose(list(_logged(run, "loss").values()), history["loss"])
    validated = dict(zip([2, 4], history["val_loss"], strict=True))
    assert _logged(run, "val_loss") == pytest.approx(validated)
    assert run.curves.names("training") == [
        "accuracy",
        "loss",
        "val_accuracy",
        "val_loss",
        "learning_rate",
    ]


def test_weights_that_change_only_during_validation_are_not_those_of_the_epoch(
    tmp_path: Path,
) -> None:
    kept = KeepWeights()
    _fit(_Shift(), rc.Recorder(X, Y, tmp_path / "a.h5", "a"), kept)
    run = rc.open_run(tmp_path / "a.h5")
    assert (run.epochs.tolist(), run.state, run.verified) == ([0, 1, 2, 3, 4], "finished", True)
    _assert_same_weights(run, kept)
    assert set(_logged(run, "val_loss")) == {1, 2, 3, 4}


def _assert_same_weights(run: rc.Run, kept: KeepWeights) -> None:
    for place, values in enumerate(run._stored.weights()):
        np.testing.assert_array_equal(values, [own[place] for own in kept.weights])


class _Evaluates(keras.callbacks.Callback):
    """Evaluates the model within an epoch, with a recorder among the callbacks."""

    def __init__(self, recorder: rc.Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        steps = dict(self._recorder.params)
        self.model.evaluate(X, Y, verbose=0, callbacks=[self._recorder])
        self._recorder.set_params(steps)


def test_an_evaluation_by_another_callback_is_not_the_end_of_an_epoch(tmp_path: Path) -> None:
    recorder, fails = rc.Recorder(X, Y, tmp_path / "a.h5", "a"), _Fails(RuntimeError("a"), 2)

    class Ends(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if fails._current == 2:
                message = "on purpose"
                raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="on purpose"):
        _fit(recorder, fails, _Evaluates(recorder), Ends())
    with pytest.warns(UserWarning, match="was interrupted after epoch 1"):
        assert rc.open_run(tmp_path / "a.h5").epochs.tolist() == [0, 1]


def test_logs_of_other_callbacks_within_an_epoch_are_not_those_of_the_epoch(tmp_path: Path) -> None:
    class Notes(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            logs["batch"] = batch

    _fit(Notes(), rc.Recorder(X, Y, tmp_path / "a.h5", "a"))
    assert "batch" not in rc.open_run(tmp_path / "a.h5").curves.names("training")


class _Reads(keras.callbacks.Callback):
    """Reads the run on during each validation, and after each epoch."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path, self.runs = path, []

    def _read(self) -> None:
        self.runs.append(self.runs[-1].refreshed() if self.runs else rc.open_run(self._path))
        self.runs[-1].losses()

    def on_test_end(self, logs: Any = None) -> None:
        self._read()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._read()


def test_a_run_is_read_on_when_the_rest_of_an_epoch_is_logged(tmp_path: Path) -> None:
    reads = _Reads(tmp_path / "a.h5")
    history = _fit(rc.Recorder(X, Y, tmp_path / "a.h5", "a"), reads, epochs=3).history
    assert [len(run.epochs) for run in reads.runs] == [2, 2, 3, 3, 4, 4]
    for epoch, run in enumerate(reads.runs[1::2], start=1):
        assert _logged(run, "val_loss")[epoch] == pytest.approx(history["val_loss"][epoch - 1])
    # Nothing is evaluated or made anew.
    assert len({id(run._network._network._network) for run in reads.runs}) == 1


class _Holds(keras.callbacks.Callback):
    """Has the file open, as a viewer may, from one moment of the training to another."""

    def __init__(self, path: Path, first: str, last: str) -> None:
        super().__init__()
        self._path, self._first, self._last = path, first, last
        self._epoch, self._file = 0, None

    def _come_to(self, moment: str) -> None:
        moment = f"{moment} {self._epoch}"
        if moment == self._first:
            self._file = h5py.File(self._path, "r")
        if moment == self._last:
            self._file.close()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch + 1
        self._come_to("begin")

    def on_test_end(self, logs: Any = None) -> None:
        self._come_to("validated")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._come_to("end")


@pytest.mark.parametrize("shifts", [False, True])
@pytest.mark.parametrize("moments", [("begin 1", "end 2"), ("validated 1", "end 2")])
def test_an_epoch_waits_while_another_program_has_the_file_open(
    moments: tuple[str, str], shifts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replaychart.recording.guard.PATIENCE", 0.05)
    path, kept = tmp_path / "a.h5", KeepWeights()
    recorder = rc.Recorder(X, Y, path, "a")
    callbacks = [_Shift()] if shifts else []
    with one_warning("in use.*Snapshots of 'a' are kept in memory"):
        _fit(*callbacks, recorder, _Holds(path, *moments), kept)
    run = rc.open_run(path)
    assert (run.epochs.tolist(), run.state, run.verified) == ([0, 1, 2, 3, 4], "finished", True)
    _assert_same_weights(run, kept)
    assert set(_logged(run, "loss")) == set(_logged(run, "val_loss")) == {1, 2, 3, 4}


def test_an_interrupted_validation_is_where_training_resumes(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with pytest.raises(RuntimeError, match="on purpose"):
        _fit(rc.Recorder(X, Y, path, "a"), _Fails(RuntimeError("on purpose"), 2))
    again = rc.Recorder(X, Y, path, "a", if_exists="append")
    with pytest.warns(UserWarning, match="was interrupted after epoch 2"):
        run = rc.open_run(path)
    keras.utils.set_random_seed(1)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    run.restore(model)
    model.fit(X, Y, initial_epoch=2, epochs=3, verbose=0, callbacks=[again])
    run = rc.open_run(path)
    assert (run.epochs.tolist(), run.state, run.verified) == ([0, 1, 2, 3], "finished", True)
