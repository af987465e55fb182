"""Rebuilds a Keras model from the texts in a run file."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from replaychart.errors import EvaluationError
from replaychart.network import keras2_functions  # noqa: F401  (registers what old models use)
from replaychart.network.keras_versions import for_any_version
from replaychart.storage.reader import StoredRun
from replaychart.storage.weights import UnrecordedWeight, Weight

_WAYS_OUT = (
    "Pass the class as custom_objects={'Name': Class}, or the model itself as model=, to open_run."
)


def rebuild(stored: StoredRun, custom_objects: Mapping[str, Any] | None) -> keras.Model:
    """Return the recorded model, with weights that no one has set.

    Parameters
    ----------
    stored : StoredRun
        The run.
    custom_objects : mapping or None
        Classes and functions that are not part of Keras, by name.

    Raises
    ------
    EvaluationError
        The architecture was not recorded, or names what Keras does not know. Code in the file
        (Lambda layers) is refused: Keras' safe mode is on.
    """
    config = for_any_version(json.loads(stored.architecture))
    model_class = stored.details.get("model_class")
    if config is None:
        message = (
            f"The model of run {stored.name!r}, of class {model_class!r}, does not tell its "
            f"architecture (it has no get_config), so it cannot be rebuilt. {_WAYS_OUT}"
        )
        raise EvaluationError(message)
    try:
        model = keras.saving.deserialize_keras_object(
            config, custom_objects=dict(custom_objects or {}), safe_mode=True
        )
    except Exception as error:  # whatever a layer's own from_config raises
        message = f"The model of run {stored.name!r} cannot be rebuilt: {error} {_WAYS_OUT}"
        raise EvaluationError(message) from error
    if not model.built:
        # A subclassed model makes its variables when it first sees data.
        first = stored.inputs[:1]
        model(keras.ops.convert_to_tensor(first, dtype=input_dtype(first)))
    return model


def restore_constants(model: keras.Model, weights: Sequence[Weight]) -> None:
    """Make the constants that layers keep beside their variables, such as a Normalization's mean.

    Parameters
    ----------
    model : keras.Model
        A rebuilt model; its variables take the values of the first snapshot.
    weights : sequence of numpy.ndarray, shape (snapshots, ...)
        In the order of ``model.weights``.
    """
    adapted = [layer for layer in _all_layers(model) if hasattr(layer, "finalize_state")]
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


def _all_layers(layer: Any) -> Iterator[Any]:
    yield layer
    for inner in getattr(layer, "layers", []):
        yield from _all_layers(inner)


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


def input_dtype(points: np.ndarray) -> str:
    """Return the dtype in which a model that names none takes points."""
    return keras.config.floatx() if points.dtype.kind == "f" else points.dtype.name


def has_graph(model: keras.Model) -> bool:
    """Return whether the outputs of the model's layers can be asked for one by one."""
    return bool(getattr(model, "inputs", None)) and bool(getattr(model, "outputs", None))
