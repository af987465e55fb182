"""The points that a user passes: one array, or one for each of the model's inputs.

Keras takes the arrays of several inputs in a list, by name, or in a nested structure of both. A
list can also be one array, row by row. If the items of a list are arrays, it means several inputs
if each item has one row per target, and one array if the list itself has one item per target. If
both are true, the model decides.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from replaychart.arguments import shown
from replaychart.errors import ArgumentError
from replaychart.facts.inputs import Inputs
from replaychart.recording import samples
from replaychart.recording.dataframes import in_pandas

# An error lists at most this many shapes.
_MOST_SHAPES = 5


class RecordedInputs(NamedTuple):
    """The points, in the form in which they are recorded.

    Attributes
    ----------
    inputs : numpy.ndarray or dict of str to numpy.ndarray
        One array, or one for each input by name if the model has several.
    feature_names : list of str, dict of str to list of str, or None
        Names of the features; by input name if the model has several inputs.
    in_a_list : bool
        Whether a model without a graph takes the arrays in a list.
    """

    inputs: Inputs
    feature_names: list[str] | dict[str, list[str]] | None
    in_a_list: bool = False


class GivenArray(NamedTuple):
    """One array of the points.

    Attributes
    ----------
    label : str
        What errors call it, such as ``X`` or ``X['image']``.
    numbers : numpy.ndarray, shape (points, ...)
        Its values, all of them finite.
    columns : list of str or None
        The column names if a DataFrame was passed.
    """

    label: str
    numbers: np.ndarray
    columns: list[str] | None


@dataclasses.dataclass(frozen=True)
class GivenInputs:
    """The points that a user passed, checked as far as possible without the model.

    Attributes
    ----------
    argument : str
        What errors call them.
    form : {"array", "list", "mapping", "nested"}
        The form in which they were passed.
    structure : object
        The object that was passed.
    arrays : tuple of GivenArray
        The arrays in it; for a nested structure, in Keras's order.
    feature_names : object
        The argument `feature_names`.
    stacked : GivenArray or None
        A list of arrays as one array, if it can be read as one.
    """

    argument: str
    form: str
    structure: Any
    arrays: tuple[GivenArray, ...]
    feature_names: object
    stacked: GivenArray | None = None

    @property
    def points(self) -> int:
        """The number of points."""
        return len(self.arrays[0].numbers)

    def for_model(self, model: Any) -> RecordedInputs:
        """Return the points in the form that a model takes.

        Parameters
        ----------
        model : keras.Model
            A built model.

        Raises
        ------
        ArgumentError
            The arrays do not match the model's inputs in number, names or shapes, or
            `feature_names` do not match them.
        """
        tensors = list(getattr(model, "inputs", None) or [])
        if not tensors:
            return self.without_graph()
        if len(tensors) == 1 and self.form == "array":
            _fitted(self.arrays[0], tensors[0], model)
            return self._of_one(self.arrays[0])
        if len(tensors) == 1 and self.stacked is not None and not self._is_in_a_list(tensors[0]):
            _fitted(self.stacked, tensors[0], model)
            return self._of_one(self.stacked)
        arrays = [
            array._replace(numbers=_fitted(array, tensor, model))
            for array, tensor in zip(self._by_tensor(tensors, model), tensors, strict=True)
        ]
        if len(tensors) == 1:
            return self._of_one(arrays[0])
        return self._of_several({t.name: one for t, one in zip(tensors, arrays, strict=True)})

    def without_graph(self) -> RecordedInputs:
        """Return the points for a model that does not declare its inputs, or for no model.

        Raises
        ------
        ArgumentError
            The form of the points is ambiguous or not allowed, or `feature_names` do not match
            them.
        """
        if self.form == "array":
            return self._of_one(self.arrays[0])
        if self.form == "nested":
            message = (
                f"{self.argument} must be an array, a list of arrays or a mapping of arrays, "
                "because the model is not a functional one. Got a nested structure."
            )
            raise ArgumentError(message)
        if self.form == "mapping":
            return self._of_several(dict(zip(map(str, self.structure), self.arrays, strict=True)))
        if self.stacked is not None and self.stacked.numbers.ndim == 2:
            return self._of_one(self.stacked)
        if self.stacked is not None:
            message = (
                f"{self.argument} is ambiguous: it can be one array of shape "
                f"{self.stacked.numbers.shape} or the arrays of {len(self.arrays)} inputs. Pass "
                "one array, or a mapping for several inputs."
            )
            raise ArgumentError(message)
        numbered = {f"input {number}": one for number, one in enumerate(self.arrays, start=1)}
        return self._of_several(numbered)._replace(in_a_list=True)

    def _is_in_a_list(self, tensor: Any) -> bool:
        """Return whether these points are the array of one input, wrapped in a list."""
        return len(self.arrays) == 1 and _fit(self.arrays[0].numbers, tensor) is not None

    def _by_tensor(self, tensors: Sequence[Any], model: Any) -> Sequence[GivenArray]:
        """Return the arrays in the order of a model's inputs."""
        names = [tensor.name for tensor in tensors]
        expected = ", ".join(f"{tensor.name!r} {tuple(tensor.shape[1:])}" for tensor in tensors)
        inputs = f"model {model.name!r} has the inputs {expected}"
        if self.form == "mapping":
            given = dict(zip(map(str, self.structure), self.arrays, strict=True))
            unknown = [name for name in given if name not in names]
            missing = [name for name in names if name not in given]
            if unknown or missing:
                got = f"Got {unknown[0]!r}" if unknown else f"{missing[0]!r} is missing"
                message = f"The keys of {self.argument} must be input names: {inputs}. {got}."
                raise ArgumentError(message)
            return [given[name] for name in names]
        nested = self.form == "nested"
        if len(self.arrays) != len(names) or (nested and not _alike(self.structure, model.input)):
            structure = "nested like the model's inputs" if nested else "a list or a mapping"
            message = (
                f"{self.argument} must be {structure}, with one array for each input: {inputs}. "
                f"Got {_described(self)}."
            )
            raise ArgumentError(message)
        return self.arrays

    def _of_one(self, array: GivenArray) -> RecordedInputs:
        shape = array.numbers.shape[1:]
        return RecordedInputs(
            array.numbers, samples.feature_names(self.feature_names, array.columns, shape)
        )

    def _of_several(self, arrays: Mapping[str, GivenArray]) -> RecordedInputs:
        given = {} if self.feature_names is None else self.feature_names
        if not isinstance(given, Mapping) or not set(given) <= set(arrays):
            listed = ", ".join(map(repr, arrays))
            message = (
                f"feature_names must map input names ({listed}) to lists of feature names. Got "
                f"{shown(given)}."
            )
            raise ArgumentError(message)
        found = {
            name: samples.feature_names(given.get(name), array.columns, array.numbers.shape[1:])
            for name, array in arrays.items()
        }
        names = {name: features for name, features in found.items() if features is not None}
        return RecordedInputs({name: one.numbers for name, one in arrays.items()}, names or None)


def given_inputs(
    X: object, targets: object, *, argument: str = "X", feature_names: object = None
) -> GivenInputs:
    """Return the points that a user passed, as checked arrays.

    Parameters
    ----------
    X : array_like, pandas.DataFrame, or list or mapping of these
        The points.
    targets : object
        Their targets. Their number decides what a list of arrays means.
    argument : str, default "X"
        What errors call the points.
    feature_names : object, optional
        As for `Recorder`.

    Raises
    ------
    ArgumentError
        The points are not finite numbers, there are no points, or the inputs have different
        numbers of points.
    """
    X = in_pandas(argument, X)
    if isinstance(X, Mapping):
        form = "nested" if any(map(_contains_arrays, X.values())) else "mapping"
    elif not isinstance(X, (list, tuple)):
        form = "array"
    elif any(isinstance(item, Mapping) for item in X) or (
        any(map(_is_array, X)) and any(map(_contains_arrays, X))
    ):
        form = "nested"
    else:
        form = _form_of_list(X, _length(targets))
    if form == "array":
        array = _given(argument, X, samples.checked_inputs(X, argument=argument))
        given = GivenInputs(argument, form, X, (array,), feature_names)
        given.without_graph()  # raises if the names do not fit
        return given
    leaves = list(_leaves(argument, X, in_order=form == "nested"))
    if not leaves:
        message = f"{argument} must contain one array for each input. Got none."
        raise ArgumentError(message)
    arrays = tuple(
        _given(label, leaf, samples.checked_points(leaf, argument=label)) for label, leaf in leaves
    )
    lengths = {array.label: len(array.numbers) for array in arrays}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{length} in {label}" for label, length in lengths.items())
        message = f"{argument} must have the same number of points in every input. Got {listed}."
        raise ArgumentError(message)
    stacked = None
    if form == "list" and len(arrays) == _length(targets) and len(arrays) == len(arrays[0].numbers):
        stacked = _stacked(argument, X)
    return GivenInputs(argument, form, X, arrays, feature_names, stacked)


def _form_of_list(items: Sequence[Any], targets: int | None) -> str:
    """Return whether a list is one array or contains those of several inputs."""
    if not items or not all(map(_is_array, items)):
        return "array"
    if len(items) == targets and any(len(item) != targets for item in items):
        return "array"
    rows = all(len(item.shape) == 1 and item.shape == items[0].shape for item in items)
    return "array" if rows and len(items[0]) != targets else "list"


def _is_array(item: Any) -> bool:
    """Return whether an item is an array with an axis for the points, not a list of numbers."""
    return len(getattr(item, "shape", ())) > 0


def _contains_arrays(item: Any) -> bool:
    """Return whether an item is a structure of arrays, not an array itself."""
    if isinstance(item, (list, tuple)):
        return any(_is_array(inner) or _contains_arrays(inner) for inner in item)
    return isinstance(item, Mapping)


def _length(targets: Any) -> int | None:
    try:
        return len(targets)
    except TypeError:
        return None


def _leaves(label: str, given: Any, *, in_order: bool) -> Iterator[tuple[str, Any]]:
    """Yield the arrays of a structure with labels; Keras orders nested mappings by their keys."""
    if isinstance(given, Mapping):
        for key in sorted(given) if in_order else given:
            yield from _leaves(f"{label}[{key!r}]", given[key], in_order=in_order)
    elif isinstance(given, (list, tuple)) and _contains_arrays(given):
        for place, item in enumerate(given):
            yield from _leaves(f"{label}[{place}]", item, in_order=in_order)
    else:
        yield label, given


def _given(label: str, given: object, values: np.ndarray) -> GivenArray:
    columns = [str(name) for name in given.columns] if isinstance(given, pd.DataFrame) else None
    return GivenArray(label, values, columns)


def _stacked(argument: str, items: Any) -> GivenArray | None:
    try:
        return _given(argument, items, samples.checked_inputs(items, argument=argument))
    except ArgumentError:
        return None


def _fit(values: np.ndarray, tensor: Any) -> np.ndarray | None:
    """Return an array with the rank of an input, None if it does not fit.

    As in Keras, a last axis of length 1 may be missing or superfluous.
    """
    shape = tuple(tensor.shape[1:])
    if values.ndim == len(shape) and shape[-1:] == (1,):
        values = values[..., None]
    elif values.ndim == len(shape) + 2 and values.shape[-1] == 1:
        values = values[..., 0]
    sizes = values.shape[1:]
    fits = len(sizes) == len(shape) and all(
        size in (None, own) for size, own in zip(shape, sizes, strict=True)
    )
    return values if fits else None


def _fitted(array: GivenArray, tensor: Any, model: Any) -> np.ndarray:
    values = _fit(array.numbers, tensor)
    if values is None:
        sizes = ", ".join("..." if size is None else str(size) for size in tensor.shape[1:])
        message = (
            f"{array.label} must have the shape (points, {sizes}) for the input {tensor.name!r} of "
            f"model {model.name!r}. Got the shape {array.numbers.shape}."
        )
        raise ArgumentError(message)
    return values


def _alike(given: Any, struct: Any) -> bool:
    """Return whether a structure of arrays matches the structure of a model's inputs."""
    if isinstance(struct, Mapping):
        same = isinstance(given, Mapping) and set(given) == set(struct)
        return same and all(_alike(given[key], struct[key]) for key in struct)
    if isinstance(struct, (list, tuple)):
        same = isinstance(given, (list, tuple)) and len(given) == len(struct)
        return same and all(map(_alike, given, struct))
    return not isinstance(given, Mapping) and not _contains_arrays(given)


def _described(given: GivenInputs) -> str:
    shapes = [str(array.numbers.shape) for array in given.arrays]
    if given.form == "array":
        return f"one array of shape {shapes[0]}"
    listed = ", ".join(shapes[:_MOST_SHAPES]) + ", ..." * (len(shapes) > _MOST_SHAPES)
    return f"{len(shapes)} arrays of shapes {listed}"
