"""Writes runs: one open, append and close per snapshot, so that the file is whole in between."""

import dataclasses
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

import replaychart
from replaychart.errors import ArgumentError, RecordingError, RunFileError
from replaychart.storage import layout
from replaychart.storage.reader import StoredRun

# A chunk is the piece that HDF5 reads and writes at once. Small weights share a chunk between
# epochs, so that thousands of epochs are not thousands of pieces.
_CHUNK_BYTES = 32 * 1024
_LARGEST_CHUNK_IN_EPOCHS = 64


@dataclasses.dataclass(frozen=True)
class RunDescription:
    """All of a run that is known before its first snapshot.

    Attributes
    ----------
    inputs : numpy.ndarray, shape (points, ...)
        The recorded points, in the form in which the model takes them.
    targets : numpy.ndarray, shape (points, ...)
        Their targets, in the form in which the model's loss takes them.
    architecture : str
        The model's architecture as JSON.
    compile_config : str
        The model's compile configuration (loss, metrics, optimizer) as JSON.
    layers : tuple of RecordedLayer
        The model's layers, inputs left out.
    details : mapping
        Versions, backend, names of features, classes and metrics, and the output's shape, as JSON
        values.
    """

    inputs: np.ndarray
    targets: np.ndarray
    architecture: str
    compile_config: str
    layers: tuple[layout.RecordedLayer, ...]
    details: Mapping[str, object]


def check_destination(path: Path, group: str, *, if_exists: str) -> None:
    """Raise unless a run named `group` can be recorded into the file at `path`.

    Parameters
    ----------
    path : pathlib.Path
        The file, which need not exist.
    group : str
        The run's name.
    if_exists : {"error", "overwrite"}
        What is to happen to a run of that name.

    Raises
    ------
    ArgumentError
        `group` cannot name a run.
    RunFileError
        The directory is missing, or the file is not HDF5.
    RecordingError
        The group exists and may not be replaced.
    """
    if not isinstance(group, str) or not group or "/" in group or group == ".":
        message = f"group must be a non-empty text without '/'. Got {group!r}."
        raise ArgumentError(message)
    if not path.parent.is_dir():
        message = f"path must lie in a directory that exists. Got {str(path)!r}."
        raise RunFileError(message)
    if not path.exists():
        return
    if not path.is_file() or not h5py.is_hdf5(path):
        message = f"path must be an HDF5 file or a file yet to be made. Got {str(path)!r}."
        raise RunFileError(message)
    with _opened(path, "r") as file:
        if group not in file:
            return
        if layout.WRITER_ATTRIBUTE not in file[group].attrs:
            message = (
                f"group {group!r} of {str(path)!r} exists and is not a run of ReplayChart, so it "
                "is left alone. Choose another group."
            )
            raise RecordingError(message)
    if if_exists == "error":
        message = (
            f"group {group!r} exists in {str(path)!r}. Choose another group, another path, or "
            "pass if_exists='overwrite' to replace the run."
        )
        raise RecordingError(message)


class RunWriter:
    """Appends snapshots to one run.

    Parameters
    ----------
    path : pathlib.Path
        The file; made if it is missing.
    group : str
        The run's name. A run of that name is replaced.
    description : RunDescription
        What the run begins with.
    """

    def __init__(self, path: Path, group: str, description: RunDescription) -> None:
        self._path = path
        self._group = group
        self._to_describe: RunDescription | None = description

    def append(
        self,
        epoch: int,
        *,
        weights: Sequence[np.ndarray],
        learning_rate: float,
        logs: Mapping[str, float],
    ) -> None:
        """Write one snapshot and close the file.

        Parameters
        ----------
        epoch : int
            The epoch that has ended; 0 is the state before training.
        weights : sequence of numpy.ndarray
            In the order of ``model.weights``, of the same shapes at every call.
        learning_rate : float
            At the epoch's begin; NaN before training.
        logs : mapping of str to float
            What was logged at the epoch's end. A name may come late or be missing: the epochs
            without it hold NaN.
        """
        with _opened(self._path, "a") as file:
            if self._to_describe is not None:
                # Only now, with a snapshot to write, does a run of the same name go.
                if self._group in file:
                    del file[self._group]
                _write_description(file.create_group(self._group), self._to_describe)
                self._to_describe = None
            _write_snapshot(
                file[self._group], epoch, weights=weights, learning_rate=learning_rate, logs=logs
            )


def write_run(path: Path, stored: StoredRun) -> None:
    """Write a run that is complete, without evaluations, into a file.

    Parameters
    ----------
    path : pathlib.Path
        The file; made if it is missing. A run of the same name is replaced.
    stored : StoredRun
        The run, read from another file.

    Raises
    ------
    RunFileError
        The file cannot be written, or the run was replaced since it was read.
    """
    weights = stored.weights()
    fields = [field.name for field in dataclasses.fields(RunDescription)]
    description = RunDescription(**{name: getattr(stored, name) for name in fields})
    with _opened(path, "a") as file:
        if stored.name in file:
            del file[stored.name]
        run = file.create_group(stored.name)
        _write_description(run, description)
        for row, epoch in enumerate(stored.epochs):
            _write_snapshot(
                run,
                int(epoch),
                weights=[values[row] for values in weights],
                learning_rate=stored.learning_rates[row],
                logs={name: values[row] for name, values in stored.logs.items()},
            )


def write_evaluations(
    stored: StoredRun, evaluations: Mapping[str, Mapping[str, np.ndarray]]
) -> None:
    """Replace the evaluations stored with a run.

    Parameters
    ----------
    stored : StoredRun
        The run, whose epochs the evaluations are for.
    evaluations : mapping of str to mapping of str to numpy.ndarray
        Named arrays for each key.

    Raises
    ------
    RunFileError
        The file cannot be written, or the run was replaced since it was read.
    """
    stored.require_writable()
    with _opened(stored.path, "a") as file:
        run = stored.same_run(file)
        # Written beside, then renamed: an interruption leaves the old ones.
        beside = layout.EVALUATIONS + ".new"
        if beside in run:
            del run[beside]
        kept = run.create_group(beside)
        kept.attrs[layout.EPOCHS] = stored.epochs
        for index, (key, arrays) in enumerate(evaluations.items()):
            evaluation = kept.create_group(str(index))
            evaluation.attrs[layout.KEY_ATTRIBUTE] = key
            for name, values in arrays.items():
                compression = {"compression": "gzip", "shuffle": True} if values.size else {}
                evaluation.create_dataset(name, data=values, **compression)
        if layout.EVALUATIONS in run:
            del run[layout.EVALUATIONS]
        run.move(beside, layout.EVALUATIONS)


@contextmanager
def _opened(path: Path, mode: str) -> Iterator[h5py.File]:
    try:
        file = h5py.File(path, mode)
    except OSError as error:
        message = f"The file {str(path)!r} cannot be opened for writing: {error}"
        raise RunFileError(message) from error
    with file:
        yield file


def _write_description(run: h5py.Group, description: RunDescription) -> None:
    run.attrs[layout.WRITER_ATTRIBUTE] = replaychart.__version__
    run.attrs[layout.RUN_ID_ATTRIBUTE] = uuid.uuid4().hex
    run.attrs[layout.DETAILS_ATTRIBUTE] = json.dumps(dict(description.details))
    run.create_dataset(layout.INPUTS, data=description.inputs)
    run.create_dataset(layout.TARGETS, data=description.targets)
    run.create_dataset(layout.ARCHITECTURE, data=description.architecture)
    run.create_dataset(layout.COMPILE_CONFIG, data=description.compile_config)
    run.create_dataset(layout.LAYERS, data=layout.layers_to_json(description.layers))
    run.create_group(layout.WEIGHTS)
    run.create_group(layout.LOGS)
    run.create_dataset(
        layout.EPOCHS, shape=(0,), maxshape=(None,), chunks=(_LARGEST_CHUNK_IN_EPOCHS,), dtype="i8"
    )
    # The layout version comes last: a group without it is not a run.
    run.attrs[layout.LAYOUT_ATTRIBUTE] = layout.LAYOUT_VERSION


def _write_snapshot(
    run: h5py.Group,
    epoch: int,
    *,
    weights: Sequence[np.ndarray],
    learning_rate: float,
    logs: Mapping[str, float],
) -> None:
    row = len(run[layout.EPOCHS])
    for index, weight in enumerate(weights):
        _write_row(run[layout.WEIGHTS], str(index), row, weight)
    _write_row(run, layout.LEARNING_RATE, row, np.float64(learning_rate))
    _write_logs(run[layout.LOGS], row, logs)
    # The epoch comes last: it is what makes the snapshot count.
    _write_row(run, layout.EPOCHS, row, np.int64(epoch))


def _write_row(parent: h5py.Group, name: str, row: int, values: np.ndarray | np.generic) -> None:
    if name not in parent:
        epochs_per_chunk = _CHUNK_BYTES // max(values.nbytes, 1)
        epochs_per_chunk = min(max(epochs_per_chunk, 1), _LARGEST_CHUNK_IN_EPOCHS)
        filling = np.nan if np.issubdtype(values.dtype, np.floating) else 0
        parent.create_dataset(
            name,
            shape=(0, *values.shape),
            maxshape=(None, *values.shape),
            chunks=(epochs_per_chunk, *(max(size, 1) for size in values.shape)),
            dtype=values.dtype,
            fillvalue=filling,
        )
    dataset = parent[name]
    dataset.resize(row + 1, axis=0)
    dataset[row] = values


def _write_logs(parent: h5py.Group, row: int, logs: Mapping[str, float]) -> None:
    # A metric's name is free text and may hold "/", which HDF5 would take for a path: datasets are
    # numbered and carry the name as an attribute.
    numbers = {parent[number].attrs[layout.NAME_ATTRIBUTE]: number for number in parent}
    for name in [*numbers, *(name for name in logs if name not in numbers)]:
        number = numbers.get(name, str(len(numbers)))
        if name not in numbers:
            numbers[name] = number
        _write_row(parent, number, row, np.float64(logs.get(name, np.nan)))
        parent[number].attrs[layout.NAME_ATTRIBUTE] = name
