"""Rebuilds the network of a run, with the framework that recorded it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from replaychart.network.protocol import RecordedNetwork
from replaychart.storage.reader import StoredRun

if TYPE_CHECKING:
    import keras


def rebuilt_network(
    stored: StoredRun,
    *,
    model: "keras.Model | None",
    custom_objects: Mapping[str, Any] | None,
) -> RecordedNetwork:
    """Return the recorded network, ready to be evaluated.

    Parameters
    ----------
    stored : StoredRun
        The run, which must have a model.
    model : keras.Model or None
        Used instead of the recorded architecture, and not changed.
    custom_objects : mapping or None
        Classes and functions that are not part of Keras, by name.

    Raises
    ------
    ImportError
        The framework is not installed.
    EvaluationError
        The network cannot be rebuilt.
    """
    from replaychart.network.keras_network import KerasNetwork

    return KerasNetwork(stored, model=model, custom_objects=custom_objects)
