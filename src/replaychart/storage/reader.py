"""Reads runs: small things at once, weights and evaluations when they are asked for."""

import dataclasses
import functools
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from replaychart.errors import FileInUseError, RunFileError
from replaychart.storage import layout, state, transactions, weights
from replaychart.storage.inputs import Inputs

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
    inputs : numpy.ndarray, shape (points, ...), or mapping of str to numpy.ndarray
        The recorded points; one array for each input, by name, of a model with several.
    targets : numpy.ndarray, shape (points, ...)
        Their targets.
    epochs : numpy.ndarray of int64 or float64, shape (snapshots,)
        The epochs recorded; float64 if any of them is not whole.
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
    recorded_variables : tuple of Variable
        The model's variables, in ``model.weights`` order; none in layout 1.
    sample_weights : numpy.ndarray of float32, shape (points,), or None
        What the loss of each point is multiplied with.
    state : {"finished", "being recorded", "interrupted", "unknown"}
        What the training was doing when the run was read; see `storage.state`.
    """

    path: Path
    name: str
    run_id: str
    inputs: Inputs
    targets: np.ndarray
    epochs: np.ndarray
    learning_rates: np.ndarray
    logs: Mapping[str, np.ndarray]
    architecture: str
    compile_config: str
    layers: tuple[layout.RecordedLayer, ...]
    details: Mapping[str, Any]
    recorded_variables: tuple[layout.Variable, ...] = dataclasses.field(default=(), kw_only=True)
    sample_weights: np.ndarray | None = dataclasses.field(default=None, kw_only=True)
    state: str = dataclasses.field(default=state.UNKNOWN, kw_only=True)

    @property
    def has_model(self) -> bool:
        """Whether a model was recorded, and not its outputs."""
        return self.details.get("recorded") != layout.OUTPUTS

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

    def weights(self) -> list[weights.Weight]:
        """Return each variable, shape (snapshots, ...), in ``model.weights`` order.

        Runs whose weights take much memory leave them in the file and read one snapshot at a time.
        A variable that was not recorded stands there without values.
        """
        snapshots = len(self.epochs)
        if not self.recorded_variables:
            with opened(self.path) as file:
                stored = self.same_run(file)[layout.WEIGHTS]
                return [stored[str(index)][:snapshots] for index in range(len(stored))]
        with opened(self.path) as file:
            group = self.same_run(file)[layout.WEIGHTS]
            sizes = {dtype: group[dtype].dtype.itemsize * group[dtype].shape[1] for dtype in group}
            fits = snapshots * sum(sizes.values()) <= weights.IN_MEMORY
            flat = {dtype: group[dtype][:snapshots] for dtype in group} if fits else {}
        rows = {
            dtype: weights.Rows(snapshots, functools.partial(self._rows, dtype)) for dtype in sizes
        }
        recorded = list(dict.fromkeys(one.layer for one in self.recorded_variables if one.recorded))
        found: list[weights.Weight] = []
        for variable, start in zip(
            self.recorded_variables, weights.spans(self.recorded_variables), strict=True
        ):
            if not variable.recorded:
                found.append(weights.UnrecordedWeight(self.name, snapshots, variable, recorded))
            elif fits:
                stop = start + math.prod(variable.shape)
                span = flat[variable.dtype][:, start:stop]
                found.append(span.reshape(snapshots, *variable.shape))
            else:
                found.append(weights.WeightInFile(rows[variable.dtype], start, variable))
        return found

    def _rows(self, dtype: str, snapshots: list[int]) -> np.ndarray:
        with opened(self.path) as file:
            block = self.same_run(file)[layout.WEIGHTS][dtype]
            return np.stack([block[snapshot] for snapshot in snapshots])

    def evaluations(self) -> dict[str, dict[str, np.ndarray]]:
        """Return what `write_evaluations` stored, or outputs recorded: named arrays for each key.

        Nothing, if it was stored for other epochs: the training went on since.
        """
        with opened(self.path) as file:
            run = self.same_run(file)
            if not self.has_model:
                return {
                    values.attrs[layout.KEY_ATTRIBUTE]: {"values": values[: len(self.epochs)]}
                    for values in run[layout.OUTPUTS].values()
                }
            stored = run.get(layout.EVALUATIONS)
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
            if (_holds(file, name, layout.is_run) and not is_half_made(file[name]))
            or _holds(file, name, layout.is_deepreplay)
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


def loss_of(compile_config: str) -> Any:
    """Return the loss of a recorded compile configuration as JSON values, None if it has none."""
    return (json.loads(compile_config) or {}).get("loss")


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
    epochs = _whole_if_possible(run[layout.EPOCHS][()])
    if not len(epochs):
        message = "it ended before its first snapshot was written"
        raise ValueError(message)
    learning_rates, logs = _scalars(run, len(epochs))
    variables = run[layout.VARIABLES].asstr()[()] if layout.VARIABLES in run else "[]"
    return StoredRun(
        path=path,
        name=name,
        run_id=run.attrs[layout.RUN_ID_ATTRIBUTE],
        inputs=_inputs(run[layout.INPUTS]),
        targets=run[layout.TARGETS][()],
        sample_weights=run[layout.SAMPLE_WEIGHTS][()] if layout.SAMPLE_WEIGHTS in run else None,
        epochs=epochs,
        learning_rates=learning_rates,
        logs=logs,
        architecture=run[layout.ARCHITECTURE].asstr()[()],
        compile_config=run[layout.COMPILE_CONFIG].asstr()[()],
        layers=layout.layers_from_json(run[layout.LAYERS].asstr()[()]),
        details=json.loads(run.attrs.get(layout.DETAILS_ATTRIBUTE, "{}")),
        recorded_variables=layout.variables_from_json(variables),
        state=state.state(run.attrs),
    )


def _inputs(stored: h5py.Dataset | h5py.Group) -> Inputs:
    if isinstance(stored, h5py.Dataset):
        return stored[()]
    inputs = {
        stored[str(index)].attrs[layout.INPUT_NAME_ATTRIBUTE]: stored[str(index)][()]
        for index in range(len(stored))
    }
    if len(inputs) < len(stored) or len({len(array) for array in inputs.values()}) != 1:
        message = "two of its inputs have the same name, or not the same number of points"
        raise ValueError(message)
    return inputs


def is_half_made(run: h5py.Group) -> bool:
    """Return whether a run was begun and never got its first snapshot.

    Versions before the transactions left such runs behind when a training was killed.
    """
    if layout.LAYOUT_ATTRIBUTE not in run.attrs:
        return layout.WRITER_ATTRIBUTE in run.attrs
    epochs = run.get(layout.EPOCHS)
    return isinstance(epochs, h5py.Dataset) and epochs.shape == (0,)


def _holds(file: h5py.File, name: str, kind: Callable[[Mapping[str, Any]], bool]) -> bool:
    item = file.get(name)  # nothing, for a link to a file that is gone
    return isinstance(item, h5py.Group) and kind(item.attrs)


def _whole_if_possible(epochs: np.ndarray) -> np.ndarray:
    whole = epochs.astype(np.int64)
    return whole if (whole == epochs).all() else epochs


def _scalars(run: h5py.Group, snapshots: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the learning rates and the logs by name, each of the shape (snapshots,)."""
    if run.attrs[layout.LAYOUT_ATTRIBUTE] == 1:
        logs = {
            log.attrs[layout.NAME_ATTRIBUTE_1]: log[:snapshots]
            for _, log in sorted(run[layout.LOGS_1].items(), key=lambda item: int(item[0]))
        }
        return run[layout.LEARNING_RATE_1][:snapshots], logs
    # A name is written before its first value: the last ones may have none if that was cut short.
    scalars = run[layout.SCALARS][:snapshots]
    names = run[layout.LOG_NAMES].asstr()[()][: scalars.shape[1] - 1]
    return scalars[:, 0], {name: scalars[:, 1 + i] for i, name in enumerate(names)}


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Open a file for reading.

    Raises
    ------
    RunFileError
        The file is missing, not HDF5, cannot be read, or is being written for longer than a
        moment.
    """
    if not path.exists():
        message = f"There is no file {str(path)!r}."
        raise RunFileError(message)
    if not path.is_file() or not transactions.is_run_file(path):
        message = f"{str(path)!r} is not an HDF5 file."
        raise RunFileError(message)
    with ExitStack() as stack:
        try:
            file = stack.enter_context(transactions.reading(path))
        except FileInUseError:
            raise
        except OSError as error:
            message = f"The file {str(path)!r} cannot be opened for reading: {error}"
            raise RunFileError(message) from error
        yield file
