"""Finds a layer's values before and after its activation function in the model's own graph.

The activation may be fused into the layer, or stand behind it: as a layer (``Activation``,
``ReLU``, ``LeakyReLU`` ...) or as an operation (``keras.ops.relu``), with a normalization or a
dropout in between.
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
# What may stand between a layer and its activation without being a layer of its own account.
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
    """Return the symbolic output of a layer where it stands in the model's own graph.

    Raises
    ------
    EvaluationError
        The layer has several outputs.
    """
    return _node(model, layer).output_tensors[0]


def output_needs_alone(model: keras.Model, layer: str) -> bool:
    """Return whether every way from the model's inputs to its output leads through a layer.

    Asked of the graph itself: not every version of Keras refuses to cut a model elsewhere.
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
    """Return a layer's symbolic output behind its activation function.

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
    behind = _activation_behind(model, node)
    return (node if behind is None else behind).output_tensors[0]


def pre_activation_of(
    model: keras.Model, layer: str, custom_objects: Mapping[str, Any] | None
) -> tuple[Any, list[tuple[Any, Any]]]:
    """Return what goes into a layer's activation function.

    Parameters
    ----------
    model : keras.Model
        A model with a graph.
    layer : str
        A layer with a kernel of its own.
    custom_objects : mapping or None
        Classes and functions that are not part of Keras, by name.

    Returns
    -------
    tensor : keras.KerasTensor
        Symbolic, computed from the model's inputs.
    twins : list of tuple
        Variables that were made for it, each with the variable of the model that it stands for.

    Raises
    ------
    EvaluationError
        The layer's activation is inside of it, such as that of a recurrent layer.
    """
    node = _node(model, layer)
    found = node.operation
    if not any(hasattr(found, kernel) for kernel in _KERNELS):
        message = (
            f"Layer {layer!r} ({type(found).__name__}) has no pre-activation of its own: its "
            "activations are part of what it computes."
        )
        raise EvaluationError(message)
    activation = getattr(found, "activation", None)
    if activation not in (None, keras.activations.linear):
        return _without_activation(found, node.input_tensors, custom_objects)
    behind = _activation_behind(model, node)
    return (node.output_tensors[0] if behind is None else behind.input_tensors[0]), []


def logits_of(
    model: keras.Model, custom_objects: Mapping[str, Any] | None
) -> tuple[Any, list[tuple[Any, Any]], Callable[[Any], Any]] | None:
    """Return what goes into a sigmoid or softmax that the model ends with, None if it does not.

    Parameters
    ----------
    model : keras.Model
        A model with a graph.
    custom_objects : mapping or None
        Classes and functions that are not part of Keras, by name.

    Returns
    -------
    tensor, twins
        As `pre_activation_of`.
    function : callable
        The activation function.
    """
    last = model.outputs[0]._keras_history.operation
    function = getattr(last, "activation", None)
    if function not in (keras.activations.sigmoid, keras.activations.softmax):
        return None
    inputs = _node(model, last.name).input_tensors
    if isinstance(last, keras.layers.Activation):
        return inputs[0], [], function
    return *_without_activation(last, inputs, custom_objects), function


def _without_activation(
    layer: Any, inputs: list[Any], custom_objects: Mapping[str, Any] | None
) -> tuple[Any, list[tuple[Any, Any]]]:
    config = layer.get_config()
    if "activation" not in config:
        message = (
            f"The pre-activation of layer {layer.name!r} ({type(layer).__name__}) cannot be told: "
            "its config does not hold its activation."
        )
        raise EvaluationError(message)
    # A twin and not the layer itself, which belongs to the user.
    config |= {"activation": "linear", "name": f"{layer.name}_without_activation"}
    with keras.saving.custom_object_scope(dict(custom_objects or {})):
        twin = type(layer).from_config(config)
    output = twin(*inputs)
    return output, list(zip(twin.weights, layer.weights, strict=True))


def _activation_behind(model: keras.Model, node: Any) -> Any:
    """Return the node of the activation that is applied to a node's output, None if none is."""
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
    # An operation such as keras.ops.relu, which Keras has among its activations too.
    return type(operation).__name__.lower() in _ACTIVATION_OPERATIONS


def _node(model: keras.Model, layer: str) -> Any:
    """Return the first call of a layer in the model's own graph."""
    found = model.get_layer(layer)
    nodes = [node for node in _nodes(model) if node.operation is found]
    if not nodes or len(nodes[0].output_tensors) != 1:
        message = f"Layer {layer!r} has not one output; only layers with one can be evaluated."
        raise EvaluationError(message)
    return nodes[0]


def _nodes(model: keras.Model) -> list[Any]:
    # A layer may have been called in other graphs before: a Sequential connects its layers anew
    # whenever one is added, and a nested model is called first when it is made.
    graph = getattr(model, "_functional", None) or model
    return list(chain.from_iterable(graph._nodes_by_depth.values()))
