"""Reads the weights and the learning rate of the model that is being trained."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from replaychart.errors import RecordingError
from replaychart.facts.inputs import arrays_of, with_arrays
from replaychart.facts.layers import stored_dtype
from replaychart.recording.inputs import GivenInputs


def built(model: keras.Model, given: GivenInputs) -> keras.Model:
    """Return the model, built on the first point if it had no weights yet."""
    if not isinstance(model, keras.Model) or _has_weights(model):
        return model
    # Keras would build it on the first batch, too late for the state before training.
    recorded = given.without_graph()
    first = [keras.ops.convert_to_tensor(array[:1]) for array in arrays_of(recorded.inputs)]
    try:
        model(first if recorded.in_a_list else with_arrays(recorded.inputs, first))
    except Exception as error:  # anything that the user's own `call` raises
        reason = " ".join(str(error).strip().splitlines()[:1]) or type(error).__name__
        message = (
            f"model {model.name!r} has layers that are not built, so they have no weights, and "
            f"calling it on the first point to build them failed: {reason} Call it on data once "
            "before you record it."
        )
        raise RecordingError(message) from error
    return model


def _has_weights(layer: Any) -> bool:
    """Return whether a model and all layers in it are built.

    If a subclassed model connects its layers by code, ``model.build`` marks the model as built, but
    not its layers.
    """
    if layer.built and getattr(layer, "inputs", None):
        return True  # Making a graph calls every layer in it.
    return layer.built and all(map(_has_weights, getattr(layer, "layers", [])))


def counted(shapes: Sequence[tuple[int, ...]]) -> str:
    """Return in words how many variables have these shapes, and how many values they contain."""
    values = sum(math.prod(shape) for shape in shapes)
    return f"{len(shapes)} variables ({values:,} values)"


def weights_of(model: keras.Model) -> list[np.ndarray]:
    """Return copies of a model's weights, in the order of ``model.weights``."""
    return [
        _storable(_own(np.asarray(keras.ops.convert_to_numpy(weight)))) for weight in model.weights
    ]


def same_weights(weights: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> bool:
    """Return whether a model has the same weights twice, NaN included."""
    return len(weights) == len(others) and all(
        # Looking for NaN takes several times as long.
        np.array_equal(one, other) or np.array_equal(one, other, equal_nan=True)
        for one, other in zip(weights, others, strict=True)
    )


def _own(values: np.ndarray) -> np.ndarray:
    """Return a copy of values in memory that a backend may change with the next batch."""
    return values if values.flags.owndata else values.copy()


def _storable(values: np.ndarray) -> np.ndarray:
    return values.astype(stored_dtype(values.dtype.name), copy=False)


def learning_rate_of(model: keras.Model) -> float:
    """Return the optimizer's learning rate, NaN for a model without a single one."""
    try:
        rate = getattr(getattr(model, "optimizer", None), "learning_rate", None)
        return np.nan if rate is None else float(keras.ops.convert_to_numpy(rate))
    except Exception:  # a user's optimizer or schedule may return or raise anything
        return np.nan
