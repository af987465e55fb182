"""What a configuration in a file may name, and how much memory the result may take.

Keras's safe mode rejects code in a configuration. It does not reject everything that a
configuration can name: a layer that reads a file, a function that downloads one, and (up to Keras
3.10) any function of any installed module. So configurations are checked before Keras reads them.
Allowed are Keras's own layers, operations, initializers, regularizers, constraints, losses,
metrics, optimizers and dtype policies, except for the few that run code or open files, and
anything that the user registered with Keras or passed as ``custom_objects``.
"""

import math
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras

from replaychart.errors import EvaluationError
from replaychart.facts.layers import values_of

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
    # How a quantized layer rounds, in versions of Keras that have it. Others may name data sets.
    *(
        found
        for name in ("Int4QuantizationConfig", "Int8QuantizationConfig")
        if (found := getattr(keras.quantizers, name, None)) is not None
    ),
)
# Layers that run code that cannot be checked: saved graphs, pickled modules, arbitrary functions.
_RUN_CODE = ("FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper")
# Functions are looked up in these modules. Keras writes its own by name, with module ``builtins``.
_FUNCTIONS = ("activations", "constraints", "initializers", "losses", "metrics", "regularizers")
_CLASSES = ("layers", "models", "optimizers", "optimizers.schedules", *_FUNCTIONS[1:])
_NO_FUNCTIONS = ("deserialize", "get", "serialize")
# Values that Keras writes as objects.
_PLAIN = ("__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tensor__")
_TENSORS = ("__keras_tensor__", "__numpy__", "__tensor__")
# No allowed module contains functions that open files or use the network. A layer opens a file if
# its vocabulary is a file name.
_FILE_NAMES = ("vocabulary",)

# Room for variables other than weights: seeds, counters.
_SLACK = 1_000_000
_LARGEST_OUTPUT = 2**28


def require_trusted(
    config: Any, custom_objects: Mapping[str, Any] | None, *, owner: str, allow: str
) -> None:
    """Raise `EvaluationError` if a configuration names anything that could do harm.

    Parameters
    ----------
    config : JSON values
        The configuration of a model, a loss or a metric.
    custom_objects : mapping or None
        Classes and functions that are not part of Keras, by name.
    owner : str
        The owner of the configuration, for the message.
    allow : str
        What a user who trusts it can do, for the message.
    """
    objects = dict(custom_objects or {})
    for one in _every(config):
        if isinstance(one, Mapping) and "class_name" in one:
            reason = _reason_against(one, objects)
            if reason is not None:
                message = f"{owner} {reason}. {allow}"
                raise EvaluationError(message)


def require_small(config: Any, largest: int, *, owner: str) -> None:
    """Raise `EvaluationError` if a configuration contains an integer that could exhaust memory.

    Parameters
    ----------
    config : JSON values
        The configuration of a loss or a metric.
    largest : int
        The largest integer allowed.
    owner : str
        As for `require_trusted`.
    """
    for one in _every(config):
        if isinstance(one, int) and one > largest:
            message = f"{owner} contains the number {one:,}; at most {largest:,} is allowed."
            raise EvaluationError(message)


def _every(config: Any) -> Iterator[Any]:
    """Yield a value and all values in it, without recursion because it can be deeply nested."""
    every = [config]
    while every:
        one = every.pop()
        yield one
        if isinstance(one, Mapping):
            every.extend(one.values())
        elif isinstance(one, (list, tuple)):
            every.extend(one)


def built(build: Callable[[], Any], *, numbers: int, owner: str, allow: str) -> Any:
    """Return a Keras object, and raise before it takes more memory than it should.

    Parameters
    ----------
    build : callable
        Creates the object.
    numbers : int
        The number of values that its variables may have.
    owner, allow : str
        As for `require_trusted`.

    Raises
    ------
    EvaluationError
        The object is larger.
    """
    scope = keras.StatelessScope()
    with scope:
        # In such a scope, variables have a shape but take no memory until the scope ends.
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
    size = sum(math.prod(variable.shape) for variable in getattr(found, "variables", ()))
    if size > numbers + _SLACK:
        return f"has {size:,} values in its variables, but {numbers:,} were recorded"
    for layer in getattr(found, "layers", ()):
        try:
            shape = tuple(layer.output.shape)
        except (AttributeError, ValueError):
            continue
        if values_of(shape) > _LARGEST_OUTPUT:
            return f"has a layer {layer.name!r} with the output shape {shape}, which is too large"
    return None


def _forget_variables() -> None:
    # Keras would allocate their memory the next time that such a scope ends.
    from keras.src.backend.common import global_state

    global_state.set_global_attribute("uninitialized_variables", [])


def _reason_against(one: Mapping[str, Any], objects: Mapping[str, Any]) -> str | None:
    """Return why the object that a configuration names is rejected, None if it is allowed."""
    name, module = one["class_name"], one.get("module")
    config = one.get("config")
    if not isinstance(name, str) or not isinstance(module, (str, types.NoneType)):
        return f"names {name!r} of {module!r}, which is not a class"
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
    # Old files do not name modules: Keras looks up layers among layers, and initializers likewise.
    places = [module] if module else [f"keras.{place}" for place in _CLASSES]
    every = [_public(place, name) for place in places]
    found = next((one for one in every if isinstance(one, type) and issubclass(one, _KINDS)), None)
    if found is None or not _is_of_keras(found):
        if any(isinstance(one, type) and _is_of_keras(one) for one in every):
            return f"names {full_name!r}, a class of Keras that is not allowed in a file"
        return f"names {full_name!r}, which is not part of Keras or not allowed in a file"
    if found is keras.layers.Lambda:
        return _reason_against_lambda(config, objects)
    if found.__name__ in _RUN_CODE:
        return f"names {full_name!r}, which runs code from the file"
    if isinstance(config, Mapping):
        for key in _FILE_NAMES:
            if isinstance(config.get(key), str):
                return f"makes {full_name!r} read the file {config[key]!r}"
    return None


def _reason_against_function(
    name: Any, module: str | None, objects: Mapping[str, Any]
) -> str | None:
    if not isinstance(name, str):
        return f"names the function {name!r}, which is not a string"
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
    """Return why a Lambda is rejected; only those of registered functions are allowed."""
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
            f"has the Lambda layer {settings.get('name')!r}, and code from a file is never run "
            "(Lambda layers of functions that are registered with Keras are allowed)"
        )
    return None


def _reason_against_value(name: str, config: Any) -> str | None:
    if name == "__lambda__":
        return "contains a lambda, and code from a file is never run"
    if name not in _PLAIN:
        return f"contains {name!r}, which is not allowed in a file"
    settings = config if isinstance(config, Mapping) else {}
    dtype = settings.get("dtype") if name in _TENSORS else "float32"
    # A dtype that contains a shape could take any amount of memory.
    if not isinstance(dtype, str) or not dtype.isalnum():
        return f"contains values of dtype {dtype!r}"
    return None


def _is_registered(name: str, objects: Mapping[str, Any]) -> bool:
    return keras.saving.get_registered_object(name, custom_objects=dict(objects)) is not None


def _is_registered_function(name: str, objects: Mapping[str, Any]) -> bool:
    # Up to Keras 3.6, a function registered as "package>name" was written as "name".
    every = {**keras.saving.get_custom_objects(), **objects}
    return _is_registered(name, objects) or any(key.endswith(f">{name}") for key in every)


def _public(module: str, name: str) -> Any:
    """Return an object of an imported Keras module by its name, None if there is none."""
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
