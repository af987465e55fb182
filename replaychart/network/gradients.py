"""Gradients of the model's loss with respect to its weights, at each snapshot."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import keras
import numpy as np

from replaychart.facts.inputs import arrays_of, number_of_points, numbers_per_point
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

    def weights_at(self, snapshot: int) -> list[np.ndarray | UnrecordedWeight]:
        """Return the recorded weights of one snapshot, in the order of ``model.weights``."""

    def recorded_positions(self, variables: Sequence[Any]) -> list[tuple[int | None, Any]]:
        """Return the position of each variable among the recorded weights, with the variable."""


def gradients_by_snapshot(
    network: WeightedModel,
    stored: StoredRun,
    judgments: Sequence["Judgment"],
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
    judgments : sequence of Judgment
        The losses, one for each output that has one.
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
    function = _compiled_gradient(network, stored, positions, judgments)
    every = list(batches(number_of_points(stored.inputs), numbers_per_point(stored.inputs)))
    for snapshot in snapshots:
        weights = network.weights_at(snapshot)
        what = f"The gradients of run {stored.name!r} cannot be evaluated"
        with models.failures_told(what, "Its architecture may differ from the recorded one."):
            pieces = [function(rows, weights) for rows in every]
        yield [np.sum(of_weight, axis=0) for of_weight in zip(*pieces, strict=True)]


@dataclasses.dataclass(frozen=True)
class Judgment:
    """The loss of one output.

    Attributes
    ----------
    place : int
        The position of the output among those of the model.
    targets : numpy.ndarray, shape (points, ...)
        The targets, of the output's rank.
    loss : keras.losses.Loss
        The loss without its reduction.
    summed : bool
        Whether the reduction is a sum.
    weights : numpy.ndarray of float32, shape (points,)
        The factor for the loss of each point.
    counted : float
        The share of positions that count. The losses of those that do not are 0, but Keras excludes
        them from the mean.
    """

    place: int
    targets: np.ndarray
    loss: keras.losses.Loss
    summed: bool
    weights: np.ndarray
    counted: float

    @classmethod
    def of(
        cls, objectives: Objectives, *, place: int, mask: np.ndarray | None, factor: float = 1.0
    ) -> "Judgment":
        """Return the loss of an output.

        Parameters
        ----------
        objectives : Objectives
            The loss and the targets.
        place : int
            The position of the output.
        mask : numpy.ndarray of bool or None
            Which positions of the output count; None for all.
        factor : float
            The weight of this loss in the sum of all.
        """
        loss, summed, weights = objectives.unreduced_loss()
        targets = keras.ops.convert_to_numpy(targets_of(objectives.run))
        counted = 1.0 if mask is None else float(mask.mean()) or 1.0
        return cls(place, targets, loss, summed, weights * np.float32(factor), counted)

    def share(self, outputs: Any, targets: Any, weights: Any, points: int) -> Any:
        """Return what some of the points contribute to the loss of all points."""
        losses = keras.ops.cast(
            self.loss(targets, calling.output_at(outputs, self.place)), "float32"
        )
        if not self.summed and len(losses.shape) and losses.shape[0] != targets.shape[0]:
            losses = keras.ops.mean(losses)  # of all points together, one for each unit
        losses = losses * keras.ops.reshape(weights, (-1, *(1 for _ in losses.shape[1:])))
        return keras.ops.sum(losses) if self.summed else _mean_share(losses, points) / self.counted


def _compiled_gradient(
    network: WeightedModel,
    stored: StoredRun,
    positions: Sequence[int],
    judgments: Sequence[Judgment],
) -> Callable[..., list[np.ndarray]]:
    """Return a function that takes rows of points and weights, and returns the gradients.

    The gradients of all rows add up to those of the whole loss.
    """
    model = network.model
    points = number_of_points(stored.inputs)
    variables = [*model.trainable_variables, *model.non_trainable_variables]
    recorded = network.recorded_positions(variables)
    watched = [[index for index, _ in recorded].index(position) for position in positions]
    trainable = len(model.trainable_variables)
    mode = calling.inference_mode(model)
    inputs, several = arrays_of(stored.inputs), len(judgments)

    def batch_loss(replaced: list[Any], rows: Sequence[Any], values: list[Any]) -> Any:
        values = list(values)
        for place, value in zip(watched, replaced, strict=True):
            values[place] = value
        x, y, w = rows[: len(inputs)], rows[len(inputs) : -several], rows[-several:]
        outputs, _, regularization = model.stateless_call(
            values[:trainable],
            values[trainable:],
            calling.called_with(model, x, stored),
            return_losses=True,
            **mode,
        )
        of_points = [
            one.share(outputs, targets, weights, points)
            for one, targets, weights in zip(judgments, y, w, strict=True)
        ]
        share = keras.ops.cast(keras.ops.shape(x[0])[0], "float32") / points
        added = sum(keras.ops.cast(one, "float32") for one in regularization)
        return sum(of_points) + share * added

    def call(*arguments: Any) -> list[Any]:
        *rows, values = arguments
        found = gradient(batch_loss, [values[place] for place in watched], rows, values)
        return [keras.ops.cast(one, "float32") for one in found]

    traced = compiled(call, batched=len(inputs) + 2 * several)

    def function(rows: slice, weights: Sequence[Any]) -> list[np.ndarray]:
        found = traced(
            *calling.input_tensors(model, [array[rows] for array in inputs], stored),
            *(keras.ops.convert_to_tensor(one.targets[rows]) for one in judgments),
            *(keras.ops.convert_to_tensor(one.weights[rows]) for one in judgments),
            [models.value_of(weights, position) for position in recorded],
        )
        return [keras.ops.convert_to_numpy(one) for one in found]

    return function


def _mean_share(losses: Any, points: int) -> Any:
    """Return the contribution of some points' losses to the mean over all points."""
    values_per_point = int(np.prod(losses.shape[1:], dtype=np.int64))
    return keras.ops.sum(losses) / (points * values_per_point)
