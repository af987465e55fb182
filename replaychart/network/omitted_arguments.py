"""What Keras leaves out of the configuration of losses and metrics.

``keras.losses.Huber(delta=0.1)`` is one that lacks an argument: its configuration contains no
``delta``, so Keras itself reads it as ``Huber()``. A function that is registered under another name
lacks its own, under which Keras logs it.
"""

from collections.abc import Mapping
from inspect import isfunction, signature
from typing import Any

from replaychart.facts.compile_config import FUNCTION_NAME

OMITTED = "omitted_arguments"


def with_omitted_arguments(config: Any, live: Any) -> Any:
    """Return the configuration of losses or metrics with what Keras leaves out.

    Parameters
    ----------
    config : JSON value
        As Keras serialized it.
    live : object
        What it serialized: a loss, a metric, or a collection of these.
    """
    both_listed = isinstance(live, (list, tuple)) and isinstance(config, (list, tuple))
    if both_listed and len(live) == len(config):
        return [with_omitted_arguments(*both) for both in zip(config, live, strict=True)]
    if not isinstance(config, Mapping):
        return config
    if isinstance(live, Mapping):
        return {key: with_omitted_arguments(value, live.get(key)) for key, value in config.items()}
    if isfunction(live):
        return {**config, FUNCTION_NAME: live.__name__}
    omitted = _omitted(live)
    return {**config, OMITTED: omitted} if omitted else config


def without_omitted_arguments(config: Any) -> Any:
    """Return the configuration of a loss or a metric as Keras wrote it."""
    if not isinstance(config, Mapping):
        return config
    return {key: value for key, value in config.items() if key not in (OMITTED, FUNCTION_NAME)}


def set_omitted_arguments(built: Any, config: Any) -> None:
    """Give a loss or a metric the arguments that Keras left out of its configuration.

    The configuration may come from someone else's file, so only values are taken, and only for
    arguments that the function of the loss has.

    Parameters
    ----------
    built : keras.losses.Loss or keras.metrics.Metric
        Built from the configuration. It is changed.
    config : JSON value
        The recorded configuration.
    """
    omitted = config.get(OMITTED) if isinstance(config, Mapping) else None
    arguments = getattr(built, "_fn_kwargs", None)
    function = getattr(built, "fn", getattr(built, "_fn", None))
    if not isinstance(omitted, Mapping) or not isinstance(arguments, dict) or function is None:
        return
    _, _, *settings = signature(function).parameters
    for name, value in omitted.items():
        if name in settings and _is_plain(value):
            arguments[name] = value


def _omitted(live: Any) -> dict[str, Any]:
    """Return the arguments of a loss or a metric that its configuration does not bring back."""
    arguments = getattr(live, "_fn_kwargs", None)
    if not isinstance(arguments, dict):
        return {}
    try:
        read = type(live).from_config(live.get_config())._fn_kwargs
    except Exception:  # a user's own class, which Keras cannot read again either
        return {}
    values = {name: _plain(value) for name, value in arguments.items()}
    return {
        name: value
        for name, value in values.items()
        if _is_plain(value) and (name not in read or _plain(read[name]) != value)
    }


def _plain(value: Any) -> Any:
    """Return NumPy numbers and arrays as Python's, and anything else as it is."""
    return value.tolist() if hasattr(value, "tolist") else value


def _is_plain(value: Any) -> bool:
    """Return whether a value is a number, a string, None, or a list of these."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str))
