"""The validation points that a user passes, checked against the others."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from replaychart.arguments import shown
from replaychart.errors import ArgumentError
from replaychart.facts.inputs import Inputs, arrays_of, with_arrays
from replaychart.facts.outputs import Targets
from replaychart.facts.snapshots import RunDescription, ValidationPoints
from replaychart.facts.task import task_of
from replaychart.recording.inputs import GivenInputs, given_inputs
from replaychart.recording.targets import GivenTargets, given_targets

INPUTS, TARGETS = "validation[0]", "validation[1]"


@dataclasses.dataclass(frozen=True)
class GivenValidation:
    """The validation points, checked as far as possible without the others.

    Attributes
    ----------
    given : GivenInputs
        The points.
    targets : GivenTargets
        Their targets.
    """

    given: GivenInputs
    targets: GivenTargets


def given_validation(validation: object) -> GivenValidation | None:
    """Return validation points, None if there are none.

    Parameters
    ----------
    validation : tuple of (points, targets), or None
        The argument `validation` of a recorder.

    Raises
    ------
    ArgumentError
        It is not a pair, or points or targets are not finite numbers of the same length.
    """
    if validation is None:
        return None
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        got = f"{len(validation)} items" if isinstance(validation, tuple) else shown(validation)
        message = f"validation must be a pair of points and targets, (X_val, y_val). Got {got}."
        raise ArgumentError(message)
    X, y = validation
    if X is None or y is None:
        message = (
            "validation must be a pair of points and targets, (X_val, y_val). Got None for the "
            f"{'points' if X is None else 'targets'}."
        )
        raise ArgumentError(message)
    given = given_inputs(X, y, argument=INPUTS)
    return GivenValidation(
        given, given_targets(y, given.points, argument=TARGETS, points_argument=INPUTS)
    )


def validation_like(
    inputs: Inputs, targets: Targets, *, recorded: Inputs, of_recorded: Targets
) -> ValidationPoints:
    """Return validation points with the dtypes of the recorded points.

    Parameters
    ----------
    inputs, targets
        The validation points, in the form in which the network takes them.
    recorded, of_recorded
        The recorded points and their targets, in the same form.

    Raises
    ------
    ArgumentError
        They have other shapes, other kinds of values or targets of other outputs.
    """
    _require_same_names(inputs, recorded, f"{INPUTS} must have the inputs of X")
    _require_same_names(targets, of_recorded, f"{TARGETS} must have targets of the outputs of y")
    return ValidationPoints(
        _all_like(inputs, recorded, INPUTS, "X"), _all_like(targets, of_recorded, TARGETS, "y")
    )


def with_validation(described: RunDescription, validation: object) -> RunDescription:
    """Return the description of a network without a graph, with validation points if there are any.

    Parameters
    ----------
    described : RunDescription
        The description without them.
    validation : tuple of (points, targets), or None
        The argument `validation` of a recorder.

    Raises
    ------
    ArgumentError
        They are not valid, or not like the recorded points.
    """
    given = given_validation(validation)
    if given is None:
        return described
    points = validation_like(
        given.given.without_graph().inputs,
        given.targets.of_one().targets,
        recorded=described.inputs,
        of_recorded=described.targets,
    )
    described = dataclasses.replace(described, validation=points)
    check_classes(described, TARGETS)
    return described


def check_classes(described: RunDescription, argument: str) -> None:
    """Raise `ArgumentError` if validation targets are classes that the others do not have.

    Parameters
    ----------
    described : RunDescription
        The run of one output.
    argument : str
        What errors call the targets.
    """
    shape: Any = described.details["output_shape"]
    if described.validation is None or shape is None:
        return
    task = task_of(described, tuple(shape))
    own = np.asarray(described.validation.targets)
    if not task.classes or task.per_position:
        return
    unknown = np.setdiff1d(task.labels(own), np.arange(task.classes))
    if len(unknown):
        message = (
            f"{argument} must be classes of y, which has {task.classes}. Got class {unknown[0]}."
        )
        raise ArgumentError(message)


def _all_like(given: Inputs, recorded: Inputs, argument: str, like: str) -> Inputs:
    pairs = zip(arrays_of(given), arrays_of(recorded), strict=True)
    return with_arrays(given, [_like(*pair, argument, like) for pair in pairs])


def _require_same_names(given: Inputs, recorded: Inputs, what: str) -> None:
    names = [list(one) if isinstance(one, Mapping) else [] for one in (given, recorded)]
    if names[0] != names[1]:
        own, wanted = (", ".join(map(repr, some)) or "one array" for some in names)
        message = f"{what}: {wanted}. Got {own}."
        raise ArgumentError(message)


def _like(values: np.ndarray, recorded: np.ndarray, argument: str, like: str) -> np.ndarray:
    """Return values with the dtype of others, after checking that shape and values allow it."""
    if values.shape[1:] != recorded.shape[1:]:
        message = (
            f"{argument} must have the shape of {like}, apart from the number of points: "
            f"{recorded.shape}. Got the shape {values.shape}."
        )
        raise ArgumentError(message)
    cast = values.astype(recorded.dtype)
    if recorded.dtype.kind in "biu" and not np.array_equal(cast, values):
        message = (
            f"{argument} must have values of the kind of {like}, which has the dtype "
            f"{recorded.dtype}. Got the dtype {values.dtype}, with other values than these."
        )
        raise ArgumentError(message)
    return cast
