"""The recorded points: one array, or one array per input of the model, by name."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

Inputs = np.ndarray | Mapping[str, np.ndarray]
AnyDescription = TypeVar("AnyDescription", bound=Any)

# A key of the details, for a model without a graph that takes its inputs as a list and not by name.
INPUTS_IN_A_LIST = "inputs_in_a_list"


def arrays_of(inputs: Inputs) -> tuple[np.ndarray, ...]:
    """Return one array per input of the model, shape (points, ...), in the order of the inputs."""
    return tuple(inputs.values()) if isinstance(inputs, Mapping) else (inputs,)


def with_arrays(inputs: Inputs, arrays: Sequence[np.ndarray]) -> Inputs:
    """Return other arrays in the form of `inputs`."""
    return dict(zip(inputs, arrays, strict=True)) if isinstance(inputs, Mapping) else arrays[0]


def rows_of(inputs: Inputs, points: np.ndarray) -> Inputs:
    """Return some of the points, given by their rows, in the form of `inputs`."""
    return with_arrays(inputs, [array[points] for array in arrays_of(inputs)])


def of_points(run: AnyDescription, points: np.ndarray) -> AnyDescription:
    """Return a run with only some of its points.

    Parameters
    ----------
    run : dataclass
        A description of a run, with ``inputs``, ``targets`` and ``sample_weights``.
    points : numpy.ndarray of int64, shape (few,)
        The rows of the points to keep.
    """
    weights = run.sample_weights
    return dataclasses.replace(
        run,
        inputs=rows_of(run.inputs, points),
        targets=rows_of(run.targets, points),
        sample_weights=None if weights is None else rows_of(weights, points),
    )


def with_points(run: AnyDescription, inputs: Inputs, targets: Any) -> AnyDescription:
    """Return a run with other points, which all weigh the same; see `of_points`."""
    return dataclasses.replace(run, inputs=inputs, targets=targets, sample_weights=None)


def number_of_points(inputs: Inputs) -> int:
    """Return the number of points."""
    return len(arrays_of(inputs)[0])


def numbers_per_point(inputs: Inputs) -> int:
    """Return how many values one point has in all inputs together."""
    return sum(math.prod(array.shape[1:]) for array in arrays_of(inputs))


def side_by_side(inputs: Inputs) -> np.ndarray:
    """Return the points as rows of features, with the inputs concatenated.

    Returns
    -------
    numpy.ndarray, shape (points, features)
    """
    flat = [array.reshape(len(array), -1) for array in arrays_of(inputs)]
    return flat[0] if len(flat) == 1 else np.concatenate(flat, axis=1)


def taken_apart(rows: np.ndarray, inputs: Inputs) -> Inputs:
    """Return rows of features in the form of `inputs`; the inverse of `side_by_side`.

    Parameters
    ----------
    rows : numpy.ndarray, shape (points, features)
        The concatenated features.
    inputs : numpy.ndarray or mapping of str to numpy.ndarray
        Inputs with the names, shapes and integer dtypes to use.
    """
    arrays = arrays_of(inputs)
    ends = np.cumsum([math.prod(array.shape[1:]) for array in arrays])[:-1]
    return with_arrays(
        inputs,
        [
            piece.reshape(len(rows), *array.shape[1:]).astype(
                np.float32 if array.dtype.kind == "f" else array.dtype
            )
            for piece, array in zip(np.split(rows, ends, axis=1), arrays, strict=True)
        ],
    )


def shapes_text(inputs: Inputs) -> str:
    """Return ``the shape ...`` of a point, with the names of the inputs if there are several."""
    if not isinstance(inputs, Mapping):
        return f"the shape {inputs.shape[1:]}"
    listed = ", ".join(f"{name!r} {array.shape[1:]}" for name, array in inputs.items())
    return f"the shapes {listed}"
