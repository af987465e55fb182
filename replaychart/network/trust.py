"""What a configuration in a file may name, and how much memory what it describes may take.

Keras' safe mode refuses code that is written in a configuration. It does not refuse everything
that can be named in one: a layer that reads a file, a function that fetches one from the network,
and (up to Keras 3.10) any function of any installed module. So the configuration is looked
through before Keras sees it. Allowed are Keras' own layers, operations, initializers, regularizers,
constraints, losses, metrics, optimizers and dtype policies, but for the few that run code or open
files; and what the user registered with Keras or passed as ``custom_objects``.
"""

import math
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras

from replaychart.errors import EvaluationError

_KINDS = (
    keras.Operation,  # layers and models too
    keras.constraints.Constraint,
    keras.dtype_policies.DTypePolicy,
    keras.initializers.Initializer,
    keras.losses.Loss,
    keras.metrics.Metric,
    keras.optimizers.Optimizer,
    keras.optimizers.schedules.LearningRateSchedule,
    keras.quantizers.Quantizer,
    keras.random.SeedGenerator,
    keras.regularizers.Regularizer,
)
# Layers that run what no one can look through: saved graphs, pickled modules, given functions.
_RUN_CODE = ("FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper")
# Functions stand in these modules; ``builtins`` is how Keras writes its own by name alone.
_FUNCTIONS = ("activations", "constraints", "initializers", "losses", "metrics", "regularizers")
_CLASSES = ("layers", "models", "optimizers", "optimizers.schedules", *_FUNCTIONS[1:])
_NO_FUNCTIONS = ("deserialize", "get", "serialize")
# Values that Keras writes as objects.
_PLAIN = ("__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tensor__")
_TENSORS = ("__keras_tensor__", "__numpy__", "__tensor__")
# Functions of Keras that open files or reach the network are in no module that is allowed; a layer
# does so where its vocabulary is the name of a file.
_FILE_NAMES = ("vocabulary",)

# Variables beside the weights: seeds, counters.
_SLACK = 1_000_000
_LARGEST_OUTPUT = 2**28


def require_trusted(
    config: Any, custom_objects: Mapping[str, Any] | None, *, owner: str, allow: str
) -> None:
    """Raise `EvaluationError` if a configuration names what could do harm.

    Parameters
    ----------
    config : JSON values
        The configuration of a model, a loss or a metric.
    custom_objects : mapping or None
        Classes and functions that are not part of Keras, by name.
    owner : str
        Whose configuration it is, for the message.
    allow : str
        What a user can do who trusts it, for the message.
    """
    objects = dict(custom_objects or {})
    for one in _every(config):
        if isinstance(one, Mapping) and "class_name" in one:
            reason = _reason_against(one, objects)
            if reason is not None:
                message = f"{owner} {reason}. {allow}"
                raise EvaluationError(message)


def require_small(config: Any, largest: int, *, owner: str) -> None:
    """Raise `EvaluationError` if a configuration asks for as many of something as take memory.

    Parameters
    ----------
    config : JSON values
        The configuration of a loss or a metric.
    largest : int
        How many are allowed.
    owner : str
        As for `require_trusted`.
    """
    for one in _every(config):
        if isinstance(one, int) and one > largest:
            message = f"{owner} holds the number {one:,}; at most {largest:,} are allowed."
            raise EvaluationError(message)


def _every(config: Any) -> Iterator[Any]:
    """Yield a value and all that it holds, without recursion: it may be nested deeply."""
    every = [config]
    while every:
        one = every.pop()
        yield one
        if isinstance(one, Mapping):
            every.extend(one.values())
        elif isinstance(one, (list, tuple)):
            every.extend(one)


def built(build: Callable[[], Any], *, numbers: int, owner: str, allow: str) -> Any:
    """Return a Keras object, and raise before it takes memory for more numbers than it should have.

    Parameters
    ----------
    build : callable
        Makes the object.
    numbers : int
        How many numbers its variables may hold.
    owner, allow : str
        As for `require_trusted`.

    Raises
    ------
    EvaluationError
        It is larger.
    """
    scope = keras.StatelessScope()
    with scope:
        # In such a scope variables have a shape and take no memory before it is left.
        scope.initialize_variables = False
        try:
            found = build()
            reason = _too_large(found, numbers)
        except BaseException:
            _forget_variables()
            raise
        if reason is not None:
            _forget_variables()
            message = f"{owner} {reason}. {allow}"
            raise EvaluationError(message)
        scope.initialize_variables = True
    return found


def _too_large(found: Any, numbers: int) -> str | None:
    held = sum(math.prod(variable.shape) for variable in getattr(found, "variables", ()))
    if held > numbers + _SLACK:
        return f"has {held:,} numbers in its variables, where {numbers:,} were recorded"
    for layer in getattr(found, "layers", ()):
        try:
            shape = tuple(layer.output.shape)
        except (AttributeError, ValueError):
            continue
        if math.prod(length or 1 for length in shape) > _LARGEST_OUTPUT:
            return f"gives {shape} numbers for a point in its layer {layer.name!r}"
    return None


def _forget_variables() -> None:
    # Keras would take their memory the next time that it leaves such a scope.
    from keras.src.backend.common import global_state

    global_state.set_global_attribute("uninitialized_variables", [])


def _reason_against(one: Mapping[str, Any], objects: Mapping[str, Any]) -> str | None:
    """Return why what an object's configuration names is refused, None if it is not."""
    name, module = one["class_name"], one.get("module")
    config = one.get("config")
    if not isinstance(name, str) or not isinstance(module, (str, types.NoneType)):
        return f"names {name!r} of {module!r}, which is no class"
    if name == "function":
        return _reason_against_function(config, module, objects)
    if name.startswith("__"):
        return _reason_against_value(name, config)
    registered = one.get("registered_name", name)
    if isinstance(registered, str) and _is_registered(registered, objects):
        return None
    if not (module or "").startswith("keras") and _is_registered(name, objects):
        return None
    full_name = f"{module}.{name}" if module else name
    # Old files name no module: Keras looks a layer up among layers, an initializer among these.
    places = [module] if module else [f"keras.{place}" for place in _CLASSES]
    every = [_public(place, name) for place in places]
    found = next((one for one in every if isinstance(one, type) and issubclass(one, _KINDS)), None)
    if found is None or not _is_of_keras(found):
        return f"names {full_name!r}, which is not part of Keras or not allowed in a file"
    if found is keras.layers.Lambda:
        return _reason_against_lambda(config, objects)
    if found.__name__ in _RUN_CODE:
        return f"names {full_name!r}, which runs code that the file brings along"
    if isinstance(config, Mapping):
        for key in _FILE_NAMES:
            if isinstance(config.get(key), str):
                return f"lets {full_name!r} read the file {config[key]!r}"
    return None


def _reason_against_function(
    name: Any, module: str | None, objects: Mapping[str, Any]
) -> str | None:
    if not isinstance(name, str):
        return f"names the function {name!r}, which is no name"
    if _is_registered_function(name, objects):
        return None
    places = [f"keras.{place}" for place in _FUNCTIONS] if module == "builtins" else [module or ""]
    for place in places:
        allowed = (
            place == "keras.ops"
            or place.startswith("keras.ops.")
            or (place.removeprefix("keras.") in _FUNCTIONS and place.startswith("keras."))
        )
        found = _public(place, name) if allowed and name not in _NO_FUNCTIONS else None
        is_class = isinstance(found, type) and issubclass(found, _KINDS)
        if (is_class or isinstance(found, types.FunctionType)) and _is_of_keras(found):
            return None
    return f"names the function {name!r} of {module!r}, which is not allowed in a file"


def _reason_against_lambda(config: Any, objects: Mapping[str, Any]) -> str | None:
    """Return why a Lambda is refused: all are, but those of functions that the user knows."""
    settings = config if isinstance(config, Mapping) else {}
    for key in ("function", "output_shape", "mask"):
        value = settings.get(key)
        if (
            isinstance(value, Mapping)
            and value.get("class_name") == "function"
            and _is_registered_function(str(value.get("config")), objects)
        ):
            continue
        if key != "function" and not isinstance(value, (Mapping, str)):
            continue  # a shape, or nothing
        return (
            f"has the Lambda layer {settings.get('name')!r}, and code from a file is not run "
            "(Lambda layers of functions that are registered with Keras are)"
        )
    return None


def _reason_against_value(name: str, config: Any) -> str | None:
    if name == "__lambda__":
        return "holds a lambda, and code from a file is not run"
    if name not in _PLAIN:
        return f"holds {name!r}, which is not allowed in a file"
    settings = config if isinstance(config, Mapping) else {}
    dtype = settings.get("dtype") if name in _TENSORS else "float32"
    # A dtype with a shape of its own would take any memory.
    if not isinstance(dtype, str) or not dtype.isalnum():
        return f"holds values of the dtype {dtype!r}"
    return None


def _is_registered(name: str, objects: Mapping[str, Any]) -> bool:
    return keras.saving.get_registered_object(name, custom_objects=dict(objects)) is not None


def _is_registered_function(name: str, objects: Mapping[str, Any]) -> bool:
    # Up to Keras 3.6 a function registered as "package>name" was written by its name alone.
    every = {**keras.saving.get_custom_objects(), **objects}
    return _is_registered(name, objects) or any(key.endswith(f">{name}") for key in every)


def _public(module: str, name: str) -> Any:
    """Return what has a name in a module of Keras that is imported, None if nothing has."""
    first, *path = module.split(".")
    if first != "keras":
        return None
    found: Any = keras
    for step in [*path, name]:
        if not step.isidentifier() or not isinstance(found, types.ModuleType):
            return None
        found = getattr(found, step, None)
    return found


def _is_of_keras(found: Any) -> bool:
    return getattr(found, "__module__", "").split(".")[0] == "keras"
