"""A network of dense layers, one after the other, computed from its recorded weights alone."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from replaychart.facts.layers import RecordedLayer
from replaychart.storage.reader import StoredRun

# Layers that multiply by a matrix: the name of the matrix, and whether its rows are the outputs.
_MATRICES = {"Dense": ("kernel", False), "Linear": ("weight", True)}
# Layers that change nothing when the network predicts, for inputs that are rows of numbers.
_NOTHING = {
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "InputLayer",
}
# Layers that are only an activation function, whose name is theirs.
_FUNCTIONS = {"ELU", "ReLU", "Sigmoid", "SiLU", "Softmax", "Softplus", "Softsign", "Tanh"}
_OTHER_NAMES = {"swish": "silu", "identity": "linear", "none": "linear"}
# How far the outputs may be from the recorded ones, relative to the largest: rounding errors.
_ROUNDING = 1e-4
_COMPARED_POINTS = 200


def _softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


ACTIVATIONS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "elu": lambda values: np.where(values > 0, values, np.expm1(np.minimum(values, 0))),
    "exponential": np.exp,
    "linear": lambda values: values,
    "relu": lambda values: np.maximum(values, 0),
    "sigmoid": lambda values: 1 / (1 + np.exp(-values)),
    "silu": lambda values: values / (1 + np.exp(-values)),
    "softmax": _softmax,
    "softplus": lambda values: np.logaddexp(values, 0),
    "softsign": lambda values: values / (1 + np.abs(values)),
    "tanh": np.tanh,
}


@dataclasses.dataclass(frozen=True)
class DenseLayer:
    """One layer.

    Attributes
    ----------
    name : str
        The layer's name.
    kernel : numpy.ndarray or None, shape (snapshots, inputs, units)
        The matrix; None if the layer is only an activation function.
    bias : numpy.ndarray or None, shape (snapshots, units)
        The bias; None if there is none.
    activation : str
        One of `ACTIVATIONS`.
    """

    name: str
    kernel: np.ndarray | None
    bias: np.ndarray | None
    activation: str

    def outputs(self, values: np.ndarray, snapshot: int) -> np.ndarray:
        """Return the outputs for inputs of the layer, shape (points, units)."""
        if self.kernel is not None:
            values = values @ self.kernel[snapshot]
        if self.bias is not None:
            values = values + self.bias[snapshot]
        return ACTIVATIONS[self.activation](values)


@dataclasses.dataclass(frozen=True)
class DenseNetwork:
    """The layers from the inputs to the output."""

    layers: tuple[DenseLayer, ...]

    @property
    def numbers(self) -> int:
        """The number of weights of one snapshot."""
        arrays = [array for one in self.layers for array in (one.kernel, one.bias)]
        return sum(array[0].size for array in arrays if array is not None)

    def outputs(
        self, points: np.ndarray, snapshots: Sequence[int], layer: str | None = None
    ) -> np.ndarray:
        """Return the outputs of a layer in double precision.

        Parameters
        ----------
        points : numpy.ndarray, shape (points, features)
            The same points for all snapshots.
        snapshots : sequence of int
            Positions in the recording.
        layer : str, optional
            The layer. Default: the last one.

        Returns
        -------
        numpy.ndarray of float64, shape (snapshots, points, units)
        """
        found = []
        for snapshot in snapshots:
            values = points.astype(np.float64)
            for one in self.layers:
                with np.errstate(all="ignore"):
                    values = one.outputs(values, snapshot)
                if one.name == layer:
                    break
            found.append(values)
        return np.stack(found)


def dense_network(
    stored: StoredRun, outputs: Callable[[Sequence[int]], np.ndarray]
) -> DenseNetwork | None:
    """Return the network if it is a chain of dense layers with known activations, otherwise None.

    The chain is compared with what the recorded network computes, so that a network with a
    different order or another kind of layer is not mistaken for one.

    Parameters
    ----------
    stored : StoredRun
        The run.
    outputs : callable
        Returns the outputs of the network for the recorded points at given snapshots.
    """
    inputs = stored.inputs
    is_simple = stored.has_model and stored.has_all_weights and stored.layers
    if not is_simple or not isinstance(inputs, np.ndarray) or inputs.ndim != 2:
        return None
    layers = _chain(stored)
    if layers is None:
        return None
    network = DenseNetwork(tuple(layers))
    snapshots = range(len(stored.epochs))
    every = len(inputs)
    some = np.unique(np.arange(_COMPARED_POINTS) * every // _COMPARED_POINTS)
    known = outputs(snapshots)[:, some].reshape(len(snapshots), len(some), -1)
    try:
        own = network.outputs(inputs[some], snapshots)
    except ValueError:  # The shapes do not fit.
        return None
    return network if _equal(own, known) else None


def _equal(own: np.ndarray, known: np.ndarray) -> bool:
    if own.shape != known.shape:
        return False
    finite = np.isfinite(own) & np.isfinite(known)
    if not finite.any():
        return False
    largest = max(1.0, float(np.abs(known[finite]).max()))
    return bool((np.abs(own - known)[finite] <= _ROUNDING * largest).all())


def _chain(stored: StoredRun) -> list[DenseLayer] | None:
    weights = stored.weights()
    chain = []
    for layer in stored.layers:
        dense = _dense_layer(layer, weights)
        if dense is None:
            return None
        chain.append(dense)
    return chain


def _dense_layer(layer: RecordedLayer, weights: Sequence[object]) -> DenseLayer | None:
    named = (layer.activation or "linear").lower().replace("_", "")
    activation = _OTHER_NAMES.get(named, named)
    variables = {one.name: np.asarray(weights[one.position], np.float64) for one in layer.variables}
    if layer.kind in _FUNCTIONS and layer.activation is None:
        activation = layer.kind.lower()
    elif layer.kind not in {*_MATRICES, *_NOTHING, *_FUNCTIONS, "Activation"}:
        return None
    if activation not in ACTIVATIONS:
        return None
    if layer.kind not in _MATRICES:
        return None if variables else DenseLayer(layer.name, None, None, activation)
    name, transposed = _MATRICES[layer.kind]
    kernel, bias = variables.pop(name, None), variables.pop("bias", None)
    if kernel is None or variables or kernel.ndim != 3:
        return None
    kernel = kernel.transpose(0, 2, 1) if transposed else kernel
    return DenseLayer(layer.name, kernel, bias, activation)
