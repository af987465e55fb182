"""Layers inside nested models, such as a backbone, by their path: ``"backbone/block3"``.

A nested model is one layer in the graph of the model around it, and has a graph of its own. To look
at a layer inside it, the part of the nested model up to that layer is called with the inputs that
the nested model itself gets there. Layers inside anything else, such as a ``TimeDistributed`` or a
user's own layer, cannot be reached: they have no graph that says what leads to them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras

from replaychart.errors import EvaluationError
from replaychart.facts.layers import SEPARATOR
from replaychart.network.calling import has_graph
from replaychart.network.graph_nodes import maker_of, node_of

# A tensor of a model's graph, and variables that were made for it, each with the one it replaces.
Found = tuple[Any, list[tuple[Any, Any]]]
# Takes a model and the name of one of its own layers.
Find = Callable[[keras.Model, str], Found]

_ARGUMENTS = ("inputs", "training", "mask")


def layers_by_path(model: keras.Model, around: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the layers of a model with their paths, those of a nested model before that model.

    Input layers are left out, and so are layers of a subclassed model that share their names.
    """
    seen = set()
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer) or layer.name in seen:
            continue
        seen.add(layer.name)
        path = f"{around}{layer.name}"
        if isinstance(layer, keras.Model):
            yield from layers_by_path(layer, f"{path}{SEPARATOR}")
        yield path, layer


def path_of_output(model: keras.Model, output: Any) -> str | None:
    """Return the path of the layer that an output of a model's graph comes from.

    Operations after that layer, such as ``keras.ops.squeeze``, are passed over. None if there is no
    such layer, because an operation combines several.
    """
    node = maker_of(model, output)
    while not isinstance(node.operation, keras.layers.Layer):
        if len(node.input_tensors) != 1:
            return None
        (output,) = node.input_tensors
        node = maker_of(model, output)
    layer = node.operation
    if isinstance(layer, keras.layers.InputLayer):
        return None
    own = inner_output(node, output)
    inner = None if own is None else path_of_output(layer, own)
    return str(layer.name) if inner is None else f"{layer.name}{SEPARATOR}{inner}"


def tensors_of(
    model: keras.Model, layers: Sequence[str], find: Find
) -> tuple[list[Any], list[tuple[Any, Any]]]:
    """Return tensors of layers in a model's own graph, also of layers inside nested models.

    Parameters
    ----------
    model : keras.Model
        A model with a graph.
    layers : sequence of str
        Paths of layers.
    find : callable
        Returns a tensor of the graph of the model to which the layer itself belongs, and the
        variables that were made for it.

    Returns
    -------
    list of keras.KerasTensor
        One for each layer.
    list of tuple
        The variables of all layers.

    Raises
    ------
    EvaluationError
        A layer is inside something without a graph.
    """
    found: dict[str, Any] = {}
    variables: list[tuple[Any, Any]] = []
    inside = defaultdict(list)
    for path in dict.fromkeys(layers):
        name, _, inner = path.partition(SEPARATOR)
        if inner:
            inside[name].append(inner)
        else:
            found[path], own = find(model, name)
            variables += own
    for name, inner_paths in inside.items():
        node = node_of(model, name)
        tensors, own = tensors_of(_nested(node, name), inner_paths, find)
        variables += own
        paths = [f"{name}{SEPARATOR}{inner}" for inner in inner_paths]
        found |= dict(zip(paths, _continued(node, tensors), strict=True))
    return [found[path] for path in layers], variables


def leads_alone(model: keras.Model, layer: str, output: Any, alone: Callable[..., bool]) -> bool:
    """Return whether an output of a model depends on nothing but a layer, given by its path.

    Parameters
    ----------
    model : keras.Model
        A model with a graph.
    layer : str
        The path of the layer.
    output : keras.KerasTensor
        An output of the model.
    alone : callable
        Takes a model, the name of one of its own layers and an output, and returns the same for it.
    """
    name, _, inner = layer.partition(SEPARATOR)
    if not alone(model, name, output):
        return False
    if not inner:
        return True
    node = node_of(model, name)
    nested = node.operation
    return _is_nested(nested) and leads_alone(nested, inner, nested.outputs[0], alone)


def is_output(model: keras.Model, layer: str, output: Any) -> bool:
    """Return whether a layer, given by its path, computes an output of a model."""
    name, _, inner = layer.partition(SEPARATOR)
    node = node_of(model, name)
    if node.output_tensors[0] is not output:
        return False
    nested = node.operation
    return not inner or (_is_nested(nested) and is_output(nested, inner, nested.outputs[0]))


def part_after(model: keras.Model, layer: str, output: Any) -> keras.Model:
    """Return the part of a model from a layer, given by its path, to one of its outputs.

    Parameters
    ----------
    model : keras.Model
        A model with a graph.
    layer : str
        A layer on which the output depends alone, and which does not compute it.
    output : keras.KerasTensor
        The output.
    """
    name, _, inner = layer.partition(SEPARATOR)
    node = node_of(model, name)
    begin = node.output_tensors[0]
    nested = node.operation
    parts = [] if begin is output else [keras.Model(begin, output)]
    if inner and not is_output(nested, inner, nested.outputs[0]):
        parts.insert(0, part_after(nested, inner, nested.outputs[0]))
    first, *others = parts
    if not others:
        return first
    (after,) = others
    inputs = keras.Input(batch_shape=first.inputs[0].shape, dtype=first.inputs[0].dtype)
    return keras.Model(inputs, after(first(inputs)))


def continued_from(node: Any, tensor: Any) -> Any:
    """Return a tensor in the graph of a nested model as one of the graph around that model.

    Parameters
    ----------
    node : keras node
        The call of the nested model.
    tensor : keras.KerasTensor
        A tensor of the nested model's own graph.
    """
    (outer,) = _continued(node, [tensor])
    return outer


def inner_output(node: Any, output: Any) -> Any:
    """Return the tensor of a nested model's own graph that is an output of its call.

    None if the node calls something else.
    """
    if not _is_nested(node.operation):
        return None
    places = [place for place, one in enumerate(node.output_tensors) if one is output]
    return node.operation.outputs[places[0]]


def _continued(node: Any, tensors: list[Any]) -> list[Any]:
    nested = node.operation
    is_sequential = isinstance(nested, keras.Sequential)
    part = keras.Model(nested.inputs[0] if is_sequential else nested.input, tensors)
    given = node.arguments.kwargs
    kept = {name: given[name] for name in _ARGUMENTS if given.get(name) is not None}
    outputs = part(*node.arguments.args, **kept)
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def _nested(node: Any, name: str) -> keras.Model:
    """Return the nested model that a node calls."""
    if not _is_nested(node.operation):
        message = (
            f"The layers inside {name!r} ({type(node.operation).__name__}) cannot be evaluated, "
            "because they are connected by code and not by a graph."
        )
        raise EvaluationError(message)
    return node.operation


def _is_nested(layer: Any) -> bool:
    return isinstance(layer, keras.Model) and has_graph(layer)
