"""The convolutions of a network: their kernels, and what they return for recorded pictures."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from replaychart.evaluation.evaluations import Evaluations
from replaychart.evaluation.lazy_network import LazyNetwork
from replaychart.evaluation.memory import Arrays, Memory
from replaychart.facts.inputs import arrays_of, rows_of
from replaychart.facts.keys import evaluation_key
from replaychart.facts.layers import RecordedLayer, RecordedVariable, without_nested_models
from replaychart.storage.reader import StoredRun
from replaychart.storage.weights import Weight

_KERNELS = ("kernel", "depthwise_kernel")
# Rows, columns, channels of the input, and filters.
_AXES_OF_A_KERNEL = 4
_AXES_OF_A_PICTURE = 3
# Numbers of channels that are those of a picture: gray, color, and color with opacity.
_CHANNELS = (1, 3, 4)


class Convolutions:
    """The layers of a network that compute pictures from pictures.

    Parameters
    ----------
    stored : StoredRun
        The run.
    memory : Memory
        The values that are already known.
    network : LazyNetwork
        Computes what layers return for some of the points.
    evaluations : Evaluations
        What layers return for all points.
    """

    def __init__(
        self, stored: StoredRun, memory: Memory, network: LazyNetwork, evaluations: Evaluations
    ) -> None:
        self._stored = stored
        self._memory = memory
        self._network = network
        self._evaluations = evaluations
        self._weights: dict[int, Weight] = {}
        self._layers = {layer.name: layer for layer in without_nested_models(stored.layers)}

    @property
    def names(self) -> list[str]:
        """The names of the two-dimensional convolutions, in order."""
        return [name for name in self._layers if self._kernel(name) is not None]

    @property
    def names_of_maps(self) -> list[str]:
        """The names of the layers that return a picture for each filter, in order."""
        return [
            name
            for name, layer in self._layers.items()
            if layer.output_shape is not None and len(layer.output_shape) == _AXES_OF_A_PICTURE
        ]

    def kernels(self, layer: str, snapshots: Sequence[int]) -> NDArray[np.float32]:
        """Return the kernel of a convolution.

        Returns
        -------
        numpy.ndarray of float32, shape (snapshots, rows, columns, channels, filters)
            Of a depthwise convolution, in which each filter has an input channel of its own, the
            filters come in the order of the channels, and ``channels`` is 1.
        """
        variable = self._kernel(layer)
        assert variable is not None
        values = np.asarray(self._weight(variable.position)[np.asarray(snapshots)], np.float32)
        kind = self._layers[layer].kind
        if kind.startswith("Depthwise") or variable.name.startswith("depthwise"):
            return values.reshape(*values.shape[:3], 1, -1)
        # Keras stores the kernel of a transposed convolution with the filters first.
        return np.swapaxes(values, -2, -1) if kind == "Conv2DTranspose" else values

    def maps(
        self, layer: str, points: Sequence[int], snapshots: Sequence[int]
    ) -> NDArray[np.float32]:
        """Return what each filter of a layer returns for some points.

        Returns
        -------
        numpy.ndarray of float32, shape (snapshots, points, rows, columns, filters)
        """
        rows = np.asarray(points)
        key = evaluation_key("outputs", layer=layer)
        if self._memory.holds(key, snapshots) or not self._stored.has_model:
            values = self._evaluations.outputs(layer, snapshots)[:, rows]
        else:
            values = self._computed(layer, rows, snapshots)
        return np.moveaxis(values, 2, -1) if self._has_channels_first(layer) else values

    def pictures(self, points: Sequence[int]) -> NDArray[np.float32] | None:
        """Return the recorded pictures of some points.

        Returns
        -------
        numpy.ndarray of float32, shape (points, rows, columns, 1 or 3), or None
            From 0, the lowest value of all recorded pictures, to 1, the highest. None if the inputs
            are no pictures.
        """
        for axes in (_AXES_OF_A_PICTURE, _AXES_OF_A_PICTURE - 1):
            found = [one for one in arrays_of(self._stored.inputs) if one.ndim == axes + 1]
            if len(found) == 1:
                return _brightness(found[0], points, channels_first=self._pictures_channels_first)
        return None

    def is_first(self, layer: str) -> bool:
        """Return whether a layer is the first convolution."""
        return self.names[:1] == [layer]

    @property
    def _pictures_channels_first(self) -> bool:
        return self._stored.framework == "torch"

    def _weight(self, position: int) -> Weight:
        # Kept, because it remembers the snapshots that were read last.
        if position not in self._weights:
            self._weights[position] = self._stored.weight(position)
        return self._weights[position]

    def _kernel(self, layer: str) -> RecordedVariable | None:
        """Return the kernel of a layer, None if it is no two-dimensional convolution."""
        known = self._layers[layer]
        if not self._stored.has_model or not _may_be_convolution(known):
            return None
        kernels = [own for own in known.variables if own.name in _KERNELS]
        axes = [len(self._weight(own.position).shape) - 1 for own in kernels]
        return kernels[0] if axes == [_AXES_OF_A_KERNEL] else None

    def _computed(
        self, layer: str, points: np.ndarray, snapshots: Sequence[int]
    ) -> NDArray[np.float32]:
        key = evaluation_key("feature maps", layer=layer, points=points.tolist())
        self._memory.leave_out_of_file(key)

        def compute() -> Arrays:
            network = self._network.rebuilt(evaluation_key("outputs", layer=layer))
            inputs = rows_of(self._stored.inputs, points)
            return {"values": network.outputs(layer, inputs, snapshots)}

        return self._memory.remembered(key, snapshots, compute)["values"]

    def _has_channels_first(self, layer: str) -> bool:
        """Return whether Keras runs a convolution with the channels before rows and columns."""
        shape = self._layers[layer].output_shape or ()
        if self._stored.framework != "keras" or self._kernel(layer) is None:
            return False
        filters = self.kernels(layer, [0]).shape[-1]
        return shape[-1] != filters and shape[0] == filters


def _may_be_convolution(layer: RecordedLayer) -> bool:
    if layer.output_shape is None:
        return "Conv" in layer.kind
    return len(layer.output_shape) == _AXES_OF_A_PICTURE


def _brightness(
    inputs: np.ndarray, points: Sequence[int], *, channels_first: bool
) -> NDArray[np.float32]:
    chosen = inputs[np.asarray(points)].astype(np.float32)
    if chosen.ndim == _AXES_OF_A_PICTURE:
        chosen = chosen[..., None]
    elif channels_first or (chosen.shape[-1] not in _CHANNELS and chosen.shape[1] in _CHANNELS):
        chosen = np.moveaxis(chosen, 1, -1)
    # Any other number of channels has no colors, and opacity is not drawn.
    known = chosen.shape[-1] in _CHANNELS
    chosen = chosen[..., :3] if known else chosen.mean(axis=-1, keepdims=True)
    low, high = float(np.nanmin(inputs)), float(np.nanmax(inputs))
    return np.asarray((chosen - low) / (high - low or 1.0))
