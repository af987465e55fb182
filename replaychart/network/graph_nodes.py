"""The nodes of a Keras model's own graph: the calls of its layers and operations."""

from itertools import chain
from typing import Any

import keras

from replaychart.errors import EvaluationError


def nodes_of(model: keras.Model) -> list[Any]:
    """Return the nodes of a model's own graph."""
    # A layer may also have been called in other graphs: a Sequential reconnects its layers whenever
    # one is added, and a nested model is first called when it is created.
    graph = getattr(model, "_functional", None) or model
    return list(chain.from_iterable(graph._nodes_by_depth.values()))


def node_of(model: keras.Model, layer: str) -> Any:
    """Return the call of a layer in the model's own graph; the first one if there are several.

    Raises
    ------
    EvaluationError
        The layer has several outputs.
    """
    found = model.get_layer(layer)
    own = {id(node) for node in nodes_of(model)}
    nodes = [node for node in found._inbound_nodes if id(node) in own]  # in the order of the calls
    if not nodes or len(nodes[0].output_tensors) != 1:
        message = f"Layer {layer!r} must have exactly one output to be evaluated."
        raise EvaluationError(message)
    return nodes[0]


def maker_of(model: keras.Model, tensor: Any) -> Any:
    """Return the node that computes a tensor of a model's own graph."""
    return next(
        node for node in nodes_of(model) if any(tensor is one for one in node.output_tensors)
    )
