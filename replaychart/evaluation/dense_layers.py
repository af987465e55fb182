"""The dense layers at the end of a network, their weights, and how their units behave."""

import dataclasses
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from replaychart.evaluation.evaluations import Evaluations
from replaychart.evaluation.memory import Arrays, Memory
from replaychart.evaluation.predictions import Predictions
from replaychart.facts.activation_ranges import activation_after, bounds_of
from replaychart.facts.keys import evaluation_key
from replaychart.facts.layers import RecordedLayer, RecordedVariable, output_layer
from replaychart.storage.reader import StoredRun
from replaychart.storage.weights import UnrecordedWeight, Weight

# A unit is saturated beyond this share of the way from the middle of its range to an end.
SATURATED = 0.99
# Targets of a regression are divided into this many groups of equal size.
TARGET_GROUPS = 8


@dataclasses.dataclass(frozen=True)
class DenseLayer:
    """A layer that connects each of its inputs with each of its units.

    Attributes
    ----------
    name : str
        Its name.
    kernel : int
        The position of its kernel among the recorded variables.
    bias : int or None
        The position of its bias, None if it has none.
    inputs, units : int
        The shape of the kernel.
    activation : str or None
        The name of its activation function, None if it has none.
    """

    name: str
    kernel: int
    bias: int | None
    inputs: int
    units: int
    activation: str | None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The range of the activation function; None if it is unbounded or not known."""
        return bounds_of(self.activation)


class DenseLayers:
    """The chain of dense layers that ends with the output of a network.

    Parameters
    ----------
    stored : StoredRun
        The run.
    memory : Memory
        The values that are already known.
    evaluations : Evaluations
        The outputs of layers.
    predictions : Predictions
        The targets.
    """

    def __init__(
        self,
        stored: StoredRun,
        memory: Memory,
        evaluations: Evaluations,
        predictions: Predictions,
    ) -> None:
        self._stored = stored
        self._memory = memory
        self._evaluations = evaluations
        self._predictions = predictions
        self._weights: dict[int, Weight] = {}

    def chain(self, alone: Callable[[str], bool]) -> list[DenseLayer]:
        """Return the longest chain, in the order of the layers; empty if there is none.

        Parameters
        ----------
        alone : callable
            Takes the name of a layer and returns whether the output depends only on its output. Two
            layers between which a branch begins or ends do not belong to the same chain.
        """
        chain: list[DenseLayer] = []
        for layer in reversed(self._candidates()):
            if chain and not (layer.units == chain[0].inputs and alone(layer.name)):
                break
            chain.insert(0, layer)
        return chain

    @property
    def names(self) -> list[str]:
        """The names of all dense layers up to the output, whether or not they form a chain."""
        return [layer.name for layer in self._candidates()]

    def outgoing(
        self, name: str, chain: Sequence[DenseLayer], snapshots: Sequence[int]
    ) -> np.ndarray | None:
        """Return the size (the Euclidean norm) of the weights that leave each unit of a layer.

        Returns
        -------
        numpy.ndarray, shape (snapshots, units), or None
            None unless the layer after it is the next one of the chain.
        """
        names = [layer.name for layer in chain]
        if name not in names[:-1]:
            return None
        following = chain[names.index(name) + 1]
        return np.asarray(np.linalg.norm(self.kernels(following, snapshots), axis=2))

    def before(self, chain: Sequence[DenseLayer]) -> list[str]:
        """Return the names of the layers before a chain."""
        names = [layer.name for layer in self._stored.layers]
        return names[: names.index(chain[0].name)]

    def kernels(self, layer: DenseLayer, snapshots: Sequence[int]) -> np.ndarray:
        """Return a layer's kernel, shape (snapshots, inputs, units)."""
        return np.asarray(self._weight(layer.kernel)[np.asarray(snapshots)])

    def biases(self, layer: DenseLayer, snapshots: Sequence[int]) -> np.ndarray | None:
        """Return a layer's bias, shape (snapshots, units); None if it has none."""
        if layer.bias is None:
            return None
        return np.asarray(self._weight(layer.bias)[np.asarray(snapshots)])

    def statistics(self, layers: Sequence[DenseLayer], snapshots: Sequence[int]) -> list[Arrays]:
        """Return how the units of layers behave for the recorded points.

        Returns
        -------
        list of dict of str to numpy.ndarray
            For each layer, of shape (snapshots, units): ``mean`` of the output; ``constant``,
            whether it is the same for all points; ``zero``, the share of points at which it is 0;
            ``saturated``, the share of points at which it is beyond 0.99 of the way from the middle
            of the activation function's range to an end, NaN if the function is unbounded. And
            ``by_target`` (snapshots, groups, units), the mean over the points of each class, or of
            groups of points with similar targets.
        """
        keys = {one.name: evaluation_key("unit statistics", layer=one.name) for one in layers}
        missing = [one for one in layers if not self._memory.holds(keys[one.name], snapshots)]
        if missing:
            for layer, arrays in zip(missing, self._evaluated(missing, snapshots), strict=True):
                self._memory.remember(keys[layer.name], snapshots, arrays)
        return [self._memory.recall(key, snapshots) for key in keys.values()]

    def _weight(self, position: int) -> Weight:
        # Kept, because it remembers the snapshots that were read last.
        if position not in self._weights:
            self._weights[position] = self._stored.weight(position)
        return self._weights[position]

    def _evaluated(self, layers: Sequence[DenseLayer], snapshots: Sequence[int]) -> list[Arrays]:
        groups = self._groups_of_targets()
        each: list[list[Arrays]] = [[] for _ in layers]
        names = [layer.name for layer in layers]
        for outputs in self._evaluations.layers(names, snapshots, before_activation=False):
            for layer, own, found in zip(layers, outputs, each, strict=True):
                found.append(_statistics(own.reshape(len(own), -1), layer.bounds, groups))
        return [{name: np.stack([one[name] for one in own]) for name in own[0]} for own in each]

    def _groups_of_targets(self) -> np.ndarray:
        """Return the class of each point, or the number of its group in the order of targets."""
        labels = self._predictions.labels
        if labels.ndim > 1:
            return np.zeros(len(labels), np.int64)
        if self._predictions.task.classes:
            return labels.astype(np.int64)
        ranks = np.argsort(np.argsort(labels, kind="stable"), kind="stable")
        return ranks * min(TARGET_GROUPS, len(labels)) // len(labels)

    def _candidates(self) -> list[DenseLayer]:
        """Return the layers up to the output that have one matrix of weights and a vector out."""
        layers = list(self._stored.layers)
        end = output_layer(self._stored)
        layers = layers[: layers.index(end) + 1] if end in layers else layers
        dense = [place for place, layer in enumerate(layers) if self._kernel(layer) is not None]
        found = []
        for place, following in pairwise([*dense, len(layers)]):
            layer, kernel = layers[place], self._kernel(layers[place])
            assert kernel is not None
            inputs, units = self._shape(kernel)
            bias = next((own.position for own in layer.variables if own.name == "bias"), None)
            function = activation_after(layer, layers[place + 1 : following])
            found.append(DenseLayer(layer.name, kernel.position, bias, inputs, units, function))
        return found

    def _kernel(self, layer: RecordedLayer) -> RecordedVariable | None:
        if not self._stored.has_model:
            return None
        own = [one for one in layer.variables if one.name.endswith(("kernel", "embeddings"))]
        if len(own) != 1 or own[0].name != "kernel" or len(layer.output_shape or ()) != 1:
            return None
        shape = self._shape(own[0])
        return own[0] if len(shape) == 2 and shape[1] == (layer.output_shape or (0,))[0] else None

    def _shape(self, variable: RecordedVariable) -> tuple[int, ...]:
        weight = self._weight(variable.position)
        return () if isinstance(weight, UnrecordedWeight) else tuple(weight.shape[1:])


def _statistics(
    outputs: np.ndarray, bounds: tuple[float, float] | None, groups: np.ndarray
) -> Arrays:
    """Return the statistics of one layer at one snapshot, given outputs (points, units)."""
    saturated = np.full(outputs.shape[1], np.nan)
    if bounds is not None:
        middle, half = (bounds[0] + bounds[1]) / 2, (bounds[1] - bounds[0]) / 2
        saturated = (np.abs(outputs - middle) > SATURATED * half).mean(axis=0)
    counts = np.bincount(groups)
    # A class without points has no mean.
    with np.errstate(invalid="ignore", divide="ignore"):
        sums = np.stack([outputs[groups == group].sum(axis=0) for group in range(len(counts))])
        by_target = sums / counts[:, None]
    return {
        "mean": outputs.mean(axis=0),
        "constant": np.ptp(outputs, axis=0) == 0,
        "zero": (outputs == 0).mean(axis=0),
        "saturated": saturated,
        "by_target": by_target,
    }
