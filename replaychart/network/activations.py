"""Finds a layer's values before and after its activation function in the model's graph.

The activation function can be part of the layer, or follow it: as a layer (``Activation``,
``ReLU``, ``LeakyReLU`` ...) or as an operation (``keras.ops.relu``), possibly with a normalization
or a dropout in between.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import keras

from replaychart.errors import EvaluationError
from replaychart.network import nesting
from replaychart.network.graph_nodes import maker_of, node_of, nodes_of

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


def outputs_of(model: keras.Model, layers: Sequence[str]) -> list[Any]:
    """Return the symbolic outputs of layers in the model's own graph.

    If a layer is called several times, it is the output of the first call.

    Parameters
    ----------
    model : keras.Model
        A model with a graph.
    layers : sequence of str
        Paths of its layers.

    Raises
    ------
    EvaluationError
        A layer has several outputs, or is inside something without a graph.
    """
    return nesting.tensors_of(model, layers, _output_of)[0]


def output_needs_alone(model: keras.Model, layer: str, output: Any) -> bool:
    """Return whether every path from the model's inputs to an output leads through a layer.

    The graph itself is searched, because not every version of Keras refuses to cut a model at
    other layers.
    """
    return nesting.leads_alone(model, layer, output, _leads_alone)


def _leads_alone(model: keras.Model, layer: str, output: Any) -> bool:
    through = node_of(model, layer).output_tensors[0]
    makers = {id(tensor): node for node in nodes_of(model) for tensor in node.output_tensors}
    waiting, seen = [output], {id(through)}
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


def activations_of(model: keras.Model, layers: Sequence[str]) -> list[Any]:
    """Return the symbolic outputs of layers after their activation functions; see `outputs_of`."""
    return nesting.tensors_of(model, layers, _activation_of)[0]


def pre_activations_of(
    model: keras.Model, layers: Sequence[str], custom_objects: Mapping[str, Any] | None
) -> tuple[list[Any], list[tuple[Any, Any]]]:
    """Return the symbolic inputs of the activation functions of layers.

    Parameters
    ----------
    model : keras.Model
        A model with a graph.
    layers : sequence of str
        Paths of layers with their own kernels.
    custom_objects : mapping or None
        Classes and functions that are not part of Keras, by name.

    Returns
    -------
    tensors : list of keras.KerasTensor
        Symbolic, computed from the model's inputs.
    twins : list of tuple
        Variables created for them, each with the model's variable that it replaces.

    Raises
    ------
    EvaluationError
        A layer applies its activations internally, as recurrent layers do.
    """
    return nesting.tensors_of(
        model, layers, partial(_pre_activation_of, custom_objects=custom_objects)
    )


def logits_of(
    model: keras.Model, output: Any, custom_objects: Mapping[str, Any] | None
) -> tuple[Any, list[tuple[Any, Any]], Callable[[Any], Any]] | None:
    """Return the input of a final sigmoid or softmax, None if an output does not end with one.

    Parameters
    ----------
    model : keras.Model
        A model with a graph.
    output : keras.KerasTensor
        One of its outputs.
    custom_objects : mapping or None
        Classes and functions that are not part of Keras, by name.

    Returns
    -------
    tensor, twins
        As for `pre_activations_of`.
    function : callable
        The activation function.
    """
    node = maker_of(model, output)
    last, inputs = node.operation, node.input_tensors
    inner = nesting.inner_output(node, output)
    if inner is not None:
        found = logits_of(last, inner, custom_objects)
        return found and (nesting.continued_from(node, found[0]), *found[1:])
    function = getattr(last, "activation", None)
    if function not in (keras.activations.sigmoid, keras.activations.softmax):
        return None
    if isinstance(last, keras.layers.Activation):
        return inputs[0], [], function
    return *_without_activation(last, inputs, custom_objects), function


def _output_of(model: keras.Model, layer: str) -> nesting.Found:
    return node_of(model, layer).output_tensors[0], []


def _activation_of(model: keras.Model, layer: str) -> nesting.Found:
    node = node_of(model, layer)
    after = _activation_after(model, node)
    return (node if after is None else after).output_tensors[0], []


def _pre_activation_of(
    model: keras.Model, layer: str, *, custom_objects: Mapping[str, Any] | None
) -> nesting.Found:
    node = node_of(model, layer)
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
            for candidate in nodes_of(model)
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
