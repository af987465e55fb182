"""Finds a layer's values before and after its activation function in the model's graph.

The activation function can be part of the layer, or follow it: as a layer (``Activation``,
``ReLU``, ``LeakyReLU`` ...) or as an operation (``keras.ops.relu``), possibly with a normalization
or a dropout in between.
"""

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

import keras

from replaychart.errors import EvaluationError

_ACTIVATIONS = (
    keras.layers.Activation,
    keras.layers.ELU,
    keras.layers.LeakyReLU,
    keras.layers.PReLU,
    keras.layers.ReLU,
    keras.layers.Softmax,
)
_ACTIVATION_OPERATIONS = {name.replace("_", "").lower() for name in dir(keras.activations)}
# Layers that can come between a layer and its activation.
_IN_BETWEEN = (
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
    keras.layers.UnitNormalization,
    keras.layers.ActivityRegularization,
    keras.layers.AlphaDropout,
    keras.layers.Dropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
)
_KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")


def output_of(model: keras.Model, layer: str) -> Any:
    """Return the symbolic output of a layer in the model's own graph.

    If the layer is called several times, it is the output of the first call.

    Raises
    ------
    EvaluationError
        The layer has several outputs.
    """
    return _node(model, layer).output_tensors[0]


def output_needs_alone(model: keras.Model, layer: str) -> bool:
    """Return whether every path from the model's inputs to its output leads through a layer.

    The graph itself is searched, because not every version of Keras refuses to cut a model at
    other layers.
    """
    through = output_of(model, layer)
    makers = {id(tensor): node for node in _nodes(model) for tensor in node.output_tensors}
    waiting, seen = list(model.outputs), {id(through)}
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        before = makers[id(tensor)].input_tensors
        if not before:
            return False
        waiting += before
    return True


def activation_of(model: keras.Model, layer: str) -> Any:
    """Return a layer's symbolic output after its activation function.

    Parameters
    ----------
    model : keras.Model
        A model with a graph.
    layer : str
        One of its layers.

    Raises
    ------
    EvaluationError
        The layer has several outputs.
    """
    node = _node(model, layer)
    after = _activation_after(model, node)
    return (node if after is None else after).output_tensors[0]


def pre_activation_of(
    model: keras.Model, layer: str, custom_objects: Mapping[str, Any] | None
) -> tuple[Any, list[tuple[Any, Any]]]:
    """Return the symbolic input of a layer's activation function.

    Parameters
    ----------
    model : keras.Model
        A model with a graph.
    layer : str
        A layer with its own kernel.
    custom_objects : mapping or None
        Classes and functions that are not part of Keras, by name.

    Returns
    -------
    tensor : keras.KerasTensor
        Symbolic, computed from the model's inputs.
    twins : list of tuple
        Variables created for it, each with the model's variable that it replaces.

    Raises
    ------
    EvaluationError
        The layer applies its activations internally, as recurrent layers do.
    """
    node = _node(model, layer)
    found = node.operation
    if not any(hasattr(found, kernel) for kernel in _KERNELS):
        message = (
            f"Layer {layer!r} ({type(found).__name__}) has no pre-activation, because it applies "
            "its activations internally."
        )
        raise EvaluationError(message)
    activation = getattr(found, "activation", None)
    if activation not in (None, keras.activations.linear):
        return _without_activation(found, node.input_tensors, custom_objects)
    after = _activation_after(model, node)
    return (node.output_tensors[0] if after is None else after.input_tensors[0]), []


def logits_of(
    model: keras.Model, custom_objects: Mapping[str, Any] | None
) -> tuple[Any, list[tuple[Any, Any]], Callable[[Any], Any]] | None:
    """Return the input of the model's final sigmoid or softmax, None if it does not end with one.

    Parameters
    ----------
    model : keras.Model
        A model with a graph.
    custom_objects : mapping or None
        Classes and functions that are not part of Keras, by name.

    Returns
    -------
    tensor, twins
        As for `pre_activation_of`.
    function : callable
        The activation function.
    """
    node = next(one for one in _nodes(model) if model.outputs[0] is one.output_tensors[0])
    last, inputs = node.operation, node.input_tensors
    function = getattr(last, "activation", None)
    if function not in (keras.activations.sigmoid, keras.activations.softmax):
        return None
    if isinstance(last, keras.layers.Activation):
        return inputs[0], [], function
    return *_without_activation(last, inputs, custom_objects), function


def _without_activation(
    layer: Any, inputs: list[Any], custom_objects: Mapping[str, Any] | None
) -> tuple[Any, list[tuple[Any, Any]]]:
    config = layer.get_config()
    if "activation" not in config:
        message = (
            f"The pre-activation of layer {layer.name!r} ({type(layer).__name__}) is not "
            "available, because the layer's config does not contain its activation."
        )
        raise EvaluationError(message)
    # A twin, because the layer itself belongs to the user.
    config |= {"activation": "linear", "name": f"{layer.name}_without_activation"}
    with keras.saving.custom_object_scope(dict(custom_objects or {})):
        twin = type(layer).from_config(config)
    output = twin(*inputs)
    return output, list(zip(twin.weights, layer.weights, strict=True))


def _activation_after(model: keras.Model, node: Any) -> Any:
    """Return the node of the activation that follows a node, None if there is none."""
    if getattr(node.operation, "activation", keras.activations.linear) is not (
        keras.activations.linear
    ):
        return None
    while True:
        consumers = [
            candidate
            for candidate in _nodes(model)
            if any(tensor is node.output_tensors[0] for tensor in candidate.input_tensors)
        ]
        if len(consumers) != 1:
            return None
        (node,) = consumers
        if _is_activation(node.operation):
            return node
        if not isinstance(node.operation, _IN_BETWEEN):
            return None


def _is_activation(operation: Any) -> bool:
    if isinstance(operation, keras.layers.Layer):
        return isinstance(operation, _ACTIVATIONS)
    # An operation such as keras.ops.relu, which is also one of Keras's activations.
    return type(operation).__name__.lower() in _ACTIVATION_OPERATIONS


def _node(model: keras.Model, layer: str) -> Any:
    """Return the call of a layer in the model's own graph; the first one if there are several."""
    found = model.get_layer(layer)
    own = {id(node) for node in _nodes(model)}
    nodes = [node for node in found._inbound_nodes if id(node) in own]  # in the order of the calls
    if not nodes or len(nodes[0].output_tensors) != 1:
        message = f"Layer {layer!r} must have exactly one output to be evaluated."
        raise EvaluationError(message)
    return nodes[0]


def _nodes(model: keras.Model) -> list[Any]:
    # A layer may also have been called in other graphs: a Sequential reconnects its layers whenever
    # one is added, and a nested model is first called when it is created.
    graph = getattr(model, "_functional", None) or model
    return list(chain.from_iterable(graph._nodes_by_depth.values()))
