"""Reads a run from its file, whoever recorded it."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replaychart.errors import ArgumentError, MissingDependencyError
from replaychart.storage import deepreplay, reader, state
from replaychart.storage.deepreplay import Recording

if TYPE_CHECKING:
    import keras


def stored_run(
    path: Path,
    name: str,
    *,
    model: "keras.Model | Path | None",
    custom_objects: Mapping[str, Any] | None,
) -> reader.StoredRun:
    """Return a run that is in a file.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    name : str
        The run's name, from `reader.existing_name`.
    model, custom_objects
        As `open_run` takes them.

    Raises
    ------
    ArgumentError, RunFileError, EvaluationError, MissingDependencyError
        As `open_run` does.

    Warns
    -----
    UserWarning
        On behalf of the caller's caller: the training was interrupted, or epochs of DeepReplay
        that never happened are left out.
    """
    if not reader.was_recorded_by_deepreplay(path, name):
        if isinstance(model, Path):
            message = (
                f"model must be a Keras model for run {name!r}, which holds its own architecture; "
                f"a path names the model file of a run of DeepReplay. Got {str(model)!r}."
            )
            raise ArgumentError(message)
        read = reader.read_run(path, name)
        if read.state == state.INTERRUPTED:
            warnings.warn(interrupted_message(read), stacklevel=3)
        return read
    recording = deepreplay.read_recording(path, name)
    stored = _described(recording, model, custom_objects)
    if len(recording.left_out):
        warnings.warn(deepreplay.left_out_message(recording), stacklevel=3)
    return stored


def interrupted_message(stored: reader.StoredRun) -> str:
    """Return the words that say that a run's training did not come to its end, and how to go on."""
    last = stored.epochs[-1].item()
    told = f"The training of run {stored.name!r} was interrupted after epoch {last:g}, the last "
    # Keras goes on at whole epochs, and from 0 it begins anew.
    epochs = stored.epochs.tolist()
    whole = [epoch for epoch in epochs if epoch == int(epoch) and (epoch or not last)]
    if not (stored.has_model and stored.has_all_weights and whole):
        return f"{told}that was recorded. if_exists='append' goes on with it."
    first = int(whole[-1])
    return (
        f"{told}that was recorded. To go on, call run.restore(model{f', {first}' * (first < last)})"
        f" and fit with initial_epoch={first} and a Recorder with if_exists='append'."
    )


def _described(
    recording: Recording,
    model: "keras.Model | Path | None",
    custom_objects: Mapping[str, Any] | None,
) -> reader.StoredRun:
    try:
        from replaychart.network.deepreplay import described_run
    except ImportError as error:
        message = (
            f"Run {recording.name!r} of {str(recording.path)!r} was recorded by DeepReplay, and "
            "reading its model needs Keras with a backend: pip install 'replaychart[tensorflow]'. "
            "Or, on a machine that has Keras, convert it with 'replaychart convert' and store its "
            "evaluations with 'replaychart store'."
        )
        raise MissingDependencyError(message) from error
    return described_run(recording, model=model, custom_objects=custom_objects)
