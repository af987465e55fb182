"""The outputs of a model that has several: what belongs to each of them, and a run of only one.

Everything that needs one output (its classes, its surface, the loss of its points) works with the
run of this output, which is described like that of a model with one output.
"""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from replaychart.errors import ArgumentError, EvaluationError

# One array, or a mapping of these by output. Not typed more precisely, because everything that is
# about one output is given the run of this output, where it is one array.
Targets = Any
AnyRun = TypeVar("AnyRun", bound=Any)

# Keys of the details: what is known about each of several outputs, by name and in the order in
# which the model returns them; and, for the run of one output, its name.
OUTPUTS = "outputs"
OUTPUT = "output"

_BY_OUTPUT = ("loss", "loss_weights", "metrics", "weighted_metrics")


def output_names(details: Mapping[str, Any]) -> list[str]:
    """Return the names of a model's outputs if it has several; none for the run of one output."""
    return [] if OUTPUT in details else list(details.get(OUTPUTS) or {})


def entry_of(entries: Any, names: list[str], name: str) -> Any:
    """Return what belongs to an output: of a list by its order, of a mapping by its name.

    Parameters
    ----------
    entries : object
        Losses, metrics or weights as ``compile`` takes them, serialized or not: in a list or a
        mapping, or one for all outputs.
    names : list of str
        The names of all outputs.
    name : str
        The output.
    """
    if isinstance(entries, (list, tuple)) and len(entries) == len(names):
        return entries[names.index(name)]
    if isinstance(entries, Mapping) and "class_name" not in entries:
        return entries.get(name)
    return entries


def of_output(run: AnyRun, name: str) -> AnyRun:
    """Return the run of one output of a model that has several.

    The loss of its points is not multiplied by the weight that the loss has in the sum of all, as
    in the logs of Keras.

    Parameters
    ----------
    run : dataclass
        A description of a run, new or stored.
    name : str
        One of `output_names`, with targets.
    """
    names = output_names(run.details)
    config = json.loads(run.compile_config)
    if config is not None:
        config |= {key: entry_of(config.get(key), names, name) for key in _BY_OUTPUT}
        config["loss_weights"] = None
    weights = run.sample_weights
    changes: dict[str, Any] = {
        "targets": run.targets[name],
        "sample_weights": weights.get(name) if isinstance(weights, Mapping) else weights,
        "compile_config": json.dumps(config),
        "details": {**run.details, **run.details[OUTPUTS][name], OUTPUT: name},
    }
    if run.validation is not None:
        own = run.validation.targets[name]
        changes["validation"] = run.validation._replace(targets=own)
    stored = {field.name for field in dataclasses.fields(run)}
    if "witnesses" in stored:
        changes["witnesses"] = tuple(one for one in run.witnesses if one.output == name)
    if "logs" in stored:
        begin = f"{name}_"
        changes["logs"] = {
            log.removeprefix(begin): values
            for log, values in run.logs.items()
            if log.startswith(begin)
        }
    return dataclasses.replace(run, **changes)


def weight_of(run: Any, name: str) -> float:
    """Return the factor for the loss of one output in the sum of all losses, 1 by default."""
    config = json.loads(run.compile_config) or {}
    weight = entry_of(config.get("loss_weights"), output_names(run.details), name)
    return 1.0 if weight is None else float(weight)


def has_loss(run: Any, name: str) -> bool:
    """Return whether the sum of all losses contains one of an output."""
    if name not in run.targets:
        return False
    config = json.loads(run.compile_config) or {}
    return entry_of(config.get("loss"), output_names(run.details), name) is not None


def checked_output(run: Any, name: object) -> str:
    """Return the name of an output that can be chosen.

    Raises
    ------
    ArgumentError
        The model has one output, has no output of this name, or no targets were recorded for it.
    """
    names = output_names(run.details)
    if not names:
        message = f"output must be None for run {run.name!r}, whose model has one. Got {name!r}."
        raise ArgumentError(message)
    possible = [one for one in names if one in run.targets]
    if name in possible:
        return str(name)
    why = ", which was recorded without targets" if name in names else ""
    message = f"output must be one of {', '.join(map(repr, possible))}. Got {name!r}{why}."
    raise ArgumentError(message)


def require_one_output(run: Any) -> None:
    """Raise `EvaluationError` if a model has several outputs and none of them was chosen."""
    names = output_names(run.details)
    if names:
        listed = ", ".join(map(repr, names))
        message = (
            f"Run {run.name!r} has the outputs {listed}, and this is about one of them. Choose it: "
            f"run.output({names[0]!r}), or output={names[0]!r} in open_run."
        )
        raise EvaluationError(message)
