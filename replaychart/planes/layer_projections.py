"""Projections of layers to a plane, as requested by the user.

A layer with many units is projected to a plane. There is one projection for the whole run, so that
what moves in a chart is the network and not the point of view. A linear projection has an inverse:
each point of the plane has a point in the layer's space, where the rest of the network can be
evaluated.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from replaychart.arguments import shown
from replaychart.errors import ArgumentError
from replaychart.planes.components import (
    aligned_components,
    components_within_epochs,
    last_components,
    pooled_components,
)
from replaychart.planes.decisive_directions import discriminants, output_directions
from replaychart.planes.fitted_projection import fitted_projection
from replaychart.planes.layer_space import LastOutputs, LayerSpace
from replaychart.planes.projections import LinearProjection, Projection, hashed

_COMPONENTS = {
    "pca": components_within_epochs,
    "pca-pooled": pooled_components,
    "pca-last": last_components,
    "aligned": aligned_components,
}
_CHOICES = (
    f"{', '.join(map(repr, _COMPONENTS))}, 'output-weights', 'discriminants', a pair of units, a "
    "matrix of the shape (units, 2), an object with fit and transform"
)


class KnownOfRun(NamedTuple):
    """What a projection may depend on besides the layer's outputs; each is asked for if needed.

    Attributes
    ----------
    targets : callable
        Returns the points' targets, for an object whose ``fit`` needs them: class numbers, or the
        target values of a regression.
    classes : callable
        Returns the class of each point, and raises `ArgumentError` if the run has no classes.
    output_kernel : callable
        Takes the layer's last outputs and returns the kernel of the output layer, which they enter,
        shape (units, outputs). It raises `ArgumentError` if they do not enter it.
    """

    targets: Callable[[], np.ndarray]
    classes: Callable[[], np.ndarray]
    output_kernel: Callable[[LastOutputs], np.ndarray]


def projection_of(how: object, space: LayerSpace, *, known: KnownOfRun) -> Projection:
    """Return the projection of a layer's outputs that the user requests.

    Parameters
    ----------
    how : str, pair of int, array_like, or object with ``fit`` and ``transform``
        The argument `projection` of `feature_space`.
    space : LayerSpace
        The space of the layer.
    known : KnownOfRun
        What a projection may depend on besides the layer's outputs.

    Raises
    ------
    ArgumentError
        `how` is something else, or does not fit the layer.
    MissingDependencyError
        scikit-learn is needed, but not installed.
    """
    if isinstance(how, str):
        return _named(how, space, known)
    if isinstance(how, type):
        message = (
            f"projection must be an object with fit and transform, not its class. Got "
            f"{how.__name__}: pass {how.__name__}(...)."
        )
        raise ArgumentError(message)
    if hasattr(how, "fit") and hasattr(how, "transform"):
        return fitted_projection(how, space, known.targets)
    return _from_numbers(how, space)


def _named(name: str, space: LayerSpace, known: KnownOfRun) -> LinearProjection:
    if name in _COMPONENTS:
        return _COMPONENTS[name](space)
    if name == "output-weights":
        return output_directions(space, known.output_kernel)
    if name == "discriminants":
        return discriminants(space, known.classes())
    if name == "rotate":
        message = (
            f"projection must be {_CHOICES}. Got 'rotate', which only feature_space can draw, with "
            "two sliders."
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
        f"projection must be {_CHOICES} or, in feature_space and for three units, 'rotate'. Got "
        f"{shown(how)}."
    )
    return ArgumentError(message)


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
