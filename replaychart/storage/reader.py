"""Reads runs: small parts at once, weights and evaluations on request."""

import dataclasses
import functools
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from replaychart.errors import RunFileError
from replaychart.facts.ending import Ending
from replaychart.facts.inputs import Inputs, number_of_points
from replaychart.facts.json_texts import json_of
from replaychart.facts.layers import RecordedLayer, Variable, layers_from_json, variables_from_json
from replaychart.facts.outputs import OUTPUTS, Targets, output_names
from replaychart.facts.snapshots import ValidationPoints
from replaychart.facts.witness import Witness
from replaychart.storage import endings, layout, parts, state, weights, witnesses
from replaychart.storage import stored_evaluations as evaluations
from replaychart.storage.hdf5 import checked
from replaychart.storage.hdf5.checked import Attributes, group_in, text_in
from replaychart.storage.hdf5.damage import DAMAGE, damage_reported
from replaychart.storage.hdf5.transactions import reading

# DeepReplay appends this to the name of a model that it records without training.
UNTRAINED = "_init"


@dataclasses.dataclass(frozen=True)
class StoredRun:
    """A run as it is stored in its file, without weights and evaluations.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    name : str
        The run's name.
    run_id : str
        Distinguishes this recording from one that takes its name later.
    inputs : numpy.ndarray, shape (points, ...), or mapping of str to numpy.ndarray
        The recorded points; for a model with several inputs, one array per input, by name.
    targets : numpy.ndarray, shape (points, ...), or mapping of str to numpy.ndarray
        The targets of the points; for a model with several outputs, by the name of the output,
        without those that have none.
    epochs : numpy.ndarray of int64 or float64, shape (snapshots,)
        The recorded epochs; float64 if any of them is fractional.
    learning_rates : numpy.ndarray of float64, shape (snapshots,)
        The learning rate at the start of each epoch; NaN before training.
    logs : mapping of str to numpy.ndarray of float64, shape (snapshots,)
        The values that Keras logged; NaN where nothing was logged.
    architecture, compile_config : str
        JSON strings.
    layers : tuple of RecordedLayer
        The layers of the model, without its inputs.
    details : mapping
        Versions, backend and names.
    recorded_variables : tuple of Variable
        The variables of the model, in the order of ``model.weights``; empty for runs recorded from
        outputs or by DeepReplay.
    sample_weights : numpy.ndarray of float32, shape (points,), mapping of these, or None
        The factor for the loss of each point; it may differ between several outputs.
    validation : ValidationPoints or None
        The validation points, if there are any.
    state : {"finished", "being recorded", "interrupted", "unknown"}
        The state of the training when the run was read; see `storage.state`.
    witnesses : tuple of Witness
        What the live model computed for a few points at some of the epochs.
    ending : Ending
        Which weights the training left the model with.
    """

    path: Path
    name: str
    run_id: str
    inputs: Inputs
    targets: Targets
    epochs: np.ndarray
    learning_rates: np.ndarray
    logs: Mapping[str, np.ndarray]
    architecture: str
    compile_config: str
    layers: tuple[RecordedLayer, ...]
    details: Mapping[str, Any]
    recorded_variables: tuple[Variable, ...] = dataclasses.field(default=(), kw_only=True)
    sample_weights: Targets | None = dataclasses.field(default=None, kw_only=True)
    validation: ValidationPoints | None = dataclasses.field(default=None, kw_only=True)
    state: str = dataclasses.field(default=state.UNKNOWN, kw_only=True)
    witnesses: tuple[Witness, ...] = dataclasses.field(default=(), kw_only=True)
    ending: Ending = dataclasses.field(default=Ending(), kw_only=True)

    @property
    def has_all_weights(self) -> bool:
        """Whether the weights of all layers were recorded."""
        return all(variable.recorded for variable in self.recorded_variables)

    @property
    def has_model(self) -> bool:
        """Whether a model was recorded, as opposed to outputs."""
        return self.details.get("recorded") != layout.OUTPUTS

    @property
    def framework(self) -> str:
        """What recorded the network: ``"keras"``, or what the details say."""
        return str(self.details.get("framework") or "keras")

    @property
    def _evaluations(self) -> evaluations.Reader:
        return evaluations.Reader(
            path=str(self.path),
            epochs=self.epochs,
            points=number_of_points(self.inputs),
            validation_points=0
            if self.validation is None
            else number_of_points(self.validation.inputs),
            layers=self.layers,
            output_shapes={"": self.details.get("output_shape")}
            | {
                name: own.get("output_shape")
                for name, own in (self.details.get(OUTPUTS) or {}).items()
            },
        )

    def continues(self, earlier: "StoredRun") -> bool:
        """Return whether this is the recording of a run that had fewer snapshots, or the same.

        A run that was resumed from an earlier epoch was recorded anew from there on. The last
        snapshot may have been recorded before everything was logged.
        """
        count = len(earlier.epochs)
        return (
            self.run_id == earlier.run_id
            and np.array_equal(self.epochs[:count], earlier.epochs)
            and np.array_equal(self.learning_rates[:count], earlier.learning_rates, equal_nan=True)
            and all(
                _known_is_same(values, self.logs[name][:count])
                for name, values in earlier.logs.items()
                if name in self.logs
            )
        )

    def has_grown_since(self, earlier: "StoredRun") -> bool:
        """Return whether there is more in this recording than in the run that it continues."""
        return (
            len(self.epochs) > len(earlier.epochs)
            or self.state != earlier.state
            or self.logs.keys() != earlier.logs.keys()
            or not all(
                np.array_equal(values, earlier.logs[name], equal_nan=True)
                for name, values in self.logs.items()
            )
        )

    def require_writable(self) -> None:
        """Raise `RunFileError` if evaluations cannot be written to the file of this run."""

    def same_run(self, file: h5py.File) -> h5py.Group:
        """Return the group of this run in its open file, and raise if the run was replaced."""
        group = group_in(file, self.name) if checked.has(file, self.name) else None
        stored = None if group is None else Attributes(group).get(layout.RUN_ID_ATTRIBUTE)
        if stored is None or checked.text_of(stored, layout.RUN_ID_ATTRIBUTE) != self.run_id:
            message = (
                f"Run {self.name!r} of {str(self.path)!r} was replaced or removed since it was "
                "opened. Open it again."
            )
            raise RunFileError(message)
        return group

    def _rows(self, dtype: str, part: weights.PartOfRows, snapshots: list[int]) -> np.ndarray:
        """Return a part of the rows of some snapshots, shape (snapshots, values)."""
        what = f"The weights of run {self.name!r} in {str(self.path)!r}"
        with reading(self.path) as file, damage_reported(what):
            run = self.same_run(file)
            block = parts.weight_blocks(run, self.recorded_variables, len(self.epochs))[dtype]
            read = np.empty((len(snapshots), part.size), block.dtype)
            filled = 0
            for span in part.spans:
                own = slice(filled, filled + span.stop - span.start)
                for row, several in weights.runs_of(snapshots):
                    rows = slice(row, row + len(several))
                    block.read_direct(
                        read, np.s_[several.start : several.stop, span], np.s_[rows, own]
                    )
                filled = own.stop
            return read

    def weight(self, position: int) -> weights.Weight:
        """Return one variable, of shape (snapshots, ...), which stays in the file.

        Only the snapshots that are asked for are read; its shape is known without reading.

        Parameters
        ----------
        position : int
            Its position in ``model.weights``.
        """
        variable = self.recorded_variables[position]
        if not variable.recorded:
            return self._unrecorded(variable)
        part = weights.parts_of_rows(self.recorded_variables, [position])[variable.dtype]
        read = functools.partial(self._rows, variable.dtype, part)
        return weights.WeightInFile(weights.Rows(len(self.epochs), read), 0, variable)

    def _unrecorded(self, variable: Variable) -> weights.UnrecordedWeight:
        recorded = list(dict.fromkeys(one.layer for one in self.recorded_variables if one.recorded))
        return weights.UnrecordedWeight(self.name, len(self.epochs), variable, recorded)

    def weights(self, positions: Sequence[int] | None = None) -> list[weights.Weight]:
        """Return variables, each of shape (snapshots, ...).

        Weights that would take a lot of memory stay in the file and are read one snapshot at a
        time. A variable that was not recorded is an `UnrecordedWeight`. Nothing of the other
        variables is read.

        Parameters
        ----------
        positions : sequence of int, optional
            Positions in ``model.weights``. Default: all.
        """
        every = range(len(self.recorded_variables))
        chosen = list(every if positions is None else positions)
        parts_of_rows = weights.parts_of_rows(self.recorded_variables, chosen)
        snapshots = len(self.epochs)
        sizes = [np.dtype(dtype).itemsize * own.size for dtype, own in parts_of_rows.items()]
        fits = snapshots * sum(sizes) <= weights.IN_MEMORY
        rows = {
            dtype: weights.Rows(snapshots, functools.partial(self._rows, dtype, own))
            for dtype, own in parts_of_rows.items()
        }
        flat = {dtype: own.of(list(range(snapshots))) for dtype, own in rows.items() if fits}
        found: list[weights.Weight] = []
        for position in chosen:
            variable = self.recorded_variables[position]
            if not variable.recorded:
                found.append(self._unrecorded(variable))
                continue
            start = parts_of_rows[variable.dtype].starts[position]
            if fits:
                span = flat[variable.dtype][:, start : start + math.prod(variable.shape)]
                found.append(span.reshape(snapshots, *variable.shape))
            else:
                found.append(weights.WeightInFile(rows[variable.dtype], start, variable))
        return found

    def evaluations(self) -> dict[str, dict[str, np.ndarray]]:
        """Return stored evaluations, or recorded outputs: named arrays for each key.

        Evaluations that were stored for other epochs are ignored: training has continued since.

        Warns
        -----
        UserWarning
            Some evaluations are damaged and were skipped; they can be computed again.
        """
        with (
            reading(self.path) as file,
            damage_reported(f"Run {self.name!r} of {str(self.path)!r}"),
        ):
            run = self.same_run(file)
            return (
                self._evaluations.stored(run) if self.has_model else self._evaluations.recorded(run)
            )


def run_names(path: Path) -> list[str]:
    """Return the names of the runs in a file, including those that DeepReplay recorded.

    They are sorted, with numbers in them by size: ``a``, ``a-2``, ``a-10``, ``b``.

    Raises
    ------
    RunFileError
        The file is missing, not HDF5, or too damaged to list its content.

    Warns
    -----
    UserWarning
        An entry cannot be read, or is a link, which may lead to another file.
    """
    runs, skipped = [], []
    with reading(path) as file, damage_reported(repr(str(path))):
        for name in checked.all_names_in(file):
            # A damaged entry must not hide the other runs.
            try:
                checked.require_own(file, name)
                if _holds(file, name, layout.is_run) or _holds(file, name, layout.is_deepreplay):
                    runs.append(name)
            except DAMAGE as error:
                skipped.append(f"{name!r} ({error})")
    if skipped:
        message = f"Skipped unreadable entries in {str(path)!r}: {', '.join(skipped)}."
        warnings.warn(message, stacklevel=3)
    return sorted(runs, key=_in_order)


def _in_order(name: str) -> tuple[list[tuple[str, int, str]], str]:
    """Return a key by which names are sorted: by their characters, and numbers by their size."""
    parts = []
    for part in re.findall(r"[0-9]+|[^0-9]", name):
        digits = part.lstrip("0")
        # A longer number is larger. Its value is not computed, because a name can be long.
        parts.append(("0", len(digits), digits) if part[0] in "0123456789" else (part, 0, ""))
    return parts, name


def was_recorded_by_deepreplay(path: Path, name: str) -> bool:
    """Return whether a run was recorded by DeepReplay."""
    with reading(path) as file, damage_reported(f"Run {name!r} of {str(path)!r}"):
        return _holds(file, name, layout.is_deepreplay)


def read_run(path: Path, name: str) -> StoredRun:
    """Read a run that ReplayChart recorded.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    name : str
        The run's name, from `existing_name`.

    Raises
    ------
    RunFileError
        The run has another layout, is damaged, or refers to other files; see
        `storage.hdf5.checked`.
    """
    with reading(path) as file, damage_reported(f"Run {name!r} of {str(path)!r}"):
        run = group_in(file, name)
        _check_layout(path, name, Attributes(run))
        return _read(path, name, run)


def loss_of(compile_config: str) -> Any:
    """Return the loss in a recorded compile configuration as JSON values, None for no loss."""
    return (json_of(compile_config, layout.COMPILE_CONFIG, (dict, type(None))) or {}).get("loss")


def existing_name(path: Path, name: str | None) -> str:
    """Return the name of a run that is in a file.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    name : str or None
        The name of the run, or None for the only one. As in DeepReplay, the suffix ``_init`` of an
        untrained model can be left out.

    Raises
    ------
    RunFileError
        The file is missing, is not HDF5 or contains no runs; there is no run of that name; or no
        name was given and there are several runs.
    """
    names = run_names(path)
    listed = ", ".join(repr(known) for known in names)
    if not names:
        message = f"{str(path)!r} contains no run of ReplayChart or DeepReplay."
        raise RunFileError(message)
    if name is None and len(names) > 1:
        message = f"{str(path)!r} contains several runs; group must be one of {listed}."
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


def _check_layout(path: Path, name: str, attributes: Attributes) -> None:
    """Raise `RunFileError` unless a run has the layout that this version reads."""
    version = checked.count_of(attributes[layout.LAYOUT_ATTRIBUTE], layout.LAYOUT_ATTRIBUTE)
    if version == layout.LAYOUT_VERSION:
        return
    newer = version > layout.LAYOUT_VERSION
    try:
        writer = f"replaychart {attributes[layout.WRITER_ATTRIBUTE]}"
    except DAMAGE:  # Another layout may store it differently.
        writer = "a later version" if newer else "an earlier version"
    message = (
        f"Run {name!r} of {str(path)!r} has layout version {version}; this version of replaychart "
        f"reads layout version {layout.LAYOUT_VERSION}. It was written by {writer}: "
        f"{'upgrade to that version' if newer else 'record it again'}."
    )
    raise RunFileError(message)


def _read(path: Path, name: str, run: h5py.Group) -> StoredRun:
    attributes = Attributes(run)
    epochs = parts.epochs_of(run)
    inputs, targets, sample_weights = parts.points_of(run)
    details = parts.details_of(run)
    learning_rates, logs = parts.curves_of(run, len(epochs))
    stored = StoredRun(
        path=path,
        name=name,
        run_id=checked.text_of(attributes[layout.RUN_ID_ATTRIBUTE], layout.RUN_ID_ATTRIBUTE),
        inputs=inputs,
        targets=targets,
        sample_weights=sample_weights,
        validation=parts.validation_of(run, inputs, targets),
        epochs=epochs,
        learning_rates=learning_rates,
        logs=logs,
        architecture=parts.json_object(run, layout.ARCHITECTURE),
        compile_config=parts.json_object(run, layout.COMPILE_CONFIG),
        layers=layers_from_json(text_in(run, layout.LAYERS)),
        details=details,
        recorded_variables=variables_from_json(text_in(run, layout.VARIABLES)),
        state=state.state(attributes),
        witnesses=witnesses.read(run, points=number_of_points(inputs)),
        ending=endings.read(attributes),
    )
    # Checked here and not only when needed, so that a run that opens is complete.
    if stored.has_model:
        parts.weight_blocks(run, stored.recorded_variables, len(epochs))
        _check_outputs(stored)
        _check_positions(stored)
    else:
        stored._evaluations.recorded(run, read=False)
    return stored


def _check_outputs(stored: StoredRun) -> None:
    """Raise `ValueError` unless targets and weights belong to outputs of the model."""
    names = output_names(stored.details)
    for arrays in (stored.targets, stored.sample_weights):
        if isinstance(arrays, Mapping) and not set(arrays) <= set(names):
            message = f"its targets are of {list(arrays)}, but its outputs are {names}"
            raise ValueError(message)
    if names and not isinstance(stored.targets, Mapping):
        message = f"its targets must be those of its outputs {names}"
        raise ValueError(message)


def _check_positions(stored: StoredRun) -> None:
    """Raise `ValueError` unless the variables of the layers are among those of the model."""
    count = len(stored.recorded_variables)
    positions = [one.position for layer in stored.layers for one in layer.variables]
    if any(not 0 <= position < count for position in positions):
        message = f"its layers refer to variables that are not among the {count} of the model"
        raise ValueError(message)


def _holds(file: h5py.File, name: str, kind: Callable[[Mapping[str, Any]], bool]) -> bool:
    item = file[name]
    return isinstance(item, h5py.Group) and kind(Attributes(item))


def _known_is_same(earlier: np.ndarray, now: np.ndarray) -> bool:
    """Return whether values that were known have not changed; NaN at last was not known yet."""
    waited = len(earlier) > 0 and np.isnan(earlier[-1])
    return np.array_equal(
        earlier[:-1] if waited else earlier, now[:-1] if waited else now, equal_nan=True
    )
