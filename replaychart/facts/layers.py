"""What is known of a model's layers and variables without rebuilding it."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from replaychart.facts.json_texts import entry, json_of, of_kind, shape_of

# Names of the two texts in a run file, for messages.
_LAYERS = "model/layers"
_VARIABLES = "model/variables"


@dataclasses.dataclass(frozen=True)
class RecordedVariable:
    """A variable of a layer.

    Attributes
    ----------
    name : str
        Within the layer, such as ``"kernel"`` or ``"lstm_cell/recurrent_kernel"``.
    position : int
        Among ``model.weights``.
    """

    name: str
    position: int


@dataclasses.dataclass(frozen=True)
class RecordedLayer:
    """What a chart has to know of a layer without rebuilding the model.

    Attributes
    ----------
    name : str
        The layer's name, unique in its model.
    kind : str
        The layer's class, such as ``"Dense"``.
    output_shape : tuple of (int or None) or None
        Shape of the layer's output without the batch axis; None where the model has no graph that
        would tell it.
    activation : str or None
        Name of the activation fused into the layer.
    variables : tuple of RecordedVariable
        The layer's variables.
    """

    name: str
    kind: str
    output_shape: tuple[int | None, ...] | None
    activation: str | None = None
    variables: tuple[RecordedVariable, ...] = ()


def layers_to_json(layers: tuple[RecordedLayer, ...]) -> str:
    """Return the text that is stored for `layers`."""
    return json.dumps([dataclasses.asdict(layer) for layer in layers])


def layers_from_json(text: str) -> tuple[RecordedLayer, ...]:
    """Return the layers that `layers_to_json` made `text` from.

    Raises
    ------
    ValueError
        It made no such text.
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
        The layer that it belongs to, ``""`` for one that the model holds itself.
    shape : tuple of int
        Its shape.
    dtype : str
        The dtype in which it is recorded.
    recorded : bool
        Whether the file holds it.
    """

    layer: str
    shape: tuple[int, ...]
    dtype: str
    recorded: bool = True


def variables_to_json(variables: Sequence[Variable]) -> str:
    """Return the text that is stored for `variables`."""
    return json.dumps([dataclasses.asdict(variable) for variable in variables])


def variables_from_json(text: str) -> tuple[Variable, ...]:
    """Return the variables that `variables_to_json` made `text` from.

    Raises
    ------
    ValueError
        It made no such text.
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
