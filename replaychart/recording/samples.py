"""Converts points, targets and other arguments of a recorder into checked values."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from replaychart.arguments import is_number, items_of, shown
from replaychart.errors import ArgumentError, RecordingError
from replaychart.facts.epochs import EPOCH_DIGITS
from replaychart.recording.dataframes import in_pandas
from replaychart.recording.given_numbers import as_numbers, first_not_finite, off_device


def checked_inputs(X: object, *, argument: str = "X") -> np.ndarray:
    """Return the points as an array of numbers, shape (points, features, ...).

    Parameters
    ----------
    X : array_like or pandas.DataFrame
        The recorded points.
    argument : str, default "X"
        What errors call them.

    Raises
    ------
    ArgumentError
        They are not finite numbers, the array is not at least 2-D, or there are no points.
    """
    inputs = as_numbers(argument, off_device(X))
    if inputs.ndim < 2:
        message = (
            f"{argument} must have the shape (points, features, ...). Got the shape {inputs.shape}."
        )
        raise ArgumentError(message)
    return _some_finite(X, inputs, argument)


def checked_points(X: object, *, argument: str) -> np.ndarray:
    """Return points of any shape as an array of numbers, shape (points, ...).

    Parameters
    ----------
    X : array_like or pandas.DataFrame
        The points.
    argument : str
        What errors call them.

    Raises
    ------
    ArgumentError
        They are not finite numbers, or there are no points.
    """
    return _some_finite(X, as_numbers(argument, off_device(X)), argument)


def _some_finite(X: object, inputs: np.ndarray, argument: str) -> np.ndarray:
    if not inputs.ndim or not len(inputs):
        message = f"{argument} must contain at least one point. Got none."
        raise ArgumentError(message)
    if not np.isfinite(inputs).all():
        rows = np.unique(np.nonzero(~np.isfinite(inputs))[0])
        message = (
            f"{argument} must be finite. Got NaN or infinity in {len(rows)} of {len(inputs)} "
            f"points, the first at {first_not_finite(X, inputs)}."
        )
        raise ArgumentError(message)
    return inputs


def checked_targets(
    y: object, points: int, *, argument: str = "y", points_argument: str = "X"
) -> np.ndarray:
    """Return the targets as an array of numbers, shape (points, ...).

    Parameters
    ----------
    y : array_like, pandas.Series or pandas.DataFrame
        The targets, of shape (points,), (points, 1) or one-hot (points, classes).
    points : int
        The number of points.
    argument, points_argument : str, default "y" and "X"
        What errors call the targets and the points.

    Raises
    ------
    ArgumentError
        The targets are not finite numbers, or their number is not that of the points.
    """
    _require_one_output(argument, y, points)
    y = in_pandas(argument, _only_array(y, points))
    targets = as_numbers(argument, off_device(y))
    if targets.ndim == 0 or len(targets) != points:
        length = "a single value" if targets.ndim == 0 else f"{len(targets)} targets"
        message = (
            f"{points_argument} and {argument} must have the same length. Got {points} points and "
            f"{length}."
        )
        raise ArgumentError(message)
    if not np.isfinite(targets).all():
        message = (
            f"{argument} must be finite. Got NaN or infinity, the first at "
            f"{first_not_finite(y, targets)}."
        )
        raise ArgumentError(message)
    return targets


def _require_one_output(argument: str, y: object, points: int) -> None:
    """Raise `ArgumentError` if these are the targets of several outputs, in a list."""
    several = y if isinstance(y, (list, tuple)) and len(y) not in (1, points) else ()
    if several and all(getattr(one, "shape", ())[:1] == (points,) for one in several):
        message = (
            f"{argument} must be the targets of one output. Got a list of {len(several)} arrays, "
            "each with a target for every point."
        )
        raise ArgumentError(message)


def _only_array(y: Any, points: int) -> Any:
    """Return the targets of the only output, which may be in a list or a mapping as in Keras."""
    if isinstance(y, Mapping) and len(y) == 1:
        return _only_array(next(iter(y.values())), points)
    in_a_list = isinstance(y, (list, tuple)) and len(y) == 1
    if in_a_list and len(getattr(y[0], "shape", ())) and len(y[0]) == points > 1:
        return y[0]
    return y


def feature_names(
    names: object, columns: list[str] | None, shape: tuple[int, ...]
) -> list[str] | None:
    """Return the names of the features, or the column names if there are none; None without both.

    Parameters
    ----------
    names : sequence of str or None
        The argument `feature_names`.
    columns : list of str or None
        The column names of a DataFrame.
    shape : tuple of int
        The shape of one point.

    Raises
    ------
    ArgumentError
        The names are not distinct strings, one for each feature.
    """
    if names is None:
        return columns
    listed = items_of("feature_names", names, "strings, one for each feature")
    distinct = all(isinstance(name, str) for name in listed) and len(set(listed)) == len(listed)
    if len(shape) != 1 or not distinct or len(listed) != shape[0]:
        message = (
            f"feature_names must be distinct strings, one for each feature of points of shape "
            f"{shape}. Got {shown(names)}."
        )
        raise ArgumentError(message)
    return listed


def checked_sample_weights(
    class_weight: object,
    sample_weight: object,
    targets: np.ndarray,
    *,
    argument: str = "sample_weight",
) -> np.ndarray | None:
    """Return the factor of each point's loss, None if all weigh the same.

    Parameters
    ----------
    class_weight : mapping of int to float, or None
        A weight for each class, as for ``fit``.
    sample_weight : array_like of shape (points,), or None
        A weight for each point.
    targets : numpy.ndarray, shape (points, ...)
        The targets, from which the classes are read.
    argument : str, default "sample_weight"
        What errors call `sample_weight`.

    Returns
    -------
    numpy.ndarray of float32, shape (points,), or None

    Raises
    ------
    ArgumentError
        Both arguments are passed, a class has no weight, or a weight is not a finite number of at
        least 0.
    """
    if class_weight is not None and sample_weight is not None:
        message = (
            "Pass either class_weight or sample_weight, not both. To combine them, multiply them "
            "and pass the result as sample_weight."
        )
        raise ArgumentError(message)
    if sample_weight is not None:
        weights = as_numbers(argument, off_device(sample_weight))
        return _checked_weights(argument, weights, (len(targets),))
    if class_weight is None:
        return None
    if not isinstance(class_weight, Mapping):
        message = f"class_weight must map class numbers to weights. Got {shown(class_weight)}."
        raise ArgumentError(message)
    flat = targets.reshape(len(targets), -1)
    labels = flat.argmax(axis=1) if flat.shape[1] > 1 else np.round(flat[:, 0]).astype(np.int64)
    missing = sorted({int(label) for label in labels} - set(class_weight))
    if missing:
        message = (
            f"class_weight must contain a weight for class {missing[0]}. Got {shown(class_weight)}."
        )
        raise ArgumentError(message)
    weights = as_numbers("class_weight", [class_weight[int(label)] for label in labels])
    return _checked_weights("class_weight", weights, (len(targets),))


def _checked_weights(argument: str, weights: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if weights.shape != shape or not np.isfinite(weights).all() or (weights < 0).any():
        span = f", from {weights.min():g} to {weights.max():g}" if weights.size else ""
        message = (
            f"{argument} must be a finite number of at least 0 for each of the {shape[0]} points. "
            f"Got the shape {weights.shape}{span}."
        )
        raise ArgumentError(message)
    return weights.astype(np.float32)


def checked_class_names(names: object, *, argument: str = "class_names") -> list[str] | None:
    """Return the class names as a list of strings, None if none were passed.

    Parameters
    ----------
    names : object
        What was passed.
    argument : str, default "class_names"
        What errors call it.

    Raises
    ------
    ArgumentError
        The names are not strings, or not distinct.
    """
    if names is None:
        return None
    listed = items_of(argument, names, "distinct strings, one for each class")
    if not all(isinstance(name, str) for name in listed) or len(set(listed)) < len(listed):
        message = f"{argument} must be distinct strings, one for each class. Got {shown(names)}."
        raise ArgumentError(message)
    return listed


def checked_layer_names(layers: object) -> list[str] | None:
    """Return layer names as a list, None if none were passed.

    Raises
    ------
    ArgumentError
        The names are not strings, or the list is empty.
    """
    if layers is None:
        return None
    listed = items_of("layers", layers, "names of at least one layer")
    if not listed or not all(isinstance(name, str) for name in listed):
        message = f"layers must be names of at least one layer. Got {shown(layers)}."
        raise ArgumentError(message)
    return listed


def checked_epoch(epoch: object, *, later_than: float, recorded: str) -> float:
    """Return the epoch of a snapshot, rounded to a millionth.

    Parameters
    ----------
    epoch : float
        The epoch that was passed.
    later_than : float
        The epoch of the previous snapshot, -1 if there is none.
    recorded : str
        The run's name.

    Raises
    ------
    ArgumentError
        The epoch is not a finite number of at least 0.
    RecordingError
        The epoch is not later than that of the previous snapshot.
    """
    if not is_number(epoch) or not 0 <= float(epoch) < np.inf:
        message = f"epoch must be a finite number of at least 0. Got {epoch!r}."
        raise ArgumentError(message)
    rounded = round(float(epoch), EPOCH_DIGITS)
    if rounded <= later_than:
        message = (
            f"epoch must be later than {later_than:g}, the last recorded epoch of {recorded!r}. "
            f"Got {epoch!r}."
        )
        raise RecordingError(message)
    return rounded
