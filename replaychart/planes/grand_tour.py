"""A grand tour: a closed path through the planes of a space, and what is seen of it on the way."""

from typing import NamedTuple

import numpy as np

# The waves that the path is made of, and the points at which it is computed before it is divided
# into steps of the same length.
_WAVES = 4
_FINE = 20_000
# How many random paths are tried, and the number of points at which each is judged.
_TRIED, _COARSE = 40, 200
# A pair of directions is far enough from parallel if the second one is this times shorter.
_STEADY = 4
# How many epochs and steps of the tour decide the size of the view.
_SEEN = 40
# How far the sum of probabilities may be from 1.
_ROUNDING = 1e-3


def grand_tour(dimensions: int, steps: int, seed: int) -> np.ndarray:
    """Return pairs of orthonormal directions, each a small turn away from the previous one.

    The path is periodic, random and smooth, all steps are equally long, and no step turns a plane
    within itself more than it has to.

    Parameters
    ----------
    dimensions : int
        The dimensions of the space, at least 3.
    steps : int
        The number of planes.
    seed : int
        The seed of the random path.

    Returns
    -------
    numpy.ndarray of float64, shape (steps, 2, dimensions)

    References
    ----------
    D. Asimov, "The Grand Tour: A Tool for Viewing Multidimensional Data" (1985)
    """
    tried = np.random.default_rng(seed).normal(size=(_TRIED, 2, _WAVES, 2, dimensions))
    weights = max(tried, key=_suitability)
    fine = _without_spin(_orthonormal(_path(weights, _FINE)))
    moved = np.linalg.norm(np.diff(fine, axis=0), axis=(1, 2))
    length = np.concatenate([[0.0], moved.cumsum()])
    places = np.searchsorted(length, np.arange(steps) / steps * length[-1])
    return _without_spin(fine[places])


def _path(weights: np.ndarray, steps: int) -> np.ndarray:
    """Return sums of waves: a closed path of pairs of directions, which are not orthonormal."""
    time = np.arange(steps) / steps
    angles = 2 * np.pi * time[:, None] * np.arange(1, _WAVES + 1)
    waves = np.stack([np.cos(angles), np.sin(angles)])
    path: np.ndarray = np.einsum("ktw,kwij->tij", waves, weights)
    return path


def _suitability(weights: np.ndarray) -> float:
    """Return how suitable a path is, from 0 to 1.

    It must stay away from pairs of parallel directions, where the plane would turn over at once,
    and show each dimension nearly whole at some time.
    """
    left, spread, right = np.linalg.svd(_path(weights, _COARSE), full_matrices=False)
    seen = np.linalg.norm(left @ right, axis=1).max(axis=0).min()
    return float(min((spread[:, 1] / spread[:, 0]).min() * _STEADY, seen))


def _orthonormal(pairs: np.ndarray) -> np.ndarray:
    """Return the pairs of orthonormal directions that are closest to pairs of any directions."""
    left, _, right = np.linalg.svd(pairs, full_matrices=False)
    return left @ right


def _without_spin(frames: np.ndarray) -> np.ndarray:
    """Return frames of the same planes, turned in them so that each is closest to the previous one.

    What then is left to close the path is spread evenly over all of them.
    """
    overlaps = np.einsum("tik,tjk->tij", np.roll(frames, -1, axis=0), frames)
    turns = np.arctan2(overlaps[:, 1, 0] - overlaps[:, 0, 1], overlaps[:, 0, 0] + overlaps[:, 1, 1])
    until = np.concatenate([[0.0], turns[:-1].cumsum()])
    left_over = (turns.sum() + np.pi) % (2 * np.pi) - np.pi
    angles = until - left_over * np.arange(len(frames)) / len(frames)
    cos, sin = np.cos(angles), np.sin(angles)
    turned = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], axis=1)
    return turned @ frames


class Ball(NamedTuple):
    """What is seen of the space.

    Attributes
    ----------
    middle : numpy.ndarray, shape (dimensions,)
        The middle of the view, where the axes begin: the mean of all points; of probabilities, the
        origin, so that a point of which the network is sure is at the end of an axis.
    reach : float
        How far the points are from it at most.
    radius : float
        How far they are at most as they are seen on the tour, and the length of the axes.
    """

    middle: np.ndarray
    reach: float
    radius: float

    @classmethod
    def around(cls, values: np.ndarray, path: np.ndarray) -> "Ball":
        """Return what is seen of points.

        Parameters
        ----------
        values : numpy.ndarray, shape (epochs, points, dimensions)
            The points, of which those count that are finite.
        path : numpy.ndarray, shape (steps, 2, dimensions)
            The tour, see `grand_tour`.
        """
        finite = np.isfinite(values).all(axis=-1)
        origin = np.zeros(values.shape[-1])
        if not finite.any() or _are_probabilities(values[finite]):
            return cls(origin, 1.0, 1.0)
        middle = values[finite].mean(axis=0, dtype=np.float64)
        centered = np.where(finite[..., None], values - middle, 0)
        reach = float(np.linalg.norm(centered, axis=-1).max()) or 1.0
        every = max(1, len(centered) // _SEEN)
        some = centered[::-1][::every]
        planes = path[:: max(1, len(path) // _SEEN)]
        seen_at = [np.linalg.norm(some @ plane.T, axis=-1).max() for plane in planes]
        return cls(middle, reach, float(max(seen_at)) or reach)


def _are_probabilities(values: np.ndarray) -> bool:
    """Return whether every point has probabilities of classes that exclude each other."""
    return bool(values.min() >= 0 and np.abs(values.sum(axis=-1) - 1).max() < _ROUNDING)
