"""Describes a Keras model in the form in which a run file stores it."""

import functools
import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from replaychart.arguments import shown
from replaychart.errors import ArgumentError, RecordingError
from replaychart.facts.compile_config import metrics_by_name, name_in_keras, single_output
from replaychart.facts.inputs import INPUTS_IN_A_LIST
from replaychart.facts.layers import (
    OUTPUT_LAYER,
    SEPARATOR,
    RecordedLayer,
    RecordedVariable,
    Variable,
    stored_dtype,
)
from replaychart.facts.outputs import entry_of
from replaychart.network import calling
from replaychart.network.calling import has_graph
from replaychart.network.nesting import layers_by_path, path_of_output
from replaychart.network.omitted_arguments import with_omitted_arguments

NOTHING = "null"

# Losses for probabilities, whose targets are probabilities too, and losses for -1 and 1.
_CROSSENTROPIES = (
    "bce",
    "binarycrossentropy",
    "binaryfocalcrossentropy",
    "categoricalcrossentropy",
    "categoricalfocalcrossentropy",
)
_HINGES = ("hinge", "squaredhinge")


def check_recordable(model: keras.Model, *, loss: object = None) -> None:
    """Raise `RecordingError` unless the model is built and there is a loss, compiled or passed."""
    check_keras_3(model)
    if not isinstance(model, keras.Model):
        message = f"model must be a Keras model. Got {type(model).__name__}."
        raise RecordingError(message)
    if not model.built:
        message = (
            f"model {model.name!r} is not built, so it has no weights to record. Add an Input "
            "layer, call model.build(input_shape), or call the model on data once."
        )
        raise RecordingError(message)
    if loss is None and not model.compiled:
        message = (
            f"model {model.name!r} is not compiled, so there is no loss to record. Call "
            "model.compile(loss=..., optimizer=...) first, or pass loss= to the Recorder."
        )
        raise RecordingError(message)


def check_keras_3(model: object) -> None:
    """Raise `RecordingError` if a model is one of tf_keras, which is Keras 2."""
    if any(one.__module__.split(".")[0] == "tf_keras" for one in type(model).__mro__):
        message = (
            f"model must be a Keras 3 model. Got a {type(model).__name__} of tf_keras (Keras 2): "
            "build it with `import keras` and without TF_USE_LEGACY_KERAS=1, or record its outputs "
            "with record_outputs."
        )
        raise RecordingError(message)


def checked_loss(loss: Any) -> Any:
    """Return a loss that replaces the compiled one, unchanged.

    Raises
    ------
    ArgumentError
        Keras does not accept it as a loss.
    """
    if loss is None:
        return None
    if _is_of_several(loss) and len(loss) > 1:
        for one in loss.values() if isinstance(loss, Mapping) else loss:
            checked_loss(one)
        return loss
    allowed = (
        "loss must be the name of a Keras loss, such as 'mse', a keras.losses.Loss or a function "
        "of targets and outputs"
    )
    if _is_of_several(loss):
        message = f"{allowed}, not a collection, because there is one output. Got {shown(loss)}."
        raise ArgumentError(message)
    try:
        known = keras.losses.get(loss)
    except Exception as error:  # anything that Keras raises for an unknown loss
        message = f"{allowed}. Got {shown(loss)}."
        raise ArgumentError(message) from error
    if not callable(known) or isinstance(known, (keras.metrics.Metric, keras.layers.Layer)):
        message = f"{allowed}. Got {shown(loss)}."
        raise ArgumentError(message)
    return loss


def check_loss_of_outputs(loss: Any, outputs: list[str]) -> None:
    """Raise `ArgumentError` unless a loss that replaces the compiled one fits a model's outputs."""
    if not _is_of_several(loss):
        return
    if not outputs:
        message = (
            "loss must be the name of a Keras loss, such as 'mse', a keras.losses.Loss or a "
            "function of targets and outputs, not a collection, because there is one output. Got "
            f"{shown(loss)}."
        )
        raise ArgumentError(message)
    listed = ", ".join(map(repr, outputs))
    fits = set(loss) <= set(outputs) if isinstance(loss, Mapping) else len(loss) == len(outputs)
    if not fits:
        message = f"loss must have one loss for each of the outputs {listed}. Got {shown(loss)}."
        raise ArgumentError(message)


def _is_of_several(loss: Any) -> bool:
    return isinstance(loss, (list, tuple)) or (
        isinstance(loss, Mapping) and "class_name" not in loss
    )


def names_of_outputs(model: keras.Model, recorded: calling.Recorded) -> list[str]:
    """Return the names of a model's outputs; none if it has only one.

    Raises
    ------
    RecordingError
        The outputs are nested.
    """
    try:
        return calling.names_of_outputs(model, recorded)
    except ValueError as error:
        message = (
            f"model {model.name!r} returns its outputs in a nested structure. Only a list, a tuple "
            "or a dict of outputs can be recorded."
        )
        raise RecordingError(message) from error
    except Exception:  # a user's own `call`, which may compute values while it is called
        return []


def check_class_names(
    shape: tuple[int | None, ...] | None, class_names: list[str] | None, argument: str
) -> None:
    """Raise `ArgumentError` unless there is one name for each class of an output."""
    if class_names is None or shape is None:
        return
    classes = 2 if shape in ((), (1,)) else shape[-1]
    if len(class_names) != classes:
        message = (
            f"{argument} must contain {classes} names, one for each class of the model's output. "
            f"Got {len(class_names)}: {shown(class_names)}."
        )
        raise ArgumentError(message)


def check_targets(
    shape: tuple[int | None, ...] | None, targets: np.ndarray, loss: Any, argument: str
) -> None:
    """Raise `ArgumentError` unless the targets fit the model's output and its loss.

    Parameters
    ----------
    shape : tuple of (int or None) or None
        The shape of the output, if it is known.
    targets : numpy.ndarray, shape (points, ...)
        The recorded targets.
    loss : object
        The model's loss, in the form that `compile_config_of` returns.
    argument : str
        What errors call the targets.
    """
    name = name_in_keras(loss)
    # A loss of your own may compare targets and outputs of any shapes, such as a mixture density.
    if _is_of_keras(loss):
        _check_shape(shape, targets, json.dumps(loss).replace("_", "").lower(), argument)
    _check_range(targets, name, argument)


def _check_shape(
    shape: tuple[int | None, ...] | None, targets: np.ndarray, name: str, argument: str
) -> None:
    """Raise `ArgumentError` unless the targets have the shape that output and loss require."""
    units = 1 if shape == () else shape[0] if shape is not None and len(shape) == 1 else None
    if units is None:
        return  # The loss itself checks targets of outputs with several axes.
    flat = targets.reshape(len(targets), -1)
    if flat.shape[1] not in (1, units):
        own = " or (points, 1)" if units == 1 else f", (points, 1) or (points, {units})"
        message = (
            f"{argument} must have the shape (points,){own}, because the model's output has "
            f"{units} unit{'s' * (units > 1)}. Got the shape {targets.shape}."
        )
        raise ArgumentError(message)
    if "sparsecategorical" in name:
        if flat.shape[1] > 1 or not np.isin(flat, np.arange(units)).all():
            message = (
                f"{argument} must be class numbers from 0 to {units - 1}, because the loss is "
                f"sparse and the model's output has {units} units. Got the shape {targets.shape}, "
                f"with values from {flat.min():g} to {flat.max():g}."
            )
            raise ArgumentError(message)
    elif "categoricalcrossentropy" in name and flat.shape[1] != units:
        message = (
            f"{argument} must be one-hot, with the shape (points, {units}), because the loss is "
            f"categorical crossentropy. Got the shape {targets.shape}. For class numbers, use "
            "sparse_categorical_crossentropy."
        )
        raise ArgumentError(message)


def _is_of_keras(loss: Any) -> bool:
    """Return whether a serialized loss is one of Keras's, or none that Keras could name."""
    if not isinstance(loss, Mapping):
        return True
    if loss["class_name"] == "function":
        return hasattr(keras.losses, str(loss["config"]))
    return bool(name_in_keras(loss))


def _check_range(targets: np.ndarray, loss: str, argument: str) -> None:
    """Raise `ArgumentError` unless the targets are in the range that a Keras loss expects."""
    low, high = targets.min(), targets.max()
    got = f"Got values from {low:g} to {high:g}."
    if loss in _CROSSENTROPIES and (low < 0 or high > 1):
        message = f"{argument} must be between 0 and 1, because the loss is a crossentropy. {got}"
        classes = np.unique(targets)
        if len(classes) == 2:
            message += f" To convert the classes, use (y == {classes[1]:g}).astype(int)."
        message += " Train the model on the same targets."
        raise ArgumentError(message)
    if loss in _HINGES and (low < -1 or high > 1):
        message = f"{argument} must be -1 or 1, or 0 or 1, because the loss is a hinge loss. {got}"
        raise ArgumentError(message)


def architecture_of(model: keras.Model) -> str:
    """Return the model's architecture as JSON, ``"null"`` if it cannot be serialized."""
    try:
        with _without_warnings_of_lambdas(), _without_compile_configs(model):
            return json.dumps(keras.saving.serialize_keras_object(model))
    except Exception:
        # A subclassed model without `get_config`, or one of the user's own that raises anything. To
        # open its run, you pass the model itself.
        return NOTHING


def compile_config_of(model: keras.Model, *, loss: object = None) -> str:
    """Return loss, metrics and optimizer as JSON, ``"null"`` if they cannot be serialized.

    Parameters
    ----------
    model : keras.Model
        The model, compiled or not.
    loss : str, keras.losses.Loss or callable, optional
        Replaces the compiled loss.
    """
    try:
        config = _compile_config(model)
        given = config.get("loss") if loss is None else _serialized(loss)
        config["loss"] = given if has_several_outputs(model) else single_output(given)
        if loss is not None:
            config.pop("loss_weights", None)  # those of the compiled loss
        return json.dumps(config)
    except Exception:  # a user's `get_config` may raise anything
        return NOTHING


def metrics_of(model: keras.Model) -> dict[str, Any]:
    """Return the compiled metrics by the name under which Keras logs them.

    Those that cannot be serialized are missing, and only the logs contain their values.
    """
    return metrics_by_name(single_output(_compile_config(model).get("metrics")))


def has_several_outputs(model: keras.Model) -> bool:
    """Return whether a model has several outputs, as far as its graph or its loss says so."""
    known = len(getattr(model, "outputs", None) or [])
    loss: Any = compiled_with(model).get("loss")
    return known > 1 or (not known and _is_of_several(loss) and len(loss) > 1)


def layers_of(model: keras.Model) -> tuple[RecordedLayer, ...]:
    """Return the model's layers in order, without input layers.

    The layers of a nested model come before that model, and have paths as names.
    """
    positions = {id(variable): position for position, variable in enumerate(model.weights)}
    layers = list(layers_by_path(model))
    # What is inside these can be evaluated only through a graph that leads to it.
    code = [path for path, layer in layers if _is_connected_by_code(layer)]
    code += [""] if _is_connected_by_code(model) else []
    return tuple(
        RecordedLayer(
            name=path,
            kind=type(layer).__name__,
            output_shape=None if _is_of(path, code) else _output_shape(layer),
            activation=_activation(layer),
            variables=tuple(
                RecordedVariable(_name_within(layer, variable), positions[id(variable)])
                for variable in layer.weights
                if id(variable) in positions
            ),
        )
        for path, layer in layers
    )


def check_layers(model: keras.Model, layers: list[str] | None) -> None:
    """Raise `ArgumentError` unless the model has layers with these names that have weights."""
    known = [path for path, layer in layers_by_path(model) if layer.weights]
    for layer in layers or []:
        if layer not in known:
            names = ", ".join(repr(name) for name in known)
            message = f"layers must be among the layers with weights: {names}. Got {layer!r}."
            raise ArgumentError(message)


def variables_of(model: keras.Model, layers: list[str] | None) -> tuple[Variable, ...]:
    """Return the model's variables in the order of ``model.weights``.

    Parameters
    ----------
    model : keras.Model
        A built model.
    layers : list of str or None
        Only these layers' variables are recorded; None for all. A nested model stands for all
        layers in it.
    """
    owners: dict[int, str] = {}
    for path, layer in layers_by_path(model):  # first the layers of a nested model, then the model
        for weight in layer.weights:
            owners.setdefault(id(weight), path)
    return tuple(
        Variable(
            layer=owners.get(id(weight), ""),
            shape=tuple(weight.shape),
            dtype=stored_dtype(keras.backend.standardize_dtype(weight.dtype)),
            recorded=layers is None or _is_of(owners.get(id(weight), ""), layers),
        )
        for weight in model.weights
    )


def _is_of(path: str, layers: list[str]) -> bool:
    """Return whether a layer is one of several, or inside one of them; ``""`` contains all."""
    return any(path == one or not one or path.startswith(f"{one}{SEPARATOR}") for one in layers)


def _is_connected_by_code(layer: Any) -> bool:
    return isinstance(layer, keras.Model) and not has_graph(layer)


def details_of(
    model: keras.Model,
    *,
    feature_names: list[str] | dict[str, list[str]] | None,
    class_names: list[str] | None,
    steps_per_epoch: int | None = None,
    inputs_in_a_list: bool = False,
) -> dict[str, object]:
    """Return further details for the file: versions, backend, names, shapes.

    Those of several outputs are in `outputs_of`.
    """
    of_inputs = {INPUTS_IN_A_LIST: True} if inputs_in_a_list else {}
    return {
        "keras_version": keras.version(),
        "backend": keras.backend.backend(),
        "model_name": model.name,
        "model_class": type(model).__name__,
        "feature_names": feature_names,
        "class_names": class_names,
        "metrics": {} if has_several_outputs(model) else metrics_of(model),
        "output_shape": _output_shape_of(model),
        OUTPUT_LAYER: path_of_output(model, model.outputs[0]) if has_graph(model) else None,
        "steps_per_epoch": steps_per_epoch,
        **of_inputs,
    }


def outputs_of(
    model: keras.Model, names: list[str], class_names: Mapping[str, list[str]]
) -> dict[str, dict[str, object]]:
    """Return what is known about each of a model's several outputs, by name.

    Parameters
    ----------
    model : keras.Model
        A built model.
    names : list of str
        The names of the outputs.
    class_names : mapping of str to list of str
        The names of the classes of some outputs.
    """
    metrics = _compile_config(model).get("metrics")
    tensors = model.outputs if has_graph(model) else [None] * len(names)
    return {
        name: {
            "output_shape": None if tensor is None else tuple(tensor.shape[1:]),
            OUTPUT_LAYER: None if tensor is None else path_of_output(model, tensor),
            "metrics": metrics_by_name(entry_of(metrics, names, name)),
            "class_names": class_names.get(name),
        }
        for name, tensor in zip(names, tensors, strict=True)
    }


def compiled_with(model: keras.Model) -> dict[str, Any]:
    """Return what a model was compiled with, as objects: loss, metrics and others, by argument."""
    config = getattr(model, "_compile_config", None)
    return dict(getattr(config, "config", {})) if model.compiled else {}


def _compile_config(model: keras.Model) -> dict[str, Any]:
    """Return the serialized arguments of ``compile``, without those that cannot be serialized."""
    if not model.compiled:
        return {}
    live = compiled_with(model)
    with _without_warnings_of_lambdas():
        try:
            config = model.get_compile_config() or {}
            json.dumps(config)
        except Exception:  # a user's `get_config` may raise anything
            given = dict(live)
            loss = given.pop("loss", None)
            loss = loss if has_several_outputs(model) else single_output(loss)
            config = {**_serializable(given), "loss": _serialized(loss)}
    return {name: with_omitted_arguments(value, live.get(name)) for name, value in config.items()}


def _serializable(given: Any) -> Any:
    """Return what can be serialized of an argument of ``compile``, None if nothing can."""
    if isinstance(given, Mapping):
        return {name: _serializable(value) for name, value in given.items()}
    if isinstance(given, (list, tuple)):
        return [_serializable(one) for one in given]
    try:
        # Keras makes an instance of a class, too.
        instance = given() if isinstance(given, type) else given
        config = keras.saving.serialize_keras_object(instance)
        json.dumps(config)
    except Exception:  # a user's `get_config` may raise anything
        return None
    return config


def _serialized(loss: Any) -> Any:
    """Return a loss as JSON values; by its name only, if it cannot be serialized."""
    if loss is None or isinstance(loss, str):
        return loss
    if _is_of_several(loss):
        if isinstance(loss, Mapping):
            return {name: _serialized(one) for name, one in loss.items()}
        return [_serialized(one) for one in loss]
    try:
        with _without_warnings_of_lambdas():
            known = keras.losses.get(loss)
            config = with_omitted_arguments(keras.losses.serialize(known), known)
        json.dumps(config)
    except Exception:  # a user's `get_config` may raise anything
        return _named(loss)
    return config


def _named(loss: Any) -> Any:
    """Return a loss by a name that only ``custom_objects`` can give a meaning to."""
    if not callable(loss):
        return None
    if isinstance(loss, functools.partial):
        # Not the name of the function: without its arguments, it is another loss.
        name, module = f"partial({_name_of(loss.func)})", "functools"
    else:
        name, module = _name_of(loss), type(loss).__module__
    return {"class_name": "function", "module": module, "config": name, "registered_name": name}


def _name_of(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


@contextmanager
def _without_warnings_of_lambdas() -> Iterator[None]:
    # Keras warns about every lambda that it serializes. Code from a file is never run anyway.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*lambda", category=UserWarning)
        yield


@contextmanager
def _without_compile_configs(model: keras.Model) -> Iterator[None]:
    """Leave out how a model and the models in it were compiled when they are serialized.

    It is recorded separately, and a loss or metric that cannot be serialized must not cost the
    architecture.
    """
    models = [layer for layer in model._flatten_layers() if isinstance(layer, keras.Model)]
    for one in models:
        # Not with setattr, because Keras tracks attributes.
        vars(one)["get_compile_config"] = lambda: None
    try:
        yield
    finally:
        for one in models:
            del vars(one)["get_compile_config"]


def _output_shape_of(model: keras.Model) -> tuple[int | None, ...] | None:
    outputs = getattr(model, "outputs", None)
    return tuple(outputs[0].shape[1:]) if outputs and len(outputs) == 1 else None


def _output_shape(layer: Any) -> tuple[int | None, ...] | None:
    try:
        shape = layer.output.shape
    except (AttributeError, ValueError):
        return None
    return tuple(shape[1:])


def _name_within(layer: Any, variable: Any) -> str:
    """Return the part of a variable's path within a layer."""
    return f"/{variable.path}".rpartition(f"/{layer.name}/")[2]


def _activation(layer: Any) -> str | None:
    activation = getattr(layer, "activation", None)
    return getattr(activation, "__name__", None)
