"""Rebuilds the network of a run, with the framework that recorded it."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from replaychart.errors import ArgumentError, EvaluationError
from replaychart.network.protocol import RecordedNetwork
from replaychart.storage.reader import StoredRun

if TYPE_CHECKING:
    import keras
    import torch

    # What `open_run` takes as a model.
    AnyModel: TypeAlias = (
        "keras.Model | torch.nn.Module | Callable[..., Any] | tuple[Callable[..., Any], Any]"
    )


def rebuilt_network(
    stored: StoredRun,
    *,
    model: "AnyModel | None",
    custom_objects: Mapping[str, Any] | None,
) -> RecordedNetwork:
    """Return the recorded network, ready to be evaluated.

    Parameters
    ----------
    stored : StoredRun
        The run, which must have a model.
    model : keras.Model, torch.nn.Module, callable, tuple or None
        Used instead of the recorded architecture, and not changed. A run of PyTorch or of a
        function needs it.
    custom_objects : mapping or None
        Classes and functions that are not part of Keras, by name.

    Raises
    ------
    ImportError
        The framework is not installed.
    EvaluationError
        The network cannot be rebuilt.
    """
    if stored.framework != "keras" and model is None:
        raise without_module(stored)
    if stored.framework == "torch":
        from replaychart.network.torch_network import TorchNetwork

        return TorchNetwork(stored, model, custom_objects=custom_objects)
    if stored.framework == "function":
        from replaychart.network.function_network import FunctionNetwork

        return FunctionNetwork(stored, model, custom_objects=custom_objects)
    from replaychart.network.keras_network import KerasNetwork

    return KerasNetwork(stored, model=model, custom_objects=custom_objects)


def without_module(stored: StoredRun) -> EvaluationError:
    """Return the error for a network whose code is not in the file."""
    if stored.framework not in ("torch", "function"):
        message = (
            f"Run {stored.name!r} was recorded with {stored.framework!r}, which this version of "
            "replaychart does not know."
        )
        return EvaluationError(message)
    what = "PyTorch module" if stored.framework == "torch" else "function"
    message = (
        f"Run {stored.name!r} was recorded from a {what}, whose code is not part of the file. Pass "
        f"the {what} ({stored.details.get('model_class')}) to open_run as model=."
    )
    return EvaluationError(message)


def restore(model: Any, stored: StoredRun, snapshot: int) -> None:
    """Set a model's weights to those of a snapshot.

    Parameters
    ----------
    model : keras.Model or torch.nn.Module
        A model of the framework that recorded the run.
    stored : StoredRun
        The run.
    snapshot : int
        The position in the recording.

    Raises
    ------
    ArgumentError
        It is not a model of that framework.
    EvaluationError
        The model has a different architecture, or not all weights were recorded.
    """
    if stored.framework == "torch":
        from replaychart.network import torch_state

        torch_state.restore(model, stored, snapshot)
        return
    if stored.framework == "function":
        message = (
            f"model cannot be restored, because run {stored.name!r} was recorded from a function, "
            f"which has no weights of its own. Got {type(model).__name__}."
        )
        raise ArgumentError(message)
    from replaychart.network import model as models

    models.restore(model, stored, snapshot)
