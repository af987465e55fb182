"""A complete run that is written into another file."""

from pathlib import Path

import keras
import numpy as np
from support.training import dense, small_model

import replaychart as rc
from replaychart.storage.reader import read_run
from replaychart.storage.writer import write_run


def test_a_copy_has_everything_that_was_recorded(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(20)
    weights = {0: 0.5, 1: 3.0}
    recorder = rc.Recorder(
        X, y, tmp_path / "old.h5", "a", class_weight=weights, validation=(X[:8], y[:8])
    )
    stopping = keras.callbacks.EarlyStopping("loss", patience=2, restore_best_weights=True)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    model.fit(X, y, epochs=3, class_weight=weights, verbose=0, callbacks=[recorder, stopping])

    write_run(tmp_path / "new.h5", read_run(tmp_path / "old.h5", "a"))
    old, new = (rc.open_run(tmp_path / name, "a") for name in ("old.h5", "new.h5"))
    np.testing.assert_array_equal(new.losses(), old.losses())
    assert new.verified
    assert new.witnessed_epochs == old.witnessed_epochs
    assert new.state == old.state == "finished"
    assert new.best_epoch == old.best_epoch is not None
    assert new.history().equals(old.history())
