"""The frame of what happened to each recorded point."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

# Columns of numbers that may be missing, in order. Counts stay whole.
_NUMBERS = (
    "confidence",
    "variability",
    "correctness",
    "forgetting_events",
    "first_correct_epoch",
    "learned_epoch",
    "margin",
    "mean_loss",
    "loss_variability",
)


def samples_frame(
    targets: np.ndarray, columns: Mapping[str, np.ndarray], subset: str
) -> pd.DataFrame:
    """Return one row per point.

    Parameters
    ----------
    targets : numpy.ndarray, shape (points,)
        The target of each point.
    columns : mapping of str to numpy.ndarray, shape (points,)
        The statistics that are defined; see `SampleStatistics.over`.
    subset : {"training", "validation"}
        Which points these are.

    Returns
    -------
    pandas.DataFrame
        See `Run.samples`.
    """
    points = len(targets)
    frame = pd.DataFrame({"point": np.arange(points), "subset": subset, "target": targets})
    for name in _NUMBERS:
        frame[name] = columns.get(name, np.full(points, np.nan))
    frame["forgetting_events"] = frame["forgetting_events"].astype("Int64")
    return frame
