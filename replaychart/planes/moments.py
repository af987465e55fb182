"""Principal components of rows that arrive in groups, with the memory of a covariance matrix."""

from typing import NamedTuple

import numpy as np

# Values are accumulated in blocks of this many, so that only a block is held in 64 bits.
_VALUES_AT_ONCE = 4_000_000
# Variances below this share of the squared mean are rounding.
_ROUNDING = 1e-24


class Components(NamedTuple):
    """Principal components.

    Attributes
    ----------
    mean : numpy.ndarray of float64, shape (units,)
        The mean of all rows.
    directions : numpy.ndarray of float64, shape (components, units)
        Orthonormal, by decreasing variance. As in scikit-learn, the entry of each with the largest
        magnitude is positive.
    shares : numpy.ndarray of float64, shape (components,)
        The share of the variance along each; NaN if the rows do not differ.
    """

    mean: np.ndarray
    directions: np.ndarray
    shares: np.ndarray


class Moments:
    """The means of groups of rows, and the covariance within the groups.

    Parameters
    ----------
    units : int
        The number of columns.

    Attributes
    ----------
    count : int
        The number of rows so far.
    """

    def __init__(self, units: int) -> None:
        self.count = 0
        self._within = np.zeros((units, units))
        self._means: list[np.ndarray] = []
        self._counts: list[int] = []

    def add(self, rows: np.ndarray) -> None:
        """Add a group of finite rows, shape (rows, units)."""
        if not len(rows):
            return
        mean = rows.mean(axis=0, dtype=np.float64)
        together = max(1, _VALUES_AT_ONCE // len(mean))
        for start in range(0, len(rows), together):
            deviations = rows[start : start + together] - mean
            self._within += deviations.T @ deviations
        self.count += len(rows)
        self._means.append(mean)
        self._counts.append(len(rows))

    def differs_within_groups(self) -> bool:
        """Return whether the rows of any group differ by more than rounding."""
        squares = np.array(self._counts) @ np.square(self._means).sum(axis=1)
        return bool(np.trace(self._within) > _ROUNDING * squares)

    def components_within_groups(self, count: int) -> Components:
        """Return the components of the deviations from the mean of each group."""
        return _components(self._within, self._mean, count)

    def pooled_components(self, count: int) -> Components:
        """Return the components of all rows together."""
        drift = np.sqrt(self._counts)[:, None] * (self._means - self._mean)
        return _components(self._within + drift.T @ drift, self._mean, count)

    @property
    def _mean(self) -> np.ndarray:
        return np.average(self._means, axis=0, weights=self._counts)


def _components(scatter: np.ndarray, mean: np.ndarray, count: int) -> Components:
    sizes, vectors = np.linalg.eigh(scatter)
    directions = vectors[:, ::-1].T[:count]
    largest = np.abs(directions).argmax(axis=1)
    signs = np.sign(directions[np.arange(len(directions)), largest])
    sizes = np.maximum(sizes[::-1], 0)
    with np.errstate(invalid="ignore"):  # If the rows do not differ, the shares are NaN.
        shares = sizes[:count] / sizes.sum()
    return Components(mean, directions * signs[:, None], shares)
