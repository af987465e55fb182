"""Turns the points and targets that a user gives into checked arrays."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from replaychart.errors import ArgumentError


def checked_inputs(X: object) -> np.ndarray:
    """Return the points as an array of numbers, shape (points, ...).

    Parameters
    ----------
    X : array_like or pandas.DataFrame
        The recorded points.

    Raises
    ------
    ArgumentError
        They are not numbers, not finite, not at least 2-D, or none.
    """
    inputs = _as_numbers("X", X)
    if inputs.ndim < 2:
        message = f"X must have the shape (points, features, ...). Got the shape {inputs.shape}."
        raise ArgumentError(message)
    if not len(inputs):
        message = "X must have at least one point. Got none."
        raise ArgumentError(message)
    if not np.isfinite(inputs).all():
        rows = np.unique(np.nonzero(~np.isfinite(inputs))[0])
        message = (
            f"X must be finite. Got NaN or infinity in {len(rows)} of {len(inputs)} points, the "
            f"first at row {rows[0]}."
        )
        raise ArgumentError(message)
    return inputs


def checked_targets(y: object, points: int) -> np.ndarray:
    """Return the targets as an array of numbers, shape (points, ...).

    Parameters
    ----------
    y : array_like, pandas.Series or pandas.DataFrame
        The targets, of shape (points,), (points, 1) or one-hot (points, classes).
    points : int
        How many points were given.

    Raises
    ------
    ArgumentError
        They are not finite numbers, or not as many as the points.
    """
    targets = _as_numbers("y", y)
    if targets.ndim == 0 or len(targets) != points:
        length = "a single value" if targets.ndim == 0 else f"{len(targets)} targets"
        message = f"X and y must have the same length. Got {points} points and {length}."
        raise ArgumentError(message)
    if not np.isfinite(targets).all():
        message = "y must be finite. Got NaN or infinity."
        raise ArgumentError(message)
    return targets


def feature_names(X: object) -> list[str] | None:
    """Return the column names of a frame, None for anything else."""
    return [str(name) for name in X.columns] if isinstance(X, pd.DataFrame) else None


def checked_class_names(names: object) -> list[str] | None:
    """Return the classes' names as a list of text, None if none were given.

    Raises
    ------
    ArgumentError
        They are not texts, or one stands twice.
    """
    if names is None:
        return None
    listed = [names] if isinstance(names, str) else list(names)  # type: ignore[call-overload]
    if not all(isinstance(name, str) for name in listed) or len(set(listed)) < len(listed):
        message = f"class_names must be different texts, one for each class. Got {names!r}."
        raise ArgumentError(message)
    return listed


def _as_numbers(argument: str, values: object) -> np.ndarray:
    if isinstance(values, (Mapping, str)):
        message = (
            f"{argument} must be one array, frame or list of numbers. Got {type(values).__name__}."
        )
        raise ArgumentError(message)
    try:
        numbers = np.asarray(values)
        if numbers.dtype.kind == "O":
            numbers = numbers.astype(np.float64)
    except (TypeError, ValueError) as error:
        message = f"{argument} must hold numbers in rows of equal length. Got: {error}"
        raise ArgumentError(message) from error
    if numbers.dtype.kind not in "biuf":
        message = f"{argument} must hold numbers. Got the dtype {numbers.dtype}."
        raise ArgumentError(message)
    return numbers
