"""The features of all inputs, side by side: their names, and which can be an axis."""

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np

from replaychart.facts.inputs import Inputs, arrays_of


def feature_names(inputs: Inputs, recorded: object) -> list[str]:
    """Return a name for each feature, in the order of `facts.inputs.side_by_side`.

    Parameters
    ----------
    inputs : numpy.ndarray or mapping of str to numpy.ndarray
        The recorded points.
    recorded : object
        The names in the run's details: a list, or a list for each input by name. Anything else
        counts as no names.

    Returns
    -------
    list of str
        The recorded names. Where there are none, ``input 1``, ``input 2``, ... for a single input;
        for several inputs ``name[0]``, ``name[1]``, ..., or just the name of an input with one
        feature. If several inputs have features of the same name, the input's name is put before
        it.
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

    Features of vectors can. In a model with several inputs, integer inputs count as tokens or
    categories, which have no values in between.
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
