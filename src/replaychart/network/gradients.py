"""Gradients of the model's own loss with respect to its weights, at each snapshot."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import signature
from typing import Any

import keras
import numpy as np

from replaychart.network import model as models
from replaychart.network import objectives
from replaychart.network.compilation import compiled, gradient
from replaychart.network.evaluation import Network, batches, value_of
from replaychart.storage.reader import StoredRun


def gradients_by_snapshot(
    network: Network,
    stored: StoredRun,
    positions: Sequence[int],
    snapshots: Sequence[int],
    *,
    custom_objects: Mapping[str, Any] | None,
) -> Iterator[list[np.ndarray]]:
    """Yield the gradients of the loss over all recorded points.

    The loss is what ``model.evaluate`` would report for the snapshot: the compiled loss with its
    own reduction, and the model's regularization. Layers run as in inference.

    Parameters
    ----------
    network : Network
        The run's network.
    stored : StoredRun
        The run.
    positions : sequence of int
        Weights to which the gradients are taken, as positions in ``model.weights``.
    snapshots : sequence of int
        Positions in the recording.
    custom_objects : mapping or None
        Losses that are not part of Keras, by name.

    Yields
    ------
    list of numpy.ndarray of float32
        One array for each position, of the weight's shape; zeros for a weight that the loss does
        not depend on.

    Raises
    ------
    EvaluationError
        The loss was not recorded, is not known, or is not one loss of one output.
    """
    function = _compiled_gradient(
        network, stored, positions, objectives.unreduced_loss(stored, network.model, custom_objects)
    )
    every = list(batches(len(stored.inputs), stored.inputs.shape[1:]))
    for snapshot in snapshots:
        weights = network.weights_at(snapshot)
        pieces = [function(rows, weights) for rows in every]
        yield [np.sum(of_weight, axis=0) for of_weight in zip(*pieces, strict=True)]


def _compiled_gradient(
    network: Network,
    stored: StoredRun,
    positions: Sequence[int],
    loss: tuple[keras.losses.Loss, bool, np.ndarray],
) -> Callable[..., list[np.ndarray]]:
    """Return the function from rows of points and weights to these rows' share of gradients."""
    model = network.model
    unreduced, summed, sample_weights = loss
    points = len(stored.inputs)
    variables = [*model.trainable_variables, *model.non_trainable_variables]
    recorded = network.recorded_positions(variables)
    watched = [[index for index, _ in recorded].index(position) for position in positions]
    trainable = len(model.trainable_variables)
    mode = {"training": False} if "training" in signature(model.call).parameters else {}
    dtype = model.inputs[0].dtype if models.has_graph(model) else None

    def batch_loss(replaced: list[Any], x: Any, y: Any, w: Any, values: list[Any]) -> Any:
        values = list(values)
        for place, value in zip(watched, replaced, strict=True):
            values[place] = value
        outputs, _, regularization = model.stateless_call(
            values[:trainable], values[trainable:], x, return_losses=True, **mode
        )
        losses = keras.ops.cast(unreduced(y, outputs), "float32")
        losses = losses * keras.ops.reshape(w, (-1, *(1 for _ in losses.shape[1:])))
        of_points = keras.ops.sum(losses) if summed else _mean_share(losses, points)
        share = keras.ops.cast(keras.ops.shape(x)[0], "float32") / points
        return of_points + share * sum(keras.ops.cast(one, "float32") for one in regularization)

    def call(x: Any, y: Any, w: Any, values: list[Any]) -> list[Any]:
        found = gradient(batch_loss, [values[place] for place in watched], x, y, w, values)
        return [keras.ops.cast(one, "float32") for one in found]

    traced = compiled(call, batched=3)
    targets = keras.ops.convert_to_numpy(objectives.targets_of(stored))

    def function(rows: slice, weights: Sequence[Any]) -> list[np.ndarray]:
        x = stored.inputs[rows]
        kind = dtype if dtype is not None else models.input_dtype(x)
        found = traced(
            keras.ops.convert_to_tensor(x, dtype=kind),
            keras.ops.convert_to_tensor(targets[rows]),
            keras.ops.convert_to_tensor(sample_weights[rows]),
            [value_of(weights, position) for position in recorded],
        )
        return [keras.ops.convert_to_numpy(one) for one in found]

    return function


def _mean_share(losses: Any, points: int) -> Any:
    """Return what the losses of some of the points add to the mean over all of them."""
    values_per_point = int(np.prod(losses.shape[1:], dtype=np.int64))
    return keras.ops.sum(losses) / (points * values_per_point)
