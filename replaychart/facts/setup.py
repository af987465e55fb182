"""The network and its training in a few words: "2-2-1, sigmoid, SGD 0.05"."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Protocol

import numpy as np

from replaychart.facts.inputs import Inputs, arrays_of
from replaychart.facts.layers import RecordedLayer, values_of

_JOINED = ", "
_TIMES = "\N{MULTIPLICATION SIGN}"
# The names of variables of layers that are part of the architecture.
_KERNELS = ("kernel", "embeddings")
# Layers whose outputs are a vector of units; other ones with weights are named before their units.
_PLAIN = ("Dense", "Linear", "recorded")
_SHORT = {
    "SeparableConv": "conv",
    "DepthwiseConv": "conv",
    "Conv": "conv",
    "Embedding": "embedding",
}
_ACTIVATIONS = {
    "relu": "ReLU",
    "leaky_relu": "leaky ReLU",
    "leakyrelu": "leaky ReLU",
    "prelu": "PReLU",
    "relu6": "ReLU6",
    "elu": "ELU",
    "selu": "SELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "swish": "SiLU",
}
_ACTIVATION_LAYERS = ("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax")
_NO_ACTIVATIONS = (None, "linear", "softmax")
# Longer chains of layers are written as their number.
_MOST_LAYERS = 8


class Described(Protocol):
    """A stored run, as far as its setup depends on it."""

    @property
    def inputs(self) -> Inputs:
        """The recorded points."""

    @property
    def layers(self) -> tuple[RecordedLayer, ...]:
        """The layers of the model, or the recorded layers."""

    @property
    def compile_config(self) -> str:
        """The compile configuration of the model as JSON."""

    @property
    def learning_rates(self) -> np.ndarray:
        """The learning rate at each snapshot; NaN where it is not known."""

    @property
    def has_model(self) -> bool:
        """Whether a model was recorded."""


@dataclasses.dataclass(frozen=True)
class Setup:
    """What a network was trained with, as far as it is known.

    Attributes
    ----------
    architecture : str
        The sizes of the inputs and of all layers with weights, such as ``2-2-1``.
    activations : str
        The activations of the hidden layers; ``""`` if they are not known or too many.
    optimizer : str
        The class of the optimizer; ``""`` if it is not known.
    learning_rates : list of float
        The learning rates that were recorded, or that of the optimizer's configuration.
    settings : dict of str to float
        The other numbers in the configuration of the optimizer, by name.
    """

    architecture: str
    activations: str
    optimizer: str
    learning_rates: list[float]
    settings: dict[str, float]


def setup_of(run: Described) -> Setup:
    """Return what a run was trained with.

    Parameters
    ----------
    run : Described
        A stored run.
    """
    optimizer = _mapping(json.loads(run.compile_config)).get("optimizer")
    config = _mapping(_mapping(optimizer).get("config"))
    name = optimizer if isinstance(optimizer, str) else _mapping(optimizer).get("class_name", "")
    numbers = {
        key: value
        for key, value in config.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
    rates = run.learning_rates[np.isfinite(run.learning_rates)].tolist()
    given = numbers.pop("learning_rate", None)
    return Setup(
        architecture=_architecture(run),
        activations=_activations(run.layers),
        optimizer=str(name),
        learning_rates=rates or ([] if given is None else [given]),
        settings=numbers,
    )


def setup_in_words(run: Described) -> str:
    """Return architecture, activation, optimizer and learning rate, as far as they are known.

    Parameters
    ----------
    run : Described
        A stored run.
    """
    setup = setup_of(run)
    parts = [setup.architecture, setup.activations, _optimizer(setup)]
    return _JOINED.join(part for part in parts if part)


def _architecture(run: Described) -> str:
    """Return the sizes of the inputs and of all layers with weights, such as ``2-2-1``."""
    inputs = [_size(array) for array in arrays_of(run.inputs)]
    sizes = "+".join(_TIMES.join(map(str, size)) for size in inputs)
    if not run.has_model:
        features = sum(map(math.prod, inputs))
        recorded = [f"{layer.name} {values_of(layer.output_shape)}" for layer in run.layers]
        return _JOINED.join([f"{features} feature{'s' * (features != 1)}", *recorded])
    names = [name for name in map(_layer, run.layers) if name]
    if len(names) > _MOST_LAYERS:
        names = [
            name if count == 1 else f"{count}{_TIMES}{name}"
            for name, count in ((name, len(list(same))) for name, same in groupby(names))
        ]
    if len(names) > _MOST_LAYERS:
        return f"{len(names)} layers"
    return "-".join([sizes, *names])


def _size(array: np.ndarray) -> Sequence[int]:
    """Return the shape of a point without axes of length 1."""
    return [length for length in array.shape[1:] if length != 1] or [1]


def _layer(layer: RecordedLayer) -> str | None:
    """Return the kind and the number of units of a layer; None for one without a kernel."""
    trained = any(variable.name.endswith(_KERNELS) for variable in layer.variables)
    if not trained or not layer.output_shape:
        return None
    units = layer.output_shape[-1]
    if layer.kind in _PLAIN:
        return str(units)
    shorter = (short for long, short in _SHORT.items() if layer.kind.startswith(long))
    kind = next(shorter, layer.kind)
    return f"{kind} {units}"


def _activations(layers: Sequence[RecordedLayer]) -> str:
    """Return the activations of the hidden layers, or that of the only one."""
    hidden = layers[:-1] or layers
    names = [
        layer.activation or (layer.kind.lower() if layer.kind in _ACTIVATION_LAYERS else None)
        for layer in hidden
    ]
    used = dict.fromkeys(
        _ACTIVATIONS.get(str(name), str(name)) for name in names if name not in _NO_ACTIVATIONS
    )
    return " and ".join(used) if len(used) <= 2 else ""


def _optimizer(setup: Setup) -> str:
    """Return the optimizer and its learning rate, or what is known of them."""
    name, rates = setup.optimizer, setup.learning_rates
    if not rates:
        return name
    first, last = f"{rates[0]:.3g}", f"{rates[-1]:.3g}"
    words = f"{name} {first}" if name else f"learning rate {first}"
    return words if first == last else f"{words} to {last}"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
