"""The loss and metrics of a recorded model, over the recorded points at each snapshot."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import keras
import numpy as np
from keras.src.backend import set_keras_mask

from replaychart.arguments import shown
from replaychart.errors import EvaluationError, ReplayChartError
from replaychart.facts.compile_config import loss_weight, weighted_metrics
from replaychart.facts.task import ACCURACY
from replaychart.network import keras2_functions  # noqa: F401  (registers functions that old models use)
from replaychart.network.compilation import each_alone
from replaychart.network.model import failures_told
from replaychart.network.omitted_arguments import (
    set_omitted_arguments,
    without_omitted_arguments,
)
from replaychart.network.trust import built, require_small, require_trusted

_WAY_OUT = "Pass it to open_run as custom_objects={'name': function}."
# A metric keeps one value for each of its thresholds, or for each pair of classes.
_METRIC_NUMBERS = 10_000_000


class Judged(Protocol):
    """What a loss and metrics are of: a run that is stored, or one that is being recorded."""

    @property
    def targets(self) -> np.ndarray:
        """Targets of the points."""

    @property
    def sample_weights(self) -> np.ndarray | None:
        """The factor for the loss of each point."""

    @property
    def compile_config(self) -> str:
        """The model's compile configuration as JSON."""

    @property
    def details(self) -> Mapping[str, Any]:
        """Versions, names and shapes."""


@dataclasses.dataclass(frozen=True)
class Objectives:
    """The loss and the metrics that a model was compiled with.

    Attributes
    ----------
    run : StoredRun or RunDescription
        What was recorded.
    name : str
        The name of the run, for messages.
    custom_objects : mapping or None
        Losses and metrics that are not part of Keras, by name.
    loss : str, keras.losses.Loss or callable, optional
        The loss to use instead of the recorded one.
    """

    run: Judged
    name: str
    custom_objects: Mapping[str, Any] | None
    loss: Any = None

    def losses(self, outputs: Iterable[Any], mask: np.ndarray | None) -> np.ndarray:
        """Return the loss of each recorded point.

        Parameters
        ----------
        outputs : iterable of numpy.ndarray or tensor, shape (points, ...)
            The model's outputs at each snapshot.
        mask : numpy.ndarray of bool, shape (points, ...), or None
            Which positions of the outputs count; None for all.

        Returns
        -------
        numpy.ndarray of float32, shape (snapshots, points)
            Without regularization, which is not a property of a point, and multiplied by the
            point's weight if points are weighted. A point with more positions that count has a
            larger weight, so that the mean over the points equals Keras's mean over all positions.
            A loss that returns a single value for all points is evaluated for each point alone.

        Raises
        ------
        EvaluationError
            The loss was not recorded, is not known, or is not a single loss for a single output.
        """
        loss, _, weights = self.unreduced_loss()
        targets = targets_of(self.run)
        what = f"The loss of run {self.name!r} cannot be evaluated"
        with failures_told(what, "It may differ from the recorded one."):
            of_points = _losses_of_points(loss, targets, mask)
            return np.stack([of_points(judged) * weights for judged in outputs])

    def metric(self, name: str, outputs: Iterable[Any], mask: np.ndarray | None) -> np.ndarray:
        """Return a compiled metric over the recorded points at each snapshot.

        Parameters
        ----------
        name : str
            The name under which Keras logs the metric.
        outputs, mask
            As in `losses`.

        Returns
        -------
        numpy.ndarray of float64, shape (snapshots,) or (snapshots, values)
            The second shape for a metric with several values.

        Raises
        ------
        EvaluationError
            The metric is not known to Keras.
        """
        unweighted = self.run.details.get("metrics") or {}
        weighted = weighted_metrics(self.run.compile_config, unweighted)
        resolved = self._resolved_metric(name, {**unweighted, **weighted}[name])
        weights = None if name in unweighted else metric_weights(self.run, mask)
        targets = targets_of(self.run)
        what = f"The metric {name!r} of run {self.name!r} cannot be evaluated"
        values = []
        with failures_told(what, "It may differ from the recorded one."):
            for output in outputs:
                judged = _with_mask(output, mask)
                if resolved is None:
                    resolved = _accuracy(targets, judged)
                values.append(_result(resolved, targets, judged, weights))
        return np.array(values)

    def unreduced_loss(self) -> tuple[keras.losses.Loss, bool, np.ndarray]:
        """Return the loss without its reduction, whether that is a sum, and the points' weights.

        The points' weights include the weight of the loss, if the model was compiled with one.

        Raises
        ------
        EvaluationError
            The loss was not recorded, is not known, or is not a single loss for a single output.
        """
        loss = self._compiled_loss()
        summed = getattr(loss, "reduction", None) == "sum"
        weights = _sample_weights(self.run, loss) * np.float32(loss_weight(self.run.compile_config))
        return _per_sample(loss), summed, weights

    def _resolved_metric(self, name: str, identifier: Any) -> keras.metrics.Metric | None:
        """Return a metric, or None for ``"accuracy"``, which depends on the outputs' shape."""
        if identifier in ACCURACY:
            return None
        resolved = _resolved(_metric_or_loss, identifier, self.custom_objects, self.name)
        if isinstance(resolved, keras.metrics.Metric):
            return resolved
        return keras.metrics.MeanMetricWrapper(resolved, name=name)

    def _compiled_loss(self) -> Any:
        """Return the loss that the model was compiled with: a ``Loss`` or a function."""
        identifier = self.loss
        if identifier is None:
            identifier = (json.loads(self.run.compile_config) or {}).get("loss")
        several = isinstance(identifier, (list, tuple)) or (
            isinstance(identifier, Mapping) and "class_name" not in identifier
        )
        if identifier is None or several:
            message = (
                f"Run {self.name!r} must have a single loss for a single output. Got "
                f"{_named(identifier)}. If the model was trained without compiling a loss, pass "
                "loss= to the Recorder."
            )
            raise EvaluationError(message)
        return _resolved(keras.losses.get, identifier, self.custom_objects, self.name)


def _accuracy(targets: Any, outputs: Any) -> keras.metrics.Metric:
    """Return the metric that Keras chooses for ``"accuracy"``, given targets and outputs."""
    if outputs.shape[-1] == 1:
        return keras.metrics.BinaryAccuracy()
    if len(targets.shape) < len(outputs.shape) or targets.shape[-1] == 1:
        return keras.metrics.SparseCategoricalAccuracy()
    return keras.metrics.CategoricalAccuracy()


def _with_mask(outputs: Any, mask: np.ndarray | None) -> Any:
    """Return outputs as a tensor with the mask from which Keras knows which positions count."""
    outputs = keras.ops.convert_to_tensor(outputs)
    if mask is not None:
        set_keras_mask(outputs, keras.ops.convert_to_tensor(mask))
    return outputs


def _metric_or_loss(identifier: Any) -> Any:
    if isinstance(identifier, Mapping) and identifier.get("module") == "keras.losses":
        return keras.losses.get(identifier)
    return keras.metrics.get(identifier)


def _sample_weights(run: Judged, loss: Any) -> np.ndarray:
    """Return the factor of each point's loss, float32 (points,)."""
    if run.sample_weights is None:
        return np.ones(len(run.targets), np.float32)
    if getattr(loss, "reduction", None) != "mean_with_sample_weight":
        return run.sample_weights
    # Then Keras divides by the sum of the weights, not by the number of points.
    return run.sample_weights / run.sample_weights.mean(dtype=np.float64).astype(np.float32)


def metric_weights(run: Judged, mask: np.ndarray | None) -> np.ndarray | None:
    """Return the factor of each point in a weighted metric, in the shape of the outputs' mask."""
    weights = run.sample_weights
    if weights is None or mask is None:
        return weights
    # Keras expects both in the same shape. With PyTorch, it changes the weights in place.
    columns = weights.reshape(-1, *(1 for _ in mask.shape[1:]))
    return np.broadcast_to(columns, mask.shape).copy()


def targets_of(run: Judged) -> Any:
    """Return the targets as a tensor of the outputs' rank, as losses and metrics expect."""
    targets = run.targets[:, None] if run.targets.ndim == 1 else run.targets
    return keras.ops.convert_to_tensor(targets)


def _result(metric: Any, targets: Any, outputs: Any, weights: np.ndarray | None) -> np.ndarray:
    metric.reset_state()
    if weights is None:
        metric.update_state(targets, outputs)
    else:
        metric.update_state(targets, outputs, sample_weight=weights)
    values = np.asarray(keras.ops.convert_to_numpy(metric.result()), np.float64)
    return values.reshape(()) if values.size == 1 else values.ravel()


def _resolved(
    get: Callable[[Any], Any], identifier: Any, custom_objects: Mapping[str, Any] | None, run: str
) -> Any:
    objects = dict(custom_objects or {})
    owner = f"The compile configuration of run {run!r}"
    require_trusted(identifier, objects, owner=owner, allow=_WAY_OUT)
    require_small(identifier, _METRIC_NUMBERS, owner=owner)
    recorded, identifier = identifier, without_omitted_arguments(identifier)
    if isinstance(identifier, Mapping) and identifier.get("class_name") == "function":
        # Keras finds its own functions only by name.
        identifier = identifier["config"]
        registered = keras.saving.get_registered_object(identifier, custom_objects=objects)
        if registered is not None:
            return registered
    try:
        with keras.saving.custom_object_scope(objects):
            found = built(
                lambda: get(identifier), numbers=_METRIC_NUMBERS, owner=owner, allow=_WAY_OUT
            )
        set_omitted_arguments(found, recorded)
    except ReplayChartError:
        raise
    except Exception as error:  # The from_config of a metric may raise anything.
        message = (
            f"{_named(identifier)}, recorded with run {run!r}, is not known to Keras. {_WAY_OUT}"
        )
        raise EvaluationError(message) from error
    return found


def _named(identifier: Any) -> str:
    """Return a serialized loss or metric for a message, without the code of lambdas."""

    def named(one: Any) -> Any:
        if isinstance(one, (list, tuple)):
            return [named(item) for item in one]
        if isinstance(one, Mapping):
            is_lambda = one.get("class_name") == "__lambda__"
            return "a lambda" if is_lambda else {key: named(one[key]) for key in one}
        return one

    return shown(named(identifier))


def _per_sample(loss: Any) -> keras.losses.Loss:
    """Return the loss without its reduction over the points."""
    if isinstance(loss, keras.losses.Loss):
        # The user's loss must not change. Keras copies a loss by serializing it, which fails for a
        # class that is not registered.
        unreduced = object.__new__(type(loss))
        unreduced.__dict__.update(loss.__dict__, reduction="none")
        return unreduced

    class FunctionLoss(keras.losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return loss(*_of_one_rank(y_true, y_pred))

    return FunctionLoss(reduction="none")


def _of_one_rank(targets: Any, outputs: Any) -> tuple[Any, Any]:
    """Return both without a last axis of length 1 that only one of them has, as Keras does."""
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
        if not _is_per_point(loss, targets, outputs, values):
            values = alone(targets, outputs)
        values = keras.ops.convert_to_numpy(values).reshape(points, -1)
        # The loss of a point is the mean over its positions or pixels. Those that do not count are
        # 0 instead of missing.
        return (values.mean(axis=1, dtype=np.float64) / share).astype(np.float32)

    return of_points


def _is_per_point(loss: keras.losses.Loss, targets: Any, outputs: Any, values: Any) -> bool:
    """Return whether a loss returns one or more values for each point, not one for all points."""
    points = len(targets)
    if tuple(values.shape[:1]) != (points,):
        return False
    if points not in outputs.shape[1:]:
        return True
    # The number of values may equal the number of points by chance, if there is one per output.
    return tuple(loss(targets[:1], outputs[:1]).shape[:1]) == (1,)
