"""Converts user input to arrays of numbers, and says what to do if that is not possible."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from replaychart.arguments import shown
from replaychart.errors import ArgumentError

_ENCODE_FEATURES = (
    "Encode it as numbers, for example with pandas.get_dummies, or leave it out; the model needs "
    "the points in the same form."
)
_ENCODE_TARGETS = (
    "Encode the classes as integers from 0, as the model's loss expects, and pass their names as "
    "class_names=."
)
_COUNT_TIME = "Convert it to a number, such as days since a date, or leave it out."
_FILL = "Fill in missing values, or leave these points out."


def as_numbers(argument: str, values: object) -> np.ndarray:
    """Return values as an array of numbers.

    Parameters
    ----------
    argument : str
        What errors call the values.
    values : array_like
        User input.

    Raises
    ------
    ArgumentError
        The values are not numbers.
    """
    _check_kind(argument, values)
    if isinstance(values, pd.DataFrame):
        for place, name in enumerate(values.columns):
            _check_column(argument, values.iloc[:, place], f" in column {name!r}")
    elif isinstance(values, pd.Series):
        _check_column(argument, values, "")
    try:
        numbers = np.asarray(values)
        if numbers.dtype.kind == "O":
            numbers = numbers.astype(np.float64)
    except (TypeError, ValueError) as error:
        found, wrong = _first_without_number(values)
        if not found:
            message = f"{argument} must contain numbers in rows of equal length. Got: {error}"
            raise ArgumentError(message) from error
        raise _not_numbers(argument, shown(wrong), _encoding(argument, wrong)) from error
    if numbers.dtype.kind not in "biuf":
        strings = numbers.dtype.kind in ("U", "S") and numbers.size
        example = f", such as {numbers.flat[0].item()!r}" if strings else ""
        got = f"the dtype {numbers.dtype}{example}"
        raise _not_numbers(argument, got, _encoding(argument, numbers))
    return numbers


def first_not_finite(given: object, numbers: np.ndarray) -> str:
    """Return the position of the first NaN or infinity, in words.

    Parameters
    ----------
    given : object
        User input. If it is a DataFrame, the position includes the column's name.
    numbers : numpy.ndarray, shape (points, ...)
        The same values as an array.
    """
    row, *place = np.argwhere(~np.isfinite(numbers))[0].tolist()
    column = f", column {given.columns[place[0]]!r}" if isinstance(given, pd.DataFrame) else ""
    return f"row {row}{column}"


def off_device(values: Any) -> Any:
    """Return a PyTorch tensor in a form that NumPy accepts, and anything else unchanged."""
    if hasattr(values, "detach") and hasattr(values, "cpu"):
        values = values.detach().cpu()
        if str(values.dtype) == "torch.bfloat16":
            values = values.float()
    return values


def _check_kind(argument: str, values: object) -> None:
    """Raise `ArgumentError` for objects that are not arrays of numbers, whatever they contain."""
    kind = type(values).__name__
    if isinstance(values, (Mapping, str)):
        message = f"{argument} must be one array, DataFrame or list of numbers. Got {kind}."
    elif _comes_in_batches(values):
        message = (
            f"{argument} must be an array, a DataFrame or a list, because the points are evaluated "
            f"again at every epoch. Got {kind}, which yields its data in batches. Draw a sample "
            "once and pass that; you can still train on all of it."
        )
    elif (dense := _to_dense(values)) is not None:
        message = (
            f"{argument} must be a dense array. Got a sparse one, {kind}. Pass the result of "
            f"{dense}, for a sample of the points if it is large."
        )
    elif isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        message = (
            f"{argument} must have no missing values. Got a masked array, with "
            f"{np.ma.count_masked(values)} of {values.size} values masked. {_FILL}"
        )
    else:
        return
    raise ArgumentError(message)


def _to_dense(values: object) -> str | None:
    """Return what makes a sparse or ragged array dense, None if the array is neither."""
    if hasattr(values, "toarray") and hasattr(values, "nnz"):
        return "its toarray()"
    if hasattr(values, "dense_shape") and hasattr(values, "indices"):
        return "tf.sparse.to_dense"
    if str(getattr(values, "layout", "")).startswith("torch.sparse"):
        return "its to_dense()"
    return None


def _comes_in_batches(values: object) -> bool:
    """Return whether this is an iterator, a dataset or a data loader."""
    return (
        isinstance(values, Iterator)
        # tf.data.Dataset; keras.utils.PyDataset; torch.utils.data.DataLoader.
        or hasattr(values, "element_spec")
        or any(base.__name__ == "PyDataset" for base in type(values).__mro__)
        or type(values).__module__.startswith("torch.utils.data")
    )


def _check_column(argument: str, column: pd.Series, where: str) -> None:
    """Raise `ArgumentError` unless a column can be read as numbers; NaN is a number."""
    plain = isinstance(column.dtype, np.dtype)
    if plain and column.dtype.kind in "biuf":
        return
    missing = np.flatnonzero(column.isna())
    if len(missing):
        # None and pandas.NA, which are not floats.
        got = f"a missing value in row {missing[0]}{where}"
        raise _not_numbers(argument, got, _FILL)
    example = f", such as {column.iloc[0]!r}" if len(column) else ""
    got = f"the dtype {column.dtype}{example}{where}"
    if column.dtype.kind in ("m", "M"):
        raise _not_numbers(argument, got, _COUNT_TIME)
    try:
        column.astype(object).astype(np.float64)
    except (TypeError, ValueError) as error:
        found, wrong = _first_without_number(column)
        got = f"{shown(wrong)}{where}, of dtype {column.dtype}" if found else got
        raise _not_numbers(argument, got, _encoding(argument, wrong)) from error


def _first_without_number(values: Any) -> tuple[bool, object]:
    """Return whether any value is not a number, and the first such value."""
    try:
        flat = np.asarray(values, object).ravel()
    except ValueError:
        return False, None
    for value in flat:
        if isinstance(value, (list, tuple, np.ndarray)):
            return False, None  # rows of different lengths
        try:
            float(value)
        except (TypeError, ValueError):
            return True, value
    return False, None


def _encoding(argument: str, wrong: Any) -> str:
    """Return what to do about values that are not numbers."""
    if wrong is None or wrong is pd.NA:
        return _FILL
    if hasattr(wrong, "isoformat") or getattr(getattr(wrong, "dtype", None), "kind", None) in (
        "m",
        "M",
    ):
        return _COUNT_TIME
    if argument in ("y", "targets"):
        return _ENCODE_TARGETS
    return _ENCODE_FEATURES if argument.startswith(("X", "inputs")) else ""


def _not_numbers(argument: str, got: str, way_out: str) -> ArgumentError:
    return ArgumentError(f"{argument} must contain numbers. Got {got}. {way_out}".rstrip())
