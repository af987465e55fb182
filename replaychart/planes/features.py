"""The features of the inputs, side by side: their names, and which of them can be an axis."""

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np

from replaychart.facts.inputs import Inputs, arrays_of


def feature_names(inputs: Inputs, recorded: object) -> list[str]:
    """Return a name for each feature, in the order of `storage.inputs.side_by_side`.

    Parameters
    ----------
    inputs : numpy.ndarray or mapping of str to numpy.ndarray
        The recorded points.
    recorded : object
        What the run's details hold: a list of names, or one by input; others are made up.

    Returns
    -------
    list of str
        All different. Of one input ``input 1``, ``input 2``, ... where none were recorded; of
        several ``name[0]``, ``name[1]``, ..., or the name alone of an input with one feature. A
        name that several inputs have begins with that of the input.
    """
    if not isinstance(inputs, Mapping):
        count = math.prod(inputs.shape[1:])
        if isinstance(recorded, list) and len(recorded) == count:
            return recorded
        return [f"input {number}" for number in range(1, count + 1)]
    known = recorded if isinstance(recorded, Mapping) else {}
    named = [
        (name, feature)
        for name, array in inputs.items()
        for feature in _names_of(name, math.prod(array.shape[1:]), known.get(name))
    ]
    counts = Counter(feature for _, feature in named)
    return [feature if counts[feature] == 1 else f"{name}: {feature}" for name, feature in named]


def axes(inputs: Inputs) -> np.ndarray:
    """Return which features can be an axis of a plane, bool (features,).

    Those of vectors can. Beside other inputs, whole numbers count as what they mostly are, tokens
    and categories, between which there is nothing.
    """
    return np.concatenate(
        [
            np.full(math.prod(array.shape[1:]), is_continuous(array, inputs))
            for array in arrays_of(inputs)
        ]
    )


def is_continuous(array: np.ndarray, inputs: Inputs) -> bool:
    """Return whether one of the inputs is a vector whose features can be axes."""
    return array.ndim <= 2 and (array.dtype.kind == "f" or not isinstance(inputs, Mapping))


def _names_of(name: str, count: int, recorded: object) -> list[str]:
    if isinstance(recorded, list) and len(recorded) == count:
        return recorded
    return [name] if count == 1 else [f"{name}[{place}]" for place in range(count)]
