"""Reads a run from its file, whoever recorded it."""

import sys
import warnings
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replaychart.arguments import checked_path
from replaychart.errors import ArgumentError, MissingDependencyError
from replaychart.run import Run
from replaychart.storage import deepreplay, reader, state
from replaychart.storage.deepreplay import Recording

if TYPE_CHECKING:
    import keras


def list_runs(path: str | PathLike[str]) -> list[str]:
    """Return the names of the runs recorded in a file, sorted.

    Parameters
    ----------
    path : str or os.PathLike
        An HDF5 file, written by a `Recorder` or by DeepReplay.

    Returns
    -------
    list of str
        Empty if the file holds no run.

    Raises
    ------
    RunFileError
        The file is missing, not HDF5, or cannot be read at all.

    Warns
    -----
    UserWarning
        Something in the file is damaged, or a link to another one, and left out.

    Examples
    --------
    >>> import replaychart as rc
    >>> rc.list_runs(rc.datasets.parabola_recording())
    ['parabola']
    """
    return reader.run_names(checked_path("path", path))


def open_run(
    path: str | PathLike[str],
    group: str | None = None,
    *,
    model: "keras.Model | str | PathLike[str] | None" = None,
    custom_objects: Mapping[str, Any] | None = None,
) -> "Run":
    """Open a recorded run.

    Parameters
    ----------
    path : str or os.PathLike
        The HDF5 file that a `Recorder`, or DeepReplay's ``ReplayData``, wrote.
    group : str, optional
        The run's name. Default: the only run in the file.
    model : keras.Model, str or os.PathLike, optional
        A Keras model is evaluated in place of the recorded architecture, with the recorded
        weights: for models that cannot be rebuilt from a file. The model itself is not changed.
        A path is for a run of DeepReplay alone, which keeps its model in another file. Default
        there: ``<group>_model.h5``, beside the recording or in the working directory.
    custom_objects : mapping of str to object, optional
        Layers, losses and metrics that are not part of Keras, by name.

    Returns
    -------
    Run

    Raises
    ------
    ArgumentError
        `model` is a path, and the run was not recorded by DeepReplay; or an argument is not
        allowed.
    RunFileError
        The file is missing, not HDF5 or without runs; there is no run of that name, or several
        and no name was given; the run is damaged, of a newer layout, or leads out of its file;
        the model file of a run of DeepReplay is missing.
    EvaluationError
        The model of a run of DeepReplay cannot be rebuilt, or is not the one that was recorded.
    MissingDependencyError
        The run was recorded by DeepReplay and Keras is not installed.

    Warns
    -----
    UserWarning
        A run of DeepReplay stopped early, or began with an ``initial_epoch``. The zeros that stand
        in the file for the epochs that never happened are left out. Or the training of the run was
        interrupted: see `Run.state`. Or something else in the file cannot be read.

    Notes
    -----
    A file may come from anyone: no code in it is run, nothing is followed out of it, and memory is
    taken only for what it holds. A model that names code of its own is refused when it is needed,
    with an `EvaluationError` that says how to allow it.

    What DeepReplay recorded as training curves is what Keras reported: the loss of an epoch is the
    running average over its batches. A metric that was compiled as ``"accuracy"`` holds no numbers
    there and is left to ``source="replay"``.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> run
    Run('parabola': 2000 points, epochs 0 to 150, layers 'hidden', 'output')
    """
    path = checked_path("path", path)
    _check_model(model)
    _check_custom_objects(custom_objects)
    name = reader.existing_name(path, group)
    model = Path(model) if isinstance(model, (str, PathLike)) else model
    stored = stored_run(path, name, model=model, custom_objects=custom_objects)
    evaluated = None if isinstance(model, Path) else model
    return Run(stored, model=evaluated, custom_objects=custom_objects)


def _check_model(model: object) -> None:
    """Raise `ArgumentError` unless there is a Keras model, a path or none."""
    if model is None or isinstance(model, (str, PathLike)):
        return
    # Whoever has a model has imported Keras; a run that was stored needs none.
    keras = sys.modules.get("keras")
    if keras is None or not isinstance(model, keras.Model):
        message = (
            "model must be a Keras model, or the path of a model file for a run of DeepReplay. Got "
            f"{model!r}."
        )
        raise ArgumentError(message)


def _check_custom_objects(custom_objects: object) -> None:
    """Raise `ArgumentError` unless there is a mapping from names, or none."""
    if custom_objects is None:
        return
    names = custom_objects if isinstance(custom_objects, Mapping) else [None]
    if not all(isinstance(name, str) for name in names):
        message = (
            "custom_objects must map names to layers, losses or metrics, such as "
            f"{{'MyLayer': MyLayer}}. Got {custom_objects!r}."
        )
        raise ArgumentError(message)


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
