"""Gradients of the model's loss with respect to its weights, at each snapshot."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import keras
import numpy as np

from replaychart.facts.inputs import arrays_of, numbers_per_point
from replaychart.network import calling
from replaychart.network import model as models
from replaychart.network.batches import batches
from replaychart.network.compilation import compiled, gradient
from replaychart.network.objectives import Objectives, targets_of
from replaychart.storage.reader import StoredRun
from replaychart.storage.weights import UnrecordedWeight


class WeightedModel(Protocol):
    """A model with the recorded weights of every snapshot: what gradients need of a network."""

    model: keras.Model

    @property
    def mask(self) -> np.ndarray | None:
        """Which positions of the outputs for the recorded points count; None for all."""

    def weights_at(self, snapshot: int) -> list[np.ndarray | UnrecordedWeight]:
        """Return the recorded weights of one snapshot, in the order of ``model.weights``."""

    def recorded_positions(self, variables: Sequence[Any]) -> list[tuple[int | None, Any]]:
        """Return the position of each variable among the recorded weights, with the variable."""


def gradients_by_snapshot(
    network: WeightedModel,
    stored: StoredRun,
    objectives: Objectives,
    positions: Sequence[int],
    snapshots: Sequence[int],
) -> Iterator[list[np.ndarray]]:
    """Yield the gradients of the loss over all recorded points.

    The loss is what ``model.evaluate`` would report for the snapshot: the compiled loss with its
    own reduction, plus the model's regularization. Layers run in inference mode.

    Parameters
    ----------
    network : WeightedModel
        The run's network.
    stored : StoredRun
        The run.
    objectives : Objectives
        The network's loss.
    positions : sequence of int
        The weights with respect to which to differentiate, as positions in ``model.weights``.
    snapshots : sequence of int
        Positions in the recording.

    Yields
    ------
    list of numpy.ndarray of float32
        One array for each position, with the shape of the weight. Zeros if the loss does not depend
        on the weight.

    Raises
    ------
    EvaluationError
        The loss was not recorded, is not known, or is not a single loss for a single output.
    """
    function = _compiled_gradient(network, stored, positions, objectives.unreduced_loss())
    every = list(batches(len(stored.targets), numbers_per_point(stored.inputs)))
    for snapshot in snapshots:
        weights = network.weights_at(snapshot)
        what = f"The gradients of run {stored.name!r} cannot be evaluated"
        with models.failures_told(what, "Its architecture may differ from the recorded one."):
            pieces = [function(rows, weights) for rows in every]
        yield [np.sum(of_weight, axis=0) for of_weight in zip(*pieces, strict=True)]


def _compiled_gradient(
    network: WeightedModel,
    stored: StoredRun,
    positions: Sequence[int],
    loss: tuple[keras.losses.Loss, bool, np.ndarray],
) -> Callable[..., list[np.ndarray]]:
    """Return a function that takes rows of points and weights, and returns the gradients.

    The gradients of all rows add up to those of the whole loss.
    """
    model = network.model
    unreduced, summed, sample_weights = loss
    points = len(stored.targets)
    # The losses of positions that do not count are 0, but Keras excludes them from the mean.
    counted = 1.0 if network.mask is None else float(network.mask.mean()) or 1.0
    variables = [*model.trainable_variables, *model.non_trainable_variables]
    recorded = network.recorded_positions(variables)
    watched = [[index for index, _ in recorded].index(position) for position in positions]
    trainable = len(model.trainable_variables)
    mode = calling.inference_mode(model)
    inputs = arrays_of(stored.inputs)

    def batch_loss(replaced: list[Any], x: list[Any], y: Any, w: Any, values: list[Any]) -> Any:
        values = list(values)
        for place, value in zip(watched, replaced, strict=True):
            values[place] = value
        outputs, _, regularization = model.stateless_call(
            values[:trainable],
            values[trainable:],
            calling.called_with(model, x, stored),
            return_losses=True,
            **mode,
        )
        losses = keras.ops.cast(unreduced(y, calling.only_output(outputs)), "float32")
        losses = losses * keras.ops.reshape(w, (-1, *(1 for _ in losses.shape[1:])))
        of_points = keras.ops.sum(losses) if summed else _mean_share(losses, points) / counted
        share = keras.ops.cast(keras.ops.shape(y)[0], "float32") / points
        return of_points + share * sum(keras.ops.cast(one, "float32") for one in regularization)

    def call(*arguments: Any) -> list[Any]:
        *x, y, w, values = arguments
        found = gradient(batch_loss, [values[place] for place in watched], x, y, w, values)
        return [keras.ops.cast(one, "float32") for one in found]

    traced = compiled(call, batched=len(inputs) + 2)
    targets = keras.ops.convert_to_numpy(targets_of(stored))

    def function(rows: slice, weights: Sequence[Any]) -> list[np.ndarray]:
        found = traced(
            *calling.input_tensors(model, [array[rows] for array in inputs], stored),
            keras.ops.convert_to_tensor(targets[rows]),
            keras.ops.convert_to_tensor(sample_weights[rows]),
            [models.value_of(weights, position) for position in recorded],
        )
        return [keras.ops.convert_to_numpy(one) for one in found]

    return function


def _mean_share(losses: Any, points: int) -> Any:
    """Return the contribution of some points' losses to the mean over all points."""
    values_per_point = int(np.prod(losses.shape[1:], dtype=np.int64))
    return keras.ops.sum(losses) / (points * values_per_point)
