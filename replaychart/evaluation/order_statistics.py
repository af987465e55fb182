"""Exact quantiles of many values, counted in pieces instead of sorted."""

import sys
from collections.abc import Iterable, Sequence

import numpy as np

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
        The values, in arrays of one axis.
    shares : sequence of float
        Shares from 0 to 1, in ascending order.
    count : int
        The number of values, at least 1.

    Returns
    -------
    numpy.ndarray of float64, shape (shares,)
    """
    if count < MANY or pieces[0].dtype != np.float32:
        return np.quantile(np.concatenate(pieces, dtype=np.float64), shares)
    places = np.asarray(shares) * (count - 1)
    below = np.floor(places).astype(np.int64)
    above = np.minimum(below + 1, count - 1)
    ranks, position = np.unique(np.concatenate([below, above]), return_inverse=True)
    low, high = np.split(_of_ranks(pieces, ranks)[position], 2)
    return low + (high - low) * (places - below)


def _of_ranks(pieces: Iterable[np.ndarray], ranks: np.ndarray) -> np.ndarray:
    """Return the values at some places of the sorted order."""
    order = np.argsort(_sortable(np.arange(1 << _HALF, dtype=np.uint32) << _HALF))
    upper = np.zeros(1 << _HALF, np.int64)
    for piece in pieces:
        upper += np.bincount(_upper_halves(piece), minlength=1 << _HALF)
    ends = upper[order].cumsum()
    buckets = np.searchsorted(ends, ranks, side="right")
    wanted = np.zeros(1 << _HALF, bool)
    wanted[order[buckets]] = True
    lower = {bucket: np.zeros(1 << _HALF, np.int64) for bucket in np.unique(buckets).tolist()}
    for piece in pieces:
        bits = _sortable(piece[wanted[_upper_halves(piece)]].view(np.uint32))
        for bucket, counts in lower.items():
            inside = bits[bits >> _HALF == bucket] & ((1 << _HALF) - 1)
            counts += np.bincount(inside, minlength=1 << _HALF)
    found = np.empty(len(ranks), np.uint32)
    for place, (rank, bucket) in enumerate(zip(ranks, buckets.tolist(), strict=True)):
        before = ends[bucket] - upper[order[bucket]]
        rest = np.searchsorted(lower[bucket].cumsum(), rank - before, side="right")
        found[place] = (bucket << _HALF) | int(rest)
    return np.where(found & _SIGN, found ^ _SIGN, ~found).view(np.float32).astype(np.float64)


def _upper_halves(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values).view(np.uint16)[_UPPER::2]


def _sortable(bits: np.ndarray) -> np.ndarray:
    """Return integers with the same order as the numbers of float32 that have these bits.

    Negative numbers are stored as a sign and a magnitude, so all of their bits are inverted.
    """
    return np.where(bits & _SIGN, ~bits, bits ^ _SIGN)
