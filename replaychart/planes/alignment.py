"""The planes of several layers on one square, turned so that each resembles the one before."""

import dataclasses
from typing import Self

import numpy as np

from replaychart.planes.extents import Limits


@dataclasses.dataclass(frozen=True)
class Framing:
    """A map from the plane of a layer to the square from -1 to 1, the same at all epochs.

    Attributes
    ----------
    origin : numpy.ndarray, shape (2,)
        The place that is mapped to the middle of the square.
    turn : numpy.ndarray, shape (2, 2)
        What places are multiplied by from the right after the origin is subtracted: a rotation or
        reflection, and a scale.
    """

    origin: np.ndarray
    turn: np.ndarray

    @classmethod
    def of_limits(cls, xlim: Limits, ylim: Limits) -> Self:
        """Return the map of a rectangle to the square, which is not turned."""
        ends = np.array([xlim, ylim])
        return cls(ends.mean(axis=1), np.diag(2 / np.ptp(ends, axis=1)))

    @classmethod
    def onto(cls, before: np.ndarray, values: np.ndarray, around: np.ndarray) -> Self:
        """Return the map that turns a layer's points onto those of the layer before.

        There is one for all epochs, so that what moves from epoch to epoch is the network.

        Parameters
        ----------
        before : numpy.ndarray, shape (epochs, points, 2)
            The points of the layer before, in the square.
        values : numpy.ndarray, shape (epochs, points, 2)
            The points of the layer in its own plane.
        around : numpy.ndarray, shape (..., 2)
            What else the square has to contain, such as grid lines in the layer's own plane.
        """
        rotation = procrustes(values.reshape(-1, 2), before.reshape(-1, 2))
        turned = np.concatenate([values.reshape(-1, 2), around.reshape(-1, 2)]) @ rotation
        finite = turned[np.isfinite(turned).all(axis=1)]
        if not len(finite):
            return cls(np.zeros(2), rotation)
        low, high = finite.min(axis=0), finite.max(axis=0)
        half = float((high - low).max()) / 2
        # Both directions have the same scale. A layer that is collapsed to a point keeps its own.
        smallest = np.finfo(np.float32).eps * float(np.abs(finite).max())
        scale = 1 / half if half > smallest else 1.0
        return cls((low + high) / 2 @ rotation.T, rotation * scale)

    def applied(self, values: np.ndarray) -> np.ndarray:
        """Return places in the square, given places in the layer's plane, shape (..., 2)."""
        return (values - self.origin) @ self.turn


def procrustes(values: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """Return the rotation or reflection that brings points closest to others.

    Parameters
    ----------
    values, onto : numpy.ndarray, shape (points, 2)
        Points, whose means are subtracted. Those that are not finite are left out.

    Returns
    -------
    numpy.ndarray, shape (2, 2)
        What `values` are multiplied by from the right.

    References
    ----------
    P. H. Schönemann, "A generalized solution of the orthogonal Procrustes problem" (1966)
    """
    finite = np.isfinite(values).all(axis=1) & np.isfinite(onto).all(axis=1)
    if not finite.any():
        return np.eye(2)
    centered, others = (one[finite].astype(np.float64) for one in (values, onto))
    centered, others = centered - centered.mean(axis=0), others - others.mean(axis=0)
    left, _, right = np.linalg.svd(centered.T @ others)
    return left @ right
