"""Slices through the input space: planes of two features, with the others fixed."""

import math
import unicodedata
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from replaychart.arguments import is_number, require_one_of
from replaychart.errors import ArgumentError
from replaychart.facts.inputs import Inputs, number_of_points, side_by_side
from replaychart.planes.argument_types import Features
from replaychart.planes.features import axes, is_continuous
from replaychart.planes.projections import LinearProjection, hashed

# The subtitle of a chart lists the values of an input with up to this many features ...
_MOST_VALUES = 4
# ... and up to this many names, each shortened to this many letters.
_MOST_NAMES = 4
_MOST_LETTERS = 30


def input_slice(
    inputs: Inputs, names: list[str], features: Features, at: object
) -> LinearProjection:
    """Return the plane of two features, with the others held fixed.

    Parameters
    ----------
    inputs : numpy.ndarray, shape (points, features), or mapping of str to numpy.ndarray
        The recorded points.
    names : list of str
        The names of the features, with those of several inputs side by side.
    features : pair of str or int
        The two features that the plane shows, by name or position.
    at : {"median", "mean"}, int, mapping of str to float, or array_like of shape (features,)
        The values of the other features. An int is the number of a recorded point. Features that
        are not in a mapping are held at their median. With several inputs, a mapping can also
        contain the name of an input, with a value for the whole input.

    Raises
    ------
    ArgumentError
        There is no such feature or point, `at` is something else, or it does not specify the value
        of an input that has no median.
    """
    first, second = _places(features, names, axes(inputs))
    fixed, through = _fixed_at(at, inputs, names, (first, second))
    base = np.zeros((len(names), 2))
    base[[first, second], [0, 1]] = 1
    origin = np.where(base.any(axis=1), 0.0, fixed)
    return LinearProjection(
        titles=(names[first], names[second]),
        averaged=False,
        key=f"features {first} and {second} at {hashed(origin)}",
        origins=origin[None],
        bases=base[None],
        through=through,
        shape=origin.shape,
        # The integers of another input may be too large for float32.
        dtype=np.float64 if isinstance(inputs, Mapping) else np.float32,
    )


def _places(features: Features, names: list[str], possible: np.ndarray) -> tuple[int, int]:
    pair: list[Any] = [features]
    if isinstance(features, (list, tuple, np.ndarray, pd.Index, pd.Series)):
        pair = list(features)
    for feature in pair:
        if isinstance(feature, str):
            require_one_of("features", feature, _possible_names(names, possible))
            _require_one_place("features", feature, names)
        elif not is_number(feature) or feature not in range(len(names)):
            message = (
                f"features must be names or positions from 0 to {len(names) - 1}. Got {feature!r}."
            )
            raise ArgumentError(message)
        elif not possible[int(feature)]:
            listed = ", ".join(map(repr, _possible_names(names, possible)))
            message = (
                f"features must be among {listed}: with several inputs, only features of float "
                f"vectors can be axes. Got {feature!r}, which is {names[int(feature)]!r}."
            )
            raise ArgumentError(message)
    places = [names.index(f) if isinstance(f, str) else int(f) for f in pair]
    if len(places) != 2 or places[0] == places[1]:
        message = f"features must be two different features. Got {features!r}."
        raise ArgumentError(message)
    return places[0], places[1]


def _require_one_place(argument: str, name: str, names: list[str]) -> None:
    """Raise `ArgumentError` if several features have this name."""
    places = [place for place, known in enumerate(names) if known == name]
    if len(places) > 1:
        listed = ", ".join(map(str, places))
        way_out = "positions" if argument == "features" else "a value for every feature"
        message = (
            f"{argument} must be unambiguous, but the features at the positions {listed} have the "
            f"same name. Pass {way_out} instead of names. Got {name!r}."
        )
        raise ArgumentError(message)


def _possible_names(names: list[str], possible: np.ndarray) -> list[str]:
    return [name for name, one in zip(names, possible, strict=True) if one]


def _fixed_at(
    at: object, inputs: Inputs, names: list[str], shown: tuple[int, int]
) -> tuple[np.ndarray, str]:
    """Return a point of the input space, and its description.

    Parameters
    ----------
    at : {"median", "mean"}, int, mapping, or array_like of shape (features,)
    inputs : numpy.ndarray, shape (points, features), or mapping of str to numpy.ndarray
    names : list of str
        The features' names.
    shown : pair of int
        The features that the plane shows, which are not fixed.

    Raises
    ------
    ArgumentError
        `at` is something else.
    """
    if isinstance(at, str) and at in ("median", "mean"):
        return _middle(at, inputs, at), f"the {at} of all others"
    if isinstance(at, (int, np.integer)) and is_number(at):
        if not 0 <= at < number_of_points(inputs):
            last = number_of_points(inputs) - 1
            message = f"at must be the number of a point, from 0 to {last}. Got {at!r}."
            raise ArgumentError(message)
        return side_by_side(inputs)[int(at)].astype(np.float64), f"point {at}"
    if isinstance(at, Mapping):
        return _named(at, inputs, names, shown)
    point = _numbers(at)
    if point.shape != (len(names),) or not np.isfinite(point).all():
        message = (
            "at must be 'median', 'mean', the number of a recorded point, values by name, or "
            f"{len(names)} finite numbers. Got {at!r}."
        )
        raise ArgumentError(message)
    return point, "the point given"


def _named(
    at: Mapping[Any, Any], inputs: Inputs, names: list[str], shown: tuple[int, int]
) -> tuple[np.ndarray, str]:
    """Return the point that a mapping describes, and its description."""
    several = inputs if isinstance(inputs, Mapping) else {}
    spans = _spans(several)
    point = np.full(len(names), np.nan)
    whole_numbers = np.zeros(len(names), bool)
    for name, span in spans.items():
        whole_numbers[span] = several[name].dtype.kind in "iu"
    words = []
    for name, value in at.items():
        if name in names:
            _require_one_place("at", name, names)
            span = slice(names.index(name), names.index(name) + 1)
        else:
            require_one_of(
                "Each name in at", name, [*_possible_names(names, axes(inputs)), *several]
            )
            span = spans[name]
        if set(range(span.start, span.stop)) <= set(shown):
            message = (
                "at must not name features that are on an axis, where they take all values. Got a "
                f"value for {name!r}."
            )
            raise ArgumentError(message)
        shape = () if name in names else several[name].shape[1:]
        fixed = _fixed_value(name, value, shape).ravel()
        whole = whole_numbers[span]
        if (fixed[whole] != np.rint(fixed[whole])).any():
            message = f"at must have integers for {name!r}, as in the recording. Got {value!r}."
            raise ArgumentError(message)
        point[span] = fixed
        words.append(f"{_in_line(str(name))} {_values_text(point[span])}")
    left = np.isnan(point)
    point[left] = _middle("median", inputs, at, left)[left]
    left[list(shown)] = False
    return point, _listed(words, int(left.sum()))


def _listed(words: list[str], at_median: int) -> str:
    """Return the fixed values in words: the first few by name, and the number of the others."""
    named = words if len(words) <= _MOST_NAMES else words[: _MOST_NAMES - 1]
    parts = list(named)
    if others := len(words) - len(named):
        parts.append(f"{others} others as given")
    if at_median and not parts:
        return "the median of all others"
    if at_median:
        parts.append(f"{at_median} {'others' if at_median > 1 else 'other'} at the median")
    *first, last = parts or ["the point given"]
    return f"{', '.join(first)} and {last}" if first else last


def _in_line(name: str) -> str:
    """Return a name, shortened to leave room for others, after which a number can follow.

    After a name that is written from right to left, a number would appear on its left side.
    """
    if len(name) > _MOST_LETTERS:
        half = _MOST_LETTERS // 2
        name = f"{name[:half]}\N{HORIZONTAL ELLIPSIS}{name[-half:]}"
    backwards = any(unicodedata.bidirectional(letter) in ("R", "AL", "AN") for letter in name)
    return f"{name}\N{LEFT-TO-RIGHT MARK}" if backwards else name


def _values_text(numbers: np.ndarray) -> str:
    if len(numbers) > _MOST_VALUES:
        return "as given"
    listed = ", ".join(f"{number:.4g}" for number in numbers)
    return f"= {listed}" if len(numbers) == 1 else f"= ({listed})"


def _fixed_value(name: str, value: object, shape: tuple[int, ...]) -> np.ndarray:
    """Return the values of a fixed feature, or of a fixed input with a shape."""
    numbers = _numbers(value)
    if numbers.size == 1 and not shape:
        numbers = numbers.reshape(())
    if numbers.shape != shape or not np.isfinite(numbers).all():
        expected = f"finite numbers of the shape {shape}" if shape else "a finite number"
        got = f"the shape {numbers.shape}" if numbers.size > 1 else repr(value)
        message = f"at must have {expected} for {name!r}. Got {got}."
        raise ArgumentError(message)
    return numbers


def _middle(how: str, inputs: Inputs, at: object, needed: np.ndarray | None = None) -> np.ndarray:
    """Return the median or mean of each feature, float64 (features,).

    Parameters
    ----------
    how : {"median", "mean"}
    inputs : numpy.ndarray, shape (points, features), or mapping of str to numpy.ndarray
    at : object
        The argument that was passed, for the error message.
    needed : numpy.ndarray of bool, shape (features,), optional
        Which features are needed. Default: all.

    Raises
    ------
    ArgumentError
        A needed feature belongs to an input without a median or mean.
    """
    several = inputs if isinstance(inputs, Mapping) else {}
    spans = _spans(several)
    for name, array in several.items():
        wanted = needed is None or needed[spans[name]].any()
        if wanted and not is_continuous(array, inputs):
            what = f"has the shape {array.shape[1:]}" if array.ndim > 2 else "consists of integers"
            message = (
                f"at must specify the value of input {name!r}, which {what} and so has no {how}. "
                f"Pass the number of a recorded point, or a mapping that contains {name!r}. Got "
                f"{at!r}."
            )
            raise ArgumentError(message)
    return getattr(np, how)(side_by_side(inputs).astype(np.float64), axis=0)


def _spans(inputs: Mapping[str, np.ndarray]) -> dict[str, slice]:
    """Return the positions of each input's features, for several inputs."""
    spans, start = {}, 0
    for name, array in inputs.items():
        stop = start + math.prod(array.shape[1:])
        spans[name], start = slice(start, stop), stop
    return spans


def _numbers(value: object) -> np.ndarray:
    """Return an array of numbers; an empty one if the value is not numeric."""
    try:
        return np.asarray(value, np.float64)
    except (TypeError, ValueError):
        return np.empty(0)
