"""The frame of the grid lines."""

import numpy as np
import pandas as pd

from replaychart.frames.tables import paths_frame
from replaychart.planes.extents import Limits
from replaychart.planes.paths import Paths


def grid_frame(
    epochs: np.ndarray, paths: Paths, *, xlim: Limits, ylim: Limits, lines: int
) -> pd.DataFrame:
    """Return one row per vertex of a grid line; see `Run.grid`.

    Parameters
    ----------
    epochs : numpy.ndarray of int, shape (snapshots,)
    paths : Paths
        First `lines` paths along which the first input is constant, then `lines` paths along which
        the second input is constant.
    xlim, ylim : tuple of float
        The rectangle that the lines divide.
    lines : int
        The number of lines in each direction.
    """
    frame = paths_frame(epochs, paths).drop(columns="class")
    number = frame.pop("value").to_numpy(np.int64)
    constants = np.concatenate([np.linspace(*xlim, lines), np.linspace(*ylim, lines)])
    frame = frame.rename(columns={"path": "line"})
    frame.insert(2, "constant", np.where(number < lines, "x", "y"))
    frame.insert(3, "at", constants[number])
    return frame
