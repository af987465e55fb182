"""Reads JSON texts from a file, in which anything may stand."""

import json
from collections.abc import Mapping
from typing import Any

Kinds = type | tuple[type, ...]


def json_of(text: str, name: str, kinds: Kinds) -> Any:
    """Return what a JSON text holds, which must be of a kind.

    Parameters
    ----------
    text : str
        The text.
    name : str
        What it is called in errors.
    kinds : type or tuple of type
        What it may hold, such as dict.

    Raises
    ------
    ValueError
        It is no JSON, or holds something else.
    """
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"{name} is not the JSON text that it should be: {error}"
        raise ValueError(message) from error
    return of_kind(parsed, name, kinds)


def of_kind(value: Any, name: str, kinds: Kinds) -> Any:
    """Return a value, and raise `ValueError` unless it is of a kind; no truth value is a number."""
    allowed = kinds if isinstance(kinds, tuple) else (kinds,)
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        names = " or ".join("null" if kind is type(None) else kind.__name__ for kind in allowed)
        message = f"{name} must be {names}. Got {_shortened(value)}"
        raise ValueError(message)
    return value


def entry(record: Mapping[str, Any], key: str, kinds: Kinds, default: Any = ...) -> Any:
    """Return an entry of a JSON object, and raise `ValueError` unless it is of a kind."""
    if key not in record and default is ...:
        message = f"{key!r} is missing in {_shortened(dict(record))}"
        raise ValueError(message)
    return of_kind(record.get(key, default), repr(key), kinds)


def shape_of(value: Any, name: str) -> tuple[int | None, ...]:
    """Return a list of lengths as a shape, None for any length."""
    lengths = of_kind(value, name, (list, tuple))
    for length in lengths:
        if of_kind(length, name, (int, type(None))) is not None and length < 0:
            message = f"{name} must be lengths. Got {_shortened(value)}"
            raise ValueError(message)
    return tuple(lengths)


def texts_of(value: Any, name: str) -> list[str]:
    """Return a list of texts."""
    return [of_kind(text, name, str) for text in of_kind(value, name, list)]


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 80 else f"{text[:80]}..."
