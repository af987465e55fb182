"""Losses and metrics of a recorded model, over the recorded points at each snapshot."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import numpy as np

from replaychart.errors import EvaluationError
from replaychart.storage.reader import StoredRun


def losses(
    stored: StoredRun,
    predictions: Iterable[np.ndarray],
    *,
    model: keras.Model | None,
    custom_objects: Mapping[str, Any] | None,
) -> np.ndarray:
    """Return the model's own loss of each recorded point.

    Parameters
    ----------
    stored : StoredRun
        The run.
    predictions : iterable of numpy.ndarray, shape (points, ...)
        The model's outputs at each snapshot.
    model : keras.Model or None
        A compiled model whose loss is used in place of the recorded one.
    custom_objects : mapping or None
        Losses that are not part of Keras, by name.

    Returns
    -------
    numpy.ndarray of float32, shape (snapshots, points)
        Without regularization, which is no property of a point.

    Raises
    ------
    EvaluationError
        The loss was not recorded, is not known, or is not one loss of one output.
    """
    identifier = _identifier(stored, model, "loss")
    if identifier is None or isinstance(identifier, (list, tuple)) or _is_per_output(identifier):
        message = f"Run {stored.name!r} has no single loss of a single output. Got {identifier!r}."
        raise EvaluationError(message)
    loss = _per_sample(_resolved(keras.losses.get, identifier, custom_objects, stored.name))
    targets = _targets(stored)
    return np.stack([_values(loss, targets, outputs) for outputs in predictions])


def metric(
    stored: StoredRun,
    name: str,
    predictions: Iterable[np.ndarray],
    *,
    custom_objects: Mapping[str, Any] | None,
) -> np.ndarray:
    """Return a compiled metric over the recorded points at each snapshot.

    Parameters
    ----------
    stored : StoredRun
        The run.
    name : str
        The name under which Keras logs it.
    predictions : iterable of numpy.ndarray, shape (points, ...)
        The model's outputs at each snapshot.
    custom_objects : mapping or None
        Metrics that are not part of Keras, by name.

    Returns
    -------
    numpy.ndarray of float64, shape (snapshots,)

    Raises
    ------
    EvaluationError
        The metric is not known to Keras or gives no single number.
    """
    identifier = stored.details["metrics"][name]
    resolved = _resolved(keras.metrics.get, identifier, custom_objects, stored.name)
    if not isinstance(resolved, keras.metrics.Metric):
        resolved = keras.metrics.MeanMetricWrapper(resolved, name=name)
    targets = _targets(stored)
    return np.array([_result(resolved, targets, outputs) for outputs in predictions])


def _targets(stored: StoredRun) -> Any:
    # Losses and metrics want targets of the outputs' rank.
    targets = stored.targets[:, None] if stored.targets.ndim == 1 else stored.targets
    return keras.ops.convert_to_tensor(targets)


def _result(metric: Any, targets: Any, outputs: np.ndarray) -> float:
    metric.reset_state()
    metric.update_state(targets, outputs)
    result = np.asarray(keras.ops.convert_to_numpy(metric.result()))
    if result.size != 1:
        message = f"Metric {metric.name!r} gives {result.size} numbers where one is needed."
        raise EvaluationError(message)
    return float(result.reshape(()))


def _identifier(stored: StoredRun, model: keras.Model | None, what: str) -> Any:
    if model is not None and model.compiled:
        return (model.get_compile_config() or {}).get(what, model.loss)
    config = json.loads(stored.compile_config)
    return None if config is None else config.get(what)


def _is_per_output(identifier: Any) -> bool:
    return isinstance(identifier, Mapping) and "class_name" not in identifier


def _resolved(
    get: Callable[[Any], Any], identifier: Any, custom_objects: Mapping[str, Any] | None, run: str
) -> Any:
    try:
        with keras.saving.custom_object_scope(dict(custom_objects or {})):
            found = get(identifier)
    except (ValueError, TypeError) as error:
        message = (
            f"{identifier!r}, recorded with run {run!r}, is not known to Keras. Pass it to "
            "open_run as custom_objects={'name': function}."
        )
        raise EvaluationError(message) from error
    return found


def _per_sample(loss: Any) -> keras.losses.Loss:
    """Return the loss without its reduction over the points."""
    if isinstance(loss, keras.losses.Loss):
        loss.reduction = "none"
        return loss

    class FunctionLoss(keras.losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return loss(y_true, y_pred)

    return FunctionLoss(reduction="none")


def _values(loss: keras.losses.Loss, targets: Any, outputs: np.ndarray) -> np.ndarray:
    values = keras.ops.convert_to_numpy(loss(targets, keras.ops.convert_to_tensor(outputs)))
    # A loss over positions or pixels counts as its mean over one sample.
    return values.reshape(len(outputs), -1).mean(axis=1, dtype=np.float64).astype(np.float32)
