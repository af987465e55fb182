"""Rebuilds a Keras model from its description in a run file."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from replaychart.errors import ArgumentError, EvaluationError, ReplayChartError
from replaychart.facts.inputs import arrays_of
from replaychart.network import keras2_functions  # noqa: F401  (registers what old models use)
from replaychart.network.calling import (
    called_with,
    has_graph,
    input_dtype,
    recurrent_states,
    without_state,
)
from replaychart.network.keras_versions import for_any_version
from replaychart.network.namesakes import with_own_activations
from replaychart.network.trust import built, require_trusted
from replaychart.storage.reader import StoredRun
from replaychart.storage.weights import UnrecordedWeight, Weight

_WAYS_OUT = (
    "Pass the class as custom_objects={'Name': Class}, or the model itself as model=, to open_run."
)
# Layers that save what they learned in a separate file, not in configuration or weights.
_WITH_VOCABULARY = (
    keras.layers.IntegerLookup,
    keras.layers.StringLookup,
    keras.layers.TextVectorization,
)

# The file only claims the sizes of unrecorded variables. Larger claims than this are rejected.
_UNRECORDED = 2**31


def rebuild(
    stored: StoredRun, weights: Sequence[Weight], custom_objects: Mapping[str, Any] | None
) -> keras.Model:
    """Return the recorded model, with its weights not yet set.

    Parameters
    ----------
    stored : StoredRun
        The run.
    weights : sequence of numpy.ndarray, shape (snapshots, ...)
        The recorded weights.
    custom_objects : mapping or None
        Classes and functions that are not part of Keras, by name.

    Raises
    ------
    EvaluationError
        The architecture was not recorded, names untrusted objects (see `trust`) or objects that
        Keras does not know, has more variables than were recorded, or has a layer whose vocabulary
        was learned from data.
    """
    owner = f"The model of run {stored.name!r}"
    with failures_told(f"{owner} cannot be rebuilt", _WAYS_OUT):
        config = for_any_version(json.loads(stored.architecture))
        config = without_state(with_own_activations(config, custom_objects))
    model_class = stored.details.get("model_class")
    if config is None:
        message = (
            f"The model of run {stored.name!r}, of class {model_class!r}, has no get_config, so "
            f"its architecture was not recorded and it cannot be rebuilt. {_WAYS_OUT}"
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


def without_state_of_its_own(
    model: keras.Model, custom_objects: Mapping[str, Any] | None
) -> keras.Model:
    """Return a model, or a copy whose recurrent layers begin at zeros if some keep their state.

    Parameters
    ----------
    model : keras.Model
        A model that the user passed. It is not changed.
    custom_objects : mapping or None
        Classes and functions that are not part of Keras, by name.
    """
    if not recurrent_states(model) or not has_graph(model):
        return model
    objects = {type(layer).__name__: type(layer) for layer in model._flatten_layers()}
    try:
        config = keras.saving.serialize_keras_object(model)
        config.pop("compile_config", None)
        return keras.saving.deserialize_keras_object(
            without_state(config),
            custom_objects={**objects, **(custom_objects or {})},
            safe_mode=False,  # the user's own model
        )
    except Exception:  # its config is not complete; the witness shows whether it is used right
        return model


def _check_vocabularies(model: keras.Model, owner: str) -> None:
    """Raise `EvaluationError` if a layer learned its vocabulary, which no config contains."""
    for layer in _all_layers(model):
        if isinstance(layer, _WITH_VOCABULARY) and layer.get_config()["vocabulary"] is None:
            kind = type(layer).__name__
            message = (
                f"{owner} cannot be rebuilt: layer {layer.name!r} ({kind}) learned its vocabulary "
                "with adapt(), and stores it neither in its configuration nor in its weights. Pass "
                "the model itself as model= to open_run, or record a model whose layer is created "
                f"with the vocabulary: {kind}(vocabulary=...)."
            )
            raise EvaluationError(message)


def _with_variables(model: Any, stored: StoredRun) -> keras.Model:
    """Return the rebuilt model with its variables created, and raise if it is not a model."""
    if not isinstance(model, keras.Model):
        message = f"it is a {type(model).__name__}, not a model."
        raise TypeError(message)
    if not model.built:
        # A model without a graph creates its variables when it is first called. In a call without
        # values, they take no memory before their sizes are checked.
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
    """Turn any exception of Keras and its layers into an `EvaluationError`.

    Parameters
    ----------
    what : str
        What failed, for the message.
    way_out : str
        What a user can do, for the message.

    Raises
    ------
    EvaluationError
    """
    try:
        yield
    except ReplayChartError:
        raise
    except Exception as error:
        # The lines before the last repeat the configuration, which can be long.
        reason = " ".join(str(error).strip().splitlines()[-1:]) or type(error).__name__
        message = f"{what}: {reason} {way_out}"
        raise EvaluationError(message) from error


def restore_constants(model: keras.Model, weights: Sequence[Weight]) -> None:
    """Compute constants that layers derive from their variables, such as a Normalization's mean.

    Parameters
    ----------
    model : keras.Model
        A rebuilt model. Its variables are set to the values of the first snapshot.
    weights : sequence of numpy.ndarray, shape (snapshots, ...)
        In the order of ``model.weights``.
    """
    # A layer without variables has everything that it learned in its configuration, and would lose
    # it: a Discretization recomputes its boundaries from the data that it has seen.
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
    ArgumentError
        It is not a Keras model.
    EvaluationError
        The model has a different architecture, or not all weights were recorded.
    """
    if not isinstance(model, keras.Model):
        message = f"model must be a Keras model. Got {type(model).__name__}."
        raise ArgumentError(message)
    weights = stored.weights()
    check_weights(model, weights, stored.name)
    values = [weight[snapshot] for weight in weights]
    for variable, value in zip(model.weights, values, strict=True):
        variable.assign(value)


def _all_layers(model: keras.Model) -> list[Any]:
    """Return a model and all layers in it, including nested ones."""
    return list(model._flatten_layers())


def check_weights(model: keras.Model, weights: Sequence[Weight], run: str) -> None:
    """Raise `EvaluationError` unless the recorded weights fit the model's variables."""
    expected = [(weight.path, tuple(weight.shape)) for weight in model.weights]
    recorded = [weight.shape[1:] for weight in weights]
    if len(expected) != len(recorded):
        message = (
            f"The model has {len(expected)} variables, but the recording of {run!r} has "
            f"{len(recorded)}. The architectures differ."
        )
        raise EvaluationError(message)
    for (path, shape), recorded_shape in zip(expected, recorded, strict=True):
        if shape != recorded_shape:
            message = (
                f"Variable {path!r} of the model has the shape {shape}, but its recording in "
                f"{run!r} has {recorded_shape}. The architectures differ."
            )
            raise EvaluationError(message)


def check_inputs(model: keras.Model, stored: StoredRun) -> None:
    """Raise `EvaluationError` unless a model takes as many inputs as were recorded."""
    recorded = len(arrays_of(stored.inputs))
    if has_graph(model) and len(model.inputs) != recorded:
        message = (
            f"The model has {len(model.inputs)} inputs, but the recording of {stored.name!r} has "
            f"{recorded}. The architectures differ."
        )
        raise EvaluationError(message)


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
