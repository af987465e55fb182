"""The frame of the recorded points."""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from replaychart.frames.tables import coordinate_names

# The columns before the coordinates, and after them.
ABOUT_POINTS = ("epoch", "point", "subset", "target")
OUTCOMES = ("prediction", "probability", "loss")
# Rows that are transposed at a time.
_PIECE = 4096


def points_frame(
    epochs: np.ndarray,
    labels: np.ndarray,
    coordinates: np.ndarray | None,
    outcomes: Mapping[str, np.ndarray],
    subset: str,
    columns: Collection[str] | None = None,
) -> pd.DataFrame:
    """Return one row per epoch and point.

    Parameters
    ----------
    epochs : numpy.ndarray of int, shape (snapshots,)
    labels : numpy.ndarray, shape (points,)
    coordinates : numpy.ndarray or None, shape (snapshots, points, units)
        None if `columns` contains none of them.
    outcomes : mapping of str to numpy.ndarray, shape (snapshots, points)
        Those of `OUTCOMES` that `columns` contains, in this order.
    subset : {"training", "validation"}
        Which points these are.
    columns : collection of str, optional
        The columns, in this order. Default: all.

    Returns
    -------
    pandas.DataFrame
        See `Run.points`.
    """
    snapshots, points = len(epochs), len(labels)
    rows = snapshots * points
    frame = pd.DataFrame(index=pd.RangeIndex(rows))
    if coordinates is not None:
        units = coordinates.shape[-1]
        by_unit = _by_unit(coordinates.reshape(rows, units))
        frame = pd.DataFrame(by_unit.T, columns=coordinate_names(units), copy=False)
    about = {
        "epoch": np.repeat(epochs, points),
        "point": np.tile(np.arange(points), snapshots),
        "subset": np.full(rows, subset, object),
        "target": np.tile(labels, snapshots),
    }
    for place, (name, values) in enumerate(about.items()):
        frame.insert(place, name, values)
    for name, values in outcomes.items():
        frame[name] = values.ravel()
    return frame if columns is None else frame[list(columns)]


def _by_unit(coordinates: np.ndarray) -> np.ndarray:
    """Return a copy with one contiguous row for each unit, made in pieces that fit the cache."""
    rows, units = coordinates.shape
    by_unit = np.empty((units, rows), coordinates.dtype)
    for start in range(0, rows, _PIECE):
        by_unit[:, start : start + _PIECE] = coordinates[start : start + _PIECE].T
    return by_unit
