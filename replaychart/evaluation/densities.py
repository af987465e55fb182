"""Densities and quartiles of many values, one snapshot at a time."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from replaychart.evaluation import order_statistics
from replaychart.evaluation.memory import Arrays
from replaychart.facts.keys import DENSITY_POSITIONS
from replaychart.network.batches import whole
from replaychart.workers import by_threads

Group = Sequence[np.ndarray]
POSITIONS = DENSITY_POSITIONS
# Cells in which values are counted before smoothing, much narrower than the smallest bandwidth.
_CELLS = 512
_NARROW_CELLS = 1 << 14
# Values in a piece: few enough that temporary arrays stay in the processor's cache.
_PIECE = 1 << 18
# The smallest bandwidth, in steps between positions. A narrower peak could fall between two.
_NARROWEST = 0.6


def summarized_each(values: Iterable[Sequence[Group]]) -> list[Arrays]:
    """Return the distribution of several groups of values at each snapshot.

    Parameters
    ----------
    values : iterable of sequence of sequence of numpy.ndarray
        For each snapshot, the values of each group, in arrays of any shapes. Only one snapshot is
        kept in memory at a time.

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
    rows = []
    for groups in values:
        rows.append([_summary(group) for group in groups])
        del groups  # They would still be in memory while the next ones are computed.
    return [
        {name: np.stack([summary[name] for summary in group]) for name in group[0]}
        for group in zip(*rows, strict=True)
    ]


def positions(quantiles: np.ndarray) -> np.ndarray:
    """Return the positions of the densities, shape (..., 64), for quantiles, shape (..., 5)."""
    low, high = quantiles[..., :1], quantiles[..., -1:]
    return low + (high - low) * np.linspace(0, 1, POSITIONS)


def _pieces(group: Group) -> list[np.ndarray]:
    """Return the values in pieces of float32 or float64; a few values are one piece."""
    arrays = [np.asarray(values).ravel() for values in group]
    flat = [own if own.dtype == np.float32 else own.astype(np.float64) for own in arrays]
    if sum(map(len, flat)) <= _PIECE:
        return [whole(flat)]
    return [own[start : start + _PIECE] for own in flat for start in range(0, len(own), _PIECE)]


def _finite(pieces: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the finite values; views of pieces with nothing else, and no empty arrays."""
    each = ((piece, np.isfinite(piece)) for piece in pieces)
    kept = (piece if finite.all() else piece.compress(finite) for piece, finite in each)
    return [piece for piece in kept if len(piece)]


def _summary(group: Group) -> dict[str, Any]:
    pieces = _pieces(group)
    count = sum(map(len, pieces))
    values = list(itertools.chain.from_iterable(by_threads(_finite, pieces)))
    finite = sum(map(len, values))
    summary: dict[str, Any] = {
        "count": np.int64(count),
        "not_finite": np.int64(count - finite),
    }
    if not finite:
        return summary | {
            "mean": np.float64(np.nan),
            "std": np.float64(np.nan),
            "quantiles": np.full(5, np.nan),
            "density": np.zeros(POSITIONS, np.float32),
        }
    mean = _total(values, lambda piece: piece.sum(dtype=np.float64)) / finite
    squares = _total(
        values, lambda piece: np.square(np.subtract(piece, mean, dtype=np.float64)).sum()
    )
    std = np.sqrt(squares / finite)
    quantiles = order_statistics.quantiles(values, [0, 0.25, 0.5, 0.75, 1], count=finite)
    density = _density(values, finite, quantiles, std)
    return summary | {"mean": mean, "std": std, "quantiles": quantiles, "density": density}


def _total(
    values: Sequence[np.ndarray], of_piece: Callable[[np.ndarray], np.float64]
) -> np.float64:
    """Return the sum over all pieces, which does not depend on the number of threads."""
    parts = by_threads(lambda some: [of_piece(piece) for piece in some], values)
    return np.float64(sum(itertools.chain.from_iterable(parts)))


def _density(
    values: Sequence[np.ndarray], finite: int, quantiles: np.ndarray, std: float
) -> np.ndarray:
    """Return a Gaussian kernel density estimate between the minimum and the maximum.

    The values are first counted in cells, so the cost of smoothing does not depend on their number.
    """
    low, high = quantiles[0], quantiles[-1]
    if not high > low:
        return np.zeros(POSITIONS, np.float32)
    weights = _in_cells(values, low, high, finite)
    width = max(_bandwidth(finite, quantiles, std), _NARROWEST * (high - low) / (POSITIONS - 1))
    width /= high - low
    distance = np.linspace(0, 1, POSITIONS)[:, None] - np.linspace(0, 1, _CELLS + 1)
    kernel = np.exp(-0.5 * (distance / width) ** 2)
    scale = finite * width * (high - low) * np.sqrt(2 * np.pi)
    return (kernel @ weights / scale).astype(np.float32)


def _in_cells(values: Sequence[np.ndarray], low: float, high: float, finite: int) -> np.ndarray:
    """Return the number of values in each cell; each is split between the two nearest cells.

    Many values are first counted in cells that are much narrower, and moved to their middles; in
    the first and the last one to the ends, where a ReLU or a saturated sigmoid has most values.
    """
    if finite < order_statistics.MANY:
        return _split((np.concatenate(values, dtype=np.float64) - low) / (high - low))

    def counted(pieces: Sequence[np.ndarray]) -> np.ndarray:
        counts = np.zeros(_NARROW_CELLS + 1, np.int64)
        for piece in pieces:
            places = np.subtract(piece, low, dtype=np.float64)
            places /= high - low
            places *= _NARROW_CELLS
            counts += np.bincount(places.astype(np.intp), minlength=len(counts))
        return counts

    narrow = np.sum(by_threads(counted, values), axis=0)
    narrow[-2] += narrow[-1]  # the maximum itself
    narrow = narrow[:-1]
    middles = (np.arange(_NARROW_CELLS) + 0.5) / _NARROW_CELLS
    middles[[0, -1]] = 0, 1
    return _split(middles, narrow)


def _split(shares: np.ndarray, counts: np.ndarray | int = 1) -> np.ndarray:
    """Return the weights of the cells for values at some shares of the range."""
    place = shares * _CELLS
    cell = np.minimum(place.astype(np.int64), _CELLS - 1)
    upper = (place - cell) * counts
    lower = counts - upper
    return np.bincount(cell, lower, _CELLS + 1) + np.bincount(cell + 1, upper, _CELLS + 1)


def _bandwidth(finite: int, quantiles: np.ndarray, std: float) -> float:
    """Return Silverman's rule of thumb, which also suits skewed and bimodal distributions."""
    spread = (quantiles[3] - quantiles[1]) / 1.349
    narrow = min(spread, std) if spread > 0 else std
    return 0.9 * narrow * finite**-0.2
