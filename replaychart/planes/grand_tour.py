"""A grand tour: a closed path through the planes of a space of several dimensions."""

import numpy as np

# The waves that the path is made of, and the points at which it is computed before it is divided
# into steps of the same length.
_WAVES = 4
_FINE = 20_000
# So many random paths are tried, at so many points.
_TRIED, _COARSE = 40, 200
# A pair of directions is far enough from parallel if the second one is this times shorter.
_STEADY = 4


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
