"""A run that is read on is the same as one that is opened again, and keeps what it knows."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import dense, small_model, train

import replaychart as rc


class _ReadOn(keras.callbacks.Callback):
    """Reads a run on after each epoch, and compares it with one that is opened."""

    def __init__(self, path: Path, group: str) -> None:
        super().__init__()
        self._where = path, group
        self.runs: list[rc.Run] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        run = self.runs[-1].refreshed() if self.runs else rc.open_run(*self._where)
        opened = rc.open_run(*self._where)
        self.runs.append(run)
        np.testing.assert_array_equal(run.epochs, np.arange(epoch + 2))
        np.testing.assert_allclose(run.losses(), opened.losses(), atol=1e-6)
        for ours, theirs in (
            (run.points("hidden"), opened.points("hidden")),
            (run.history(), opened.history()),
        ):
            numbers = ours.select_dtypes("number").columns
            np.testing.assert_allclose(ours[numbers], theirs[numbers], atol=1e-6)


def test_a_run_is_read_on(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    X, y = rc.datasets.parabola(60)
    model = small_model(dense(3, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    reading = _ReadOn(tmp_path / "runs.h5", "run")
    train(tmp_path / "runs.h5", "run", model, X, y, epochs=4, callbacks=(reading,))
    networks = {id(run._network._network._network) for run in reading.runs}
    assert len(networks) == 1
    ended = reading.runs[-1].refreshed()
    assert ended.state == "finished"
    assert ended.refreshed() is ended


def test_a_run_that_was_replaced_is_opened_again(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    X, y = rc.datasets.parabola(60)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    path = tmp_path / "runs.h5"
    rc.Recorder(X, y, path, "run", model=model)
    run = rc.open_run(path)
    before = run.losses()
    model.set_weights([weights + 1 for weights in model.get_weights()])
    rc.Recorder(X, y, path, "run", model=model, if_exists="overwrite")
    after = run.refreshed().losses()
    assert np.abs(after - before).max() > 0.01
    np.testing.assert_allclose(after, rc.open_run(path).losses(), atol=1e-6)


def test_a_run_that_was_removed_is_missed(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(20)
    model = small_model(dense(1, "sigmoid", "output"))
    rc.Recorder(X, y, tmp_path / "runs.h5", "run", model=model)
    run = rc.open_run(tmp_path / "runs.h5")
    (tmp_path / "runs.h5").unlink()
    with pytest.raises(rc.RunFileError):
        run.refreshed()
