"""Shared by several frames: names of coordinates, and paths as rows."""

import numpy as np
import pandas as pd

from replaychart.planes.paths import Paths


def coordinate_names(units: int) -> list[str]:
    """Return ``x, y`` for two units, ``x`` for one, ``x1, x2, ...`` for more."""
    if units <= 2:
        return ["x", "y"][:units]
    return [f"x{unit}" for unit in range(1, units + 1)]


def paths_frame(epochs: np.ndarray, paths: Paths) -> pd.DataFrame:
    """Return one row per vertex.

    Parameters
    ----------
    epochs : numpy.ndarray of int, shape (snapshots,)
        The epoch of each position in the recording.
    paths : Paths
        The paths.

    Returns
    -------
    pandas.DataFrame
        ``epoch`` (int64), ``path`` (int64, counted within the epoch), ``class`` (int64), ``value``
        (float64), ``vertex`` (int64, counted along the path), ``x`` and ``y`` (float32).
    """
    lengths = paths.lengths()
    of_epoch = pd.Series(paths.snapshot).groupby(paths.snapshot, sort=False).cumcount().to_numpy()
    return pd.DataFrame(
        {
            "epoch": np.repeat(epochs[paths.snapshot], lengths),
            "path": np.repeat(of_epoch, lengths),
            "class": np.repeat(paths.of_class, lengths),
            "value": np.repeat(paths.value, lengths),
            "vertex": np.arange(len(paths.vertices)) - np.repeat(paths.starts[:-1], lengths),
            "x": paths.vertices[:, 0],
            "y": paths.vertices[:, 1],
        }
    )
