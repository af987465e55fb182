"""Projections that are objects of the user's own, with ``fit`` and ``transform``."""

import copy
import dataclasses
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from replaychart.errors import ArgumentError, ReplayChartError
from replaychart.planes.layer_space import LayerSpace
from replaychart.planes.projections import Projection


@dataclasses.dataclass(frozen=True)
class FittedProjection(Projection):
    """A projection of the user's own, fitted."""

    fitted: Any

    def coordinates(self, values: np.ndarray, snapshot: int) -> np.ndarray:  # noqa: ARG002
        """Return where values are shown; see `Projection`."""
        with _failures_told(f"projection {type(self.fitted).__name__} cannot transform"):
            return _checked_plane(self.fitted.transform(self.flat(values)), len(values))


def fitted_projection(how: Any, space: LayerSpace, targets: Callable[[], np.ndarray]) -> Projection:
    """Return a projection of the user's own, fitted on all snapshots together."""
    flat = space.together()
    name = type(how).__name__
    with _failures_told(f"projection {name} cannot be fitted to layer {space.layer!r}"):
        # The user's own stays as it is.
        if _needs_targets(how):
            fitted = copy.deepcopy(how)
            fitted.fit(flat, space.repeated(targets()))
        else:
            fitted = _fitted_without_targets(how, flat, lambda: space.repeated(targets()))
        first = _checked_plane(fitted.transform(flat[:4]), min(4, len(flat)))
    titles = (f"{space.layer}, {name} 1", f"{space.layer}, {name} 2")
    back = _way_back(fitted, flat[:4], first)
    if back is None:
        return FittedProjection(titles, space.averaged, None, fitted)
    origin, base = back
    return space.linear(titles, None, origin[None], base[None], f"what {name} takes (0, 0) back to")


def _fitted_without_targets(how: Any, flat: np.ndarray, targets: Callable[[], np.ndarray]) -> Any:
    """Return a copy that is fitted; with targets where it shows only then that it needs them."""
    fitted = copy.deepcopy(how)
    try:
        fitted.fit(flat)
    except Exception as error:
        if "y" not in _parameters_of(how.fit):
            raise
        try:
            fitted = copy.deepcopy(how)
            fitted.fit(flat, targets())
        except Exception:  # it was not the targets that were missing
            raise error from None
    return fitted


def _needs_targets(how: Any) -> bool:
    """Return whether ``fit`` takes targets behind the values, without a default for them."""
    others = list(_parameters_of(how.fit).values())[1:]
    positional = [one for one in others if one.kind is one.POSITIONAL_OR_KEYWORD]
    return bool(positional) and positional[0].default is inspect.Parameter.empty


def _parameters_of(function: Any) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):  # written in another language
        return {}


@contextmanager
def _failures_told(what: str) -> Iterator[None]:
    """Turn what a user's own object raises, which may be anything, into one error."""
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


def _way_back(
    fitted: Any, values: np.ndarray, some: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return origin and base of a projection that is linear and can be inverted, else None.

    Parameters
    ----------
    fitted : object
        The user's own.
    values : numpy.ndarray, shape (rows, units)
        Some outputs.
    some : numpy.ndarray, shape (rows, 2)
        Where it shows them.
    """
    if not hasattr(fitted, "inverse_transform"):
        return None
    try:
        corners = np.vstack([np.zeros((1, 2)), np.eye(2), some])
        taken = np.asarray(fitted.inverse_transform(corners), np.float64)
    except Exception:  # whatever the user's own raises
        return None
    origin, directions = taken[0], taken[1:3] - taken[0]
    if taken.shape[1:] != values.shape[1:] or np.linalg.matrix_rank(directions) < 2:
        return None
    base = np.linalg.pinv(directions)
    straight = np.allclose(origin + some @ directions, taken[3:], rtol=1e-4, atol=1e-5)
    returns = np.allclose(fitted.transform(taken), corners, rtol=1e-4, atol=1e-4)
    # It may look at the space along another direction than at a right angle to its plane.
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
