"""The ranges of activation functions that are bounded on both sides."""

from collections.abc import Sequence

from replaychart.facts.layers import RecordedLayer

_UNIT, _SYMMETRIC = (0.0, 1.0), (-1.0, 1.0)
# As Keras and PyTorch name functions and the layers that apply them, in small letters without "_".
_RANGES = {
    "sigmoid": _UNIT,
    "hardsigmoid": _UNIT,
    "softmax": _UNIT,
    "sparsemax": _UNIT,
    "tanh": _SYMMETRIC,
    "hardtanh": _SYMMETRIC,
    "softsign": _SYMMETRIC,
}
_NONE = ("linear", "identity")


def activation_after(layer: RecordedLayer, following: Sequence[RecordedLayer]) -> str | None:
    """Return the name of a layer's activation function, None if it has none.

    Parameters
    ----------
    layer : RecordedLayer
        The layer.
    following : sequence of RecordedLayer
        The layers after it up to the next one with weights of its own kind, one of which may apply
        the function.
    """
    for own in (layer, *following):
        for name in (own.activation, own.kind):
            if name is not None and _plain(name) not in _NONE and _is_function(own, name):
                return name.lower()
    return None


def bounds_of(activation: str | None) -> tuple[float, float] | None:
    """Return the range of an activation function; None if it is unbounded or not known."""
    return None if activation is None else _RANGES.get(_plain(activation))


def _is_function(layer: RecordedLayer, name: str) -> bool:
    """Return whether a name is that of a function, not of a layer with weights such as Dense."""
    return name == layer.activation or (not layer.variables and _plain(name) in _KNOWN)


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


_KNOWN = {*_RANGES, "relu", "leakyrelu", "elu", "selu", "gelu", "silu", "softplus", "mish", "relu6"}
