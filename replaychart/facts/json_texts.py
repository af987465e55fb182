"""Reads JSON strings from a file, which may contain anything."""

import json
from collections.abc import Mapping
from typing import Any

Kinds = type | tuple[type, ...]


def json_of(text: str, name: str, kinds: Kinds) -> Any:
    """Return the value of a JSON string, which must have a given type.

    Parameters
    ----------
    text : str
        The JSON string.
    name : str
        Its name in errors.
    kinds : type or tuple of type
        The allowed types, such as dict.

    Raises
    ------
    ValueError
        The string is not JSON, or its value has another type.
    """
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"{name} must be a JSON string: {error}"
        raise ValueError(message) from error
    return of_kind(parsed, name, kinds)


def of_kind(value: Any, name: str, kinds: Kinds) -> Any:
    """Return a value, and raise `ValueError` unless it has a given type; a bool is not an int."""
    allowed = kinds if isinstance(kinds, tuple) else (kinds,)
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        names = " or ".join("null" if kind is type(None) else kind.__name__ for kind in allowed)
        message = f"{name} must be {names}. Got {_shortened(value)}"
        raise ValueError(message)
    return value


def entry(record: Mapping[str, Any], key: str, kinds: Kinds, default: Any = ...) -> Any:
    """Return an entry of a JSON object, and raise `ValueError` unless it has a given type."""
    if key not in record and default is ...:
        message = f"{key!r} is missing from {_shortened(dict(record))}"
        raise ValueError(message)
    return of_kind(record.get(key, default), repr(key), kinds)


def shape_of(value: Any, name: str) -> tuple[int | None, ...]:
    """Return a list of lengths as a shape; None is any length."""
    lengths = of_kind(value, name, (list, tuple))
    for length in lengths:
        if of_kind(length, name, (int, type(None))) is not None and length < 0:
            message = f"{name} must not contain negative lengths. Got {_shortened(value)}"
            raise ValueError(message)
    return tuple(lengths)


def texts_of(value: Any, name: str) -> list[str]:
    """Return a list, and raise `ValueError` unless it contains only strings."""
    return [of_kind(text, name, str) for text in of_kind(value, name, list)]


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 80 else f"{text[:80]}..."
