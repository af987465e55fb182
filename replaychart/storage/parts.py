"""Reads the parts of a run, and checks each against the layout."""

import math
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

from replaychart.facts.inputs import Inputs, arrays_of
from replaychart.facts.json_texts import entry, json_of, of_kind, shape_of, texts_of
from replaychart.facts.layers import OUTPUT_LAYER, Variable
from replaychart.facts.outputs import OUTPUTS, Targets
from replaychart.facts.snapshots import ValidationPoints
from replaychart.storage import layout
from replaychart.storage.hdf5 import checked
from replaychart.storage.hdf5.checked import (
    Attributes,
    group_in,
    number_dataset_in,
    numbers_in,
    text_in,
)
from replaychart.storage.hdf5.sizes import require_sizes

# Beyond this, float64 cannot represent a millionth of an epoch.
_LAST_EPOCH = 1e9


def epochs_of(run: h5py.Group) -> np.ndarray:
    """Return the recorded epochs; int64 if all of them are whole."""
    epochs = numbers_in(run, layout.EPOCHS, shape=[None])
    if not len(epochs):
        message = "it has no snapshots"
        raise ValueError(message)
    rising = np.isfinite(epochs).all() and epochs[0] >= 0 and (np.diff(epochs) > 0).all()
    if not rising or epochs[-1] > _LAST_EPOCH:
        message = f"its epochs must be increasing numbers from 0. Got {epochs}"
        raise ValueError(message)
    return _whole_if_possible(epochs)


def _whole_if_possible(epochs: np.ndarray) -> np.ndarray:
    whole = epochs.astype(np.int64)
    return whole if (whole == epochs).all() else epochs


def points_of(run: h5py.Group) -> tuple[Inputs, Targets, Targets | None]:
    """Return the points, their targets and their sample weights."""
    inputs, targets = _inputs(run), _arrays(run, layout.TARGETS)
    points = len(arrays_of(inputs)[0])
    for array in arrays_of(targets):
        fit = array.ndim and len(array) == points and array.size
        if not fit or not np.isfinite(array).all():
            message = (
                f"its {layout.TARGETS} must be finite numbers for each of {points} points. Got the "
                f"shape {array.shape}"
            )
            raise ValueError(message)
    if not checked.has(run, layout.SAMPLE_WEIGHTS):
        return inputs, targets, None
    weights = _arrays(run, layout.SAMPLE_WEIGHTS)
    for array in arrays_of(weights):
        if array.shape != (points,):
            message = (
                f"its {layout.SAMPLE_WEIGHTS} must have the shape {(points,)}. Got {array.shape}"
            )
            raise ValueError(message)
    return inputs, targets, weights


def validation_of(run: h5py.Group, inputs: Inputs, targets: Targets) -> ValidationPoints | None:
    """Return the validation points, which must be like the others; None if there are none."""
    if not checked.has(run, layout.VALIDATION):
        return None
    own, own_targets, _ = points_of(group_in(run, layout.VALIDATION))
    if not (_alike(own, inputs) and _alike(own_targets, targets)):
        message = f"its {layout.VALIDATION} points do not have the shapes of the others"
        raise ValueError(message)
    return ValidationPoints(own, own_targets)


def _alike(own: Inputs, others: Inputs) -> bool:
    """Return whether arrays have the same names and shapes, apart from the number of points."""
    names = [list(each) if isinstance(each, Mapping) else None for each in (own, others)]
    pairs = zip(arrays_of(own), arrays_of(others), strict=False)
    return names[0] == names[1] and all(one.shape[1:] == two.shape[1:] for one, two in pairs)


def _inputs(run: h5py.Group) -> Inputs:
    """Return the points; for several inputs, one array per input, by name."""
    inputs = _arrays(run, layout.INPUTS)
    arrays = arrays_of(inputs)
    for array in arrays:
        points = len(array) if array.ndim > 1 else 0
        if not points or points != len(arrays[0]) or not array.size or not np.isfinite(array).all():
            message = (
                f"its {layout.INPUTS} must be finite numbers for each point. Got {array.shape}"
            )
            raise ValueError(message)
    return inputs


def _arrays(run: h5py.Group, path: str) -> Inputs:
    """Return an array; for several inputs or outputs, one for each of them, by name."""
    checked.require_own(run, path)
    if not isinstance(run[path], h5py.Group):
        return numbers_in(run, path)
    group = group_in(run, path)
    every = [number_dataset_in(group, str(index)) for index in range(len(checked.names_in(group)))]
    require_sizes(every)
    arrays: dict[str, np.ndarray] = {}
    for stored in every:
        name = checked.text_of(Attributes(stored)[layout.NAME_ATTRIBUTE], stored.name)
        if name in arrays:
            message = f"two of its {path} have the name {name!r}"
            raise ValueError(message)
        arrays[name] = checked.native(stored[()])
    return arrays


def details_of(run: h5py.Group) -> dict[str, Any]:
    """Return versions, names and shapes, as JSON values."""
    if checked.has(run, layout.DETAILS_ATTRIBUTE):
        text = text_in(run, layout.DETAILS_ATTRIBUTE)
    else:
        text = checked.text_of(Attributes(run)[layout.DETAILS_ATTRIBUTE], "details")
    details = json_of(text, layout.DETAILS_ATTRIBUTE, dict)
    # A mapping from the inputs, if there are several.
    features = entry(details, "feature_names", (list, dict, type(None)), None) or {}
    for names in features.values() if isinstance(features, dict) else [features]:
        texts_of(names, "'feature_names'")
    for key in ("model_name", "model_class", "recorded", "predicts", "framework"):
        entry(details, key, (str, type(None)), None)
    _check_output(details)
    for own in (entry(details, OUTPUTS, (dict, type(None)), None) or {}).values():
        _check_output(of_kind(own, f"{OUTPUTS!r}", dict))
    texts_of(entry(details, "state_names", list, []), "'state_names'")
    if entry(details, "output_shape", (list, type(None)), None) is not None:
        shape_of(details["output_shape"], "'output_shape'")
    for metric in (entry(details, "metrics", (dict, type(None)), None) or {}).values():
        of_kind(metric, "'metrics'", (str, dict))
    if (entry(details, "steps_per_epoch", (int, type(None)), None) or 1) < 1:
        message = f"'steps_per_epoch' must be at least 1. Got {details['steps_per_epoch']}"
        raise ValueError(message)
    return details


def _check_output(details: dict[str, Any]) -> None:
    """Raise `ValueError` unless what is known about an output has the right types."""
    if entry(details, "class_names", (list, type(None)), None) is not None:
        texts_of(details["class_names"], "'class_names'")
    entry(details, OUTPUT_LAYER, (str, type(None)), None)
    if entry(details, "output_shape", (list, type(None)), None) is not None:
        shape_of(details["output_shape"], "'output_shape'")
    for metric in (entry(details, "metrics", (dict, type(None)), None) or {}).values():
        of_kind(metric, "'metrics'", (str, dict))


def json_object(run: h5py.Group, path: str) -> str:
    """Return a JSON string that must contain an object or null."""
    text = text_in(run, path)
    json_of(text, path, (dict, type(None)))
    return text


def curves_of(run: h5py.Group, snapshots: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the learning rates, and the logs by name, each of shape (snapshots,)."""
    scalars = number_dataset_in(run, layout.SCALARS, shape=[None, None])
    checked.require_rows(scalars, snapshots)
    if not scalars.shape[1]:
        message = f"{scalars.name} has no column for the learning rates"
        raise ValueError(message)
    values = checked.native(scalars[:snapshots]).astype(np.float64, copy=False)
    # A name is written before its first value, so the last names may have no values yet.
    logged = log_names(run, at_most=values.shape[1] - 1)
    return values[:, 0], {name: values[:, 1 + i] for i, name in enumerate(logged)}


def log_names(run: h5py.Group, *, at_most: int) -> list[str]:
    """Return the names of the first logs of a run, in the order of their columns."""
    names = json_of(text_in(run, layout.LOG_NAMES), layout.LOG_NAMES, list)
    return texts_of(names, layout.LOG_NAMES)[:at_most]


def weight_blocks(
    run: h5py.Group, variables: tuple[Variable, ...], snapshots: int
) -> dict[str, h5py.Dataset]:
    """Return the datasets of the weights by dtype."""
    blocks = {}
    for dtype in dict.fromkeys(one.dtype for one in variables if one.recorded):
        own = [one for one in variables if one.recorded and one.dtype == dtype]
        size = sum(math.prod(one.shape) for one in own)
        block = number_dataset_in(run, f"{layout.WEIGHTS}/{dtype}", shape=[None, size])
        checked.require_rows(block, snapshots)
        if block.dtype.name != dtype:
            message = f"{block.name} must have the dtype {dtype}. Got {block.dtype}"
            raise ValueError(message)
        blocks[dtype] = block
    return blocks
