"""Finds out which epoch's weights a training run left the model with."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from replaychart.facts.ending import Ending
from replaychart.facts.snapshots import Snapshot
from replaychart.recording.live_model import same_weights, weights_of
from replaychart.storage import reader
from replaychart.storage.weights import UnrecordedWeight


def ending_of(
    model: keras.Model, last: Snapshot, path: Path, group: str, callbacks: Iterable[Any]
) -> Ending:
    """Return which epoch's weights a model has at the end of its training.

    A callback such as ``EarlyStopping(restore_best_weights=True)`` may have set the weights of an
    earlier epoch. They are compared with the snapshots, so it may be any callback.

    Parameters
    ----------
    model : keras.Model
        The live model.
    last : Snapshot
        The last snapshot.
    path : pathlib.Path
        The file, in which all snapshots have been written.
    group : str
        The run's name.
    callbacks : iterable of keras.callbacks.Callback
        The callbacks of the training run.
    """
    stopping = [
        one
        for one in callbacks
        if isinstance(one, keras.callbacks.EarlyStopping) and one.best is not None
    ]
    # Keras numbers the epochs from 0 when they begin.
    best = stopping[0].best_epoch + 1 if stopping else None
    weights = weights_of(model)
    if same_weights(weights, last.weights):
        return Ending(None, best)
    restored = _snapshot_with(weights, path, group)
    if restored is None:
        # The epoch may be one that was not recorded, because of `every`.
        restored = next((one.best_epoch + 1 for one in stopping if _restored(one, model)), None)
    return Ending(None if restored == last.epoch else restored, best)


def _snapshot_with(weights: Sequence[np.ndarray], path: Path, group: str) -> float | None:
    """Return the epoch of the last snapshot that has these weights, None if none has."""
    stored = reader.read_run(path, group)
    recorded = [
        (values, own)
        for values, own in zip(stored.weights(), weights, strict=True)
        if not isinstance(values, UnrecordedWeight)
    ]
    for snapshot in reversed(range(len(stored.epochs))):
        if same_weights([values[snapshot] for values, _ in recorded], [own for _, own in recorded]):
            return float(stored.epochs[snapshot])
    return None


def _restored(stopping: keras.callbacks.EarlyStopping, model: keras.Model) -> bool:
    best = stopping.best_weights if stopping.restore_best_weights else None
    return best is not None and same_weights(best, model.get_weights())
