"""The frame of the recorded points."""

import numpy as np
import pandas as pd

from replaychart.frames.tables import coordinate_names


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
    columns: dict[str, np.ndarray] = {
        "epoch": np.repeat(epochs, points),
        "point": np.tile(np.arange(points), snapshots),
        "subset": np.full(snapshots * points, subset, object),
        "target": np.tile(labels, snapshots),
    }
    for unit, name in enumerate(coordinate_names(units)):
        columns[name] = coordinates[:, :, unit].ravel()
    columns["prediction"] = prediction.ravel()
    columns["probability"] = probability.ravel()
    columns["loss"] = losses.ravel()
    return pd.DataFrame(columns)
