"""Rebuilds a Keras model from the texts in a run file."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from replaychart.errors import EvaluationError, ReplayChartError
from replaychart.facts.inputs import INPUTS_IN_A_LIST, arrays_of
from replaychart.network import keras2_functions  # noqa: F401  (registers what old models use)
from replaychart.network.keras_versions import for_any_version
from replaychart.network.trust import built, require_trusted
from replaychart.storage.reader import StoredRun
from replaychart.storage.weights import UnrecordedWeight, Weight

_WAYS_OUT = (
    "Pass the class as custom_objects={'Name': Class}, or the model itself as model=, to open_run."
)
# Layers that save what they learned in a file of its own, beside configuration and weights.
_WITH_VOCABULARY = (
    keras.layers.IntegerLookup,
    keras.layers.StringLookup,
    keras.layers.TextVectorization,
)

# Variables that were not recorded are only claimed: more numbers than this are not believed.
_UNRECORDED = 2**31


def rebuild(
    stored: StoredRun, weights: Sequence[Weight], custom_objects: Mapping[str, Any] | None
) -> keras.Model:
    """Return the recorded model, with weights that no one has set.

    Parameters
    ----------
    stored : StoredRun
        The run.
    weights : sequence of numpy.ndarray, shape (snapshots, ...)
        What it recorded.
    custom_objects : mapping or None
        Classes and functions that are not part of Keras, by name.

    Raises
    ------
    EvaluationError
        The architecture was not recorded, names what is not to be trusted (see `trust`) or what
        Keras does not know, has more variables than were recorded, or a layer whose vocabulary was
        learned from data.
    """
    owner = f"The model of run {stored.name!r}"
    with failures_told(f"{owner} cannot be rebuilt", _WAYS_OUT):
        config = for_any_version(json.loads(stored.architecture))
    model_class = stored.details.get("model_class")
    if config is None:
        message = (
            f"The model of run {stored.name!r}, of class {model_class!r}, does not tell its "
            f"architecture (it has no get_config), so it cannot be rebuilt. {_WAYS_OUT}"
        )
        raise EvaluationError(message)
    require_trusted(config, custom_objects, owner=owner, allow=_WAYS_OUT)
    with failures_told(f"{owner} cannot be rebuilt", _WAYS_OUT):
        model = built(
            lambda: _with_variables(
                keras.saving.deserialize_keras_object(
                    config, custom_objects=dict(custom_objects or {}), safe_mode=True
                ),
                stored,
            ),
            numbers=_recorded_numbers(weights),
            owner=owner,
            allow=_WAYS_OUT,
        )
    _check_vocabularies(model, owner)
    return model


def _check_vocabularies(model: keras.Model, owner: str) -> None:
    """Raise `EvaluationError` if a layer learned its vocabulary, which stands in no config."""
    for layer in _all_layers(model):
        if isinstance(layer, _WITH_VOCABULARY) and layer.get_config()["vocabulary"] is None:
            kind = type(layer).__name__
            message = (
                f"{owner} cannot be rebuilt: layer {layer.name!r} ({kind}) learned its vocabulary "
                "by adapt(), and keeps it neither in its configuration nor in its weights. Pass "
                "the model itself as model= to open_run; or record a model that was given it, "
                f"{kind}(vocabulary=...)."
            )
            raise EvaluationError(message)


def _with_variables(model: Any, stored: StoredRun) -> keras.Model:
    """Return what was rebuilt, if it is a model, with its variables made."""
    if not isinstance(model, keras.Model):
        message = f"it is a {type(model).__name__} and no model."
        raise TypeError(message)
    if not model.built:
        # A model without a graph makes its variables when it is first called; by a call without
        # numbers, they take no memory before their sizes are checked.
        first = [
            keras.KerasTensor((1, *array.shape[1:]), dtype=input_dtype(array))
            for array in arrays_of(stored.inputs)
        ]
        model(called_with(model, first, stored))
    return model


def _recorded_numbers(weights: Sequence[Weight]) -> int:
    sizes = {True: 0, False: 0}
    for weight in weights:
        sizes[isinstance(weight, UnrecordedWeight)] += math.prod(weight.shape[1:])
    return sizes[False] + min(sizes[True], _UNRECORDED)


@contextmanager
def failures_told(what: str, way_out: str) -> Iterator[None]:
    """Turn what Keras and its layers raise, which may be anything, into one error.

    Parameters
    ----------
    what : str
        What was not possible.
    way_out : str
        What a user can do.

    Raises
    ------
    EvaluationError
    """
    try:
        yield
    except ReplayChartError:
        raise
    except Exception as error:
        # The lines before the last repeat the configuration, which may be long.
        reason = " ".join(str(error).strip().splitlines()[-1:]) or type(error).__name__
        message = f"{what}: {reason} {way_out}"
        raise EvaluationError(message) from error


def restore_constants(model: keras.Model, weights: Sequence[Weight]) -> None:
    """Make the constants that layers keep beside their variables, such as a Normalization's mean.

    Parameters
    ----------
    model : keras.Model
        A rebuilt model; its variables take the values of the first snapshot.
    weights : sequence of numpy.ndarray, shape (snapshots, ...)
        In the order of ``model.weights``.
    """
    # Without variables a layer has all that it learned in its configuration, and would forget it:
    # a Discretization computes its boundaries anew, from the data that it saw.
    adapted = [
        layer
        for layer in _all_layers(model)
        if hasattr(layer, "finalize_state") and layer.variables
    ]
    if not adapted:
        return
    for variable, values in zip(model.weights, weights, strict=True):
        if not isinstance(values, UnrecordedWeight):
            variable.assign(values[0])
    for layer in adapted:
        layer.finalize_state()


def restore(model: keras.Model, stored: StoredRun, snapshot: int) -> None:
    """Set a model's weights to those of a snapshot.

    Parameters
    ----------
    model : keras.Model
        The model.
    stored : StoredRun
        The run.
    snapshot : int
        The position in the recording.

    Raises
    ------
    EvaluationError
        The model is of another architecture, or not all weights were recorded.
    """
    weights = stored.weights()
    check_weights(model, weights, stored.name)
    values = [weight[snapshot] for weight in weights]
    for variable, value in zip(model.weights, values, strict=True):
        variable.assign(value)


def _all_layers(model: keras.Model) -> list[Any]:
    """Return a model and the layers in it, those within other layers too."""
    return list(model._flatten_layers())


def check_weights(model: keras.Model, weights: Sequence[Weight], run: str) -> None:
    """Raise `EvaluationError` unless the recorded weights fit the model's variables."""
    expected = [(weight.path, tuple(weight.shape)) for weight in model.weights]
    recorded = [weight.shape[1:] for weight in weights]
    if len(expected) != len(recorded):
        message = (
            f"The model has {len(expected)} variables, the recording of {run!r} has "
            f"{len(recorded)}: it is another architecture."
        )
        raise EvaluationError(message)
    for (path, shape), recorded_shape in zip(expected, recorded, strict=True):
        if shape != recorded_shape:
            message = (
                f"Variable {path!r} of the model has the shape {shape}, its recording in {run!r} "
                f"has {recorded_shape}: it is another architecture."
            )
            raise EvaluationError(message)


def check_inputs(model: keras.Model, stored: StoredRun) -> None:
    """Raise `EvaluationError` unless a model takes as many inputs as were recorded."""
    recorded = len(arrays_of(stored.inputs))
    if has_graph(model) and len(model.inputs) != recorded:
        message = (
            f"The model has {len(model.inputs)} inputs, the recording of {stored.name!r} has "
            f"{recorded}: it is another architecture."
        )
        raise EvaluationError(message)


def called_with(model: keras.Model, inputs: Sequence[Any], stored: StoredRun) -> Any:
    """Return tensors in the structure in which a model, or a part of one, takes its inputs.

    Parameters
    ----------
    model : keras.Model
        The model or part.
    inputs : sequence of tensor
        One for each of its inputs, in its order.
    stored : StoredRun
        The run, which tells the structure for a model without a graph.
    """
    if has_graph(model):
        # A functional model tells the structure that it was made with: a tensor, a list, a dict.
        one = isinstance(model, keras.Sequential)
        return inputs[0] if one else keras.tree.pack_sequence_as(model.input, list(inputs))
    if not isinstance(stored.inputs, Mapping):
        return inputs[0]
    if stored.details.get(INPUTS_IN_A_LIST):
        return list(inputs)
    return dict(zip(stored.inputs, inputs, strict=True))


def input_dtype(points: np.ndarray) -> str:
    """Return the dtype in which a model that names none takes points."""
    return keras.config.floatx() if points.dtype.kind == "f" else points.dtype.name


def has_graph(model: keras.Model) -> bool:
    """Return whether the outputs of the model's layers can be asked for one by one."""
    return bool(getattr(model, "inputs", None)) and bool(getattr(model, "outputs", None))


def value_of(
    weights: Sequence[np.ndarray | UnrecordedWeight], position: tuple[int | None, Any]
) -> Any:
    """Return a variable's recorded value as a tensor, or its own if it is not one of the weights.

    Raises
    ------
    EvaluationError
        The recorder left this weight out.
    """
    index, variable = position
    if index is None:
        return variable.value
    values = weights[index]
    if isinstance(values, UnrecordedWeight):
        raise values.missing()
    return keras.ops.convert_to_tensor(values, dtype=variable.dtype)
