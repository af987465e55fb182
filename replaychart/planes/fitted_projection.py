"""Projections by the user's own objects with ``fit`` and ``transform``."""

import copy
import dataclasses
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from replaychart.errors import ArgumentError, ReplayChartError
from replaychart.planes.argument_types import Transformer
from replaychart.planes.layer_space import LayerSpace
from replaychart.planes.projections import Projection


@dataclasses.dataclass(frozen=True)
class FittedProjection(Projection):
    """A projection by a fitted object that the user passed."""

    fitted: Transformer

    def coordinates(self, values: np.ndarray, snapshot: int) -> np.ndarray:  # noqa: ARG002
        """Return the coordinates of values in the plane; see `Projection`."""
        with _reporting_errors(f"projection {type(self.fitted).__name__} cannot transform"):
            return _checked_plane(self.fitted.transform(self.flat(values)), len(values))


def fitted_projection(
    how: Transformer, space: LayerSpace, targets: Callable[[], np.ndarray]
) -> Projection:
    """Return a projection by a user's object, fitted to all snapshots together.

    Parameters
    ----------
    how : Transformer
        It is copied, so the user's object does not change.
    space : LayerSpace
        The layer's outputs.
    targets : callable
        Returns the points' targets, in case ``fit`` needs them.

    Returns
    -------
    Projection
        A `LinearProjection` if the object has an ``inverse_transform`` and is linear.

    Raises
    ------
    ArgumentError
        The object cannot be fitted to the outputs, or does not return two coordinates.
    """
    flat = space.together()
    name = type(how).__name__
    with _reporting_errors(f"projection {name} cannot be fitted to layer {space.layer!r}"):
        if _needs_targets(how):
            fitted = copy.deepcopy(how)
            fitted.fit(flat, space.repeated(targets()))
        else:
            fitted = _fitted_without_targets(how, flat, lambda: space.repeated(targets()))
        first = _checked_plane(fitted.transform(flat[:4]), min(4, len(flat)))
    titles = (f"{space.layer}, {name} 1", f"{space.layer}, {name} 2")
    back = _inverse(fitted, flat[:4], first)
    if back is None:
        return FittedProjection(titles, space.averaged, None, fitted)
    origin, base = back
    return space.linear(titles, None, origin[None], base[None], f"the inverse of {name} at (0, 0)")


def _fitted_without_targets(
    how: Transformer, flat: np.ndarray, targets: Callable[[], np.ndarray]
) -> Transformer:
    """Return a fitted copy; fit it with targets if it fails without them and accepts them."""
    fitted = copy.deepcopy(how)
    try:
        fitted.fit(flat)
    except Exception as error:
        if "y" not in _parameters_of(how.fit):
            raise
        try:
            fitted = copy.deepcopy(how)
            fitted.fit(flat, targets())
        except Exception:  # The missing targets were not the problem.
            raise error from None
    return fitted


def _needs_targets(how: Transformer) -> bool:
    """Return whether ``fit`` has a second parameter without a default: the targets."""
    others = list(_parameters_of(how.fit).values())[1:]
    positional = [one for one in others if one.kind is one.POSITIONAL_OR_KEYWORD]
    return bool(positional) and positional[0].default is inspect.Parameter.empty


def _parameters_of(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):  # Not written in Python.
        return {}


@contextmanager
def _reporting_errors(what: str) -> Iterator[None]:
    """Raise any exception from a user's object as an `ArgumentError`."""
    try:
        yield
    except ReplayChartError:
        raise
    except Exception as error:
        reason = str(error) or type(error).__name__
        if isinstance(error, (AttributeError, KeyError, NotImplementedError)):
            reason = f"{type(error).__name__}: {error}"
        message = f"{what}: {reason}"
        raise ArgumentError(message) from error


def _inverse(
    fitted: Transformer, values: np.ndarray, some: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the origin and base of a projection if it is linear and invertible, otherwise None.

    Parameters
    ----------
    fitted : Transformer
        The user's fitted object.
    values : numpy.ndarray, shape (rows, units)
        Some outputs.
    some : numpy.ndarray, shape (rows, 2)
        Their coordinates.
    """
    if not hasattr(fitted, "inverse_transform"):
        return None
    try:
        corners = np.vstack([np.zeros((1, 2)), np.eye(2), some])
        taken = np.asarray(fitted.inverse_transform(corners), np.float64)
    except Exception:  # The user's code may raise anything.
        return None
    origin, directions = taken[0], taken[1:3] - taken[0]
    if taken.shape[1:] != values.shape[1:] or np.linalg.matrix_rank(directions) < 2:
        return None
    base = np.linalg.pinv(directions)
    straight = np.allclose(origin + some @ directions, taken[3:], rtol=1e-4, atol=1e-5)
    returns = np.allclose(fitted.transform(taken), corners, rtol=1e-4, atol=1e-4)
    # A projection that is not orthogonal to its plane has no such base.
    upright = np.allclose((values - origin) @ base, some, rtol=1e-4, atol=1e-4)
    return (origin, base) if straight and returns and upright else None


def _checked_plane(coordinates: Any, points: int) -> np.ndarray:
    array = np.asarray(coordinates, np.float32)
    if array.shape != (points, 2):
        message = (
            f"projection must transform {points} points to the shape ({points}, 2). Got the shape "
            f"{array.shape}."
        )
        raise ArgumentError(message)
    return array
