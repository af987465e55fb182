"""Densities and quartiles of many values, one snapshot at a time."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from replaychart.evaluation.memory import Arrays
from replaychart.facts.keys import DENSITY_POSITIONS

POSITIONS = DENSITY_POSITIONS
# Cells in which values are counted before smoothing, much narrower than the smallest bandwidth.
_CELLS = 512
# The smallest bandwidth, in steps between positions. A narrower peak could fall between two.
_NARROWEST = 0.6


def summarized_each(values: Iterable[Sequence[np.ndarray]]) -> list[Arrays]:
    """Return the distribution of several groups of values at each snapshot.

    Parameters
    ----------
    values : iterable of sequence of numpy.ndarray
        For each snapshot, one array of any shape for each group. Only one snapshot is kept in
        memory at a time.

    Returns
    -------
    list of dict of str to numpy.ndarray
        For each group: ``count`` and ``not_finite`` (int64, shape (snapshots,)), the number of
        values and how many of them are NaN or infinite; ``mean``, ``std`` (float64, shape
        (snapshots,)) and ``quantiles`` (float64, shape (snapshots, 5): minimum, lower quartile,
        median, upper quartile, maximum) of the finite values, NaN if there are none; ``density``
        (float32, shape (snapshots, 64)) at evenly spaced positions from the minimum to the maximum,
        0 if these are equal.
    """
    rows = [[_summary(np.asarray(group, np.float64).ravel()) for group in one] for one in values]
    return [
        {name: np.stack([summary[name] for summary in group]) for name in group[0]}
        for group in zip(*rows, strict=True)
    ]


def positions(quantiles: np.ndarray) -> np.ndarray:
    """Return the positions of the densities, shape (..., 64), for quantiles, shape (..., 5)."""
    low, high = quantiles[..., :1], quantiles[..., -1:]
    return low + (high - low) * np.linspace(0, 1, POSITIONS)


def _summary(values: np.ndarray) -> dict[str, Any]:
    finite = values[np.isfinite(values)]
    some = len(finite) > 0
    quantiles = np.quantile(finite, [0, 0.25, 0.5, 0.75, 1]) if some else np.full(5, np.nan)
    return {
        "count": np.int64(len(values)),
        "not_finite": np.int64(len(values) - len(finite)),
        "mean": finite.mean() if some else np.float64(np.nan),
        "std": finite.std() if some else np.float64(np.nan),
        "quantiles": quantiles,
        "density": _density(finite, quantiles),
    }


def _density(values: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Return a Gaussian kernel density estimate between the minimum and the maximum.

    Each value is first split between the two nearest cells, so the cost of smoothing does not
    depend on the number of values.
    """
    low, high = quantiles[0], quantiles[-1]
    if not high > low:
        return np.zeros(POSITIONS, np.float32)
    place = (values - low) / (high - low) * _CELLS
    cell = np.minimum(place.astype(np.int64), _CELLS - 1)
    share = place - cell
    weights = np.bincount(cell, 1 - share, _CELLS + 1) + np.bincount(cell + 1, share, _CELLS + 1)
    width = max(_bandwidth(values, quantiles), _NARROWEST * (high - low) / (POSITIONS - 1))
    width /= high - low
    distance = np.linspace(0, 1, POSITIONS)[:, None] - np.linspace(0, 1, _CELLS + 1)
    kernel = np.exp(-0.5 * (distance / width) ** 2)
    scale = len(values) * width * (high - low) * np.sqrt(2 * np.pi)
    return (kernel @ weights / scale).astype(np.float32)


def _bandwidth(values: np.ndarray, quantiles: np.ndarray) -> float:
    """Return Silverman's rule of thumb, which also suits skewed and bimodal distributions."""
    spread = (quantiles[3] - quantiles[1]) / 1.349
    deviation = values.std()
    narrow = min(spread, deviation) if spread > 0 else deviation
    return 0.9 * narrow * len(values) ** -0.2
