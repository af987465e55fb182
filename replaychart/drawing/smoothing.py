"""Exponential smoothing of curves."""

import numpy as np
import pandas as pd

from replaychart.arguments import is_number
from replaychart.errors import ArgumentError


def check_smooth(smooth: object) -> None:
    """Raise `ArgumentError` unless `smooth` is at least 0 and less than 1."""
    if not is_number(smooth) or not 0 <= smooth < 1:
        message = f"smooth must be at least 0 and less than 1. Got {smooth!r}."
        raise ArgumentError(message)


def smoothed(values: np.ndarray, smooth: float) -> np.ndarray:
    """Return exponentially smoothed values, shape (snapshots,); those not finite do not count.

    Parameters
    ----------
    values : numpy.ndarray, shape (snapshots,)
        The values of a curve.
    smooth : float
        The weight of the values before, from 0 (no smoothing) to less than 1.
    """
    if not smooth:
        return values
    finite = pd.Series(np.where(np.isfinite(values), values, np.nan))
    # The mean is over the values so far, so the first ones are not drawn towards 0.
    return finite.ewm(alpha=1 - smooth, ignore_na=True).mean().to_numpy()
