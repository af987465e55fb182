"""Checks of arguments that raise `ArgumentError`."""

import difflib
import errno
import os
from collections.abc import Iterable
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from replaychart.errors import ArgumentError

# Longer values are shortened in messages.
_LONGEST_SHOWN = 200
# Of a longer list of what is allowed, a message names only some.
_MOST_LISTED = 30


def require_one_of(argument: str, value: object, allowed: Iterable[object]) -> None:
    """Raise `ArgumentError` unless `value` is one of `allowed`; the message names all three."""
    allowed = list(allowed)
    try:
        found = value in allowed
    except Exception:  # Arrays and tensors compare each of their values.
        found = False
    if not found:
        what = (
            f"must be one of {_listed(allowed, value)}" if allowed else "has nothing to choose from"
        )
        message = f"{argument} {what}. Got {shown(value)}."
        raise ArgumentError(message)


def _listed(allowed: list[object], value: object) -> str:
    """Return what is allowed; of a long list, what is most like the value that was passed."""
    if len(allowed) <= _MOST_LISTED:
        return ", ".join(map(repr, allowed))
    names = [name for name in allowed if isinstance(name, str)]
    alike = difflib.get_close_matches(str(value), names, _MOST_LISTED // 2, 0.4)
    some = alike or allowed[: _MOST_LISTED // 2]
    return f"{', '.join(map(repr, some))} and {len(allowed) - len(some)} others"


def shown(value: object) -> str:
    """Return the ``repr`` of a value for a message, shortened in the middle if it is long."""
    try:
        text = repr(value)
    except Exception:  # The message matters more.
        return f"a {type(value).__name__}"
    half = _LONGEST_SHOWN // 2
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:half]} ... {text[-half:]}"


def require_at_least(argument: str, value: object, least: int, *, most: int | None = None) -> None:
    """Raise `ArgumentError` unless `value` is a whole number of at least `least`, at most `most`.

    NumPy integers are accepted like Python's; bools are not.
    """
    whole = int(value) if is_number(value) and isinstance(value, Integral) else None
    if whole is not None and whole >= least and (most is None or whole <= most):
        return
    allowed = f"of at least {least}" if most is None else f"from {least} to {most:,}"
    message = f"{argument} must be a whole number {allowed}. Got {shown(value)}."
    raise ArgumentError(message)


def require_bool(argument: str, value: object) -> None:
    """Raise `ArgumentError` unless `value` is True or False, also one of NumPy."""
    if not isinstance(value, (bool, np.bool_)):
        message = f"{argument} must be True or False. Got {shown(value)}."
        raise ArgumentError(message)


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value is a real number of Python or NumPy, but not a bool."""
    return isinstance(value, Real) and not isinstance(value, (bool, np.bool_))


def items_of(argument: str, values: object, what: str) -> list[Any]:
    """Return the items of an iterable as a list; a single string becomes a list of one.

    Parameters
    ----------
    argument : str
        The name of the argument.
    values : object
        The value that was passed.
    what : str
        What is allowed, for the message.

    Raises
    ------
    ArgumentError
        `values` is not iterable.
    """
    if isinstance(values, str):
        return [values]
    if not isinstance(values, Iterable):
        message = f"{argument} must be {what}. Got {shown(values)}."
        raise ArgumentError(message)
    return list(values)


def checked_path(argument: str, path: object) -> Path:
    """Return the path of a file.

    Raises
    ------
    ArgumentError
        It is neither a string nor an `os.PathLike` of one, it is empty, it contains a NUL, or it is
        too long for the file system.
    """
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str) or not text or "\0" in text:
        message = f"{argument} must be a path: a non-empty string or an os.PathLike. Got {path!r}."
        raise ArgumentError(message)
    try:
        os.lstat(text)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            message = (
                f"{argument} must be a path that is not too long for the file system. Got one of "
                f"{len(text):,} characters: {text[:20]!r}..."
            )
            raise ArgumentError(message) from error
    return Path(text)
