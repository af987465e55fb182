"""Reads runs: small things at once, weights and evaluations when they are asked for."""

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from replaychart.errors import RunFileError
from replaychart.storage import layout

# DeepReplay puts this behind the name of a model that it records without a training.
UNTRAINED = "_init"


@dataclasses.dataclass(frozen=True)
class StoredRun:
    """A run as it stands in its file, without weights and evaluations.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    name : str
        The run's name.
    run_id : str
        Tells this recording from another one that took its name later.
    inputs, targets : numpy.ndarray, shape (points, ...)
        The recorded points and their targets.
    epochs : numpy.ndarray of int64, shape (snapshots,)
        The epochs recorded.
    learning_rates : numpy.ndarray of float64, shape (snapshots,)
        At each epoch's begin; NaN before training.
    logs : mapping of str to numpy.ndarray of float64, shape (snapshots,)
        What Keras logged; NaN where nothing was logged.
    architecture, compile_config : str
        JSON texts.
    layers : tuple of RecordedLayer
        The model's layers, inputs left out.
    details : mapping
        Versions, backend and names.
    """

    path: Path
    name: str
    run_id: str
    inputs: np.ndarray
    targets: np.ndarray
    epochs: np.ndarray
    learning_rates: np.ndarray
    logs: Mapping[str, np.ndarray]
    architecture: str
    compile_config: str
    layers: tuple[layout.RecordedLayer, ...]
    details: Mapping[str, Any]

    def require_writable(self) -> None:
        """Raise `RunFileError` if evaluations cannot be written into this run's file."""

    def same_run(self, file: h5py.File) -> h5py.Group:
        """Return this run's group in its opened file, and raise if it holds another run by now."""
        group = file.get(self.name)
        if group is None or group.attrs.get(layout.RUN_ID_ATTRIBUTE) != self.run_id:
            message = (
                f"Run {self.name!r} of {str(self.path)!r} was replaced or removed since it was "
                "opened. Open it again."
            )
            raise RunFileError(message)
        return group

    def weights(self) -> list[np.ndarray]:
        """Return each recorded variable, shape (snapshots, ...), in ``model.weights`` order."""
        with opened(self.path) as file:
            weights = self.same_run(file)[layout.WEIGHTS]
            return [weights[str(index)][: len(self.epochs)] for index in range(len(weights))]

    def evaluations(self) -> dict[str, dict[str, np.ndarray]]:
        """Return what `write_evaluations` stored: named arrays for each key.

        Nothing, if it was stored for other epochs: the training went on since.
        """
        with opened(self.path) as file:
            stored = self.same_run(file).get(layout.EVALUATIONS)
            if stored is None or not np.array_equal(stored.attrs[layout.EPOCHS], self.epochs):
                return {}
            return {
                evaluation.attrs[layout.KEY_ATTRIBUTE]: {
                    name: evaluation[name][()] for name in evaluation
                }
                for evaluation in stored.values()
            }


def run_names(path: Path) -> list[str]:
    """Return the names of the runs in a file, sorted; those that DeepReplay recorded too.

    Raises
    ------
    RunFileError
        The file is missing or not HDF5.
    """
    with opened(path) as file:
        return sorted(
            name
            for name in file
            if _holds(file, name, layout.is_run) or _holds(file, name, layout.is_deepreplay)
        )


def was_recorded_by_deepreplay(path: Path, name: str) -> bool:
    """Return whether a run stands in DeepReplay's layout."""
    with opened(path) as file:
        return _holds(file, name, layout.is_deepreplay)


def read_run(path: Path, name: str) -> StoredRun:
    """Read one run in this project's layout.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    name : str
        The run's name, from `existing_name`.

    Raises
    ------
    RunFileError
        The run was written in a newer layout, or is damaged.
    """
    with opened(path) as file:
        run = file[name]
        version = run.attrs[layout.LAYOUT_ATTRIBUTE]
        if version > layout.LAYOUT_VERSION:
            message = (
                f"Run {name!r} of {str(path)!r} has layout version {version}; this version of "
                f"replaychart reads up to {layout.LAYOUT_VERSION}. It was written by replaychart "
                f"{run.attrs.get(layout.WRITER_ATTRIBUTE)}: upgrade to that."
            )
            raise RunFileError(message)
        try:
            return _read(path, name, run)
        except (KeyError, ValueError, TypeError, OSError) as error:
            message = f"Run {name!r} of {str(path)!r} is damaged: {error}"
            raise RunFileError(message) from error


def existing_name(path: Path, name: str | None) -> str:
    """Return the name of a run that is in a file.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    name : str or None
        The run's name, where DeepReplay's suffix ``_init`` of an untrained model may be left out
        as it was there; None for the only run.

    Raises
    ------
    RunFileError
        The file is missing, not HDF5 or without runs; there is no run of that name, or more than
        one and no name.
    """
    names = run_names(path)
    listed = ", ".join(repr(known) for known in names)
    if not names:
        message = f"{str(path)!r} holds no run of ReplayChart or DeepReplay."
        raise RunFileError(message)
    if name is None and len(names) > 1:
        message = f"{str(path)!r} holds several runs; group must be one of {listed}."
        raise RunFileError(message)
    if name is None:
        return names[0]
    untrained = f"{name}{UNTRAINED}"
    if name not in names and untrained in names and was_recorded_by_deepreplay(path, untrained):
        return untrained
    if name not in names:
        message = f"group must be one of {listed}, the runs in {str(path)!r}. Got {name!r}."
        raise RunFileError(message)
    return name


def _read(path: Path, name: str, run: h5py.Group) -> StoredRun:
    epochs = run[layout.EPOCHS][()]
    if not len(epochs):
        message = "it ended before its first snapshot was written"
        raise ValueError(message)
    snapshots = len(epochs)
    return StoredRun(
        path=path,
        name=name,
        run_id=run.attrs[layout.RUN_ID_ATTRIBUTE],
        inputs=run[layout.INPUTS][()],
        targets=run[layout.TARGETS][()],
        epochs=epochs,
        learning_rates=run[layout.LEARNING_RATE][:snapshots],
        logs={
            log.attrs[layout.NAME_ATTRIBUTE]: log[:snapshots]
            for _, log in sorted(run[layout.LOGS].items(), key=lambda item: int(item[0]))
        },
        architecture=run[layout.ARCHITECTURE].asstr()[()],
        compile_config=run[layout.COMPILE_CONFIG].asstr()[()],
        layers=layout.layers_from_json(run[layout.LAYERS].asstr()[()]),
        details=json.loads(run.attrs.get(layout.DETAILS_ATTRIBUTE, "{}")),
    )


def _holds(file: h5py.File, name: str, kind: Callable[[Mapping[str, Any]], bool]) -> bool:
    item = file.get(name)  # nothing, for a link to a file that is gone
    return isinstance(item, h5py.Group) and kind(item.attrs)


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Open a file for reading.

    Raises
    ------
    RunFileError
        The file is missing, not HDF5, or cannot be read.
    """
    if not path.exists():
        message = f"There is no file {str(path)!r}."
        raise RunFileError(message)
    if not path.is_file() or not h5py.is_hdf5(path):
        message = f"{str(path)!r} is not an HDF5 file."
        raise RunFileError(message)
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        message = f"The file {str(path)!r} cannot be opened for reading: {error}"
        raise RunFileError(message) from error
    with file:
        yield file
