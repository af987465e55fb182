"""Frames of counts per epoch and bin, with the same bins for the whole run."""

import math
from typing import Literal

import numpy as np
import pandas as pd

# Whether the bins of losses are equally wide on a linear or on a logarithmic axis.
LossScale = Literal["linear", "log"]
# On a logarithmic axis, the smallest and the largest loss shown differ by at most this factor.
_REACH = 1e6
# With more bins, each would be narrower than a pixel, and all take memory at every epoch.
MOST_BINS = 1_000


def probability_histogram_frame(
    epochs: np.ndarray,
    probability: np.ndarray,
    targets: np.ndarray,
    correct: np.ndarray,
    *,
    classes: int,
    bins: int,
) -> pd.DataFrame:
    """Count points by true class, correctness and probability.

    Parameters
    ----------
    epochs : numpy.ndarray of int, shape (snapshots,)
    probability : numpy.ndarray, shape (snapshots, points)
    targets : numpy.ndarray of int64, shape (points,)
        The true classes.
    correct : numpy.ndarray of bool, shape (snapshots, points)
        Whether the predicted class is the true one.
    classes, bins : int
        The number of classes and bins.

    Returns
    -------
    pandas.DataFrame
        See `Run.probability_histogram`.
    """
    groups = {
        f"{target} {right}": (target, right) for target in range(classes) for right in (True, False)
    }
    edges = np.linspace(0, 1, bins + 1)
    # A share can exceed 1 by a rounding error.
    probability = np.where(np.isfinite(probability), np.clip(probability, 0, 1), np.nan)
    frame = _histogram_frame(epochs, probability, edges, 2 * targets + ~correct, list(groups))
    group = frame.pop("group")
    frame.insert(1, "target", group.map(lambda name: groups[name][0]))
    frame.insert(2, "correct", group.map(lambda name: groups[name][1]))
    return frame


def counts_frame(epochs: np.ndarray, values: np.ndarray, edges: np.ndarray) -> pd.DataFrame:
    """Count values of shape (snapshots, values) per epoch and bin; see `_histogram_frame`."""
    groups = np.zeros(values.shape, np.int64)
    return _histogram_frame(epochs, values, edges, groups, ["all"]).drop(columns="group")


def residual_edges(residuals: np.ndarray, bins: int) -> np.ndarray:
    """Return the edges of bins that are symmetric around 0, shape (bins + 1,)."""
    finite = np.abs(residuals[np.isfinite(residuals)])
    reach = float(finite.max()) if len(finite) and finite.max() > 0 else 1.0
    return np.linspace(-reach, reach, bins + 1)


def losses_frame(
    epochs: np.ndarray, losses: np.ndarray, edges: np.ndarray, scale: LossScale
) -> pd.DataFrame:
    """Count losses of shape (snapshots, points) per epoch and bin; see `_histogram_frame`.

    With a logarithmic scale, the first bin also counts all smaller losses, such as 0.
    """
    if scale == "log":
        losses = np.maximum(losses, edges[0])
    return counts_frame(epochs, losses, edges)


def loss_scale_for(losses: np.ndarray) -> LossScale:
    """Return the scale on which losses do not collapse into one bin as they become small.

    It is logarithmic, unless there are negative losses, or none that is positive.
    """
    finite = losses[np.isfinite(losses)]
    return "log" if (finite > 0).any() and not (finite < 0).any() else "linear"


def loss_edges(losses: np.ndarray, bins: int, scale: LossScale) -> np.ndarray:
    """Return the edges of bins around all losses of a run, shape (bins + 1,).

    With a linear scale, they extend from 0 (or a negative minimum) to the maximum; with a
    logarithmic one, from the smallest positive loss to the largest, over at most six powers of ten.
    """
    finite = losses[np.isfinite(losses)]
    if scale == "linear":
        low, high = (min(0.0, finite.min()), finite.max()) if len(finite) else (0.0, 1.0)
        return np.linspace(low, high if high > low else low + 1.0, bins + 1)
    positive = finite[finite > 0]
    high = _round_number(float(positive.max()) if len(positive) else 1.0, up=True)
    low = max(float(positive.min()) if len(positive) else 0.1, high / _REACH)
    low = _round_number(low, up=False)
    return np.geomspace(low if low < high else high / 10, high, bins + 1)


def _round_number(value: float, *, up: bool) -> float:
    """Return the nearest number of the form 1, 2 or 5 times a power of ten, not below or above."""
    power = math.floor(math.log10(value))
    numbers = [factor * 10.0**power for factor in (1, 2, 5, 10)]
    if up:
        return next(number for number in numbers if number >= value * (1 - 1e-9))
    return next(number for number in numbers[::-1] if number <= value * (1 + 1e-9))


def _histogram_frame(
    epochs: np.ndarray,
    values: np.ndarray,
    edges: np.ndarray,
    groups: np.ndarray,
    group_names: list[str],
) -> pd.DataFrame:
    """Count values per epoch, bin and group.

    Parameters
    ----------
    epochs : numpy.ndarray of int, shape (snapshots,)
    values : numpy.ndarray, shape (snapshots, points)
        NaN and values outside the edges are not counted.
    edges : numpy.ndarray, shape (bins + 1,)
        In increasing order. A bin includes its lower edge, and the last bin also its upper edge.
    groups : numpy.ndarray of int, shape (snapshots, points)
        The group of each value, a position in `group_names`.
    group_names : list of str

    Returns
    -------
    pandas.DataFrame
        ``epoch`` (int64), ``group`` (str), ``bin_start``, ``bin_end`` (float64), ``count``
        (int64): one row per epoch, group and bin, including empty bins.
    """
    bins = len(edges) - 1
    snapshots = len(epochs)
    position = np.searchsorted(edges, values, side="right") - 1
    position = np.where(values == edges[-1], bins - 1, position)
    counted = (position >= 0) & (position < bins) & np.isfinite(values)
    snapshot = np.broadcast_to(np.arange(snapshots)[:, None], values.shape)
    cell = (snapshot * len(group_names) + groups) * bins + position
    counts = np.bincount(cell[counted], minlength=snapshots * len(group_names) * bins)
    cells = len(group_names) * bins
    return pd.DataFrame(
        {
            "epoch": np.repeat(epochs, cells),
            "group": np.tile(np.repeat(group_names, bins), snapshots),
            "bin_start": np.tile(edges[:-1], snapshots * len(group_names)),
            "bin_end": np.tile(edges[1:], snapshots * len(group_names)),
            "count": counts,
        }
    )
