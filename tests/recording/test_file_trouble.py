"""Whatever happens to the file, the training goes on, and what was recorded is whole."""

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from support.disks import is_root, mounted, remount, room_for
from support.expected import one_warning
from support.training import KeepWeights, dense, small_model

import replaychart as rc

EPOCHS = 6


class _Before(keras.callbacks.Callback):
    """Does something just before the snapshot of an epoch is recorded."""

    def __init__(self, epoch: int, action: Callable[[], object]) -> None:
        super().__init__()
        self._epoch = epoch
        self._action = action

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == self._epoch == 0:
            self._action()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch + 1 == self._epoch:
            self._action()


def _model() -> keras.Model:
    return small_model(dense(2000, "tanh", "hidden"), dense(1, "sigmoid", "output"))


def _fit(
    path: Path, *before: keras.callbacks.Callback, group: str = "a", **options: Any
) -> KeepWeights:
    """Train for `EPOCHS` epochs."""
    X, y = rc.datasets.parabola(32)
    kept = KeepWeights()
    recorder = rc.Recorder(X, y, path, group, **options)
    model = _model()
    model.fit(X, y, epochs=EPOCHS, batch_size=64, verbose=0, callbacks=[kept, *before, recorder])
    return kept


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with another run, in a directory of its own."""
    (tmp_path / "runs").mkdir()
    path = tmp_path / "runs" / "a.h5"
    X, y = rc.datasets.parabola(8)
    rc.Recorder(X, y, path, "other", model=small_model(dense(1, "sigmoid", "output")))
    return path


def _holds(path: Path, kept: KeepWeights, *, epochs: int) -> None:
    """Assert that run ``a`` was interrupted after an epoch, and that every number is right."""
    assert len(kept.weights) == EPOCHS + 1, "the training went on"
    with pytest.warns(UserWarning, match=f"run 'a' was interrupted after epoch {epochs},"):
        run = rc.open_run(path, "a")
    assert run.epochs.tolist() == list(range(epochs + 1))
    recorded = run._stored.weights()
    for epoch in range(epochs + 1):
        for values, expected in zip(recorded, kept.weights[epoch], strict=True):
            np.testing.assert_array_equal(values[epoch], expected)
    assert len(rc.open_run(path, "other").losses()) == 1


def _stopped(when: str, reason: str) -> AbstractContextManager[list[str]]:
    return one_warning(f"Recording of run 'a' .* stopped {when}, and training continues.*{reason}")


def test_full_disk_stops_the_recording_and_not_the_training(path: Path) -> None:
    room = room_for(path.stat().st_size + 150_000)
    with room, _stopped("after epoch [1-5]", "cannot be written") as texts:
        kept = _fit(path)
    last = int(texts[0].split("after epoch ")[1].split(",")[0])
    _holds(path, kept, epochs=last)


def test_full_disk_that_is_mounted(path: Path, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", kilobytes=220) as disk:
        shutil.copy(path, disk / "a.h5")
        with _stopped("after epoch [1-5]", "No space left on device") as texts:
            kept = _fit(disk / "a.h5")
        last = int(texts[0].split("after epoch ")[1].split(",")[0])
        _holds(disk / "a.h5", kept, epochs=last)


def test_disk_that_is_full_from_the_beginning(path: Path) -> None:
    before = path.read_bytes()
    with room_for(len(before)), _stopped("before its first snapshot", "cannot be written"):
        kept = _fit(path)
    assert len(kept.weights) == EPOCHS + 1
    assert path.read_bytes() == before
    assert rc.list_runs(path) == ["other"]


def test_disk_that_is_full_keeps_the_run_that_was_to_be_overwritten(path: Path) -> None:
    kept = _fit(path)
    before = path.read_bytes()
    # The new run takes the place of the old one, and more.
    X, y = rc.datasets.parabola(10_000)
    recorder = rc.Recorder(X, y, path, "a", if_exists="overwrite")
    with room_for(len(before)), _stopped("before its first snapshot", "cannot be written"):
        _model().fit(X[:64], y[:64], epochs=1, verbose=0, callbacks=[recorder])
    assert path.read_bytes() == before
    run = rc.open_run(path, "a")
    assert run.state == "finished"
    np.testing.assert_array_equal(run._stored.weights()[0][-1], kept.weights[-1][0])


def test_file_made_read_only_meanwhile(path: Path, tmp_path: Path) -> None:
    if not is_root():
        with _stopped("after epoch 2", "Permission denied"):
            kept = _fit(path, _Before(3, lambda: path.chmod(0o444)))
        _holds(path, kept, epochs=2)
        return
    with mounted(tmp_path / "disk", kilobytes=4000) as disk:
        shutil.copy(path, disk / "a.h5")
        with _stopped("after epoch 2", "Read-only file system"):
            kept = _fit(disk / "a.h5", _Before(3, lambda: remount(disk, "ro")))
        _holds(disk / "a.h5", kept, epochs=2)


def test_read_only_file_is_told_before_the_training(path: Path, tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(8)
    if not is_root():
        path.chmod(0o444)
        with pytest.raises(rc.RunFileError, match="path must be a writable file"):
            rc.Recorder(X, y, path, "a")
        return
    with mounted(tmp_path / "disk", kilobytes=400) as disk:
        remount(disk, "ro")
        with pytest.raises(rc.RunFileError, match="path must be a writable file"):
            rc.Recorder(X, y, disk / "a.h5", "a")


@pytest.mark.parametrize("what", ["file", "directory"])
def test_removed_meanwhile(what: str, path: Path) -> None:
    removed: Callable[[], object] = path.unlink
    if what == "directory":

        def removed() -> None:
            shutil.rmtree(path.parent)

    with _stopped("after epoch 2", "The file .* no longer exists"):
        kept = _fit(path, _Before(3, removed))
    assert len(kept.weights) == EPOCHS + 1
    assert not path.exists(), "half a run would be worse than none"


def test_renamed_meanwhile(path: Path) -> None:
    moved = path.with_name("moved.h5")
    with _stopped("after epoch 2", "The file .* no longer exists"):
        kept = _fit(path, _Before(3, lambda: path.rename(moved)))
    _holds(moved, kept, epochs=2)


def _another_file(path: Path) -> None:
    path.unlink()
    with h5py.File(path, "w") as file:
        file["a"] = [1, 2, 3]


def _another_run(path: Path) -> None:
    path.unlink()
    X, y = rc.datasets.parabola(8)
    rc.Recorder(X, y, path, "a", model=small_model(dense(1, "sigmoid", "output")))


def _text(path: Path) -> None:
    path.unlink()
    path.write_text("notes of somebody\n" * 1000)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "notes.txt").write_text("notes of somebody")


def _cut_file(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    "replace", [_another_file, _another_run, _text, _empty, _directory, _cut_file],
    ids=lambda replace: replace.__name__.strip("_"),
)  # fmt: skip
def test_file_replaced_meanwhile_is_left_alone(replace: Callable[[Path], None], path: Path) -> None:
    after: list[bytes] = []

    def exchange() -> None:
        replace(path)
        after.append((path / "notes.txt" if path.is_dir() else path).read_bytes())

    with _stopped("after epoch 2", "(cannot be written|replaced or removed|is empty)"):
        kept = _fit(path, _Before(3, exchange))
    assert len(kept.weights) == EPOCHS + 1
    assert (path / "notes.txt" if path.is_dir() else path).read_bytes() == after[0]


def test_error_is_raised_where_that_is_asked_for(path: Path) -> None:
    with pytest.raises(rc.RunFileError, match="or its directory no longer exists"):
        _fit(path, _Before(3, path.unlink), on_error="raise")
    with pytest.raises(rc.ArgumentError, match="on_error must be one of 'warn', 'raise'"):
        _fit(path, on_error="ignore")


def test_loop_of_ones_own_goes_on_too(path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    model = _model()
    with (
        _stopped("after epoch 1", "The file .* no longer exists"),
        rc.Recorder(X, y, path, "a") as recorder,
    ):
        recorder.snapshot(model, 0)
        recorder.snapshot(model, 1)
        path.unlink()
        recorder.snapshot(model, 2)
        recorder.snapshot(model, 3)


def test_loop_that_makes_room_goes_on_where_it_stopped(path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    model = _model()
    with rc.Recorder(X, y, path, "a", on_error="raise") as recorder:
        recorder.snapshot(model, 0)
        with room_for(1000), pytest.raises(rc.RunFileError, match="cannot be written"):
            recorder.snapshot(model, 1)
        recorder.snapshot(model, 2)
    run = rc.open_run(path, "a")
    assert run.epochs.tolist() == [0, 2]
    assert run.state == "finished"


def test_outputs_and_evaluations_raise_and_leave_what_was_there(path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    p = np.linspace(0, 1, len(X))
    with rc.record_outputs(path, "a", inputs=X, targets=y) as outputs:
        outputs.snapshot(0, probabilities=p)
        with room_for(1000), pytest.raises(rc.RunFileError, match="cannot be written"):
            outputs.snapshot(1, probabilities=p)
        outputs.snapshot(2, probabilities=p)
    assert rc.open_run(path, "a").epochs.tolist() == [0, 2]
    run = rc.open_run(path, "other")
    with room_for(1000), pytest.raises(rc.RunFileError, match="cannot be written"):
        run.store()
    assert not run._stored.evaluations()
    run.store()
    assert run._stored.evaluations()


def test_outputs_can_warn(path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    p = np.linspace(0, 1, len(X))
    epochs = ({"epoch": epoch, "probabilities": p} for epoch in range(4))
    with room_for(1000), _stopped("before its first snapshot", "cannot be written"):
        rc.record_outputs(path, "a", inputs=X, targets=y, epochs=epochs, on_error="warn")
    assert rc.list_runs(path) == ["other"]


def test_model_recorded_at_once_raises(path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    with room_for(1000), pytest.raises(rc.RunFileError, match="cannot be written"):
        rc.Recorder(X, y, path, "a", model=_model())
    assert rc.list_runs(path) == ["other"]
