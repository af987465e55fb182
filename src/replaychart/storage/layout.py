"""The names inside a file of runs, and the description that every run begins with.

A file holds one group per run::

    <run>/                        attributes: replaychart_layout, replaychart_version, ...
        inputs                    (points, ...)
        targets                   (points,), (points, 1) or (points, classes)
        epochs                    (snapshots,) int64; written last: a snapshot without it never was
        learning_rate             (snapshots,) float64, NaN before training
        weights/<i>               (snapshots, ...) in the order of ``model.weights``
        logs/<i>                  (snapshots,) float64, NaN where not logged; attribute: name
        model/architecture        JSON text
        model/compile_config      JSON text
        model/layers              JSON text, see `RecordedLayer`
        evaluations/              what `Run.store` kept; attribute: epochs that it was made for
        evaluations/<i>           arrays by name; attribute: key

Groups that DeepReplay wrote may stand beside them; `storage.deepreplay` tells of those.
"""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

LAYOUT_VERSION = 1
LAYOUT_ATTRIBUTE = "replaychart_layout"
WRITER_ATTRIBUTE = "replaychart_version"
RUN_ID_ATTRIBUTE = "run_id"
DETAILS_ATTRIBUTE = "details"

INPUTS = "inputs"
TARGETS = "targets"
EPOCHS = "epochs"
LEARNING_RATE = "learning_rate"
WEIGHTS = "weights"
LOGS = "logs"
EVALUATIONS = "evaluations"
ARCHITECTURE = "model/architecture"
COMPILE_CONFIG = "model/compile_config"
LAYERS = "model/layers"

NAME_ATTRIBUTE = "name"
KEY_ATTRIBUTE = "key"

_DEEPREPLAY_ATTRIBUTES = ("n_epochs", "n_layers")


def is_run(attributes: Mapping[str, Any]) -> bool:
    """Return whether a group with these attributes is a run in this layout."""
    return LAYOUT_ATTRIBUTE in attributes


def is_deepreplay(attributes: Mapping[str, Any]) -> bool:
    """Return whether a group with these attributes was written by DeepReplay."""
    return not is_run(attributes) and all(name in attributes for name in _DEEPREPLAY_ATTRIBUTES)


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
    """Return the layers that `layers_to_json` made `text` from."""
    return tuple(_layer_from_record(record) for record in json.loads(text))


def _layer_from_record(record: dict[str, Any]) -> RecordedLayer:
    shape = record["output_shape"]
    return RecordedLayer(
        name=record["name"],
        kind=record["kind"],
        output_shape=None if shape is None else tuple(shape),
        activation=record.get("activation"),
        variables=tuple(RecordedVariable(**variable) for variable in record.get("variables", ())),
    )
