"""What is known about the layers and variables of a model without rebuilding it."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from replaychart.facts.json_texts import entry, json_of, of_kind, shape_of

# The names of the two JSON strings in a file, for messages.
_LAYERS = "model/layers"
_VARIABLES = "model/variables"

# Between a nested model and a layer in it. Keras does not allow it in names.
SEPARATOR = "/"
# A key of the details: the layer that computes the output of the model.
OUTPUT_LAYER = "output_layer"
_STORED_DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64"),
)


def stored_dtype(dtype: str) -> str:
    """Return the dtype in which values of a dtype are stored.

    HDF5 has no bfloat16 and no float8. float32 holds each of their values exactly.
    """
    return dtype if dtype in _STORED_DTYPES else "float32"


@dataclasses.dataclass(frozen=True)
class RecordedVariable:
    """A variable of a layer.

    Attributes
    ----------
    name : str
        The name within the layer, such as ``"kernel"`` or ``"lstm_cell/recurrent_kernel"``.
    position : int
        The index in ``model.weights``.
    """

    name: str
    position: int


@dataclasses.dataclass(frozen=True)
class RecordedLayer:
    """What charts need to know about a layer without rebuilding the model.

    Attributes
    ----------
    name : str
        The name of the layer, unique in its model; for a layer of a nested model, its path:
        ``"backbone/block3"``.
    kind : str
        The class of the layer, such as ``"Dense"``.
    output_shape : tuple of (int or None) or None
        The shape of the layer's output without the batch axis; None if it is unknown because the
        model has no graph.
    activation : str or None
        The name of the layer's own activation function.
    variables : tuple of RecordedVariable
        The variables of the layer.
    """

    name: str
    kind: str
    output_shape: tuple[int | None, ...] | None
    activation: str | None = None
    variables: tuple[RecordedVariable, ...] = ()


def values_of(shape: Sequence[int | None] | None) -> int:
    """Return how many values a shape has; an axis of unknown length counts as one value."""
    return math.prod(length or 1 for length in shape or ())


class Layered(Protocol):
    """A stored or new run, as far as its layers are concerned."""

    @property
    def layers(self) -> tuple[RecordedLayer, ...]:
        """The layers of the model, those of a nested model before that model."""

    @property
    def details(self) -> Mapping[str, Any]:
        """Versions, names and shapes."""


def output_layer(run: Layered) -> RecordedLayer | None:
    """Return the layer that computes the model's output, None if there are no layers."""
    by_name = {layer.name: layer for layer in run.layers}
    last = run.layers[-1] if run.layers else None
    return by_name.get(str(run.details.get(OUTPUT_LAYER)), last)


def hidden_layers(run: Layered) -> list[RecordedLayer]:
    """Return the layers whose outputs are not those of the model."""
    outputs = run.details.get("outputs") or {}
    names = {own.get(OUTPUT_LAYER) for own in outputs.values()}
    last = [one for one in run.layers if one.name in names]
    only = output_layer(run)
    ends = last or ([] if only is None else [only])
    return [one for one in run.layers if not any(end is one or is_inside(end, one) for end in ends)]


def is_inside(layer: RecordedLayer, model: RecordedLayer) -> bool:
    """Return whether a layer belongs to a nested model, directly or to a model in it."""
    return layer.name.startswith(f"{model.name}{SEPARATOR}")


def without_nested_models(layers: Sequence[RecordedLayer]) -> list[RecordedLayer]:
    """Return layers without the models that contain some of them."""
    around = {
        layer.name[:place]
        for layer in layers
        for place, character in enumerate(layer.name)
        if character == SEPARATOR
    }
    return [layer for layer in layers if layer.name not in around]


def layers_to_json(layers: tuple[RecordedLayer, ...]) -> str:
    """Return the JSON string that is stored for layers."""
    return json.dumps([dataclasses.asdict(layer) for layer in layers])


def layers_from_json(text: str) -> tuple[RecordedLayer, ...]:
    """Return the layers in a string from `layers_to_json`.

    Raises
    ------
    ValueError
        The string is not from `layers_to_json`.
    """
    records = json_of(text, _LAYERS, list)
    return tuple(_layer_from_record(of_kind(record, _LAYERS, dict)) for record in records)


def _layer_from_record(record: dict[str, Any]) -> RecordedLayer:
    shape = entry(record, "output_shape", (list, type(None)))
    return RecordedLayer(
        name=entry(record, "name", str),
        kind=entry(record, "kind", str),
        output_shape=None if shape is None else shape_of(shape, "'output_shape'"),
        activation=entry(record, "activation", (str, type(None)), None),
        variables=tuple(
            RecordedVariable(
                name=entry(of_kind(variable, "'variables'", dict), "name", str),
                position=entry(variable, "position", int),
            )
            for variable in entry(record, "variables", list, [])
        ),
    )


@dataclasses.dataclass(frozen=True)
class Variable:
    """A variable of the model, recorded or not.

    Attributes
    ----------
    layer : str
        The layer that it belongs to, ``""`` if it belongs to the model itself.
    shape : tuple of int
        The shape of the variable.
    dtype : str
        The dtype in which it is recorded.
    recorded : bool
        Whether the file contains its values.
    """

    layer: str
    shape: tuple[int, ...]
    dtype: str
    recorded: bool = True


def variables_to_json(variables: Sequence[Variable]) -> str:
    """Return the JSON string that is stored for variables."""
    return json.dumps([dataclasses.asdict(variable) for variable in variables])


def variables_from_json(text: str) -> tuple[Variable, ...]:
    """Return the variables in a string from `variables_to_json`.

    Raises
    ------
    ValueError
        The string is not from `variables_to_json`.
    """
    records = json_of(text, _VARIABLES, list)
    return tuple(_variable_from_record(of_kind(record, _VARIABLES, dict)) for record in records)


def _variable_from_record(record: dict[str, Any]) -> Variable:
    shape = tuple(
        of_kind(length, "'shape'", int)
        for length in shape_of(entry(record, "shape", list), "shape")
    )
    return Variable(
        layer=entry(record, "layer", str),
        shape=shape,
        dtype=entry(record, "dtype", str),
        recorded=entry(record, "recorded", bool, True),
    )
