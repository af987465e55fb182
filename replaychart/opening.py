"""Opens runs that ReplayChart or DeepReplay recorded."""

import sys
import warnings
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replaychart.arguments import checked_path, shown
from replaychart.errors import ArgumentError, MissingDependencyError
from replaychart.run import Run
from replaychart.storage import deepreplay, reader, state
from replaychart.storage.deepreplay import Recording

if TYPE_CHECKING:
    from replaychart.network.rebuilding import AnyModel


def list_runs(path: str | PathLike[str]) -> list[str]:
    """Return the names of the runs recorded in a file, sorted, with numbers in them by size.

    Parameters
    ----------
    path : str or os.PathLike
        An HDF5 file, written by a `Recorder` or by DeepReplay.

    Returns
    -------
    list of str
        Empty if the file contains no runs.

    Raises
    ------
    RunFileError
        The file is missing, is not HDF5, or cannot be read at all.

    Warns
    -----
    UserWarning
        An entry of the file was skipped because it is damaged or a link to another file.

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
    output: str | None = None,
    model: "AnyModel | str | PathLike[str] | None" = None,
    custom_objects: Mapping[str, Any] | None = None,
) -> "Run":
    """Open a recorded run.

    Parameters
    ----------
    path : str or os.PathLike
        An HDF5 file, written by a `Recorder` or by DeepReplay's ``ReplayData``.
    group : str, optional
        The name of the run. Default: the only run in the file.
    output : str, optional
        The output to look at, if the model has several: one of `Run.output_names`. Default: all of
        them. Charts of weights, gradients and curves show the whole model then, and whatever needs
        one output raises an error that lists them. `Run.output` chooses one later.
    model : keras.Model, torch.nn.Module, callable, tuple, str or os.PathLike, optional
        A Keras model to evaluate, with the recorded weights, instead of the recorded architecture:
        for models that cannot be rebuilt from a file. Loss and metrics remain the recorded ones.
        The model itself is not changed.

        For a run of `TorchRecorder`, a module with the recorded parameters, on the device that is
        to compute. For a run of `record_function`, the function; or a tuple of the function and any
        parameters, if these are in objects of a library. Without them, only what is stored in the
        file can be charted.

        Only for a run of DeepReplay, which stores its model in a separate file, this can also be
        the path of that file. Default: ``<group>_model.h5``, next to the recording or in the
        working directory.
    custom_objects : mapping of str to object, optional
        Layers, activations, losses and metrics that are not part of Keras, by name. They replace
        those of Keras that have the same name.

    Returns
    -------
    Run

    Raises
    ------
    ArgumentError
        `model` is a path and the run was not recorded by DeepReplay, there is no such output, or
        another argument is invalid.
    RunFileError
        The file is missing, is not HDF5 or contains no runs; there is no run of that name, or no
        name was given and there are several runs; the run is damaged, has another layout or refers
        to other files; or the model file of a run of DeepReplay is missing.
    EvaluationError
        The model of a run of DeepReplay cannot be rebuilt, or does not match the recording.
    MissingDependencyError
        The run was recorded by DeepReplay, and Keras is not installed.

    Warns
    -----
    UserWarning
        The training of the run was interrupted; see `Run.state`. Or a run of DeepReplay stopped
        early or started with an ``initial_epoch``; the zeros in its file for epochs that were not
        trained are ignored. Or another entry of the file cannot be read.

    Notes
    -----
    Opening someone else's file is safe: no code in it is run, no other file is read, and it cannot
    take more memory than its content needs. If a model refers to custom code, using the model
    raises an `EvaluationError` that says how to allow that code.

    The training curves of DeepReplay are those that Keras reported: the loss of an epoch is the
    running average over its batches. DeepReplay could not record a metric that was compiled as
    ``"accuracy"``; pass ``source="replay"`` for that one.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> run
    Run('parabola': 2000 points, epochs 0 to 150, layers 'hidden', 'output')
    """
    path = checked_path("path", path)
    if group is not None and not isinstance(group, str):
        message = f"group must be the name of a run or None. Got {shown(group)}."
        raise ArgumentError(message)
    check_model(model)
    check_custom_objects(custom_objects)
    name = reader.existing_name(path, group)
    model = Path(model) if isinstance(model, (str, PathLike)) else model
    stored = stored_run(path, name, model=model, custom_objects=custom_objects)
    _check_framework(model, stored)
    evaluated = None if isinstance(model, Path) else model
    run = Run(stored, model=evaluated, custom_objects=custom_objects)
    return run if output is None else run.output(output)


def open_runs(
    path: str | PathLike[str],
    *,
    model: "AnyModel | str | PathLike[str] | None" = None,
    custom_objects: Mapping[str, Any] | None = None,
) -> dict[str, Run]:
    """Open all runs in a recording file, such as those of a sweep.

    Parameters
    ----------
    path : str or os.PathLike
        As for `open_run`.
    model, custom_objects
        As for `open_run`, for all runs.

    Returns
    -------
    dict of str to Run
        The runs by name, in the order of `list_runs`.

    Raises
    ------
    ArgumentError, RunFileError, EvaluationError, MissingDependencyError
        As in `open_run`.

    Warns
    -----
    UserWarning
        As in `open_run`.

    Examples
    --------
    >>> import replaychart as rc
    >>> list(rc.open_runs(rc.datasets.parabola_recording()))
    ['parabola']
    """
    return {
        name: open_run(path, name, model=model, custom_objects=custom_objects)
        for name in list_runs(path)
    }


def check_model(model: object) -> None:
    """Raise `ArgumentError` unless `model` is a Keras model, a module, a path or None."""
    if model is None or isinstance(model, (str, PathLike)) or _framework_of(model) is not None:
        return
    message = (
        "model must be a Keras model, a torch.nn.Module, a function or, for a run of DeepReplay, "
        f"the path of a model file. Got {shown(model)}."
    )
    raise ArgumentError(message)


def _framework_of(model: object) -> str | None:
    """Return what a model is of, None if it is not a model."""
    # A model exists only if its framework was imported; stored runs need none.
    keras, torch = sys.modules.get("keras"), sys.modules.get("torch")
    if keras is not None and isinstance(model, keras.Model):
        return "keras"
    # With PyTorch as the backend of Keras, Keras's models are modules, too.
    if torch is not None and isinstance(model, torch.nn.Module):
        return "torch"
    function = model[0] if isinstance(model, tuple) and len(model) == 2 else model
    return "function" if callable(function) and not isinstance(function, type) else None


def _check_framework(model: object, stored: reader.StoredRun) -> None:
    """Raise `ArgumentError` unless a model is of the framework that recorded the run."""
    found = None if model is None or isinstance(model, Path) else _framework_of(model)
    if found is None or found == stored.framework:
        return
    names = {"keras": "a Keras model", "torch": "a torch.nn.Module", "function": "a function"}
    message = (
        f"model must be {names.get(stored.framework, stored.framework)}, as run {stored.name!r} "
        f"was recorded from one. Got {names[found]}, a {type(model).__name__}."
    )
    raise ArgumentError(message)


def check_custom_objects(custom_objects: object) -> None:
    """Raise `ArgumentError` unless `custom_objects` is a mapping from names or None."""
    if custom_objects is None:
        return
    names = custom_objects if isinstance(custom_objects, Mapping) else [None]
    if not all(isinstance(name, str) for name in names):
        message = (
            "custom_objects must map names to layers, losses or metrics, such as "
            f"{{'MyLayer': MyLayer}}. Got {shown(custom_objects)}."
        )
        raise ArgumentError(message)


def stored_run(
    path: Path,
    name: str,
    *,
    model: "AnyModel | Path | None",
    custom_objects: Mapping[str, Any] | None,
) -> reader.StoredRun:
    """Return a run from a file.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    name : str
        The name of the run, from `reader.existing_name`.
    model, custom_objects
        As in `open_run`.

    Raises
    ------
    ArgumentError, RunFileError, EvaluationError, MissingDependencyError
        As in `open_run`.

    Warns
    -----
    UserWarning
        The training was interrupted, or epochs of DeepReplay that were not trained are ignored.
        The warning points to the caller's caller.
    """
    if not reader.was_recorded_by_deepreplay(path, name):
        if isinstance(model, Path):
            message = (
                f"model must be a Keras model for run {name!r}, which contains its architecture; "
                f"only a run of DeepReplay has a separate model file. Got the path {str(model)!r}."
            )
            raise ArgumentError(message)
        read = reader.read_run(path, name)
        if read.state == state.INTERRUPTED:
            warnings.warn(interrupted_message(read), stacklevel=3)
        return read
    recording = deepreplay.read_recording(path, name)
    stored = _described(recording, model, custom_objects)
    if len(recording.untrained):
        warnings.warn(deepreplay.untrained_message(recording), stacklevel=3)
    return stored


def interrupted_message(stored: reader.StoredRun) -> str:
    """Return the warning that a training run was interrupted, which says how to continue it."""
    last = stored.epochs[-1].item()
    interrupted = (
        f"Training of run {stored.name!r} was interrupted after epoch {last:g}, the last recorded "
        "one."
    )
    # Keras resumes at whole epochs, and from 0 it starts over.
    epochs = stored.epochs.tolist()
    whole = [epoch for epoch in epochs if epoch == int(epoch) and (epoch or not last)]
    if not (stored.has_model and stored.has_all_weights and whole):
        return f"{interrupted} To continue it, pass if_exists='append'."
    first = int(whole[-1])
    return (
        f"{interrupted} To continue it, call run.restore(model{f', {first}' * (first < last)}) and "
        f"fit with initial_epoch={first} and a Recorder with if_exists='append'."
    )


def _described(
    recording: Recording,
    model: "AnyModel | Path | None",
    custom_objects: Mapping[str, Any] | None,
) -> reader.StoredRun:
    try:
        from replaychart.network.deepreplay import described_run
    except ImportError as error:
        message = (
            f"Run {recording.name!r} of {str(recording.path)!r} was recorded by DeepReplay, and "
            "reading its model needs Keras with a backend: pip install 'replaychart[tensorflow]'. "
            "Or, on a machine with Keras, convert the run with 'replaychart convert' and store its "
            "evaluations with 'replaychart store'."
        )
        raise MissingDependencyError(message) from error
    return described_run(recording, model=model, custom_objects=custom_objects)
