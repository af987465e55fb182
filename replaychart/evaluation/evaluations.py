"""Evaluates a run on demand, and keeps the results.

Values that are stored in the file are read from there. Only the others need the network, and with
it Keras.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from replaychart.evaluation.lazy_network import LazyNetwork
from replaychart.evaluation.memory import Arrays, Memory
from replaychart.facts.inputs import number_of_points, rows_of
from replaychart.facts.keys import evaluation_key
from replaychart.facts.layers import values_of
from replaychart.facts.outputs import require_one_output
from replaychart.network.batches import Batches, whole
from replaychart.storage.reader import StoredRun

# Outputs of a layer are kept up to this many values. More are computed again whenever they are
# needed.
_MOST_VALUES_KEPT = 100_000_000


class Evaluations:
    """The outputs, losses, metrics and gradients of a recorded network for the recorded points.

    Parameters
    ----------
    stored : StoredRun
        The run.
    memory : Memory
        The values that are already known.
    network : LazyNetwork
        Computes the others.
    """

    def __init__(self, stored: StoredRun, memory: Memory, network: LazyNetwork) -> None:
        self._stored = stored
        self._memory = memory
        self._network = network

    def apart(self) -> "Evaluations":
        """Return the evaluations of the same run without what is known, for another process."""
        return Evaluations(self._stored, Memory(self._stored), self._network.apart())

    def outputs(self, layer: str, snapshots: Sequence[int]) -> np.ndarray:
        """Return a layer's outputs for the points, float32 (snapshots, points, ...)."""
        return self._outputs(evaluation_key("outputs", layer=layer), layer, snapshots)

    def predictions(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return the model's outputs for the points, float32 (snapshots, points, ...)."""
        require_one_output(self._stored)
        return self._outputs(evaluation_key("predictions"), None, snapshots)

    def _outputs(self, key: str, layer: str | None, snapshots: Sequence[int]) -> np.ndarray:
        return self._values(
            key,
            snapshots,
            lambda some: self._network.rebuilt(key).outputs(layer, self._stored.inputs, some),
        )

    def outputs_by_snapshot(
        self, layer: str, snapshots: Sequence[int], points: np.ndarray | None = None
    ) -> Iterator[np.ndarray]:
        """Yield a layer's outputs, snapshot by snapshot, without keeping all of a large layer.

        Parameters
        ----------
        layer : str
        snapshots : sequence of int
        points : numpy.ndarray of int64, shape (points,), optional
            The rows of the points. Default: all.
        """
        (shape,) = (known.output_shape for known in self._stored.layers if known.name == layer)
        values = values_of(shape) * number_of_points(self._stored.inputs)
        key = evaluation_key("outputs", layer=layer)
        if self._memory.holds(key, snapshots) or values * len(snapshots) <= _MOST_VALUES_KEPT:
            every = iter(self.outputs(layer, snapshots))
            return every if points is None else (own[points] for own in every)
        network = self._network.rebuilt(key)
        inputs = self._stored.inputs if points is None else rows_of(self._stored.inputs, points)
        return network.outputs_by_snapshot(layer, inputs, snapshots)

    def losses(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return the loss of each point, float32 (snapshots, points)."""
        key = evaluation_key("losses")

        def compute(some: Sequence[int]) -> np.ndarray:
            network = self._network.rebuilt(key)
            return network.losses(some, lambda: self.predictions(some))

        return self._values(key, snapshots, compute)

    def metric(self, name: str, snapshots: Sequence[int]) -> np.ndarray:
        """Return a compiled metric over the points, float64 (snapshots,) or (snapshots, values)."""
        key = evaluation_key("metric", name=name)

        def compute(some: Sequence[int]) -> np.ndarray:
            network = self._network.rebuilt(key)
            return network.metric(name, some, lambda: self.predictions(some))

        return self._values(key, snapshots, compute)

    def regularization(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return what the model adds to the loss over the points, float64 (snapshots,)."""
        key = evaluation_key("regularization")
        return self._values(
            key, snapshots, lambda some: self._network.rebuilt(key).regularization(some)
        )

    def layers(
        self, layers: Sequence[str], snapshots: Sequence[int], *, before_activation: bool
    ) -> Iterator[list[np.ndarray]]:
        """Yield the pre-activations or the activations of layers, snapshot by snapshot.

        For each layer, an array of float32, shape (points, ...).
        """
        every = self.layers_in_batches(layers, snapshots, before_activation=before_activation)
        return (list(map(whole, own)) for own in every)

    def layers_in_batches(
        self, layers: Sequence[str], snapshots: Sequence[int], *, before_activation: bool
    ) -> Iterator[list[Batches]]:
        """Yield what `layers` yields, but for each layer a list of arrays of some points each."""
        kind = "pre_activations" if before_activation else "activations"
        key = evaluation_key("distribution", kind=kind, layer=layers[0])
        network = self._network.rebuilt(key)
        return network.layers_by_snapshot(
            layers, self._stored.inputs, snapshots, before_activation=before_activation
        )

    def gradients(
        self, positions: Sequence[int], snapshots: Sequence[int]
    ) -> Iterator[list[np.ndarray]]:
        """Yield the gradients of the loss, one array for each weight, snapshot by snapshot."""
        network = self._network.rebuilt(
            evaluation_key("distribution", kind="gradients", variable="kernel")
        )
        return network.gradients(positions, snapshots)

    def distributions(
        self,
        quantity: Mapping[str, Any],
        layers: Sequence[str],
        snapshots: Sequence[int],
        summarize: Callable[[Sequence[str]], list[Arrays]],
    ) -> list[Arrays]:
        """Return the distribution of values in each layer; see `densities.summarized_each`.

        Parameters
        ----------
        quantity : mapping
            What the values are, as part of the key under which they are kept.
        layers : sequence of str
        snapshots : sequence of int
        summarize : callable
            Takes a sequence of layers and returns their distributions. It is called once, for all
            layers whose distributions are not known yet.
        """
        keys = {layer: evaluation_key("distribution", layer=layer, **quantity) for layer in layers}
        missing = [layer for layer, key in keys.items() if not self._memory.holds(key, snapshots)]
        if missing:
            for layer, arrays in zip(missing, summarize(missing), strict=True):
                self._memory.remember(keys[layer], snapshots, arrays)
        return [self._memory.recall(key, snapshots) for key in keys.values()]

    @property
    def tells_predictions(self) -> bool:
        """Whether the model's outputs for the points are stored or can be computed."""
        whole = self._stored.has_model and self._stored.has_all_weights
        return whole or self.was_recorded("predictions")

    def was_recorded(self, quantity: str) -> bool:
        """Return whether a quantity of the points is stored in the file."""
        return self._memory.holds(evaluation_key(quantity))

    def _values(
        self,
        key: str,
        snapshots: Sequence[int],
        compute: Callable[[Sequence[int]], np.ndarray],
    ) -> np.ndarray:
        arrays = self._memory.extended(key, snapshots, lambda some: {"values": compute(some)})
        return arrays["values"]
