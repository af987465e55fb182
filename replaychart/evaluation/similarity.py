"""How similar the outputs of layers are: linear centered kernel alignment (CKA)."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray


def layer_similarities(
    layers: Sequence[Iterable[np.ndarray]], others: Sequence[Iterable[np.ndarray]] | None
) -> NDArray[np.float64]:
    """Return linear CKA between layers, snapshot by snapshot.

    For centered outputs X and Y of two layers, with a row for each point, it is the square of the
    Frobenius norm of X'Y, divided by the norms of X'X and of Y'Y.

    Parameters
    ----------
    layers : sequence of iterable of numpy.ndarray
        For each layer, its outputs at each snapshot, shape (points, ...).
    others : sequence of iterable of numpy.ndarray or None
        The layers to compare with, at the same snapshots; None for the same layers.

    Returns
    -------
    numpy.ndarray of float64, shape (snapshots, layers, others)
        NaN for a layer that returns the same for all points, or something that is not finite.
    """
    if others is None:
        return np.array([_between(own, own) for own in _by_snapshot(layers)])
    both = zip(_by_snapshot(layers), _by_snapshot(others), strict=True)
    return np.array([_between(own, theirs) for own, theirs in both])


def _by_snapshot(layers: Sequence[Iterable[np.ndarray]]) -> Iterator[list[np.ndarray]]:
    """Yield the outputs of all layers, each as by `_normalized`, snapshot by snapshot."""
    for outputs in zip(*layers, strict=True):
        yield [_normalized(one) for one in outputs]


def _between(own: list[np.ndarray], theirs: list[np.ndarray]) -> list[list[float]]:
    return [[float(np.square(one.T @ two).sum()) for two in theirs] for one in own]


def _normalized(outputs: np.ndarray) -> NDArray[np.float64]:
    """Return centered outputs X with a norm of X'X of 1, with at most as many columns as points.

    Instead of more columns, it has others with the same products of points, XX'. On these alone
    CKA depends.
    """
    flat = outputs.reshape(len(outputs), -1).astype(np.float64)
    if not np.isfinite(flat).all():
        return np.full((len(flat), 1), np.nan)
    flat -= flat[0]  # so that what is the same for all points is exactly 0
    flat -= flat.mean(axis=0)
    if flat.shape[1] > len(flat):
        triangle = np.asarray(np.linalg.qr(flat.T, mode="r"))
        flat = triangle.T
    norm = np.linalg.norm(flat.T @ flat)
    return flat / np.sqrt(norm) if norm > 0 else np.full_like(flat, np.nan)
