"""Continues a run where its training stopped."""

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from replaychart.errors import RecordingError
from replaychart.facts.inputs import arrays_of
from replaychart.facts.layers import SEPARATOR, RecordedLayer
from replaychart.facts.outputs import OUTPUTS, Targets
from replaychart.facts.snapshots import RunDescription, Snapshot, ValidationPoints
from replaychart.storage import reader
from replaychart.storage.reader import StoredRun
from replaychart.storage.state import Presence
from replaychart.storage.weights import UnrecordedWeight
from replaychart.storage.writer import RunWriter


def stored_run(path: Path, group: str) -> StoredRun | None:
    """Return the run to continue, None if it does not exist yet."""
    if not path.exists() or group not in reader.run_names(path):
        return None
    return reader.read_run(path, group)


def check_same(stored: StoredRun, description: RunDescription) -> None:
    """Raise `RecordingError` unless a training run can be appended to a stored run.

    Parameters
    ----------
    stored : StoredRun
        The stored run.
    description : RunDescription
        The description of the training run.
    """
    if stored.details.get("recorded") != description.details.get("recorded"):
        _refuse(stored, "one was recorded from a model, the other from outputs")
    recorded_inputs, inputs = arrays_of(stored.inputs), arrays_of(description.inputs)
    if len(recorded_inputs) != len(inputs):
        _refuse(stored, f"its model has {len(recorded_inputs)} inputs, this one {len(inputs)}")
    # By order and not by name, because Keras numbers the names again for every new model.
    compared = [("inputs", *pair) for pair in zip(recorded_inputs, inputs, strict=True)]
    recorded_targets, targets = arrays_of(stored.targets), arrays_of(description.targets)
    if len(recorded_targets) != len(targets):
        _refuse(
            stored, f"it has targets of {len(recorded_targets)} outputs, this one of {len(targets)}"
        )
    compared += [("targets", *pair) for pair in zip(recorded_targets, targets, strict=True)]
    for what, recorded_array, given_array in compared:
        shapes = recorded_array.shape, given_array.shape
        if shapes[0] != shapes[1]:
            _refuse(stored, f"its {what} have the shape {shapes[0]}, these {shapes[1]}")
        if not np.array_equal(recorded_array, given_array):
            _refuse(stored, f"its {what} have other values")
    if not _same_validation(stored.validation, description.validation):
        _refuse(stored, "its validation points differ")
    if not _equal(stored.sample_weights, description.sample_weights):
        _refuse(stored, "its sample weights differ")
    names = _class_names(stored), _class_names(description)
    if names[0] != names[1]:
        _refuse(stored, f"its class_names are {names[0]}, these {names[1]}")
    if stored.details.get("recorded") is not None:
        if stored.details["predicts"] != description.details["predicts"]:
            _refuse(stored, f"it predicts {stored.details['predicts']}")
        return
    pairs = zip_longest(stored.layers, _listed_alike(description.layers, stored.layers))
    for number, (recorded_layer, layer) in enumerate(pairs, start=1):
        if _architecture(recorded_layer) != _architecture(layer):
            both = f"{_architecture(recorded_layer)}, here {_architecture(layer)}"
            _refuse(stored, f"its layer {number} is {both}")
    for recorded, given in zip(stored.recorded_variables, description.variables, strict=False):
        if (recorded.shape, recorded.dtype) != (given.shape, given.dtype):
            pair = f"{recorded.dtype} {recorded.shape}, here {given.dtype} {given.shape}"
            _refuse(stored, f"a variable of its layer {recorded.layer!r} is {pair}")
        if recorded.recorded != given.recorded:
            _refuse(stored, f"layers= differs: only one of the two records {recorded.layer!r}")
    if len(stored.recorded_variables) != len(description.variables):
        counts = (
            f"{len(stored.recorded_variables)} variables, this model {len(description.variables)}"
        )
        _refuse(stored, f"it has {counts}")
    if reader.loss_of(stored.compile_config) != reader.loss_of(description.compile_config):
        _refuse(stored, "its loss is different")


def _same_validation(recorded: ValidationPoints | None, given: ValidationPoints | None) -> bool:
    if recorded is None or given is None:
        return recorded is given
    return _equal(recorded.inputs, given.inputs) and _equal(recorded.targets, given.targets)


def _equal(recorded: Targets | None, given: Targets | None) -> bool:
    if recorded is None or given is None:
        return recorded is given
    both = arrays_of(recorded), arrays_of(given)
    return len(both[0]) == len(both[1]) and all(
        np.array_equal(*pair) for pair in zip(*both, strict=True)
    )


def resumed(
    stored: StoredRun, description: RunDescription, first: Snapshot, presence: Presence
) -> tuple[RunWriter, list[Snapshot]]:
    """Return a writer that continues a run and drops its later epochs, and what to write first.

    Parameters
    ----------
    stored : StoredRun
        The run. `check_same` has accepted it.
    description : RunDescription
        The description of the training run.
    first : Snapshot
        The state that training resumes from. It is written only if its epoch was not recorded.
    presence : Presence
        The recorder's presence.

    Raises
    ------
    RecordingError
        Training begins at epoch 0 or before the first recorded epoch, or its weights are not
        those that were recorded.
    """
    last, name = stored.epochs[-1], stored.name
    keep = int(np.searchsorted(stored.epochs, first.epoch, side="right"))
    if keep == 0 or (first.epoch == 0 < last):
        message = (
            f"Run {name!r} was recorded up to epoch {last:g}, and this training run begins at "
            f"epoch {first.epoch:g}. To continue, pass initial_epoch={int(last)} to fit, or an "
            "earlier epoch to drop later ones. To start over, pass if_exists='overwrite' to the "
            "Recorder."
        )
        raise RecordingError(message)
    begun = stored.epochs[keep - 1] == first.epoch
    if begun:
        _check_weights(stored, first, keep - 1)
    steps = "steps_per_epoch"
    details = dict(stored.details)
    if details.get(steps) != description.details.get(steps):
        details[steps] = None
    writer = RunWriter.onto(stored, keep=keep, details=details, presence=presence)
    return writer, [] if begun else [first]


def _class_names(run: StoredRun | RunDescription) -> object:
    """Return the names of the classes; of each output, if there are several."""
    outputs: Any = run.details.get(OUTPUTS)
    if outputs:
        return [own.get("class_names") for own in outputs.values()]
    return run.details.get("class_names")


def _listed_alike(
    layers: Sequence[RecordedLayer], stored: Sequence[RecordedLayer]
) -> Sequence[RecordedLayer]:
    """Return layers without those of nested models, if these were not recorded then."""
    if any(SEPARATOR in layer.name for layer in stored):
        return layers
    return [layer for layer in layers if SEPARATOR not in layer.name]


def _architecture(layer: RecordedLayer | None) -> str:
    """Return a layer's class, output shape and activation.

    Its name is left out, because Keras numbers the names again for every new model.
    """
    if layer is None:
        return "missing"
    return f"{layer.kind} {layer.output_shape} {layer.activation or ''}".strip()


def _check_weights(stored: StoredRun, first: Snapshot, snapshot: int) -> None:
    names = [variable.layer for variable in stored.recorded_variables]
    pairs = zip(names, stored.weights(), first.weights, strict=True)
    for layer, recorded, given in pairs:
        if isinstance(recorded, UnrecordedWeight):
            continue
        if not np.allclose(recorded[snapshot], given, rtol=1e-5, atol=1e-7, equal_nan=True):
            message = (
                f"The model's weights are not those that run {stored.name!r} recorded at epoch "
                f"{first.epoch:g}: they differ in layer {layer!r}. Load your checkpoint of that "
                f"epoch, or the recorded weights: open_run(...).restore(model, {first.epoch:g})."
            )
            raise RecordingError(message)


def _refuse(stored: StoredRun, reason: str) -> None:
    message = (
        f"This training run cannot be appended to run {stored.name!r}: {reason}. Choose another "
        "group."
    )
    raise RecordingError(message)
