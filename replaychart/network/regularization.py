"""The losses that a model adds by itself: regularization, and those of ``add_loss``."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from replaychart.facts.inputs import arrays_of, number_of_points, numbers_per_point
from replaychart.network import calling
from replaychart.network import model as models
from replaychart.network.batches import batches
from replaychart.network.compilation import compiled
from replaychart.storage.reader import StoredRun

if TYPE_CHECKING:
    from replaychart.network.keras_network import KerasNetwork


def added(losses: Sequence[Any]) -> Any:
    """Return the sum of a model's own losses as a tensor of float32."""
    return sum(
        (keras.ops.cast(keras.ops.sum(one), "float32") for one in losses),
        start=keras.ops.convert_to_tensor(0.0, dtype="float32"),
    )


def regularization_by_snapshot(
    network: "KerasNetwork", stored: StoredRun, snapshots: Sequence[int]
) -> np.ndarray:
    """Return what a model adds to its loss, over the recorded points, at each snapshot.

    Parameters
    ----------
    network : KerasNetwork
        The run's network.
    stored : StoredRun
        The run.
    snapshots : sequence of int
        Positions in the recording.

    Returns
    -------
    numpy.ndarray of float64, shape (snapshots,)
        Losses that depend on the points are averaged over batches, as ``model.evaluate`` does.
    """
    points = number_of_points(stored.inputs)
    one = slice(0, 1)
    function = _compiled(network, stored)
    what = f"The regularization of run {stored.name!r} cannot be evaluated"
    with models.failures_told(what, "The architecture may differ from the recorded one."):
        added_losses = len(_losses(network, stored, one, network.weights_at(0)))
        if not added_losses:
            return np.zeros(len(snapshots))
        of_weights = sum(
            variable.regularizer is not None for variable in network.model.trainable_weights
        )
        # Penalties of weights are the same for any points.
        every = [one] if added_losses == of_weights else None
        every = every or list(batches(points, numbers_per_point(stored.inputs)))
        counts = [len(range(points)[rows]) for rows in every]
        values = np.array(
            [
                [function(rows, network.weights_at(snapshot)) for rows in every]
                for snapshot in snapshots
            ],
            np.float64,
        )
    return values.reshape(len(snapshots), -1) @ (np.array(counts) / sum(counts))


def _losses(network: "KerasNetwork", stored: StoredRun, rows: slice, weights: Any) -> list[Any]:
    arrays = [array[rows] for array in arrays_of(stored.inputs)]
    inputs = calling.input_tensors(network.model, arrays, stored)
    return _call(network, stored, inputs, _values(network, weights))


def _compiled(network: "KerasNetwork", stored: StoredRun) -> Callable[[slice, Any], float]:
    """Return the function from rows of points and weights to the sum of the model's losses."""
    inputs = arrays_of(stored.inputs)

    def call(*arguments: Any) -> Any:
        *x, values = arguments
        return added(_call(network, stored, x, values))

    traced = compiled(call, batched=len(inputs))

    def function(rows: slice, weights: Any) -> float:
        x = calling.input_tensors(network.model, [array[rows] for array in inputs], stored)
        return float(keras.ops.convert_to_numpy(traced(*x, _values(network, weights))))

    return function


def _values(network: "KerasNetwork", weights: Any) -> list[Any]:
    model = network.model
    variables = [*model.trainable_variables, *model.non_trainable_variables]
    return [
        models.value_of(weights, position) for position in network.recorded_positions(variables)
    ]


def _call(
    network: "KerasNetwork", stored: StoredRun, inputs: Sequence[Any], values: Sequence[Any]
) -> list[Any]:
    """Return the losses that a model adds in inference mode, scalars."""
    model = network.model
    trainable = len(model.trainable_variables)
    _, _, losses = model.stateless_call(
        values[:trainable],
        values[trainable:],
        calling.called_with(model, inputs, stored),
        return_losses=True,
        **calling.inference_mode(model),
    )
    return losses
