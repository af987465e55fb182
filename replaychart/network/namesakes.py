"""A user's own functions that have the name of one of Keras's.

Keras writes a function by its name alone, and looks the name up among its own functions first. So a
user's own ``relu`` that is not registered is read as Keras's.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import Any

import keras

from replaychart.network.description import compiled_with

_ACTIVATION = "activation"
# Functions of these frameworks compute what Keras's of the same name compute, or the witness of the
# recording shows that they do not.
_FRAMEWORKS = ("keras", "tensorflow", "jax", "torch")


def with_own_activations(config: Any, custom_objects: Mapping[str, Any] | None) -> Any:
    """Return an architecture in which activations that a user passes replace Keras's.

    Keras writes the name of an activation as a string if it has one of that name, and does not look
    such a string up among custom objects. It does so for a function that is written as an object.

    Parameters
    ----------
    config : JSON value
        The architecture, or a part of it.
    custom_objects : mapping or None
        Classes and functions that are not part of Keras, by name.
    """
    own = {name for name, found in (custom_objects or {}).items() if callable(found)}
    return _with_activations(config, own) if own else config


def _with_activations(config: Any, own: set[str]) -> Any:
    if isinstance(config, list):
        return [_with_activations(part, own) for part in config]
    if not isinstance(config, dict):
        return config
    return {
        key: _function(value)
        if key.endswith(_ACTIVATION) and isinstance(value, str) and value in own
        else _with_activations(value, own)
        for key, value in config.items()
    }


def _function(name: str) -> dict[str, str]:
    """Return the configuration of a function, as Keras writes those that it does not have."""
    return {
        "module": "builtins",
        "class_name": "function",
        "config": name,
        "registered_name": "function",
    }


def warn_of_namesakes(model: keras.Model, *, loss: object = None) -> None:
    """Warn of a model's own functions that a replay would take for Keras's.

    Parameters
    ----------
    model : keras.Model
        The live model.
    loss : str, keras.losses.Loss or callable, optional
        Used instead of the compiled loss.

    Warns
    -----
    UserWarning
        A function that is not registered with Keras has the name of one of Keras's.
    """
    found = {
        what: function.__name__
        for what, function, get in _functions_of(model, loss)
        if _is_namesake(function, get)
    }
    if not found:
        return
    names = list(dict.fromkeys(found.values()))
    objects = ", ".join(f"{name!r}: {name}" for name in names)
    listed = ", ".join(f"{name!r} ({what})" for what, name in found.items())
    message = (
        f"Functions of your own have the name of one of Keras's: {listed}. A recording contains "
        "only their names, so a replay would use Keras's. Pass your own when you open the run, "
        f"open_run(..., custom_objects={{{objects}}}), or register them with "
        "keras.saving.register_keras_serializable() before you create the model."
    )
    warnings.warn(message, UserWarning, stacklevel=2)


def _functions_of(
    model: keras.Model, loss: object
) -> Iterator[tuple[str, FunctionType, Callable[[str], Any]]]:
    """Yield what each function of a model is, the function, and how Keras looks up its name."""
    layers = list(model._flatten_layers())
    # The cell of a recurrent layer has a name that nobody chose.
    names = {id(layer.cell): layer.name for layer in layers if hasattr(layer, "cell")}
    for layer in layers:
        owner = names.get(id(layer), layer.name)
        for name, value in vars(layer).items():
            get = _get_of_attribute(name)
            if get is not None and isinstance(value, FunctionType):
                yield f"{name.strip('_').replace('_', ' ')} of layer {owner!r}", value, get
    compiled = compiled_with(model)
    of_loss = compiled.get("loss") if loss is None else loss
    of_metrics = keras.tree.flatten([compiled.get("metrics"), compiled.get("weighted_metrics")])
    pairs = [
        *(("loss", one) for one in keras.tree.flatten(of_loss)),
        *(("metric", metric) for metric in of_metrics),
    ]
    for what, given in pairs:
        wrapped = getattr(given, "fn", getattr(given, "_fn", None))
        if isinstance(wrapped, FunctionType):
            yield what, wrapped, _builtin
        elif isinstance(given, FunctionType):
            yield what, given, keras.losses.get if what == "loss" else keras.metrics.get


def _builtin(name: str) -> Any:
    """Return what Keras finds under the name of a function that a loss or a metric wraps."""
    for get in (keras.losses.get, keras.metrics.get, keras.activations.get):
        try:
            return get(name)
        except ValueError:
            continue
    message = f"Keras has no {name!r}"
    raise ValueError(message)


def _get_of_attribute(name: str) -> Callable[[str], Any] | None:
    """Return how Keras looks up functions in an attribute of a layer, None for other attributes."""
    if name.endswith(_ACTIVATION):
        return keras.activations.get
    return keras.regularizers.get if name.endswith("_regularizer") else None


def _is_namesake(function: FunctionType, get: Callable[[str], Any]) -> bool:
    """Return whether Keras finds another function, or a class, under the name of a function."""
    if function.__module__.split(".")[0] in _FRAMEWORKS:
        return False
    name = keras.saving.get_registered_name(function)
    if keras.saving.get_registered_object(name) is function:
        return False
    try:
        return get(name) is not function
    except ValueError:  # Keras has none of this name
        return False
    except Exception:  # a class of this name, which takes arguments
        return True
