"""Reads what DeepReplay recorded, and the Keras model file that it wrote beside it.

A recording is one group::

    <group>/                      attributes: samples, batch_size, n_batches, n_epochs, n_layers,
                                  activation_functions
        inputs                    (points, ...)
        targets                   (points, 1) or (points, classes); (points,) in older files
        loss, <metric>            (n_epochs,) what Keras logged; row e - 1 belongs to epoch e
        lr                        (n_epochs,) at the epoch's begin; not in older files
        layer<i>/weights<j>       (n_epochs + 1, ...) in the order of ``layer.get_weights()``; row 0
                                  is the initial state, row e the state after epoch e

All arrays are made for `n_epochs` before the training, and filled with zeros: an epoch that did not
come leaves its zeros. The model file holds the architecture and the compile configuration as JSON
texts in its attributes `model_config` and `training_config`.

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
from replaychart.storage.hdf5.damage import damage_told
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
    """What a group of DeepReplay holds, but for the weights themselves.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    name : str
        The group's name.
    digest : str
        Tells this recording from another one that took its name later.
    inputs, targets : numpy.ndarray, shape (points, ...)
        The recorded points and their targets.
    epochs : numpy.ndarray of int64, shape (snapshots,)
        The epochs that happened. They are the rows of the weights.
    left_out : numpy.ndarray of int64
        The epochs that never happened.
    learning_rates : numpy.ndarray of float64, shape (snapshots,)
        At each epoch's begin; NaN where nothing was recorded.
    logs : mapping of str to numpy.ndarray of float64, shape (snapshots,)
        The loss, then the metrics; NaN before training. A metric that never was a number is left
        out: DeepReplay asked for it under a name that Keras did not log (``"accuracy"``).
    shapes : tuple of tuple of tuple of int
        For each layer the shapes of its weights, without the epochs.
    counts : mapping of str to int
        The attributes that are numbers.
    """

    path: Path
    name: str
    digest: str
    inputs: np.ndarray
    targets: np.ndarray
    epochs: np.ndarray
    left_out: np.ndarray
    learning_rates: np.ndarray
    logs: Mapping[str, np.ndarray]
    shapes: tuple[tuple[tuple[int, ...], ...], ...]
    counts: Mapping[str, int]


@dataclasses.dataclass(frozen=True)
class ModelFile:
    """What a Keras model file tells of a model.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    model_config : mapping
        The architecture, as Keras of `keras_version` writes it.
    training_config : mapping or None
        Loss, metrics and optimizer; None for a model that was not compiled.
    keras_version : str
        Such as ``"2.2.0"``.
    """

    path: Path
    model_config: Mapping[str, Any]
    training_config: Mapping[str, Any] | None
    keras_version: str


@dataclasses.dataclass(frozen=True)
class DeepReplayRun(StoredRun):
    """A run that is read from a recording of DeepReplay, which is never written to.

    Attributes
    ----------
    variables : tuple of (int, int)
        For each of ``model.weights`` the numbers of its layer and of its weights in the recording.
    """

    variables: tuple[tuple[int, int], ...]

    def require_writable(self) -> None:
        """Raise `RunFileError`: DeepReplay's files are left as they are."""
        raise not_writable(self.path, self.name)

    def same_run(self, file: h5py.File) -> h5py.Group:
        """Return this run's group in its opened file, and raise if it holds another run by now."""
        group = group_in(file, self.name) if checked.has(file, self.name) else None
        if group is None or _digest(group) != self.run_id:
            message = (
                f"Run {self.name!r} of {str(self.path)!r} was replaced or removed since it was "
                "opened. Open it again."
            )
            raise RunFileError(message)
        return group

    def weights(self) -> list[Weight]:
        """Return each recorded variable, shape (snapshots, ...), in ``model.weights`` order."""
        with reading(self.path) as file, damage_told(f"Run {self.name!r} of {str(self.path)!r}"):
            group = self.same_run(file)
            return [
                _numbers(group, _variable(layer, weight))[self.epochs]
                for layer, weight in self.variables
            ]

    def evaluations(self) -> dict[str, dict[str, np.ndarray]]:
        """Return nothing: there is no place for them in such a file."""
        return {}


def not_writable(path: Path, name: str) -> RunFileError:
    """Return the error for evaluations that were to be stored in a file of DeepReplay."""
    message = (
        f"Run {name!r} of {str(path)!r} was recorded by DeepReplay, whose files are not written "
        f"to. Convert it first: replaychart convert {path} NEW.h5"
    )
    return RunFileError(message)


def read_recording(path: Path, name: str) -> Recording:
    """Read what DeepReplay recorded in a group.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    name : str
        The group.

    Raises
    ------
    RunFileError
        The file cannot be read, or the group is not as DeepReplay leaves it.
    """
    with reading(path) as file, damage_told(f"Run {name!r} of {str(path)!r}"):
        return _read(path, name, group_in(file, name))


def left_out_message(recording: Recording) -> str:
    """Return what is to be said of epochs that never happened."""
    left_out = recording.left_out
    streaks = np.split(left_out, np.flatnonzero(np.diff(left_out) > 1) + 1)
    listed = " and ".join(
        str(streak[0]) if len(streak) == 1 else f"{streak[0]} to {streak[-1]}" for streak in streaks
    )
    return (
        f"{len(left_out)} of the {recording.counts['n_epochs']} epochs of run {recording.name!r} "
        f"in {str(recording.path)!r} never happened: {listed}. "
        "The training stopped early or began with an initial_epoch; the rows of zeros that "
        "DeepReplay left for these epochs are left out."
    )


def find_model_file(recording: Recording) -> Path | None:
    """Return the model file that DeepReplay wrote for a recording.

    It is written beside the recording, but DeepReplay itself looks for it in the working directory:
    both are searched, in this order. None if it is in neither.
    """
    candidates = _model_file_candidates(recording)
    return next((path for path in candidates if path.is_file()), None)


def model_file_missing(recording: Recording) -> RunFileError:
    """Return the error for a recording without its model file."""
    first, second = _model_file_candidates(recording)
    message = (
        f"Run {recording.name!r} of {str(recording.path)!r} was recorded by DeepReplay, which "
        f"keeps the model in a file of its own. There is neither {str(first)!r} nor "
        f"{str(second.absolute())!r}: pass its path, or the Keras model itself, as model=."
    )
    return RunFileError(message)


def read_model_file(path: Path) -> ModelFile:
    """Read the texts of a Keras model file in HDF5, without loading the model.

    Raises
    ------
    RunFileError
        The file is missing, not HDF5, or holds no Keras model.
    """
    with reading(path) as file, damage_told(f"The model file {str(path)!r}"):
        if "model_config" not in file.attrs:
            message = (
                f"{str(path)!r} holds no Keras model: its attribute model_config is missing. A "
                "model in another format can be loaded with Keras and passed itself as model=."
            )
            raise RunFileError(message)
        # Keras writes texts of any length.
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
    happened = _epochs_that_happened(n_epochs, list(logged.values()), variables)
    epochs = np.flatnonzero(happened)
    rate = np.full(n_epochs, np.nan)
    if checked.has(group, _LEARNING_RATE):
        rate = _curve(group, _LEARNING_RATE, n_epochs)
    inputs = _points(group)
    logs = {key: _at_epochs(values, epochs) for key, values in logged.items()}
    return Recording(
        path=path,
        name=name,
        digest=_digest(group),
        inputs=inputs,
        targets=_targets(group, len(inputs)),
        epochs=epochs.astype(np.int64),
        left_out=np.flatnonzero(~happened).astype(np.int64),
        learning_rates=_at_epochs(rate, epochs),
        logs={key: values for key, values in logs.items() if not np.isnan(values).all()},
        shapes=tuple(tuple(variable.shape[1:] for variable in layer) for layer in layers),
        counts=counts,
    )


def _log_names(group: h5py.Group) -> list[str]:
    known = (_INPUTS, _TARGETS, _LOSS, _LEARNING_RATE)
    others = [name for name in checked.names_in(group) if name not in known]
    return [_LOSS, *(name for name in others if isinstance(group[name], h5py.Dataset))]


def _layer(group: h5py.Group, layer: int, n_epochs: int) -> list[h5py.Dataset]:
    """Return the weights of a layer; by number, because by name 10 stands before 2."""
    count = len(group_in(group, f"layer{layer}"))
    variables = [dataset_in(group, _variable(layer, j)) for j in range(count)]
    for variable in variables:
        if variable.dtype.kind not in "biuf" or variable.shape[:1] != (n_epochs + 1,):
            message = (
                f"{variable.name} has the shape {variable.shape} and the dtype {variable.dtype}, "
                f"and not a row of numbers for each of {n_epochs} epochs and the initial state"
            )
            raise ValueError(message)
    return variables


def _variable(layer: int, weight: int) -> str:
    return f"layer{layer}/weights{weight}"


def _curve(group: h5py.Group, name: str, n_epochs: int) -> np.ndarray:
    dataset = dataset_in(group, name)
    if dataset.dtype.kind not in "biuf" or dataset.shape != (n_epochs,):
        message = (
            f"{dataset.name} has the shape {dataset.shape} and the dtype {dataset.dtype}, and not "
            f"a number for each of {n_epochs} epochs"
        )
        raise ValueError(message)
    return dataset[()].astype(np.float64)


def _epochs_that_happened(
    n_epochs: int, curves: Sequence[np.ndarray], variables: Sequence[h5py.Dataset]
) -> np.ndarray:
    """Return for each row of the weights whether it was written, bool (n_epochs + 1,).

    Zeros that were written look like zeros that were not. An epoch has happened if anything that
    is written at its end is not zero (NaN is not): the loss, a metric, or one of all weights. The
    learning rate is no sign, for it is written at the epoch's begin.
    """
    happened = np.zeros(n_epochs + 1, dtype=bool)
    happened[0] = True
    for curve in curves:
        happened[1:] |= curve != 0
    for variable in variables:
        if happened.all():
            break
        happened |= (checked.native(variable[()]).reshape(n_epochs + 1, -1) != 0).any(axis=1)
    return happened


def _at_epochs(rows: np.ndarray, epochs: np.ndarray) -> np.ndarray:
    """Return what was recorded of each epoch, NaN for the initial state."""
    return np.concatenate([[np.nan], rows])[epochs]


def _points(group: h5py.Group) -> np.ndarray:
    inputs = _of_points(group, _INPUTS)
    # Keras 2 took a single feature without an axis of its own.
    return inputs[:, None] if inputs.ndim == 1 else inputs


def _targets(group: h5py.Group, points: int) -> np.ndarray:
    targets = _of_points(group, _TARGETS)
    if len(targets) != points:
        message = f"there are {points} points and {len(targets)} targets"
        raise ValueError(message)
    return targets


def _of_points(group: h5py.Group, name: str) -> np.ndarray:
    dataset = dataset_in(group, name)
    if dataset.dtype.kind not in "biuf" or not dataset.shape or not dataset.size:
        message = (
            f"{dataset.name} has the shape {dataset.shape} and the dtype {dataset.dtype}, and not "
            "numbers for each point"
        )
        raise ValueError(message)
    values = checked.native(dataset[()])
    if not np.isfinite(values).all():
        message = f"{dataset.name} holds numbers that are not finite"
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
