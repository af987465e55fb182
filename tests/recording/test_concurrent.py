"""Several trainings record into one file at once, and others read it meanwhile."""

import re
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from support import SUPPORT
from support.expected import one_warning
from support.recording_process import losses
from support.training import KeepWeights, dense, small_model

import replaychart as rc
from replaychart.facts.keys import evaluation_key
from replaychart.storage import reader

SCRIPT = SUPPORT / "recording_process.py"


class _Process:
    """A process that records, when it is told to."""

    def __init__(self, path: Path, group: str, stop: Path, *, if_exists: str = "error") -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(path), group, str(stop), if_exists],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def start(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def works(self) -> bool:
        return self._process.poll() is None

    def result(self) -> str:
        output, errors = self._process.communicate(timeout=300)
        assert self._process.returncode == 0, errors
        return output.strip()


def _epochs(path: Path, group: str) -> int:
    """Return how many epochs of a run are there, all of whose numbers are right."""
    if not path.exists() or group not in reader.run_names(path):
        return 0
    stored = reader.read_run(path, group)
    epochs = len(stored.epochs)
    assert stored.epochs.tolist() == list(range(epochs))
    values = stored.evaluations()[evaluation_key("losses")]["values"]
    np.testing.assert_array_equal(values, [losses(group, epoch) for epoch in range(epochs)])
    np.testing.assert_array_equal(stored.logs["loss"], range(epochs))
    return epochs


def test_trainings_into_groups_of_one_file_and_readers_do_not_disturb_each_other(
    tmp_path: Path,
) -> None:
    path, stop = tmp_path / "runs.h5", tmp_path / "stop"
    writers = {group: _Process(path, group, stop) for group in ("one", "two", "three")}
    for writer in writers.values():
        writer.start()
    seen: dict[str, list[int]] = {group: [0] for group in writers}
    while any(len(set(counts)) < 6 for counts in seen.values()):
        for group, counts in seen.items():
            counts.append(_epochs(path, group))
    stop.touch()
    for group, writer in writers.items():
        word, epochs = writer.result().split()
        assert word == "recorded"
        assert seen[group] == sorted(seen[group]), "what was seen once is never lost"
        assert _epochs(path, group) == int(epochs) >= seen[group][-1]
        assert rc.open_run(path, group).state == "finished"


@pytest.mark.parametrize("if_exists", ["error", "overwrite", "append"])
def test_of_two_trainings_into_one_group_the_second_is_told(if_exists: str, tmp_path: Path) -> None:
    path, stop = tmp_path / "runs.h5", tmp_path / "stop"
    writers = [_Process(path, "one", stop, if_exists=if_exists) for _ in range(2)]
    for writer in writers:
        writer.start()
    while all(writer.works() for writer in writers):
        _epochs(path, "one")
    stop.touch()
    refused, recorded = sorted(writer.result() for writer in writers)
    assert refused.startswith("RecordingError: ")
    assert "'one'" in refused
    assert recorded == f"recorded {_epochs(path, 'one')}"


def test_threads_of_one_process_record_into_one_file(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    path = tmp_path / "runs.h5"
    models = {name: small_model(dense(2, "tanh", name), dense(1, "sigmoid", "o")) for name in "abc"}
    errors: list[BaseException] = []

    def record(name: str) -> None:
        try:
            with rc.Recorder(X, y, path, name) as recorder:
                for epoch in range(60):
                    recorder.snapshot(models[name], epoch)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=record, args=(name,)) for name in models]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        for name in reader.run_names(path) if path.exists() else []:
            assert len(reader.read_run(path, name).weights()[0]) >= 1
    assert not errors
    for name, model in models.items():
        run = rc.open_run(path, name)
        assert len(run.epochs) == 60
        for values, expected in zip(run._stored.weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(values, [expected] * 60)


class _Holding(keras.callbacks.Callback):
    """Has the file open, as a viewer or a notebook may, from one epoch to another."""

    def __init__(self, path: Path, first: int, last: int) -> None:
        super().__init__()
        self._path, self._first, self._last = path, first, last
        self.file: h5py.File | None = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch + 1 == self._first:
            self.file = h5py.File(self._path, "r")
        if epoch + 1 == self._last and self.file is not None:
            self.file.close()


def _fit(path: Path, holding: _Holding) -> KeepWeights:
    X, y = rc.datasets.parabola(16)
    kept = KeepWeights()
    callbacks = [kept, holding, rc.Recorder(X, y, path, "a")]
    small_model(dense(1, "sigmoid", "output")).fit(
        X, y, epochs=6, verbose=0, callbacks=callbacks
    )  # fmt: skip
    return kept


def test_snapshots_wait_while_another_program_has_the_file_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replaychart.recording.guard.PATIENCE", 0.05)
    path = tmp_path / "a.h5"
    with one_warning("in use.*Snapshots of 'a' are kept in memory"):
        kept = _fit(path, _Holding(path, 2, 5))
    run = rc.open_run(path)
    assert run.state == "finished"
    assert run.epochs.tolist() == [0, 1, 2, 3, 4, 5, 6]
    np.testing.assert_array_equal(run._stored.weights()[0], [one[0] for one in kept.weights])


def test_file_that_another_program_never_closes_keeps_what_was_recorded_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replaychart.recording.guard.PATIENCE", 0.05)
    path = tmp_path / "a.h5"
    holding = _Holding(path, 3, 99)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", UserWarning)
        kept = _fit(path, holding)
    assert len(kept.weights) == 7, "the training went on"
    texts = [str(one.message) for one in warned if one.category is UserWarning]
    assert len(texts) == 2
    assert "kept in memory" in texts[0]
    assert re.search("Recording of run 'a' .* stopped after epoch 2, .* in use", texts[1])
    assert holding.file is not None
    assert holding.file["a/epochs"][()].tolist() == [0, 1, 2]
    holding.file.close()
    with pytest.warns(UserWarning, match="interrupted after epoch 2"):
        assert rc.open_run(path).epochs.tolist() == [0, 1, 2]
