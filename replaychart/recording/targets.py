"""The targets that a user passes: one array, or one for each of the model's outputs.

What belongs to an output (targets, sample weights, names of classes) may differ between several
outputs. As in Keras, it comes in a list in the order of the outputs, or by their names.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from replaychart.arguments import shown
from replaychart.errors import ArgumentError
from replaychart.recording import samples


@dataclasses.dataclass(frozen=True)
class GivenTargets:
    """What a user passed for the outputs of a model, checked as far as possible without the model.

    Attributes
    ----------
    targets : numpy.ndarray, list of (numpy.ndarray or None) or dict of str to numpy.ndarray
        The targets; of several outputs in a list or a dict.
    sample_weights : numpy.ndarray of float32, dict of str to numpy.ndarray, or None
        The factor for the loss of each point.
    class_names : list of str, dict of str to list of str, or None
        The names of the classes.
    argument : str, default "y"
        What errors call the targets.
    """

    targets: Any
    sample_weights: Any = None
    class_names: Any = None
    argument: str = "y"

    def of_one(self) -> "GivenTargets":
        """Return the same for a model with one output.

        Raises
        ------
        ArgumentError
            They are those of several outputs.
        """
        for argument, given in (
            (self.argument, self.targets),
            ("sample_weight", self.sample_weights),
            ("class_names", self.class_names),
        ):
            of_points = argument == self.argument
            several = isinstance(given, Mapping) or (of_points and isinstance(given, list))
            if several and len(given) > 1:
                whats = {self.argument: "the targets", "sample_weight": "the weights"}
                what = whats.get(argument, "those")
                message = (
                    f"{argument} must be {what} of one output, because the model has one. Got "
                    f"a {type(given).__name__} of {len(given)}."
                )
                raise ArgumentError(message)
        return GivenTargets(
            _only(self.targets), _only(self.sample_weights), _only_names(self.class_names)
        )

    def of_several(self, outputs: list[str]) -> "GivenTargets":
        """Return targets and class names by the name of the output.

        Parameters
        ----------
        outputs : list of str
            The names of the model's outputs.

        Raises
        ------
        ArgumentError
            They do not belong to these outputs, or none has targets.
        """
        targets = self.targets
        if isinstance(targets, list) and len(targets) == len(outputs):
            targets = dict(zip(outputs, targets, strict=True))
        if not isinstance(targets, Mapping) or not set(targets) <= set(outputs):
            got = (
                f"the keys {shown(list(targets))}"
                if isinstance(targets, Mapping)
                else _counted(targets)
            )
            message = (
                f"{self.argument} must have the targets of each output, in a list or by name: "
                f"{', '.join(map(repr, outputs))}. Got {got}."
            )
            raise ArgumentError(message)
        known = {name: targets[name] for name in outputs if targets.get(name) is not None}
        if not known:
            message = f"{self.argument} must have the targets of at least one output. Got none."
            raise ArgumentError(message)
        for argument in ("sample_weight", "class_names"):
            given = self.class_names if argument == "class_names" else self.sample_weights
            if isinstance(given, Mapping) and not set(given) <= set(known):
                message = (
                    f"{argument} must belong to outputs with targets: "
                    f"{', '.join(map(repr, known))}. Got {shown(list(given))}."
                )
                raise ArgumentError(message)
        if isinstance(self.class_names, list):
            message = (
                "class_names must map outputs to names, because the model has several outputs: "
                f"{{{outputs[0]!r}: [...]}}. Got {shown(self.class_names)}."
            )
            raise ArgumentError(message)
        return GivenTargets(known, self.sample_weights, self.class_names or {})


def given_targets(
    y: object,
    points: int,
    *,
    class_weight: object = None,
    sample_weight: object = None,
    class_names: object = None,
    argument: str = "y",
    points_argument: str = "X",
) -> GivenTargets:
    """Return what a user passed for the outputs of a model.

    Parameters
    ----------
    y, class_weight, sample_weight, class_names : object
        As for `Recorder`.
    points : int
        The number of points.
    argument, points_argument : str, default "y" and "X"
        What errors call the targets and the points.

    Raises
    ------
    ArgumentError
        It is not valid for any model.
    """
    names: Any = class_names
    if isinstance(class_names, Mapping):
        names = {
            str(name): samples.checked_class_names(own, argument=f"class_names[{name!r}]")
            for name, own in class_names.items()
        }
    else:
        names = samples.checked_class_names(class_names)
    targets = _targets(y, points, argument, points_argument)
    if not isinstance(targets, np.ndarray) and len(targets) > 1 and class_weight is not None:
        message = (
            "class_weight must be None for several outputs, as for fit: pass sample_weight. Got "
            f"{shown(class_weight)}."
        )
        raise ArgumentError(message)
    if isinstance(sample_weight, Mapping) and class_weight is None:
        weights: Any = {
            str(name): samples.checked_sample_weights(
                None, own, np.zeros(points), argument=f"sample_weight[{name!r}]"
            )
            for name, own in sample_weight.items()
        }
    else:
        of_classes = np.zeros(points) if class_weight is None else _only(targets)
        weights = samples.checked_sample_weights(class_weight, sample_weight, of_classes)
    return GivenTargets(targets, weights, names, argument)


def _targets(y: Any, points: int, argument: str, points_argument: str) -> Any:
    def checked(own: Any, label: str) -> np.ndarray:
        return samples.checked_targets(own, points, argument=label, points_argument=points_argument)

    if isinstance(y, Mapping):
        return {
            str(name): None if own is None else checked(own, f"{argument}[{name!r}]")
            for name, own in y.items()
        }
    several = isinstance(y, (list, tuple)) and len(y) not in (1, points)
    if several and all(one is None or _has_rows(one, points) for one in y):
        return [
            None if one is None else checked(one, f"{argument}[{place}]")
            for place, one in enumerate(y)
        ]
    return checked(y, argument)


def _has_rows(array: object, points: int) -> bool:
    return tuple(getattr(array, "shape", ()))[:1] == (points,)


def _only(targets: Any) -> Any:
    if isinstance(targets, Mapping):
        targets = list(targets.values())
    return targets[0] if isinstance(targets, list) and targets else targets


def _only_names(names: Any) -> Any:
    return next(iter(names.values()), None) if isinstance(names, Mapping) else names


def _counted(targets: Any) -> str:
    if isinstance(targets, list):
        return f"{len(targets)} arrays"
    return f"one array of the shape {targets.shape}"
