"""Projections of a layer to principal components."""

import importlib
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from replaychart.errors import MissingDependencyError
from replaychart.planes.layer_space import LayerSpace
from replaychart.planes.moments import Components, Moments
from replaychart.planes.projections import LinearProjection

# Incremental PCA keeps more components than are shown, which makes the first two more accurate.
_INCREMENTAL_COMPONENTS = 50
# Sums of the squares of larger numbers may not have a place in float32.
_LARGE = 1e15
# Up to this many units, the covariance matrix is small enough to be accumulated, which is exact.
# Layers with more units are fitted by scikit-learn.
MOST_UNITS = 1000


def components_within_epochs(space: LayerSpace) -> LinearProjection:
    """Return the two principal components of the deviations from the mean of each epoch.

    They are eigenvectors of the covariance within the epochs, pooled over all epochs. The drift of
    all points together does not choose the directions, but is visible along them.
    """
    found = _within_epochs(space, 2)
    return _projection(space, found, "pca within epochs", "the mean over all epochs")


def several_components(space: LayerSpace, count: int) -> LinearProjection:
    """Return the first components of those of which `components_within_epochs` returns two."""
    found = _within_epochs(space, count)
    return space.linear(
        titles=(f"{count} components ({_percent(found.shares.sum())} %)", ""),
        key=None,
        origins=found.mean[None],
        bases=found.directions.T[None],
        through="the mean over all epochs",
    )


def pooled_components(space: LayerSpace) -> LinearProjection:
    """Return the two principal components of all snapshots together."""
    if space.units <= MOST_UNITS:
        found = _moments(space).pooled_components(2)
    else:
        found = _fitted(space, space.batches())
    # Files contain it under this key from when it was the default.
    return _projection(space, found, "pca", "the mean over all epochs")


def last_components(space: LayerSpace) -> LinearProjection:
    """Return the two principal components of the last snapshot with finite outputs."""
    found = _fitted(space, iter([space.last().rows]))
    return _projection(space, found, "pca last", "the mean of the last epoch")


def aligned_components(space: LayerSpace) -> LinearProjection:
    """Return the principal components of each snapshot, aligned with the previous ones.

    References
    ----------
    P. H. Schönemann, "A generalized solution of the orthogonal Procrustes problem" (1966)
    """
    decomposition = scikit_learn("sklearn.decomposition")
    procrustes = scikit_learn("scipy.linalg").orthogonal_procrustes
    origins: list[np.ndarray] = []
    bases: list[np.ndarray] = []
    shares = []
    before: np.ndarray | None = None
    for values in space.by_snapshot():
        finite = np.isfinite(values).all(axis=1)
        seen = values[finite]
        if before is not None and (seen == seen[:1]).all():
            # There are no finite outputs, or they are all the same, so nothing can be aligned.
            origins.append(origins[-1])
            bases.append(bases[-1])
            continue
        pca = decomposition.PCA(2, random_state=0).fit(space.enough(seen))
        base = pca.components_.T.astype(np.float64)
        centered = np.where(finite[:, None], values - pca.mean_, 0)
        if before is not None:
            base = base @ procrustes(centered @ base, before)[0]
        before = centered @ base
        origins.append(pca.mean_.astype(np.float64))
        bases.append(base)
        shares.append(pca.explained_variance_ratio_.sum())
    least, greatest = _percent(min(shares)), _percent(max(shares))
    explained = f"{least} %" if least == greatest else f"{least} to {greatest} %"
    return space.linear(
        titles=(
            f"{space.layer}, aligned components ({explained} in both)",
            f"{space.layer}, second direction",
        ),
        key="aligned",
        origins=np.stack(origins),
        bases=np.stack(bases),
        through="the mean of the epoch, along both components",
    )


def completed(directions: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return two orthonormal directions: first those given, then where the rest differs most.

    Parameters
    ----------
    directions : numpy.ndarray, shape (units, at most 2)
        Linearly independent.
    rows : numpy.ndarray, shape (points, units)
        Finite outputs.

    Returns
    -------
    numpy.ndarray of float64, shape (units, 2)
    """
    orthonormal, factors = np.linalg.qr(directions.astype(np.float64))
    orthonormal = orthonormal * np.sign(np.diag(factors))
    missing = 2 - orthonormal.shape[1]
    if not missing:
        return orthonormal
    centered = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    rest = centered - centered @ orthonormal @ orthonormal.T
    pca = scikit_learn("sklearn.decomposition").PCA(missing, random_state=0)
    with np.errstate(invalid="ignore"):  # If the rest does not differ, its shares are NaN.
        others = pca.fit(rest).components_.T
    others = others - orthonormal @ (orthonormal.T @ others)
    return np.hstack([orthonormal, others / np.linalg.norm(others, axis=0)])


def scikit_learn(module: str) -> Any:
    """Import a module of scikit-learn, or one that comes with it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        message = (
            "Principal components and linear discriminants need scikit-learn: pip install "
            "'replaychart[projections]'. A pair of units or a matrix as projection needs no "
            "additional package."
        )
        raise MissingDependencyError(message) from error


def _within_epochs(space: LayerSpace, count: int) -> Components:
    """Return the components within epochs, around the mean of all epochs."""
    if space.units <= MOST_UNITS:
        moments = _moments(space)
        if moments.differs_within_groups():
            return moments.components_within_groups(count)
        # At every epoch, all points are at the same place, so there is only the drift to show.
        return moments.pooled_components(count)
    found = _fitted(space, space.batches(centered=True), count)
    if not found.shares.any() or np.isnan(found.shares).any():
        found = _fitted(space, space.batches(), count)
    return found._replace(mean=space.mean())


def _moments(space: LayerSpace) -> Moments:
    moments = Moments(space.units)
    for rows in space.finite():
        moments.add(rows)
    space.require_enough(moments.count)
    return moments


def _fitted(space: LayerSpace, batches: Iterator[np.ndarray], count: int = 2) -> Components:
    decomposition = scikit_learn("sklearn.decomposition")
    batches = map(_with_squares, batches)
    first, second = space.enough(next(batches)), next(batches, None)
    with np.errstate(invalid="ignore"):  # If the points do not differ, the shares are NaN.
        if second is None:
            pca = decomposition.PCA(count, random_state=0).fit(first)
        else:
            pca = decomposition.IncrementalPCA(min(space.units, _INCREMENTAL_COMPONENTS))
            for rows in itertools.chain([first, second], batches):
                pca.partial_fit(rows)
    return Components(
        pca.mean_.astype(np.float64),
        pca.components_[:count].astype(np.float64),
        pca.explained_variance_ratio_[:count],
    )


def _with_squares(rows: np.ndarray) -> np.ndarray:
    """Return rows with a dtype for their squares, which may be infinite in float32."""
    return rows.astype(np.float64) if np.abs(rows).max(initial=0) > _LARGE else rows


def _projection(space: LayerSpace, found: Components, key: str, through: str) -> LinearProjection:
    first, second = map(_percent, found.shares)
    return space.linear(
        titles=(
            f"{space.layer}, component 1 ({first} %)",
            f"{space.layer}, component 2 ({second} %)",
        ),
        key=key,
        origins=found.mean[None],
        bases=found.directions.T[None],
        through=f"{through}, along both components",
    )


def _percent(share: float) -> str:
    if np.isnan(share):
        return "0"
    return f"{100 * share:.0f}" if share >= 0.01 else f"{100 * share:.2g}"
