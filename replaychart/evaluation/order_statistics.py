"""Exact quantiles of many values, counted in pieces instead of sorted."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import numpy as np

from replaychart.workers import by_threads

# Fewer values than this are sorted faster than they are counted.
MANY = 1 << 18
_HALF = 16
_SIGN = np.uint32(1 << 31)
# Where the upper half of a number of 32 bits is among its two halves.
_UPPER = 1 if sys.byteorder == "little" else 0


def quantiles(pieces: Sequence[np.ndarray], shares: Sequence[float], *, count: int) -> np.ndarray:
    """Return quantiles of finite values, as `numpy.quantile` interpolates them.

    Many values of float32 are not sorted or copied, but counted by their upper 16 bits and then,
    where a quantile is, by their lower 16.

    Parameters
    ----------
    pieces : sequence of numpy.ndarray
        The values, in arrays of one axis, none of them empty.
    shares : sequence of float
        Shares from 0 to 1, in ascending order.
    count : int
        The number of values, at least 1.

    Returns
    -------
    numpy.ndarray of float64, shape (shares,)
    """
    if count < MANY or any(piece.dtype != np.float32 for piece in pieces):
        return np.quantile(np.concatenate(pieces, dtype=np.float64), shares)
    places = np.asarray(shares) * (count - 1)
    below = np.floor(places).astype(np.int64)
    above = np.minimum(below + 1, count - 1)
    ranks, position = np.unique(np.concatenate([below, above]), return_inverse=True)
    found = np.empty(len(ranks))
    found[ranks == 0] = min(piece.min() for piece in pieces)
    found[ranks == count - 1] = max(piece.max() for piece in pieces)
    between = (ranks > 0) & (ranks < count - 1)
    found[between] = _of_ranks(pieces, ranks[between])
    low, high = np.split(found[position], 2)
    return low + (high - low) * (places - below)


def _of_ranks(pieces: Sequence[np.ndarray], ranks: np.ndarray) -> np.ndarray:
    """Return the values at some places of the sorted order."""
    order = np.argsort(_sortable(np.arange(1 << _HALF, dtype=np.uint32) << _HALF))
    counts = np.sum(by_threads(_upper_counts, pieces), axis=0)
    ends = counts[order].cumsum()
    buckets = np.searchsorted(ends, ranks, side="right")
    found = np.empty(len(ranks), np.uint32)
    for bucket in np.unique(buckets).tolist():
        inside = buckets == bucket
        upper = int(order[bucket])
        before = ends[bucket] - counts[upper]
        lower_counts = np.sum(by_threads(partial(_lower_counts, upper=upper), pieces), axis=0)
        lower = np.searchsorted(lower_counts.cumsum(), ranks[inside] - before, side="right")
        found[inside] = (bucket << _HALF) | lower
    return np.where(found & _SIGN, found ^ _SIGN, ~found).view(np.float32).astype(np.float64)


def _upper_counts(pieces: Iterable[np.ndarray]) -> np.ndarray:
    """Return how many values have each upper half."""
    counts = np.zeros(1 << _HALF, np.int64)
    for piece in pieces:
        counts += np.bincount(_upper_halves(piece), minlength=len(counts))
    return counts


def _lower_counts(pieces: Iterable[np.ndarray], upper: int) -> np.ndarray:
    """Return how many values with an upper half have each lower half, in ascending order."""
    counts = np.zeros(1 << _HALF, np.int64)
    # Counting takes as long for a few values as for as many as there are counts.
    for lower in _joined((_lower_halves(piece, upper) for piece in pieces), len(counts)):
        # Half of the values after a ReLU are zeros.
        if (lower == lower[0]).all():
            counts[lower[0]] += len(lower)
        else:
            counts += np.bincount(lower, minlength=len(counts))
    # The larger the bits of a negative number, the smaller it is.
    return counts[::-1] if upper >> (_HALF - 1) else counts


def _joined(pieces: Iterable[np.ndarray], length: int) -> Iterator[np.ndarray]:
    """Yield pieces of at least some length, or what is left of them."""
    waiting: list[np.ndarray] = []
    for piece in pieces:
        waiting.append(piece)
        if sum(map(len, waiting)) >= length:
            yield np.concatenate(waiting)
            waiting.clear()
    if any(map(len, waiting)):
        yield np.concatenate(waiting)


def _upper_halves(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values).view(np.uint16)[_UPPER::2]


def _lower_halves(values: np.ndarray, upper: int) -> np.ndarray:
    """Return the lower halves of the values with an upper half, as integers of 32 bits."""
    # The difference from the smallest of these, which for smaller ones wraps around.
    lower = np.ascontiguousarray(values).view(np.uint32) - np.uint32(upper << _HALF)
    return lower.compress(lower < 1 << _HALF)


def _sortable(bits: np.ndarray) -> np.ndarray:
    """Return integers with the same order as the numbers of float32 that have these bits.

    Negative numbers are stored as a sign and a magnitude, so all of their bits are inverted.
    """
    return np.where(bits & _SIGN, ~bits, bits ^ _SIGN)
