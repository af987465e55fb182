"""What a user gives as numbers, as an array of them; and what to do where it holds none."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from replaychart.errors import ArgumentError

_ENCODE_FEATURES = (
    "Encode it as numbers, with pandas.get_dummies for example, or leave it out; the model takes "
    "the points in the same form."
)
_ENCODE_TARGETS = (
    "Encode the classes as whole numbers from 0, as the model's loss takes them; their names go to "
    "class_names=."
)
_COUNT_TIME = "Turn it into a number, such as days since a date, or leave it out."
_FILL = "Fill what is missing, or leave the points out."


def as_numbers(argument: str, values: object) -> np.ndarray:
    """Return an array of numbers.

    Parameters
    ----------
    argument : str
        What errors call the values.
    values : array_like
        What a user gave.

    Raises
    ------
    ArgumentError
        The values are something else.
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
            message = f"{argument} must hold numbers in rows of equal length. Got: {error}"
            raise ArgumentError(message) from error
        raise _no_number(argument, repr(wrong), _encoding(argument, wrong)) from error
    if numbers.dtype.kind not in "biuf":
        texts = numbers.dtype.kind in ("U", "S") and numbers.size
        some = f", such as {numbers.flat[0].item()!r}" if texts else ""
        got = f"the dtype {numbers.dtype}{some}"
        raise _no_number(argument, got, _encoding(argument, numbers))
    return numbers


def first_not_finite(given: object, numbers: np.ndarray) -> str:
    """Return where the first NaN or infinity stands, in words.

    Parameters
    ----------
    given : object
        What a user gave; a frame tells the names of its columns.
    numbers : numpy.ndarray, shape (points, ...)
        The numbers in it.
    """
    row, *place = np.argwhere(~np.isfinite(numbers))[0].tolist()
    column = f", column {given.columns[place[0]]!r}" if isinstance(given, pd.DataFrame) else ""
    return f"row {row}{column}"


def off_device(values: Any) -> Any:
    """Return a tensor of PyTorch as something that NumPy takes; anything else as it is."""
    if hasattr(values, "detach") and hasattr(values, "cpu"):
        values = values.detach().cpu()
        if str(values.dtype) == "torch.bfloat16":
            values = values.float()
    return values


def _check_kind(argument: str, values: object) -> None:
    """Raise `ArgumentError` for what is no array of numbers, whatever it holds."""
    kind = type(values).__name__
    if isinstance(values, (Mapping, str)):
        message = f"{argument} must be one array, frame or list of numbers. Got {kind}."
    elif _comes_in_pieces(values):
        message = (
            f"{argument} must be an array, a frame or a list, because the points are looked at "
            f"again at every epoch. Got {kind}, which gives its data in pieces. Draw a sample from "
            "it once; fit may be fed with it all the same."
        )
    elif hasattr(values, "toarray") and hasattr(values, "nnz"):
        message = (
            f"{argument} must be a dense array. Got a sparse one, {kind}: pass its toarray(), or "
            "that of a sample of the points if it is large."
        )
    elif isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        message = (
            f"{argument} must have a number everywhere. Got a masked array, with "
            f"{np.ma.count_masked(values)} of {values.size} numbers masked. {_FILL}"
        )
    else:
        return
    raise ArgumentError(message)


def _comes_in_pieces(values: object) -> bool:
    """Return whether these are an iterator, a data set or a loader."""
    return (
        isinstance(values, Iterator)
        # tf.data.Dataset; keras.utils.PyDataset; torch.utils.data.DataLoader.
        or hasattr(values, "element_spec")
        or any(base.__name__ == "PyDataset" for base in type(values).__mro__)
        or type(values).__module__.startswith("torch.utils.data")
    )


def _check_column(argument: str, column: pd.Series, where: str) -> None:
    """Raise `ArgumentError` unless a column can be read as numbers, NaN among them."""
    plain = isinstance(column.dtype, np.dtype)
    if plain and column.dtype.kind in "biuf":
        return
    missing = np.flatnonzero(column.isna())
    if len(missing):
        # None and pandas' own NA, which are no floats.
        raise _no_number(argument, f"nothing in row {missing[0]}{where}", _FILL)
    some = f", such as {column.iloc[0]!r}" if len(column) else ""
    got = f"the dtype {column.dtype}{some}{where}"
    if column.dtype.kind in ("m", "M"):
        raise _no_number(argument, got, _COUNT_TIME)
    try:
        column.astype(object).astype(np.float64)
    except (TypeError, ValueError) as error:
        found, wrong = _first_without_number(column)
        got = f"{wrong!r}{where}, of the dtype {column.dtype}" if found else got
        raise _no_number(argument, got, _encoding(argument, wrong)) from error


def _first_without_number(values: Any) -> tuple[bool, object]:
    """Return whether there is a value that is no number, and the first of them."""
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
    """Return what to do with values that are no numbers."""
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


def _no_number(argument: str, got: str, way_out: str) -> ArgumentError:
    return ArgumentError(f"{argument} must hold numbers. Got {got}. {way_out}".rstrip())
