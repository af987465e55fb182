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
from replaychart.storage import layout, weights
from replaychart.storage.reader import StoredRun

# A chunk is the piece that HDF5 reads and writes at once. Snapshots of small networks share one, so
# that thousands of epochs are not thousands of pieces; those of large ones are cut into several.
# Chunks are not compressed: weights and outputs lose 7 % (lzf) to 14 % (gzip) of their bytes, and
# writing them takes 5 to 10 times as long.
_SHARED_CHUNK_BYTES = 32 * 1024
_LARGEST_CHUNK_BYTES = 256 * 1024
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
    variables : tuple of Variable
        The model's variables in the order of ``model.weights``; none for a run of outputs.
    sample_weights : numpy.ndarray of float32, shape (points,), or None
        What the loss of each point is multiplied with.
    """

    inputs: np.ndarray
    targets: np.ndarray
    architecture: str
    compile_config: str
    layers: tuple[layout.RecordedLayer, ...]
    details: Mapping[str, object]
    variables: tuple[layout.Variable, ...] = ()
    sample_weights: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """What is recorded at one moment of a training.

    Attributes
    ----------
    epoch : float
        The epochs that have passed; 0 is the state before training.
    weights : sequence of numpy.ndarray
        In the order of ``model.weights``, of the same shapes at every snapshot.
    learning_rate : float
        NaN before training.
    logs : mapping of str to float
        What was logged. A name may come late or be missing: snapshots without it hold NaN.
    outputs : mapping of str to numpy.ndarray
        For a run recorded from outputs: arrays by `layout.evaluation_key`.
    """

    epoch: float
    weights: Sequence[np.ndarray] = ()
    learning_rate: float = np.nan
    logs: Mapping[str, float] = dataclasses.field(default_factory=dict)
    outputs: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)


def check_destination(path: Path, group: str, *, if_exists: str) -> None:
    """Raise unless a run named `group` can be recorded into the file at `path`.

    Parameters
    ----------
    path : pathlib.Path
        The file, which need not exist.
    group : str
        The run's name.
    if_exists : {"error", "overwrite", "append"}
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
            "pass if_exists='overwrite' to replace the run or 'append' to go on with it."
        )
        raise RecordingError(message)


class RunWriter:
    """Appends snapshots to one run.

    Parameters
    ----------
    path : pathlib.Path
        The file; made if it is missing.
    group : str
        The run's name. A run of that name is replaced, when the first snapshot is written.
    description : RunDescription
        What the run begins with.
    """

    def __init__(self, path: Path, group: str, description: RunDescription) -> None:
        self._path = path
        self._group = group
        self._variables = description.variables
        self._to_describe: RunDescription | None = description
        self._log_names: list[str] | None = None

    @classmethod
    def onto(cls, stored: StoredRun, *, keep: int, details: Mapping[str, object]) -> "RunWriter":
        """Return a writer that goes on with a run, and drop its later snapshots.

        Parameters
        ----------
        stored : StoredRun
            The run.
        keep : int
            How many of its snapshots stay.
        details : mapping
            Its details from now on.

        Raises
        ------
        RunFileError
            The file cannot be written, or the run was replaced since it was read.
        """
        writer = cls.__new__(cls)
        writer._path, writer._group = stored.path, stored.name
        writer._variables = stored.recorded_variables
        writer._to_describe = writer._log_names = None
        with _opened(stored.path, "a") as file:
            run = stored.same_run(file)
            _set_attribute(run, layout.DETAILS_ATTRIBUTE, json.dumps(dict(details)))
            if layout.EVALUATIONS in run:
                # They would count again as soon as as many epochs are recorded as before.
                del run[layout.EVALUATIONS]
            if keep < len(stored.epochs):
                # What was opened before must not take the new snapshots for the old ones.
                run.attrs[layout.RUN_ID_ATTRIBUTE] = uuid.uuid4().hex
                # Only the epochs: a snapshot without one never was, and the next takes its place.
                run[layout.EPOCHS].resize(keep, axis=0)
        return writer

    def append(self, *snapshots: Snapshot) -> None:
        """Write snapshots, which must be later than all before, and close the file."""
        with _opened(self._path, "a") as file:
            if self._to_describe is not None:
                # Only now, with a snapshot to write, does a run of the same name go.
                if self._group in file:
                    del file[self._group]
                _write_description(file.create_group(self._group), self._to_describe)
                self._to_describe = None
            run = file[self._group]
            row = len(run[layout.EPOCHS])
            blocks = [weights.packed(self._variables, one.weights) for one in snapshots]
            for dtype in blocks[0]:
                _write_rows(run[layout.WEIGHTS], dtype, row, [block[dtype] for block in blocks])
            for index, (key, first) in enumerate(snapshots[0].outputs.items()):
                values = [first, *(one.outputs[key] for one in snapshots[1:])]
                _write_rows(run[layout.OUTPUTS], str(index), row, values)
                run[layout.OUTPUTS][str(index)].attrs[layout.KEY_ATTRIBUTE] = key
            self._write_scalars(run, row, snapshots)
            # The epochs come last: they are what makes the snapshots count.
            _write_rows(run, layout.EPOCHS, row, [np.float64(one.epoch) for one in snapshots])

    def _write_scalars(self, run: h5py.Group, row: int, snapshots: Sequence[Snapshot]) -> None:
        names = run[layout.LOG_NAMES]
        if self._log_names is None:
            self._log_names = list(names.asstr()[()])
        known = len(self._log_names)
        logged = dict.fromkeys(name for one in snapshots for name in one.logs)
        self._log_names += [name for name in logged if name not in self._log_names]
        if len(self._log_names) > known:
            names.resize(len(self._log_names), axis=0)
            names[known:] = self._log_names[known:]
        scalars = run[layout.SCALARS]
        scalars.resize((row + len(snapshots), 1 + len(self._log_names)))
        scalars[row:] = [
            [one.learning_rate, *(one.logs.get(name, np.nan) for name in self._log_names)]
            for one in snapshots
        ]


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
    recorded = [np.asarray(values) for values in stored.weights()]
    owners = {one.position: layer.name for layer in stored.layers for one in layer.variables}
    description = RunDescription(
        inputs=stored.inputs,
        targets=stored.targets,
        architecture=stored.architecture,
        compile_config=stored.compile_config,
        layers=stored.layers,
        details=stored.details,
        variables=tuple(
            layout.Variable(owners.get(position, ""), values.shape[1:], values.dtype.name)
            for position, values in enumerate(recorded)
        ),
    )
    snapshots = [
        Snapshot(
            epoch.item(),
            [values[row] for values in recorded],
            stored.learning_rates[row],
            {name: values[row] for name, values in stored.logs.items()},
        )
        for row, epoch in enumerate(stored.epochs)
    ]
    RunWriter(path, stored.name, description).append(*snapshots)


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
        _set_attribute(kept, layout.EPOCHS, stored.epochs)
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
    _set_attribute(run, layout.DETAILS_ATTRIBUTE, json.dumps(dict(description.details)))
    run.create_dataset(layout.INPUTS, data=description.inputs)
    run.create_dataset(layout.TARGETS, data=description.targets)
    if description.sample_weights is not None:
        run.create_dataset(layout.SAMPLE_WEIGHTS, data=description.sample_weights)
    run.create_dataset(layout.ARCHITECTURE, data=description.architecture)
    run.create_dataset(layout.COMPILE_CONFIG, data=description.compile_config)
    run.create_dataset(layout.LAYERS, data=layout.layers_to_json(description.layers))
    variables = layout.variables_to_json(description.variables)
    run.create_dataset(layout.VARIABLES, data=variables)
    run.create_group(layout.WEIGHTS)
    run.create_group(layout.OUTPUTS)
    run.create_dataset(
        layout.LOG_NAMES, shape=(0,), maxshape=(None,), chunks=(64,), dtype=h5py.string_dtype()
    )
    run.create_dataset(
        layout.SCALARS,
        shape=(0, 1),
        maxshape=(None, None),
        chunks=(_LARGEST_CHUNK_IN_EPOCHS, 8),
        dtype="f8",
        fillvalue=np.nan,
    )
    run.create_dataset(
        layout.EPOCHS, shape=(0,), maxshape=(None,), chunks=(_LARGEST_CHUNK_IN_EPOCHS,), dtype="f8"
    )
    # The layout version comes last: a group without it is not a run.
    run.attrs[layout.LAYOUT_ATTRIBUTE] = layout.LAYOUT_VERSION


def _set_attribute(group: h5py.Group, name: str, value: str | np.ndarray) -> None:
    """Set an attribute, or a dataset of its name where HDF5 has no attribute so long."""
    size = len(value.encode()) if isinstance(value, str) else value.nbytes
    if size <= layout.LONGEST_ATTRIBUTE:
        group.attrs[name] = value
        if name in group:
            del group[name]
    elif name in group:
        group[name][...] = value
    else:
        group[name] = value


def _write_rows(
    parent: h5py.Group, name: str, row: int, values: Sequence[np.ndarray | np.generic]
) -> None:
    first = values[0]
    if name not in parent:
        parent.create_dataset(
            name,
            shape=(0, *first.shape),
            maxshape=(None, *first.shape),
            chunks=_chunks(first),
            dtype=first.dtype,
        )
    dataset = parent[name]
    dataset.resize(row + len(values), axis=0)
    dataset[row:] = np.stack(values)


def _chunks(values: np.ndarray | np.generic) -> tuple[int, ...]:
    """Return the shape of chunks for snapshots of these values."""
    epochs = _SHARED_CHUNK_BYTES // max(values.nbytes, 1)
    epochs = min(max(epochs, 1), _LARGEST_CHUNK_IN_EPOCHS)
    pieces = -(-values.nbytes // _LARGEST_CHUNK_BYTES)
    shape = [max(size, 1) for size in values.shape]
    if shape and pieces:
        shape[0] = -(-shape[0] // pieces)
    return (epochs, *shape)
