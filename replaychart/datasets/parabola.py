"""`parabola`: two parabolas, and a recorded training run on them."""

from pathlib import Path

import numpy as np

from replaychart.arguments import require_at_least


def parabola(
    points: int = 1000, *, shift: float = 0.5, seed: int = 13
) -> tuple[np.ndarray, np.ndarray]:
    """Return two parabolas, one above the other: the simplest task that needs a hidden layer.

    Class 0 lies on ``x2 = x1 ** 2``, class 1 on ``x2 = x1 ** 2 - shift``.

    Parameters
    ----------
    points : int, default 1000
        Number of points on each parabola, evenly spaced in ``-1 <= x1 <= 1``; at least 1.
    shift : float, default 0.5
        Distance of the second parabola below the first.
    seed : int, default 13
        Seed for shuffling the points.

    Returns
    -------
    X : numpy.ndarray of float32, shape (2 * points, 2)
        The points.
    y : numpy.ndarray of int64, shape (2 * points,)
        Their classes, 0 or 1.

    Raises
    ------
    ArgumentError
        `points` is less than 1.

    Examples
    --------
    >>> import replaychart as rc
    >>> X, y = rc.datasets.parabola()
    >>> X.shape, int(y.sum())
    ((2000, 2), 1000)

    References
    ----------
    C. Olah, "Neural Networks, Manifolds, and Topology" (2014),
    https://colah.github.io/posts/2014-03-NN-Manifolds-Topology/
    """
    require_at_least("points", points, 1)
    points = int(points)
    x1 = np.linspace(-1, 1, points)
    upper, lower = np.stack([x1, x1**2], axis=1), np.stack([x1, x1**2 - shift], axis=1)
    order = np.random.default_rng(seed).permutation(2 * points)
    return (
        np.concatenate([upper, lower]).astype(np.float32)[order],
        np.repeat(np.array([0, 1], np.int64), points)[order],
    )


def parabola_recording() -> Path:
    """Return the path of a recording that is bundled with the package.

    It contains a 2-2-1 sigmoid network trained on the two parabolas for 150 epochs, with SGD at a
    learning rate of 0.05 and a batch size of 16. Its evaluations are stored, so you can open and
    chart it without Keras.

    Returns
    -------
    pathlib.Path
        An HDF5 file with a single run, ``parabola``. Copy it before you write to it.

    Examples
    --------
    >>> import replaychart as rc
    >>> len(rc.open_run(rc.datasets.parabola_recording()).epochs)
    151
    """
    return Path(__file__).parents[1] / "recordings" / "parabola.h5"
