"""Projections of layers to a plane, as requested by the user.

A layer with many units is projected to a plane. There is one projection for the whole run, so that
what moves in a chart is the network and not the point of view. A linear projection has an inverse:
each point of the plane has a point in the layer's space, where the rest of the network can be
evaluated.
"""

import importlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from replaychart.arguments import shown
from replaychart.errors import ArgumentError, MissingDependencyError
from replaychart.planes.fitted_projection import fitted_projection
from replaychart.planes.layer_space import LayerSpace
from replaychart.planes.projections import LinearProjection, Projection, hashed

# Incremental PCA keeps more components than are shown, which makes the first two more accurate.
_INCREMENTAL_COMPONENTS = 50


def projection_of(
    how: object,
    layer: str,
    outputs: Callable[[], Iterator[np.ndarray]],
    *,
    targets: Callable[[], np.ndarray],
    averaged: bool,
) -> Projection:
    """Return the projection of a layer's outputs that the user requests.

    Parameters
    ----------
    how : {"pca", "aligned"}, pair of int, array_like, or object with ``fit`` and ``transform``
        The argument `projection` of `feature_space`.
    layer : str
        The layer's name.
    outputs : callable
        Yields its outputs for each snapshot of the whole run, shape (points, ...).
    targets : callable
        Returns the points' targets, for an object whose ``fit`` needs them: class numbers, or the
        target values of a regression.
    averaged : bool
        Whether outputs with several axes are averaged over all axes but the last.

    Raises
    ------
    ArgumentError
        `how` is something else, or does not fit the layer.
    MissingDependencyError
        scikit-learn is needed, but not installed.
    """
    space = LayerSpace.of(layer, outputs, averaged=averaged)
    if isinstance(how, str):
        return _named(how, space)
    if isinstance(how, type):
        message = (
            f"projection must be an object with fit and transform, not its class. Got "
            f"{how.__name__}: pass {how.__name__}(...)."
        )
        raise ArgumentError(message)
    if hasattr(how, "fit") and hasattr(how, "transform"):
        return fitted_projection(how, space, targets)
    return _from_numbers(how, space)


def _named(name: str, space: LayerSpace) -> LinearProjection:
    if name == "pca":
        return _principal_components(space)
    if name == "aligned":
        return _aligned_components(space)
    if name == "rotate":
        message = (
            "projection must be 'pca', 'aligned', a pair of units, a matrix or an object with fit "
            "and transform. Got 'rotate', which only feature_space can draw, with two sliders."
        )
        raise ArgumentError(message)
    raise _unknown(name)


def _from_numbers(how: object, space: LayerSpace) -> LinearProjection:
    matrix = _matrix(how)
    if matrix is not None and matrix.shape == (2,) and matrix.dtype.kind in "iu":
        return _pair(matrix, space)
    if matrix is not None and matrix.shape == (space.units, 2) and np.isfinite(matrix).all():
        return _from_matrix(matrix, space)
    if matrix is not None and matrix.ndim == 2:
        message = (
            f"projection must be a finite matrix of the shape ({space.units}, 2), with a row for "
            f"each unit of layer {space.layer!r}. Got the shape {matrix.shape}."
        )
        raise ArgumentError(message)
    raise _unknown(how)


def _unknown(how: object) -> ArgumentError:
    message = (
        "projection must be 'pca', 'aligned', a pair of units, a matrix of the shape (units, 2), "
        "an object with fit and transform or, in feature_space and for three units, 'rotate'. Got "
        f"{shown(how)}."
    )
    return ArgumentError(message)


def _principal_components(space: LayerSpace) -> LinearProjection:
    """Return the two principal components of all snapshots together."""
    decomposition = _scikit_learn("sklearn.decomposition")
    batches = space.batches()
    first_batch, second_batch = space.enough(next(batches)), next(batches, None)
    if second_batch is None:
        pca = decomposition.PCA(2, random_state=0).fit(first_batch)
    else:
        pca = decomposition.IncrementalPCA(min(space.units, _INCREMENTAL_COMPONENTS))
        for rows in itertools.chain([first_batch, second_batch], batches):
            pca.partial_fit(rows)
    first, second = (_percent(share) for share in pca.explained_variance_ratio_[:2])
    return space.linear(
        titles=(
            f"{space.layer}, component 1 ({first} %)",
            f"{space.layer}, component 2 ({second} %)",
        ),
        key="pca",
        origins=pca.mean_[None].astype(np.float64),
        bases=pca.components_[:2].T[None].astype(np.float64),
        through="the mean over all epochs, along both components",
    )


def _aligned_components(space: LayerSpace) -> LinearProjection:
    """Return the principal components of each snapshot, aligned with the previous ones.

    References
    ----------
    P. H. Schönemann, "A generalized solution of the orthogonal Procrustes problem" (1966)
    """
    decomposition = _scikit_learn("sklearn.decomposition")
    procrustes = _scikit_learn("scipy.linalg").orthogonal_procrustes
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
        centred = np.where(finite[:, None], values - pca.mean_, 0)
        if before is not None:
            base = base @ procrustes(centred @ base, before)[0]
        before = centred @ base
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


def _pair(pair: np.ndarray, space: LayerSpace) -> LinearProjection:
    units = space.units
    first, second = pair.tolist()
    if first == second or not (0 <= first < units and 0 <= second < units):
        message = (
            f"projection must be two different units of layer {space.layer!r}, from 0 to "
            f"{units - 1}. Got {(first, second)}."
        )
        raise ArgumentError(message)
    base = np.zeros((units, 2))
    base[[first, second], [0, 1]] = 1
    origin = np.where(base.any(axis=1), 0.0, space.mean())
    return space.linear(
        titles=(f"{space.layer}[{first}]", f"{space.layer}[{second}]"),
        key=f"units {first} and {second}",
        origins=origin[None],
        bases=base[None],
        through="the mean over all epochs of the other units",
    )


def _from_matrix(matrix: np.ndarray, space: LayerSpace) -> LinearProjection:
    base = matrix.astype(np.float64)
    if np.linalg.matrix_rank(base) < 2:
        message = "projection must have rank 2. Got a matrix whose columns are parallel."
        raise ArgumentError(message)
    # Of all points that are projected to the same coordinates, the inverse returns the one closest
    # to the mean.
    mean = space.mean()
    origin = mean - mean @ base @ np.linalg.pinv(base)
    return space.linear(
        titles=(f"{space.layer}, direction 1", f"{space.layer}, direction 2"),
        key=f"matrix {hashed(base)}",
        origins=origin[None],
        bases=base[None],
        through="the mean over all epochs, along both directions",
    )


def _matrix(how: object) -> np.ndarray | None:
    try:
        matrix = np.asarray(how)
    except (TypeError, ValueError):
        return None
    return matrix if matrix.dtype.kind in "iuf" else None


def _percent(share: float) -> str:
    return f"{100 * share:.0f}" if share >= 0.01 else f"{100 * share:.2g}"


def _scikit_learn(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        message = (
            "Principal components need scikit-learn: pip install 'replaychart[projections]'. A "
            "pair of units or a matrix as projection needs no additional package."
        )
        raise MissingDependencyError(message) from error
