"""Planes of two features through a point of the inputs' space."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from replaychart.errors import ArgumentError, require_one_of
from replaychart.frames.projections import LinearProjection, hashed


def input_slice(
    inputs: np.ndarray, names: list[str], features: object, at: object
) -> LinearProjection:
    """Return the plane of two features, with the others held where they are asked to be.

    Parameters
    ----------
    inputs : numpy.ndarray, shape (points, features)
        The recorded points.
    names : list of str
        The features' names.
    features : pair of str or int
        The two that the plane shows, by name or by position.
    at : {"median", "mean"}, int, mapping of str to float, or array_like of shape (features,)
        Where the others are held; an int is the number of a recorded point, and what a mapping does
        not name is held at the median.

    Raises
    ------
    ArgumentError
        There is no such feature or point, or `at` is something else.
    """
    first, second = _places(features, names)
    held, through = _held_at(at, inputs, names)
    base = np.zeros((len(names), 2))
    base[[first, second], [0, 1]] = 1
    origin = np.where(base.any(axis=1), 0.0, held)
    return LinearProjection(
        titles=(names[first], names[second]),
        averaged=False,
        key=f"features {first} and {second} at {hashed(origin)}",
        origins=origin[None],
        bases=base[None],
        through=through,
        shape=origin.shape,
    )


def _places(features: object, names: list[str]) -> tuple[int, int]:
    pair: list[Any] = list(features) if isinstance(features, (list, tuple)) else [features]
    for feature in pair:
        if isinstance(feature, str):
            require_one_of("features", feature, names)
        elif isinstance(feature, bool) or feature not in range(len(names)):
            message = (
                f"features must be names or positions from 0 to {len(names) - 1}. Got {feature!r}."
            )
            raise ArgumentError(message)
    places = [names.index(f) if isinstance(f, str) else int(f) for f in pair]
    if len(places) != 2 or places[0] == places[1]:
        message = f"features must be two different features. Got {features!r}."
        raise ArgumentError(message)
    return places[0], places[1]


def _held_at(at: object, inputs: np.ndarray, names: list[str]) -> tuple[np.ndarray, str]:
    """Return a point of the inputs' space, and what it is in words.

    Parameters
    ----------
    at : {"median", "mean"}, int, mapping of str to float, or array_like of shape (features,)
    inputs : numpy.ndarray, shape (points, features)
    names : list of str
        The features' names.

    Raises
    ------
    ArgumentError
        `at` is something else.
    """
    if isinstance(at, str):
        require_one_of("at", at, ["median", "mean"])
        return getattr(np, at)(inputs.astype(np.float64), axis=0), f"the {at} of all others"
    if isinstance(at, (int, np.integer)) and not isinstance(at, bool):
        if not 0 <= at < len(inputs):
            message = f"at must be a point from 0 to {len(inputs) - 1}. Got {at!r}."
            raise ArgumentError(message)
        return inputs[at].astype(np.float64), f"point {at}"
    if isinstance(at, Mapping):
        point = np.median(inputs.astype(np.float64), axis=0)
        for name, value in at.items():
            require_one_of("at", name, names)
            point[names.index(name)] = value
        return point, ", ".join(f"{name} = {value:.4g}" for name, value in at.items())
    try:
        point = np.asarray(at, np.float64)
    except (TypeError, ValueError):
        point = np.empty(0)
    if point.shape != inputs.shape[1:] or not np.isfinite(point).all():
        message = (
            "at must be 'median', 'mean', the number of a recorded point, values by name, or "
            f"{len(names)} finite numbers. Got {at!r}."
        )
        raise ArgumentError(message)
    return point, "the point given"
