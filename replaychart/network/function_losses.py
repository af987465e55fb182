"""Losses of functions outside Keras and PyTorch: described, found again, one for each point."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from replaychart.arguments import shown
from replaychart.errors import EvaluationError

Loss = Callable[[Any, Any], Any]

# Losses of Optax that take outputs and targets, and can be named in a file.
_OPTAX = (
    *("sigmoid_binary_cross_entropy", "softmax_cross_entropy", "squared_error", "l2_loss"),
    *("softmax_cross_entropy_with_integer_labels", "huber_loss", "log_cosh", "hinge_loss"),
    "sigmoid_focal_loss",
)


def description_of(loss: Loss | None) -> Any:
    """Return a loss as JSON values: by its name, and whether it is one of Optax."""
    if loss is None:
        return None
    name = getattr(loss, "__name__", type(loss).__name__)
    module = str(getattr(loss, "__module__", None))
    of_optax = module.split(".")[0] == "optax" and name in _OPTAX
    return {"module": "optax" if of_optax else module, "class_name": "function", "config": name}


def loss_from(description: Any, custom_objects: Mapping[str, Any] | None, run: str) -> Loss:
    """Return a recorded loss.

    Parameters
    ----------
    description : JSON value
        From `description_of`.
    custom_objects : mapping or None
        Losses by name.
    run : str
        The run's name, for messages.

    Raises
    ------
    EvaluationError
        No loss was recorded, or it is not one of Optax and was not passed.
    """
    if description is None:
        message = (
            f"Run {run!r} was recorded without a loss. Pass loss= to record_function: a function "
            "of outputs and targets that returns one number for each point."
        )
        raise EvaluationError(message)
    entry = description if isinstance(description, Mapping) else {}
    name = entry.get("config")
    own = (custom_objects or {}).get(str(name))
    if own is not None:
        return own
    if entry.get("module") == "optax" and name in _OPTAX:
        try:
            return getattr(importlib.import_module("optax"), str(name))
        except (ImportError, AttributeError):
            pass
    message = (
        f"The loss {shown(name)} of run {run!r} is not in its file. Pass it to open_run as "
        f"custom_objects={{{str(name)!r}: loss}}."
    )
    raise EvaluationError(message)


def aligned(targets: np.ndarray, outputs: Any) -> np.ndarray:
    """Return targets in the shape of the outputs, if there is one for each of them."""
    shape = tuple(outputs.shape)
    return targets.reshape(shape) if targets.size == int(np.prod(shape)) else targets


def of_points(loss: Loss, outputs: Any, targets: np.ndarray) -> Any:
    """Return the loss of each point, shape (points,), as what the loss returns.

    Raises
    ------
    EvaluationError
        The loss is not a number for each point.
    """
    points = len(outputs)
    try:
        values = loss(outputs, aligned(targets, outputs))
        per_point = getattr(values, "shape", ())[:1] == (points,)
        if per_point and points > 1:
            # One that compares each point with all others, or returns one number for all.
            first = loss(outputs[:1], aligned(targets[:1], outputs[:1]))
            per_point = int(np.prod(first.shape)) * points == int(np.prod(values.shape))
        if per_point:
            return values.reshape(points, -1).mean(axis=1)
        each = [
            np.asarray(loss(outputs[i : i + 1], aligned(targets[i : i + 1], outputs[i : i + 1])))
            for i in range(points)
        ]
        return np.stack([one.reshape(-1).mean() for one in each])
    except Exception as error:  # a function of the user's own may raise anything
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        message = (
            f"The loss {getattr(loss, '__name__', loss)} cannot be evaluated for each point: "
            f"{reason} It must take (outputs, targets). Outputs have the shape "
            f"{tuple(outputs.shape)}, targets {targets.shape}."
        )
        raise EvaluationError(message) from error
