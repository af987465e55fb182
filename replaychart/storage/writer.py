"""Writes runs, in one transaction per snapshot, so that the file is always complete."""

import json
import uuid
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

import h5py
import numpy as np

from replaychart.errors import RunFileError
from replaychart.facts.ending import Ending
from replaychart.facts.inputs import Inputs
from replaychart.facts.layers import Variable, layers_to_json, variables_to_json
from replaychart.facts.outputs import Targets
from replaychart.facts.snapshots import RunDescription, Snapshot
from replaychart.facts.witness import Witness
from replaychart.storage import endings, layout, state, stored_evaluations, weights, witnesses
from replaychart.storage.destination import check_group, free_name
from replaychart.storage.hdf5 import checked, fixed_texts, number_datasets
from replaychart.storage.hdf5.checked import Attributes
from replaychart.storage.hdf5.locks import PATIENCE
from replaychart.storage.hdf5.transactions import transaction
from replaychart.storage.parts import log_names
from replaychart.storage.reader import StoredRun
from replaychart.storage.state import Presence
from replaychart.version import __version__


class RunWriter:
    """Appends snapshots to one run.

    Parameters
    ----------
    path : pathlib.Path
        The file; created if it is missing.
    group : str
        The name of the run.
    description : RunDescription
        Everything about the run except its snapshots.
    if_exists : {"error", "overwrite", "new"}, default "overwrite"
        What to do if a run of that name exists when the first snapshot is written. With "new", the
        run gets the next free name.
    presence : Presence, optional
        The recorder. Default: this writer.
    """

    def __init__(
        self,
        path: Path,
        group: str,
        description: RunDescription,
        *,
        if_exists: str = "overwrite",
        presence: Presence | None = None,
    ) -> None:
        self._path = path
        self._asked_for = self._group = group
        self._variables = description.variables
        self._to_describe: RunDescription | None = description
        self._if_exists = if_exists
        self._presence = presence or Presence()
        self._log_names: list[str] | None = None
        self._last: float | None = None

    @classmethod
    def onto(
        cls,
        stored: StoredRun,
        *,
        keep: int,
        details: Mapping[str, object],
        presence: Presence | None = None,
    ) -> "RunWriter":
        """Return a writer that continues a run, and drop the later snapshots of the run.

        Parameters
        ----------
        stored : StoredRun
            The run.
        keep : int
            How many of its snapshots to keep.
        details : mapping
            The new details of the run.
        presence : Presence, optional
            The recorder. Default: this writer.

        Raises
        ------
        RunFileError
            The file cannot be written, or the run was replaced since it was read.
        RecordingError
            Another recorder is at work on the run.
        """
        writer = cls.__new__(cls)
        writer._path, writer._group = stored.path, stored.name
        writer._variables = stored.recorded_variables
        writer._to_describe = writer._log_names = writer._last = None
        writer._presence = presence or Presence()
        with transaction(stored.path) as file:
            run = stored.same_run(file)
            check_group(file, stored.path, stored.name, if_exists="append")
            _drop_evaluations(run)
            state.begin(run, writer._presence)
            endings.write(run, Ending())
            number_datasets.set_attribute(run, layout.DETAILS_ATTRIBUTE, json.dumps(dict(details)))
            if keep < len(stored.epochs):
                _drop_snapshots(run, keep=keep)
                kept = stored.epochs[:keep].tolist()
                witnesses.drop(run, lambda epoch: epoch not in kept)
        return writer

    @property
    def group(self) -> str:
        """The name of the run, final once a snapshot was written."""
        return self._group

    @property
    def written(self) -> bool:
        """Whether a snapshot was written."""
        return self._to_describe is None

    def append(
        self,
        *snapshots: Snapshot,
        end: str | None = None,
        asked: Sequence[Witness] = (),
        ending: Ending | None = None,
        logged: Snapshot | None = None,
        replaced: Snapshot | None = None,
        patience: float = PATIENCE,
    ) -> None:
        """Write snapshots and close the file; after an error, none of them is written.

        Parameters
        ----------
        *snapshots : Snapshot
            Later than all previous ones.
        end : {"finished", "interrupted", "unknown"}, optional
            How training ended, if these are the last snapshots.
        asked : sequence of Witness
            What the live model computed at the last snapshot.
        ending : Ending, optional
            Which weights the training left the model with.
        logged : Snapshot, optional
            The last snapshot that was written, with values that were logged since.
        replaced : Snapshot, optional
            The last snapshot that was written, with other weights.
        patience : float
            How many seconds to wait for other programs that have the file open.

        Raises
        ------
        RunFileError
            The snapshots cannot be written. `FileInUseError` if they may be written later.
        RecordingError
            Another run took the name before the first snapshot was written.
        """
        # An interruption may come after the last write, which must not be repeated then.
        known, self._last = self._last, None
        with transaction(self._path, create=not self.written, patience=patience) as file:
            run = self._run(file)
            if known is None:
                known, self._log_names = _last_epoch(run), None
            if logged is not None and logged.epoch == known:
                self._log_names = self._write_scalars(run, len(run[layout.EPOCHS]) - 1, [logged])
            if replaced is not None and replaced.epoch == known:
                _drop_evaluations(run)
                _drop_snapshots(run, keep=len(run[layout.EPOCHS]) - 1)
                known, snapshots = _last_epoch(run), (replaced, *snapshots)
            later = [one for one in snapshots if one.epoch > known]
            if later:
                self._log_names = self._write(run, later)
            for witness in asked:
                witnesses.write(run, witness)
            if ending is not None:
                endings.write(run, ending)
            if end is not None:
                state.end(run, end)
        self._to_describe = None
        self._last = later[-1].epoch if later else known

    def _run(self, file: h5py.File) -> h5py.Group:
        """Return the group of the run in its file, created for the first snapshot."""
        exists = checked.has(file, self._group)
        if exists:
            checked.require_own(file, self._group)
            run = file[self._group]
            if state.is_recorded_by(Attributes(run), self._presence):
                return run
        if self._to_describe is None:
            message = (
                f"Run {self._group!r} of {str(self._path)!r} was replaced or removed after its "
                "recording started."
            )
            raise RunFileError(message)
        if self._if_exists == "new":
            self._group = free_name(file, self._asked_for)
        elif exists:
            check_group(file, self._path, self._group, if_exists=self._if_exists)
            del file[self._group]
        run = file.create_group(self._group)
        _write_description(run, self._to_describe)
        state.begin(run, self._presence)
        return run

    def _write(self, run: h5py.Group, snapshots: Sequence[Snapshot]) -> list[str]:
        """Append snapshots to the run's datasets, and return the names of all logs."""
        epochs = run[layout.EPOCHS]
        row = len(epochs)
        blocks = [weights.packed(self._variables, one.weights) for one in snapshots]
        for dtype in blocks[0]:
            rows = number_datasets.rows(run, f"{layout.WEIGHTS}/{dtype}", blocks[0][dtype])
            number_datasets.append(rows, row, [one[dtype] for one in blocks])
        for key, first in snapshots[0].outputs.items():
            rows = _rows_of_output(run, key, first)
            number_datasets.append(rows, row, [one.outputs[key] for one in snapshots])
        for witness in chain.from_iterable(one.witnesses for one in snapshots):
            witnesses.write(run, witness)
        names = self._write_scalars(run, row, snapshots)
        number_datasets.append(epochs, row, [np.float64(one.epoch) for one in snapshots])
        return names

    def _write_scalars(self, run: h5py.Group, row: int, snapshots: Sequence[Snapshot]) -> list[str]:
        known = self._log_names
        if known is None:
            known = log_names(run, at_most=run[layout.SCALARS].shape[1] - 1)
        logged = [name for one in snapshots for name in one.logs]
        names = list(dict.fromkeys([*known, *logged]))
        if len(names) > len(known):
            fixed_texts.write(run, layout.LOG_NAMES, json.dumps(names))
        scalars = run[layout.SCALARS]
        scalars.resize((row + len(snapshots), 1 + len(names)))
        scalars[row:] = [
            [one.learning_rate, *(one.logs.get(name, np.nan) for name in names)]
            for one in snapshots
        ]
        return names


def write_run(path: Path, stored: StoredRun) -> None:
    """Write a complete run, without evaluations, into a file.

    Parameters
    ----------
    path : pathlib.Path
        The file; created if it is missing. A run of the same name is replaced.
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
        validation=stored.validation,
        variables=tuple(
            Variable(owners.get(position, ""), values.shape[1:], values.dtype.name)
            for position, values in enumerate(recorded)
        ),
        sample_weights=stored.sample_weights,
    )
    snapshots = [
        Snapshot(
            epoch.item(),
            [values[row] for values in recorded],
            stored.learning_rates[row],
            {name: values[row] for name, values in stored.logs.items()},
            witnesses=tuple(one for one in stored.witnesses if one.epoch == epoch),
        )
        for row, epoch in enumerate(stored.epochs)
    ]
    # How a training run of DeepReplay ended is unknown, and it stays so.
    writer = RunWriter(path, stored.name, description)
    writer.append(*snapshots, end=stored.state, ending=stored.ending)


def write_evaluations(
    stored: StoredRun, evaluations: Mapping[str, Mapping[str, np.ndarray]]
) -> None:
    """Replace the evaluations that are stored with a run.

    Parameters
    ----------
    stored : StoredRun
        The run, with the epochs that the evaluations are for.
    evaluations : mapping of str to mapping of str to numpy.ndarray
        Named arrays for each key.

    Raises
    ------
    RunFileError
        The file cannot be written, or the run was replaced since it was read.
    """
    stored.require_writable()
    with transaction(stored.path) as file:
        stored_evaluations.write(stored.same_run(file), stored.epochs, evaluations)


def _write_description(run: h5py.Group, description: RunDescription) -> None:
    fixed_texts.set_attribute(run, layout.WRITER_ATTRIBUTE, __version__)
    fixed_texts.set_attribute(run, layout.RUN_ID_ATTRIBUTE, uuid.uuid4().hex)
    number_datasets.set_attribute(
        run, layout.DETAILS_ATTRIBUTE, json.dumps(dict(description.details))
    )
    _write_arrays(run, layout.INPUTS, description.inputs)
    _write_arrays(run, layout.TARGETS, description.targets)
    if description.sample_weights is not None:
        _write_arrays(run, layout.SAMPLE_WEIGHTS, description.sample_weights)
    if description.validation is not None:
        group = run.create_group(layout.VALIDATION)
        _write_arrays(group, layout.INPUTS, description.validation.inputs)
        _write_arrays(group, layout.TARGETS, description.validation.targets)
    fixed_texts.write(run, layout.ARCHITECTURE, description.architecture)
    fixed_texts.write(run, layout.COMPILE_CONFIG, description.compile_config)
    fixed_texts.write(run, layout.LAYERS, layers_to_json(description.layers))
    fixed_texts.write(run, layout.VARIABLES, variables_to_json(description.variables))
    run.create_group(layout.WEIGHTS)
    run.create_group(layout.OUTPUTS)
    fixed_texts.write(run, layout.LOG_NAMES, "[]")
    run.create_dataset(
        layout.SCALARS,
        shape=(0, 1),
        maxshape=(None, None),
        chunks=(number_datasets.LARGEST_CHUNK_IN_ROWS, 8),
        dtype="f8",
        fillvalue=np.nan,
        fletcher32=True,
    )
    number_datasets.rows(run, layout.EPOCHS, np.float64(0))
    # The layout version comes last, because a group without it is not a run.
    run.attrs[layout.LAYOUT_ATTRIBUTE] = layout.LAYOUT_VERSION


def _write_arrays(run: h5py.Group, path: str, arrays: Inputs | Targets) -> None:
    """Write one array, or one for each input or output by its name."""
    if not isinstance(arrays, Mapping):
        number_datasets.write(run, path, arrays)
        return
    group = run.create_group(path)
    for index, (name, array) in enumerate(arrays.items()):
        one = number_datasets.write(group, str(index), array)
        fixed_texts.set_attribute(one, layout.NAME_ATTRIBUTE, name)


def _drop_evaluations(run: h5py.Group) -> None:
    """Remove what was evaluated: it would become valid again with other snapshots."""
    if layout.EVALUATIONS in run:
        del run[layout.EVALUATIONS]


def _drop_snapshots(run: h5py.Group, *, keep: int) -> None:
    """Keep only the first snapshots of a run."""
    # An open run must not mistake the new snapshots for the old ones.
    fixed_texts.set_attribute(run, layout.RUN_ID_ATTRIBUTE, uuid.uuid4().hex)
    # Only the epochs: a snapshot without an epoch does not count and is overwritten.
    run[layout.EPOCHS].resize(keep, axis=0)


def _last_epoch(run: h5py.Group) -> float:
    epochs = run[layout.EPOCHS]
    return float(epochs[-1]) if len(epochs) else -np.inf


def _rows_of_output(run: h5py.Group, key: str, first: np.ndarray) -> h5py.Dataset:
    """Return the dataset of an output by its key; snapshots may list them in any order."""
    outputs = run[layout.OUTPUTS]
    for name in checked.names_in(outputs):
        stored = Attributes(outputs[name])[layout.KEY_ATTRIBUTE]
        if checked.text_of(stored, layout.KEY_ATTRIBUTE) == key:
            return outputs[name]
    rows = number_datasets.rows(run, f"{layout.OUTPUTS}/{len(outputs)}", first)
    fixed_texts.set_attribute(rows, layout.KEY_ATTRIBUTE, key)
    return rows
