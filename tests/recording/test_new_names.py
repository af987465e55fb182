"""`if_exists="new"`: a run whose name is taken gets the next free one."""

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from support import SUPPORT
from support.training import dense, small_model

import replaychart as rc

X, Y = rc.datasets.parabola(16)


def _model() -> keras.Model:
    return small_model(dense(1, "sigmoid", "output"))


def test_one_recorder_records_every_fit_under_the_next_name(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    recorder = rc.Recorder(X, Y, path, "fold", if_exists="new")
    assert recorder.group == "fold"
    weights = {}
    for fold in range(11):
        model = _model()
        model.fit(X, Y, epochs=1 + fold % 2, verbose=0, callbacks=[recorder])
        assert recorder.group == ("fold" if fold == 0 else f"fold-{fold + 1}")
        weights[recorder.group] = model.get_weights()[0]
    assert rc.list_runs(path) == ["fold", *(f"fold-{number}" for number in range(2, 12))]
    for fold, (name, values) in enumerate(weights.items()):
        run = rc.open_run(path, name)
        assert run.state == "finished"
        assert run.verified
        assert run.epochs.tolist() == list(range(2 + fold % 2))
        np.testing.assert_array_equal(run._stored.weights()[0][-1], values)


@pytest.mark.parametrize("used", [True, False])
def test_copies_of_a_recorder_record_under_names_of_their_own(used: bool, tmp_path: Path) -> None:
    """A tuner copies its callbacks deeply for every trial."""
    path = tmp_path / "a.h5"
    original = rc.Recorder(X, Y, path, "trial", if_exists="new")
    if used:
        _model().fit(X, Y, verbose=0, callbacks=[original])
    copies = [copy.deepcopy(original) for _ in range(3)]
    for one in copies:
        assert one.model is None
        _model().fit(X, Y, verbose=0, callbacks=[one])
    expected = ["trial", "trial-2", "trial-3", "trial-4"][used : 3 + used]
    assert [one.group for one in copies] == expected
    assert rc.list_runs(path)[used:] == expected
    assert original.group == "trial"


def test_a_copy_of_a_used_recorder_does_not_replace_its_run(tmp_path: Path) -> None:
    recorder = rc.Recorder(X, Y, tmp_path / "a.h5", "a")
    _model().fit(X, Y, verbose=0, callbacks=[recorder])
    with pytest.raises(rc.RecordingError, match="group 'a' already exists .* 'new'"):
        _model().fit(X, Y, verbose=0, callbacks=[copy.deepcopy(recorder)])


class _Stop(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == 1:
            raise KeyboardInterrupt


def test_a_cell_that_was_interrupted_runs_again(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    recorder = rc.Recorder(X, Y, path, "cell", if_exists="new")
    with pytest.raises(KeyboardInterrupt):
        _model().fit(X, Y, epochs=5, verbose=0, callbacks=[recorder, _Stop()])
    _model().fit(X, Y, epochs=3, verbose=0, callbacks=[recorder])
    assert rc.list_runs(path) == ["cell", "cell-2"]
    assert rc.open_run(path, "cell-2").epochs.tolist() == [0, 1, 2, 3]
    with pytest.warns(UserWarning, match="run 'cell' was interrupted after epoch 2"):
        assert rc.open_run(path, "cell").epochs.tolist() == [0, 1, 2]


def test_groups_of_others_and_free_names_in_between(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["run/data"] = [1, 2]
        file["run-3"] = h5py.SoftLink("/nowhere")
    recorders = [rc.Recorder(X, Y, path, "run", if_exists="new", model=_model()) for _ in "123"]
    names = [one.group for one in recorders]
    assert names == ["run-2", "run-4", "run-5"]


def test_runs_are_listed_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    names = ["b", "lr 0.1", "a10", "a9", "a", "B", "a-10", "a-2", "7", "a" + "1" * 5000, "a²"]
    for name in names:
        rc.Recorder(X, Y, path, name, model=_model())
    assert rc.list_runs(path) == [
        *("7", "B", "a", "a-2", "a-10", "a9", "a10", "a" + "1" * 5000, "a²", "b", "lr 0.1"),
    ]


def test_processes_that_take_names_at_once_get_different_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    command = [sys.executable, str(SUPPORT / "new_names_process.py"), str(path), "run", "6"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(3)]
    for one in processes:
        assert one.stdout.readline() == "ready\n"
    for one in processes:
        one.stdin.write("\n")
        one.stdin.flush()
    taken = [name for one in processes for name in one.communicate(timeout=120)[0].split()]
    assert len(taken) == 18
    expected = ["run", *(f"run-{number}" for number in range(2, 19))]
    assert rc.list_runs(path) == expected
    assert sorted(taken) == sorted(expected)
    for name in expected:
        assert rc.open_run(path, name).epochs.tolist() == [0, 1]
