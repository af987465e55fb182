"""`ball`: points in an n-dimensional ball, or on its surface."""

import numpy as np

from replaychart.arguments import require_at_least
from replaychart.errors import ArgumentError


def ball(
    points: int = 1000,
    *,
    dimensions: int = 10,
    fraction: float | None = None,
    shell: bool = False,
    radius: float | None = None,
    seed: int = 13,
) -> tuple[np.ndarray, np.ndarray]:
    """Return points drawn uniformly from a ball around the origin, in two classes: core and shell.

    Class 1 lies farther from the center than a fraction of the radius, class 0 lies within. The
    features are uncorrelated and have mean 0 and, with the default radius, variance 1, as weight
    initializers assume.

    Parameters
    ----------
    points : int, default 1000
        Number of points, at least 1.
    dimensions : int, default 10
        Number of features, at least 1.
    fraction : float, optional
        The fraction of the radius, from 0 to 1, beyond which points belong to class 1. Default:
        ``0.5 ** (1 / dimensions)``, which encloses half of the volume, so both classes are equally
        likely. (In 10 dimensions, a fraction of 0.5 encloses only 0.1 % of the volume.)
    shell : bool, default False
        Whether to draw all points from the surface, at the distance `radius`. All of them then
        belong to class 1, unless `fraction` is 1.
    radius : float, optional
        The ball's radius, greater than 0. Default: the radius for which each feature has variance
        1, ``sqrt(dimensions + 2)`` for the ball and ``sqrt(dimensions)`` for its surface.
    seed : int, default 13
        Seed for ``numpy.random.default_rng``, at least 0.

    Returns
    -------
    X : numpy.ndarray of float32, shape (points, dimensions)
        The points.
    y : numpy.ndarray of int64, shape (points,)
        Their classes, 0 or 1.

    Raises
    ------
    ArgumentError
        An argument is not allowed.

    Examples
    --------
    >>> import replaychart as rc
    >>> X, y = rc.datasets.ball(2000, dimensions=3)
    >>> X.shape, round(float(y.mean()), 1)
    ((2000, 3), 0.5)

    References
    ----------
    M. E. Muller, "A note on a method for generating points uniformly on n-dimensional spheres",
    Communications of the ACM 2(4), 1959, https://doi.org/10.1145/377939.377946
    """
    require_at_least("points", points, 1)
    require_at_least("dimensions", dimensions, 1)
    require_at_least("seed", seed, 0)
    if fraction is None:
        fraction = 0.5 ** (1 / dimensions)
    if not 0 <= fraction <= 1:
        message = f"fraction must be between 0 and 1. Got {fraction!r}."
        raise ArgumentError(message)
    if radius is None:
        radius = float(np.sqrt(dimensions if shell else dimensions + 2))
    if not 0 < radius < np.inf:
        message = f"radius must be finite and greater than 0. Got {radius!r}."
        raise ArgumentError(message)

    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(points, dimensions))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    # The volume within a distance grows with the n-th power of the distance.
    distances = np.ones(points) if shell else rng.uniform(size=points) ** (1 / dimensions)
    X = radius * distances[:, np.newaxis] * directions
    return X.astype(np.float32), (distances > fraction).astype(np.int64)
