"""`hypercube`: the vertices of an n-dimensional cube."""

import numpy as np

from replaychart.arguments import require_at_least
from replaychart.errors import ArgumentError

MOST_DIMENSIONS = 20  # 1,048,576 vertices, 84 MB


def hypercube(
    dimensions: int = 10, *, vertices: tuple[float, float] = (-1.0, 1.0), seed: int = 13
) -> tuple[np.ndarray, np.ndarray]:
    """Return all vertices of a hypercube, classified by majority vote of the coordinates.

    A vertex belongs to class 1 if at least half of its coordinates have the larger of the two
    values.

    Parameters
    ----------
    dimensions : int, default 10
        Number of features, from 1 to 20.
    vertices : tuple of float, default (-1.0, 1.0)
        The two values of a coordinate, the smaller one first.
    seed : int, default 13
        Seed for shuffling the vertices, at least 0.

    Returns
    -------
    X : numpy.ndarray of float32, shape (2 ** dimensions, dimensions)
        The vertices, each once.
    y : numpy.ndarray of int64, shape (2 ** dimensions,)
        Their classes, 0 or 1. If `dimensions` is even, class 1 is larger, because ties belong to
        it.

    Raises
    ------
    ArgumentError
        An argument is not allowed.

    Examples
    --------
    >>> import replaychart as rc
    >>> X, y = rc.datasets.hypercube(3)
    >>> X.shape, int(y.sum())
    ((8, 3), 4)
    """
    require_at_least("dimensions", dimensions, 1)
    require_at_least("seed", seed, 0)
    if dimensions > MOST_DIMENSIONS:
        message = (
            f"dimensions must be at most {MOST_DIMENSIONS}: a hypercube has 2 ** dimensions "
            f"vertices. Got {dimensions!r}."
        )
        raise ArgumentError(message)
    low, high = _checked(vertices)
    numbers = np.random.default_rng(seed).permutation(2**dimensions)
    upper = (numbers[:, np.newaxis] >> np.arange(dimensions)) & 1 == 1
    X = np.where(upper, high, low).astype(np.float32)
    return X, (2 * upper.sum(axis=1) >= dimensions).astype(np.int64)


def _checked(vertices: tuple[float, float]) -> tuple[float, float]:
    try:
        low, high = (float(value) for value in vertices)
        allowed = -np.inf < low < high < np.inf
    except (TypeError, ValueError):
        allowed = False
    if not allowed:
        message = f"vertices must be two finite numbers, the smaller one first. Got {vertices!r}."
        raise ArgumentError(message)
    return low, high
