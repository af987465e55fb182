"""Which epoch's weights a training left the model with: recorded, and marked on the curves."""

from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from support.training import dense, small_model

import replaychart as rc

X, Y = rc.datasets.parabola(32)


def _stopping(**options: Any) -> keras.callbacks.EarlyStopping:
    arguments = {"monitor": "val_loss", "patience": 2, "restore_best_weights": True, **options}
    return keras.callbacks.EarlyStopping(**arguments)


def _fit(
    path: Path,
    *callbacks: keras.callbacks.Callback,
    first: bool = True,
    epochs: int = 30,
    **options: Any,
) -> tuple[rc.Run, keras.Model, dict[str, list[float]]]:
    """Train with a learning rate that grows, so that the validation loss rises after a while."""
    keras.utils.set_random_seed(3)
    model = small_model(dense(4, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    rates = keras.callbacks.LearningRateScheduler(lambda epoch: 0.02 * 2**epoch)
    recorder = rc.Recorder(X, Y, path, "a", if_exists="overwrite", **options)
    others = [rates, *callbacks]
    history = model.fit(
        *(X, Y),
        epochs=epochs,
        batch_size=16,
        verbose=0,
        validation_data=(X, Y),
        callbacks=[recorder, *others] if first else [*others, recorder],
    )
    return rc.open_run(path, "a"), model, history.history


@pytest.mark.parametrize("first", [True, False])
def test_the_restored_epoch_is_recorded_in_both_orders_of_callbacks(
    first: bool, tmp_path: Path
) -> None:
    run, model, history = _fit(tmp_path / "a.h5", _stopping(), first=first)
    best = int(np.argmin(history["val_loss"])) + 1
    assert 0 < best < len(history["val_loss"]), "otherwise the test shows nothing"
    assert run.restored_epoch == run.best_epoch == best
    assert isinstance(run.restored_epoch, int)
    assert run.state == "finished"
    values = [weight[best] for weight in run._stored.weights()]
    for recorded, own in zip(values, model.get_weights(), strict=True):
        np.testing.assert_array_equal(recorded, own)


@pytest.mark.parametrize("first", [True, False])
def test_an_epoch_between_snapshots_is_known_from_the_callback(first: bool, tmp_path: Path) -> None:
    _, _, history = _fit(tmp_path / "a.h5", _stopping())
    best = int(np.argmin(history["val_loss"])) + 1
    every = [0, best + 1]
    run, *_ = _fit(tmp_path / "a.h5", _stopping(), first=first, every=every)
    assert best not in run.epochs
    assert run.restored_epoch == best


def test_without_restored_weights_there_is_no_restored_epoch(tmp_path: Path) -> None:
    run, _, history = _fit(tmp_path / "a.h5", _stopping(restore_best_weights=False))
    assert run.restored_epoch is None
    assert run.best_epoch == int(np.argmin(history["val_loss"])) + 1
    run, *_ = _fit(tmp_path / "a.h5", epochs=2)
    assert run.restored_epoch is run.best_epoch is None
    run, *_ = _fit(tmp_path / "a.h5", _stopping(patience=50), epochs=2)
    assert run.best_epoch == 2, "the last epoch is the best"
    assert run.restored_epoch is None


class _Restore(keras.callbacks.Callback):
    """Sets the weights of the second epoch when training ends, or others."""

    def __init__(self, change: float = 0.0) -> None:
        super().__init__()
        self._change = change

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == 1:
            self._kept = [values + self._change for values in self.model.get_weights()]

    def on_train_end(self, logs: Any = None) -> None:
        self.model.set_weights(self._kept)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("layers", [None, ["output"]])
def test_any_callback_may_restore_weights(
    layers: list[str] | None, first: bool, tmp_path: Path
) -> None:
    run, *_ = _fit(tmp_path / "a.h5", _Restore(), first=first, epochs=4, layers=layers)
    assert run.restored_epoch == 2
    run, *_ = _fit(tmp_path / "a.h5", _Restore(0.5), first=first, epochs=4, layers=layers)
    assert run.restored_epoch is None


def test_appending_forgets_the_restored_epoch(tmp_path: Path) -> None:
    run, model, _ = _fit(tmp_path / "a.h5", _stopping())
    restored = run.restored_epoch
    assert isinstance(restored, int)
    recorder = rc.Recorder(X, Y, tmp_path / "a.h5", "a", if_exists="append")
    model.fit(X, Y, initial_epoch=restored, epochs=restored + 1, verbose=0, callbacks=[recorder])
    run = rc.open_run(tmp_path / "a.h5", "a")
    assert run.epochs[-1] == restored + 1
    assert run.restored_epoch is None


@pytest.mark.parametrize("value", [np.nan, -1.0, np.inf, [1.0, 2.0], "5"])
def test_damaged_endings_are_refused(value: Any, tmp_path: Path) -> None:
    _fit(tmp_path / "a.h5", epochs=1)
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file["a"].attrs["restored_epoch"] = np.bytes_(value) if value == "5" else value
    with pytest.raises(rc.RunFileError, match="restored_epoch must be a finite number from 0"):
        rc.open_run(tmp_path / "a.h5", "a")


def test_the_curves_mark_the_restored_epoch(tmp_path: Path) -> None:
    run, *_ = _fit(tmp_path / "a.h5", _stopping())
    spec = rc.loss_and_metric(run).to_dict()
    rules = [layer for layer in spec["layer"] if layer["mark"]["type"] == "rule"]
    texts = [layer for layer in spec["layer"] if layer["mark"].get("text") == "restored"]
    assert len(rules) == len(texts) == 1
    for layer in (*rules, *texts):
        (row,) = spec["datasets"][layer["data"]["name"]]
        assert row["epoch"] == run.restored_epoch
    few = rc.loss_and_metric(run, epochs=slice(0, 3)).to_dict()
    assert not [layer for layer in few["layer"] if layer["mark"]["type"] == "rule"]
    run, *_ = _fit(tmp_path / "a.h5", epochs=3)
    kinds = {layer["mark"]["type"] for layer in rc.loss_and_metric(run).to_dict()["layer"]}
    assert "rule" not in kinds
