"""Losses and metrics of a recorded model, over the recorded points at each snapshot."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import numpy as np
from keras.src.backend import set_keras_mask

from replaychart.errors import EvaluationError, ReplayChartError
from replaychart.facts.compile_config import loss_weight, single_output, weighted_metrics
from replaychart.facts.task import ACCURACY
from replaychart.network import keras2_functions  # noqa: F401  (registers what old models use)
from replaychart.network.compilation import each_alone
from replaychart.network.description import compile_config_of
from replaychart.network.model import failures_told
from replaychart.network.trust import built, require_small, require_trusted
from replaychart.storage.reader import StoredRun

_WAY_OUT = "Pass it to open_run as custom_objects={'name': function}."
# A metric keeps as many numbers as it has thresholds, or classes times classes.
_METRIC_NUMBERS = 10_000_000


def losses(
    stored: StoredRun,
    predictions: Iterable[Any],
    *,
    mask: np.ndarray | None,
    model: keras.Model | None,
    custom_objects: Mapping[str, Any] | None,
) -> np.ndarray:
    """Return the model's own loss of each recorded point.

    Parameters
    ----------
    stored : StoredRun
        The run.
    predictions : iterable of numpy.ndarray or tensor, shape (points, ...)
        The model's outputs at each snapshot.
    mask : numpy.ndarray of bool, shape (points, ...), or None
        Which positions of them count; None for all.
    model : keras.Model or None
        A compiled model whose loss is used in place of the recorded one.
    custom_objects : mapping or None
        Losses that are not part of Keras, by name.

    Returns
    -------
    numpy.ndarray of float32, shape (snapshots, points)
        Without regularization, which is no property of a point; multiplied with the point's
        weight, where points weigh differently. A point of which more positions count weighs more,
        so that the mean over the points is that of Keras, which is over all positions. A loss that
        gives one number for all points together is evaluated for each of them alone.

    Raises
    ------
    EvaluationError
        The loss was not recorded, is not known, or is not one loss of one output.
    """
    loss, _, weights = unreduced_loss(stored, model, custom_objects)
    targets = targets_of(stored)
    what = f"The loss of run {stored.name!r} cannot be evaluated"
    with failures_told(what, "It may be another than the run was recorded with."):
        of_points = _losses_of_points(loss, targets, mask)
        return np.stack([of_points(outputs) * weights for outputs in predictions])


def metric(
    stored: StoredRun,
    name: str,
    predictions: Iterable[Any],
    *,
    mask: np.ndarray | None,
    custom_objects: Mapping[str, Any] | None,
) -> np.ndarray:
    """Return a compiled metric over the recorded points at each snapshot.

    Parameters
    ----------
    stored : StoredRun
        The run.
    name : str
        The name under which Keras logs it.
    predictions : iterable of numpy.ndarray or tensor, shape (points, ...)
        The model's outputs at each snapshot.
    mask : numpy.ndarray of bool, shape (points, ...), or None
        Which positions of them count; None for all.
    custom_objects : mapping or None
        Metrics that are not part of Keras, by name.

    Returns
    -------
    numpy.ndarray of float64, shape (snapshots,) or (snapshots, values)
        Of the second shape for a metric of several values.

    Raises
    ------
    EvaluationError
        The metric is not known to Keras.
    """
    unweighted = stored.details.get("metrics") or {}
    identifier = {**unweighted, **weighted_metrics(stored.compile_config, unweighted)}[name]
    weights = None if name in unweighted else stored.sample_weights
    if weights is not None and mask is not None:
        # Keras wants both of one shape, and with PyTorch it multiplies the weights in place.
        columns = weights.reshape(-1, *(1 for _ in mask.shape[1:]))
        weights = np.broadcast_to(columns, mask.shape).copy()
    targets = targets_of(stored)
    resolved = None
    if identifier not in ACCURACY:
        resolved = _resolved(_metric_or_loss, identifier, custom_objects, stored.name)
        if not isinstance(resolved, keras.metrics.Metric):
            resolved = keras.metrics.MeanMetricWrapper(resolved, name=name)
    what = f"The metric {name!r} of run {stored.name!r} cannot be evaluated"
    values = []
    with failures_told(what, "It may be another than the run was recorded with."):
        for outputs in predictions:
            judged = _with_mask(outputs, mask)
            if resolved is None:
                resolved = _accuracy(targets, judged)
            values.append(_result(resolved, targets, judged, weights))
    return np.array(values)


def _accuracy(targets: Any, outputs: Any) -> keras.metrics.Metric:
    """Return what Keras takes ``"accuracy"`` for, by the shapes of targets and outputs."""
    if outputs.shape[-1] == 1:
        return keras.metrics.BinaryAccuracy()
    if len(targets.shape) < len(outputs.shape) or targets.shape[-1] == 1:
        return keras.metrics.SparseCategoricalAccuracy()
    return keras.metrics.CategoricalAccuracy()


def _with_mask(outputs: Any, mask: np.ndarray | None) -> Any:
    """Return outputs as a tensor that tells Keras which of its positions count."""
    outputs = keras.ops.convert_to_tensor(outputs)
    if mask is not None:
        set_keras_mask(outputs, keras.ops.convert_to_tensor(mask))
    return outputs


def _metric_or_loss(identifier: Any) -> Any:
    if isinstance(identifier, Mapping) and identifier.get("module") == "keras.losses":
        return keras.losses.get(identifier)
    return keras.metrics.get(identifier)


def unreduced_loss(
    stored: StoredRun, model: keras.Model | None, custom_objects: Mapping[str, Any] | None
) -> tuple[keras.losses.Loss, bool, np.ndarray]:
    """Return the model's loss without its reduction, whether that is a sum, and points' weights.

    The weight of the loss, if the model was compiled with one, is part of each point's.

    Parameters
    ----------
    stored : StoredRun
        The run.
    model : keras.Model or None
        A compiled model whose loss is used in place of the recorded one.
    custom_objects : mapping or None
        Losses that are not part of Keras, by name.

    Raises
    ------
    EvaluationError
        The loss was not recorded, is not known, or is not one loss of one output.
    """
    loss = _compiled_loss(stored, model, custom_objects)
    summed = getattr(loss, "reduction", None) == "sum"
    weights = _sample_weights(stored, loss) * np.float32(_loss_weight(stored, model))
    return _per_sample(loss), summed, weights


def _loss_weight(stored: StoredRun, model: keras.Model | None) -> float:
    """Return what the loss as a whole is multiplied with."""
    if model is not None and model.compiled:
        return loss_weight(compile_config_of(model))
    return loss_weight(stored.compile_config)


def _sample_weights(stored: StoredRun, loss: Any) -> np.ndarray:
    """Return what the loss of each point is multiplied with, float32 (points,)."""
    if stored.sample_weights is None:
        return np.ones(len(stored.targets), np.float32)
    if getattr(loss, "reduction", None) != "mean_with_sample_weight":
        return stored.sample_weights
    # Keras divides by the sum of the weights then, and not by the number of points.
    return stored.sample_weights / stored.sample_weights.mean(dtype=np.float64).astype(np.float32)


def targets_of(stored: StoredRun) -> Any:
    """Return the targets as a tensor of the outputs' rank, as losses and metrics want them."""
    targets = stored.targets[:, None] if stored.targets.ndim == 1 else stored.targets
    return keras.ops.convert_to_tensor(targets)


def _result(metric: Any, targets: Any, outputs: Any, weights: np.ndarray | None) -> np.ndarray:
    metric.reset_state()
    if weights is None:
        metric.update_state(targets, outputs)
    else:
        metric.update_state(targets, outputs, sample_weight=weights)
    values = np.asarray(keras.ops.convert_to_numpy(metric.result()), np.float64)
    return values.reshape(()) if values.size == 1 else values.ravel()


def _compiled_loss(
    stored: StoredRun, model: keras.Model | None, custom_objects: Mapping[str, Any] | None
) -> Any:
    """Return the loss that the model was compiled with: a ``Loss`` or a function."""
    if model is not None and model.compiled:
        identifier = single_output(model.loss)
    else:
        identifier = (json.loads(stored.compile_config) or {}).get("loss")
    several = isinstance(identifier, (list, tuple)) or (
        isinstance(identifier, Mapping) and "class_name" not in identifier
    )
    if identifier is None or several:
        message = f"Run {stored.name!r} has no single loss of a single output. Got {identifier!r}."
        raise EvaluationError(message)
    return _resolved(keras.losses.get, identifier, custom_objects, stored.name)


def _resolved(
    get: Callable[[Any], Any], identifier: Any, custom_objects: Mapping[str, Any] | None, run: str
) -> Any:
    objects = dict(custom_objects or {})
    owner = f"The compile configuration of run {run!r}"
    require_trusted(identifier, objects, owner=owner, allow=_WAY_OUT)
    require_small(identifier, _METRIC_NUMBERS, owner=owner)
    if isinstance(identifier, Mapping) and identifier.get("class_name") == "function":
        # Keras finds its own functions by name only.
        identifier = identifier["config"]
        registered = keras.saving.get_registered_object(identifier, custom_objects=objects)
        if registered is not None:
            return registered
    try:
        with keras.saving.custom_object_scope(objects):
            return built(
                lambda: get(identifier), numbers=_METRIC_NUMBERS, owner=owner, allow=_WAY_OUT
            )
    except ReplayChartError:
        raise
    except Exception as error:  # whatever a metric's own from_config raises
        message = f"{identifier!r}, recorded with run {run!r}, is not known to Keras. {_WAY_OUT}"
        raise EvaluationError(message) from error


def _per_sample(loss: Any) -> keras.losses.Loss:
    """Return the loss without its reduction over the points."""
    if isinstance(loss, keras.losses.Loss):
        # The user's own stays as it is. Keras makes copies by writing a loss down and reading it,
        # which it cannot do with a class that is not registered.
        unreduced = object.__new__(type(loss))
        unreduced.__dict__.update(loss.__dict__, reduction="none")
        return unreduced

    class FunctionLoss(keras.losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return loss(*_of_one_rank(y_true, y_pred))

    return FunctionLoss(reduction="none")


def _of_one_rank(targets: Any, outputs: Any) -> tuple[Any, Any]:
    """Return both without a last axis of one number that only one has, as Keras hands them over."""
    more = len(outputs.shape) - len(targets.shape)
    if more == 1 and outputs.shape[-1] == 1:
        return targets, keras.ops.squeeze(outputs, axis=-1)
    if more == -1 and targets.shape[-1] == 1:
        return keras.ops.squeeze(targets, axis=-1), outputs
    return targets, outputs


def _losses_of_points(
    loss: keras.losses.Loss, targets: Any, mask: np.ndarray | None
) -> Callable[[Any], np.ndarray]:
    """Return the function from the model's outputs to one loss for each point."""
    share = 1.0 if mask is None else mask.mean(dtype=np.float64) or 1.0
    alone = each_alone(loss)
    points = len(targets)

    def of_points(outputs: Any) -> np.ndarray:
        outputs = _with_mask(outputs, mask)
        values = loss(targets, outputs)
        if not _tells_points_apart(loss, targets, outputs, values):
            values = alone(targets, outputs)
        values = keras.ops.convert_to_numpy(values).reshape(points, -1)
        # A loss over positions or pixels counts as its mean over one sample. Those that do not
        # count are 0 and not left out.
        return (values.mean(axis=1, dtype=np.float64) / share).astype(np.float32)

    return of_points


def _tells_points_apart(loss: keras.losses.Loss, targets: Any, outputs: Any, values: Any) -> bool:
    """Return whether a loss gives a value, or several, for each point and not for all together."""
    points = len(targets)
    if tuple(values.shape[:1]) != (points,):
        return False
    if points not in outputs.shape[1:]:
        return True
    # As many values as points may be one for each output.
    return tuple(loss(targets[:1], outputs[:1]).shape[:1]) == (1,)
