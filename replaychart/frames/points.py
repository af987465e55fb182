"""The frame of the recorded points."""

import numpy as np
import pandas as pd

from replaychart.frames.tables import coordinate_names

# Rows that are transposed at a time.
_PIECE = 4096


def points_frame(
    epochs: np.ndarray,
    labels: np.ndarray,
    coordinates: np.ndarray,
    prediction: np.ndarray,
    probability: np.ndarray,
    losses: np.ndarray,
    subset: str,
) -> pd.DataFrame:
    """Return one row per epoch and point.

    Parameters
    ----------
    epochs : numpy.ndarray of int, shape (snapshots,)
    labels : numpy.ndarray, shape (points,)
    coordinates : numpy.ndarray, shape (snapshots, points, units)
    prediction, probability, losses : numpy.ndarray, shape (snapshots, points)
    subset : {"training", "validation"}
        Which points these are.

    Returns
    -------
    pandas.DataFrame
        See `Run.points`.
    """
    snapshots, points, units = coordinates.shape
    rows = snapshots * points
    frame = pd.DataFrame(
        _by_unit(coordinates.reshape(rows, units)).T,
        columns=coordinate_names(units),
        copy=False,
    )
    first = {
        "epoch": np.repeat(epochs, points),
        "point": np.tile(np.arange(points), snapshots),
        "subset": np.full(rows, subset, object),
        "target": np.tile(labels, snapshots),
    }
    for place, (name, values) in enumerate(first.items()):
        frame.insert(place, name, values)
    frame["prediction"] = prediction.ravel()
    frame["probability"] = probability.ravel()
    frame["loss"] = losses.ravel()
    return frame


def _by_unit(coordinates: np.ndarray) -> np.ndarray:
    """Return a copy with one contiguous row for each unit, made in pieces that fit the cache."""
    rows, units = coordinates.shape
    by_unit = np.empty((units, rows), coordinates.dtype)
    for start in range(0, rows, _PIECE):
        by_unit[:, start : start + _PIECE] = coordinates[start : start + _PIECE].T
    return by_unit
