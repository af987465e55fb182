"""Reads losses and metrics out of a serialized compile configuration."""

import json
import re
from collections.abc import Mapping
from numbers import Real
from typing import Any

# The key of a function's own name, which may differ from the one it is registered under.
FUNCTION_NAME = "function_name"


def single_output(entry: Any) -> Any:
    """Return the loss or the metrics of the only output.

    Keras accepts them directly, in a list of one, or in a mapping from the name of the output.
    Entries for several outputs are returned unchanged.

    Parameters
    ----------
    entry : object
        A loss or metrics, serialized or not.
    """
    if isinstance(entry, (list, tuple)) and len(entry) == 1:
        return entry[0]
    if isinstance(entry, Mapping) and "class_name" not in entry and len(entry) == 1:
        return next(iter(entry.values()))
    return entry


def name_in_keras(loss: Any) -> str:
    """Return the name of a Keras loss in lower case without underscores, "" for other losses.

    Parameters
    ----------
    loss : object
        A serialized loss.
    """
    if isinstance(loss, Mapping):
        if not str(loss.get("module")).startswith(("keras.", "builtins")):
            return ""
        loss = loss["config"] if loss["class_name"] == "function" else loss["class_name"]
    return str(loss).replace("_", "").lower()


def metrics_by_name(metrics: Any) -> dict[str, Any]:
    """Return the serialized metrics of one output by the name under which Keras logs them.

    Parameters
    ----------
    metrics : object
        None, one metric, or a list of metrics, which may be nested once.
    """
    return {_logged_name(entry): entry for entry in _flat(metrics)}


def weighted_metrics(compile_config: str, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return the weighted metrics by the name under which Keras logs them.

    Parameters
    ----------
    compile_config : str
        The stored compile configuration, a JSON string.
    metrics : mapping
        The unweighted metrics, by name. A weighted metric with the same name is logged as
        ``"weighted_<name>"``.
    """
    found: dict[str, Any] = {}
    for entry in _flat(single_output(_config(compile_config).get("weighted_metrics"))):
        own = _logged_name(entry)
        name, number = own, 0
        while name in metrics or name in found:
            name = f"weighted_{own}" if not number else f"weighted_{own}_{number}"
            number += 1
        found[name] = entry
    return found


def loss_weight(compile_config: str) -> float:
    """Return the factor for the loss of the only output, 1 by default.

    Parameters
    ----------
    compile_config : str
        The stored compile configuration, a JSON string.
    """
    weight = single_output(_config(compile_config).get("loss_weights"))
    return float(weight) if isinstance(weight, Real) else 1.0


def _config(compile_config: str) -> Mapping[str, Any]:
    config = json.loads(compile_config)
    return config if isinstance(config, Mapping) else {}


def _flat(metrics: Any) -> list[Any]:
    entries = metrics if isinstance(metrics, (list, tuple)) else [metrics]
    flat = [e for entry in entries for e in (entry if isinstance(entry, list) else [entry])]
    return [entry for entry in flat if isinstance(entry, (str, Mapping))]


def _logged_name(identifier: Any) -> str:
    if isinstance(identifier, str):
        return identifier
    config = identifier.get("config")
    if isinstance(config, Mapping):
        return str(config.get("name") or identifier.get("class_name"))
    # A function registered with Keras is written as "package>name". Keras logs it by its own name.
    return _in_snake_case(str(identifier.get(FUNCTION_NAME) or config).rpartition(">")[2])


def _in_snake_case(name: str) -> str:
    """Return the name under which Keras logs a function."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
