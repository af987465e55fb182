"""Reads recordings of DeepReplay, and the Keras model files that it wrote next to them.

A recording is one group::

    <group>/                      attributes: samples, batch_size, n_batches, n_epochs, n_layers,
                                  activation_functions
        inputs                    (points, ...)
        targets                   (points, 1) or (points, classes); (points,) in older files
        loss, <metric>            (n_epochs,) logged by Keras; row e - 1 belongs to epoch e
        lr                        (n_epochs,) at the start of each epoch; not in older files
        layer<i>/weights<j>       (n_epochs + 1, ...) in the order of ``layer.get_weights()``; row 0
                                  is the initial state, row e the state after epoch e

All arrays are created for `n_epochs` before training and filled with zeros, so an epoch that was
not trained leaves zeros. The model file contains the architecture and the compile configuration as
JSON strings, in its attributes `model_config` and `training_config`.

References
----------
https://github.com/dvgodoy/deepreplay/blob/master/deepreplay/callbacks.py
"""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from replaychart.errors import RunFileError
from replaychart.facts.json_texts import json_of
from replaychart.storage.hdf5 import checked
from replaychart.storage.hdf5.checked import Attributes, dataset_in, group_in, number_dataset_in
from replaychart.storage.hdf5.damage import damage_reported
from replaychart.storage.hdf5.sizes import require_sizes
from replaychart.storage.hdf5.transactions import reading
from replaychart.storage.reader import StoredRun
from replaychart.storage.weights import Weight

_INPUTS = "inputs"
_TARGETS = "targets"
_LOSS = "loss"
_LEARNING_RATE = "lr"
_COUNTS = ("samples", "batch_size", "n_batches", "n_epochs", "n_layers")


@dataclasses.dataclass(frozen=True)
class Recording:
    """The content of a group of DeepReplay, except for the weights.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    name : str
        The name of the group.
    digest : str
        Distinguishes this recording from one that takes its name later.
    inputs, targets : numpy.ndarray, shape (points, ...)
        The recorded points and their targets.
    epochs : numpy.ndarray of int64, shape (snapshots,)
        The epoch before training began, then the epochs that were trained.
    rows : numpy.ndarray of int64, shape (snapshots,)
        Their rows of the weights: 0, then the epochs.
    untrained : numpy.ndarray of int64
        The epochs that were not trained.
    learning_rates : numpy.ndarray of float64, shape (snapshots,)
        The learning rate at the start of each epoch; NaN if it was not recorded.
    logs : mapping of str to numpy.ndarray of float64, shape (snapshots,)
        The loss, then the metrics; NaN before training. A metric that is NaN at every epoch is left
        out: DeepReplay looked it up under a name that Keras did not log (``"accuracy"``).
    shapes : tuple of tuple of tuple of int
        The shapes of the weights of each layer, without the axis of epochs.
    counts : mapping of str to int
        The numeric attributes.
    """

    path: Path
    name: str
    digest: str
    inputs: np.ndarray
    targets: np.ndarray
    epochs: np.ndarray
    rows: np.ndarray
    untrained: np.ndarray
    learning_rates: np.ndarray
    logs: Mapping[str, np.ndarray]
    shapes: tuple[tuple[tuple[int, ...], ...], ...]
    counts: Mapping[str, int]


@dataclasses.dataclass(frozen=True)
class ModelFile:
    """The content of a Keras model file, except for the weights.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    model_config : mapping
        The architecture, as this version of Keras writes it.
    training_config : mapping or None
        Loss, metrics and optimizer; None if the model was not compiled.
    keras_version : str
        Such as ``"2.2.0"``.
    """

    path: Path
    model_config: Mapping[str, Any]
    training_config: Mapping[str, Any] | None
    keras_version: str


@dataclasses.dataclass(frozen=True)
class DeepReplayRun(StoredRun):
    """A run that DeepReplay recorded; its file is never written to.

    Attributes
    ----------
    variables : tuple of (int, int)
        For each of ``model.weights``, the indices of its layer and weights in the recording.
    rows : numpy.ndarray of int64, shape (snapshots,)
        The rows of the weights at the epochs.
    """

    variables: tuple[tuple[int, int], ...]
    rows: np.ndarray

    def require_writable(self) -> None:
        """Raise `RunFileError`: the files of DeepReplay are never changed."""
        raise not_writable(self.path, self.name)

    def same_run(self, file: h5py.File) -> h5py.Group:
        """Return the group of this run in its open file, and raise if the run was replaced."""
        group = group_in(file, self.name) if checked.has(file, self.name) else None
        if group is None or _digest(group) != self.run_id:
            message = (
                f"Run {self.name!r} of {str(self.path)!r} was replaced or removed since it was "
                "opened. Open it again."
            )
            raise RunFileError(message)
        return group

    def weights(self, positions: Sequence[int] | None = None) -> list[Weight]:
        """Return variables, each of shape (snapshots, ...); see `StoredRun.weights`."""
        chosen = range(len(self.variables)) if positions is None else positions
        with (
            reading(self.path) as file,
            damage_reported(f"Run {self.name!r} of {str(self.path)!r}"),
        ):
            group = self.same_run(file)
            return [
                _numbers(group, _variable(layer, weight))[self.rows]
                for layer, weight in (self.variables[position] for position in chosen)
            ]

    def weight(self, position: int) -> Weight:
        """Return one variable, of shape (snapshots, ...); see `StoredRun.weight`."""
        return self.weights([position])[0]

    def evaluations(self) -> dict[str, dict[str, np.ndarray]]:
        """Return no evaluations: a file of DeepReplay has no place for them."""
        return {}


def not_writable(path: Path, name: str) -> RunFileError:
    """Return the error for storing evaluations in a file of DeepReplay."""
    message = (
        f"Run {name!r} of {str(path)!r} was recorded by DeepReplay, whose files are never changed. "
        f"Convert it first: replaychart convert {path} NEW.h5"
    )
    return RunFileError(message)


def read_recording(path: Path, name: str) -> Recording:
    """Read a recording of DeepReplay.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    name : str
        The group.

    Raises
    ------
    RunFileError
        The file cannot be read, or the group is not a valid recording.
    """
    with reading(path) as file, damage_reported(f"Run {name!r} of {str(path)!r}"):
        return _read(path, name, group_in(file, name))


def untrained_message(recording: Recording) -> str:
    """Return the warning about epochs that were not trained."""
    untrained = recording.untrained
    streaks = np.split(untrained, np.flatnonzero(np.diff(untrained) > 1) + 1)
    listed = " and ".join(
        str(streak[0]) if len(streak) == 1 else f"{streak[0]} to {streak[-1]}" for streak in streaks
    )
    return (
        f"{len(untrained)} of the {recording.counts['n_epochs']} epochs of run {recording.name!r} "
        f"in {str(recording.path)!r} were not trained: {listed}. "
        "Training stopped early or started with an initial_epoch; the rows of zeros that "
        "DeepReplay left for these epochs are ignored."
    )


def find_model_file(recording: Recording) -> Path | None:
    """Return the model file that DeepReplay wrote for a recording, None if there is none.

    DeepReplay writes it next to the recording but looks for it in the working directory. Both are
    searched, in this order.
    """
    candidates = _model_file_candidates(recording)
    return next((path for path in candidates if path.is_file()), None)


def model_file_missing(recording: Recording) -> RunFileError:
    """Return the error for a recording without its model file."""
    first, second = _model_file_candidates(recording)
    message = (
        f"Run {recording.name!r} of {str(recording.path)!r} was recorded by DeepReplay, which "
        f"stores the model in a separate file. Neither {str(first)!r} nor "
        f"{str(second.absolute())!r} exists: pass its path, or the Keras model itself, as model=."
    )
    return RunFileError(message)


def read_model_file(path: Path) -> ModelFile:
    """Read the configuration in a Keras model file in HDF5, without loading the model.

    Raises
    ------
    RunFileError
        The file is missing, is not HDF5, or contains no Keras model.
    """
    with reading(path) as file, damage_reported(f"The model file {str(path)!r}"):
        if "model_config" not in file.attrs:
            message = (
                f"{str(path)!r} contains no Keras model: it has no attribute model_config. If the "
                "model has another format, load it with Keras and pass the model itself as model=."
            )
            raise RunFileError(message)
        # Keras writes variable-length strings.
        attributes = Attributes(file, any_length=True)
        version = attributes.get("keras_version", "2")
        return ModelFile(
            path=path,
            model_config=_json_object(attributes, "model_config"),
            training_config=(
                _json_object(attributes, "training_config")
                if "training_config" in attributes
                else None
            ),
            keras_version=checked.text_of(version, "keras_version"),
        )


def _model_file_candidates(recording: Recording) -> tuple[Path, Path]:
    name = f"{recording.name}_model.h5"
    return recording.path.parent / name, Path(name)


def _read(path: Path, name: str, group: h5py.Group) -> Recording:
    attributes = Attributes(group)
    counts = {key: checked.count_of(attributes[key], key) for key in _COUNTS if key in attributes}
    n_epochs = counts["n_epochs"]
    layers = [_layer(group, layer, n_epochs) for layer in range(counts["n_layers"])]
    logged = {key: _curve(group, key, n_epochs) for key in _log_names(group)}
    variables = [variable for layer in layers for variable in layer]
    require_sizes(variables)
    trained = _trained_epochs(n_epochs, list(logged.values()), variables)
    rows = np.flatnonzero(trained).astype(np.int64)
    rate = np.full(n_epochs, np.nan)
    if checked.has(group, _LEARNING_RATE):
        rate = _curve(group, _LEARNING_RATE, n_epochs)
    inputs = _points(group)
    logs = {key: _at_rows(values, rows) for key, values in logged.items()}
    return Recording(
        path=path,
        name=name,
        digest=_digest(group),
        inputs=inputs,
        targets=_targets(group, len(inputs)),
        epochs=_epochs(rows),
        rows=rows,
        untrained=np.flatnonzero(~trained).astype(np.int64),
        learning_rates=_at_rows(rate, rows),
        logs={key: values for key, values in logs.items() if not np.isnan(values).all()},
        shapes=tuple(tuple(variable.shape[1:] for variable in layer) for layer in layers),
        counts=counts,
    )


def _log_names(group: h5py.Group) -> list[str]:
    known = (_INPUTS, _TARGETS, _LOSS, _LEARNING_RATE)
    others = [name for name in checked.names_in(group) if name not in known]
    return [_LOSS, *(name for name in others if isinstance(group[name], h5py.Dataset))]


def _layer(group: h5py.Group, layer: int, n_epochs: int) -> list[h5py.Dataset]:
    """Return the weights of a layer, by number: sorted by name, 10 comes before 2."""
    count = len(group_in(group, f"layer{layer}"))
    variables = [dataset_in(group, _variable(layer, j)) for j in range(count)]
    for variable in variables:
        if variable.dtype.kind not in "biuf" or variable.shape[:1] != (n_epochs + 1,):
            message = (
                f"{variable.name} must have a row of numbers for the initial state and each of "
                f"{n_epochs} epochs. Got the shape {variable.shape} and the dtype {variable.dtype}"
            )
            raise ValueError(message)
    return variables


def _variable(layer: int, weight: int) -> str:
    return f"layer{layer}/weights{weight}"


def _curve(group: h5py.Group, name: str, n_epochs: int) -> np.ndarray:
    dataset = dataset_in(group, name)
    if dataset.dtype.kind not in "biuf" or dataset.shape != (n_epochs,):
        message = (
            f"{dataset.name} must have a number for each of {n_epochs} epochs. Got the shape "
            f"{dataset.shape} and the dtype {dataset.dtype}"
        )
        raise ValueError(message)
    return dataset[()].astype(np.float64)


def _trained_epochs(
    n_epochs: int, curves: Sequence[np.ndarray], variables: Sequence[h5py.Dataset]
) -> np.ndarray:
    """Return for each row of the weights whether it was trained, bool (n_epochs + 1,).

    Recorded zeros look like missing values. An epoch was trained if anything that is written at its
    end is nonzero (NaN counts as nonzero): the loss, a metric, or any weight. The learning rate
    does not count, because it is written at the start of an epoch.
    """
    trained = np.zeros(n_epochs + 1, dtype=bool)
    trained[0] = True
    for curve in curves:
        trained[1:] |= curve != 0
    for variable in variables:
        if trained.all():
            break
        trained |= (checked.native(variable[()]).reshape(n_epochs + 1, -1) != 0).any(axis=1)
    return trained


def _epochs(rows: np.ndarray) -> np.ndarray:
    """Return the epochs of rows; the initial state is that before the first trained epoch."""
    epochs = rows.copy()
    if len(rows) > 1:
        epochs[0] = rows[1] - 1  # Later than 0 if training started with an initial_epoch.
    return epochs


def _at_rows(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the value at each row, NaN for the initial state."""
    return np.concatenate([[np.nan], values])[rows]


def _points(group: h5py.Group) -> np.ndarray:
    inputs = _of_points(group, _INPUTS)
    # Keras 2 accepted a single feature without a feature axis.
    return inputs[:, None] if inputs.ndim == 1 else inputs


def _targets(group: h5py.Group, points: int) -> np.ndarray:
    targets = _of_points(group, _TARGETS)
    if len(targets) != points:
        message = f"there must be as many targets as points. Got {len(targets)} and {points}"
        raise ValueError(message)
    return targets


def _of_points(group: h5py.Group, name: str) -> np.ndarray:
    dataset = dataset_in(group, name)
    if dataset.dtype.kind not in "biuf" or not dataset.shape or not dataset.size:
        message = (
            f"{dataset.name} must have numbers for each point. Got the shape {dataset.shape} and "
            f"the dtype {dataset.dtype}"
        )
        raise ValueError(message)
    values = checked.native(dataset[()])
    if not np.isfinite(values).all():
        message = f"{dataset.name} must be finite. Got NaN or infinite values"
        raise ValueError(message)
    return values


def _numbers(group: h5py.Group, path: str) -> np.ndarray:
    return checked.native(number_dataset_in(group, path)[()])


def _digest(group: h5py.Group) -> str:
    digest = hashlib.sha256()
    for name in (_INPUTS, _TARGETS, _LOSS):
        digest.update(np.ascontiguousarray(_numbers(group, name)).data)
    return digest.hexdigest()


def _json_object(attributes: Attributes, name: str) -> dict[str, Any]:
    return json_of(checked.text_of(attributes[name], name), f"the attribute {name}", dict)
