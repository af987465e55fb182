"""Checks of arguments, which raise `ArgumentError`."""

import os
from collections.abc import Iterable
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from replaychart.errors import ArgumentError


def require_one_of(argument: str, value: object, allowed: Iterable[object]) -> None:
    """Raise `ArgumentError` unless `value` is one of `allowed`; the message names all three."""
    allowed = list(allowed)
    if value not in allowed:
        names = ", ".join(repr(name) for name in allowed)
        message = f"{argument} must be one of {names}. Got {value!r}."
        raise ArgumentError(message)


def require_at_least(argument: str, value: object, least: int, *, most: int | None = None) -> None:
    """Raise `ArgumentError` unless `value` is a whole number of at least `least`, at most `most`.

    NumPy's whole numbers count like Python's, truth values do not.
    """
    whole = int(value) if is_number(value) and isinstance(value, Integral) else None
    if whole is not None and whole >= least and (most is None or whole <= most):
        return
    allowed = f"of at least {least}" if most is None else f"from {least} to {most:,}"
    message = f"{argument} must be a whole number {allowed}. Got {value!r}."
    raise ArgumentError(message)


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value is a real number, Python's or NumPy's, and no truth value."""
    return isinstance(value, Real) and not isinstance(value, (bool, np.bool_))


def items_of(argument: str, values: object, what: str) -> list[Any]:
    """Return what stands in a list, a text on its own as a list of one.

    Parameters
    ----------
    argument : str
        The argument's name.
    values : object
        What was given.
    what : str
        What is allowed, for the message.

    Raises
    ------
    ArgumentError
        Nothing can stand in it.
    """
    if isinstance(values, str):
        return [values]
    if not isinstance(values, Iterable):
        message = f"{argument} must be {what}. Got {values!r}."
        raise ArgumentError(message)
    return list(values)


def checked_path(argument: str, path: object) -> Path:
    """Return the path of a file.

    Raises
    ------
    ArgumentError
        It is no text, and no `os.PathLike` of one; or it is empty, or no file could have it.
    """
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str) or not text or "\0" in text:
        message = f"{argument} must be a path: a text that is not empty, or an os.PathLike. Got "
        raise ArgumentError(message + f"{path!r}.")
    return Path(text)
