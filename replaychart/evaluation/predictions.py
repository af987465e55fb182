"""The meaning of the model's outputs: classes, probabilities, predicted values, residuals."""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import cast

import numpy as np

from replaychart.arguments import require_at_least, shown
from replaychart.errors import ArgumentError, EvaluationError, MissingDependencyError
from replaychart.evaluation.evaluations import Evaluations
from replaychart.facts.layers import values_of
from replaychart.facts.outputs import require_one_output
from replaychart.facts.task import Task, task_of
from replaychart.storage.reader import StoredRun


class Predictions:
    """The predictions of a run for its recorded points.

    Parameters
    ----------
    stored : StoredRun
        The run.
    evaluations : Evaluations
        The outputs of its network.
    of_training : Predictions, optional
        The predictions for the training points, if these are for validation points: what the
        network predicts is judged by the training points.
    """

    # The only value of each point that is looked at, of several.
    unit: int | None = None

    def __init__(
        self,
        stored: StoredRun,
        evaluations: Evaluations,
        *,
        of_training: "Predictions | None" = None,
    ) -> None:
        self._stored = stored
        self._of_training = of_training
        self._evaluations = evaluations

    def of_unit(self, unit: object) -> "PredictionsOfUnit":
        """Return the predictions of one of several values, counted from 0.

        Raises
        ------
        ArgumentError
            There is only one value, the values belong to classes, or there are not as many.
        """
        values = self.values_per_point
        if self.task.classes or values == 1:
            what = "classes" if self.task.classes else "one value for each point"
            message = (
                f"unit must be None for run {self._stored.name!r}, which predicts {what}. Got "
                f"{shown(unit)}."
            )
            raise ArgumentError(message)
        require_at_least("unit", unit, 0, most=values - 1)
        of_training = None if self._of_training is None else self._of_training.of_unit(unit)
        return PredictionsOfUnit(
            self, self._stored, self._evaluations, int(cast("int", unit)), of_training
        )

    @property
    def limits(self) -> tuple[float, float]:
        """The smallest and the largest target of a regression, between which surfaces are drawn."""
        if self._of_training is not None:
            return self._of_training.limits
        return float(self.labels.min()), float(self.labels.max())

    @cached_property
    def task(self) -> Task:
        """What the network predicts: classes, labels or numbers."""
        require_one_output(self._stored)
        if self._of_training is not None:
            return self._of_training.task
        witnessed = [witness.outputs for witness in self._stored.witnesses]
        return task_of(
            self._stored, self._output_shape, witnessed=witnessed, outputs=self._some_outputs
        )

    @property
    def values_per_point(self) -> int:
        """The number of outputs for each point; an axis of unknown length counts as 1."""
        return values_of(self._output_shape)

    @cached_property
    def _output_shape(self) -> tuple[int | None, ...]:
        require_one_output(self._stored)
        shape = self._stored.details.get("output_shape")
        if shape is None and not self._stored.has_model:
            shape = ()
        if shape is None:
            shape = self._evaluations.predictions(range(1)).shape[2:]
        return tuple(shape)

    def _some_outputs(self) -> np.ndarray | None:
        """Return the outputs at the first and the last epoch; None if they cannot be computed."""
        if not self._evaluations.tells_predictions:
            return None
        last = len(self._stored.epochs) - 1
        try:
            return self._evaluations.predictions(sorted({0, last}))
        except (EvaluationError, MissingDependencyError):
            return None  # An evaluation that needs the outputs reports why.

    @cached_property
    def labels(self) -> np.ndarray:
        """The class number of each point, int64 (points,); the targets for a regression."""
        return self.task.labels(self._stored.targets)

    def outputs(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return the model's outputs, float32 (snapshots, points, ...), with an axis for units."""
        outputs = self._evaluations.predictions(snapshots)
        return outputs[:, :, None] if outputs.ndim == 2 else outputs

    def decisions(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return the predicted class of each point, int64 (snapshots, points), or its value.

        NaN if several values are predicted for each point.
        """
        outputs = self.outputs(snapshots)
        if self.task.classes:
            return self.task.decisions(outputs)
        values = outputs.reshape(*outputs.shape[:2], -1)
        return values[:, :, 0] if values.shape[2] == 1 else np.full(values.shape[:2], np.nan)

    def probabilities(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return the probability of each class, float32 (snapshots, points, classes)."""
        self.require_probabilities()
        return self.task.probabilities(self.outputs(snapshots))

    def probability(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return one probability for each point, float32 (snapshots, points).

        The probability of class 1 if there are two classes, otherwise of the true class; NaN for a
        regression and for scores.
        """
        outputs = self.outputs(snapshots)
        if not self.task.has_probabilities:
            return np.full(outputs.shape[:2], np.nan, np.float32)
        probabilities = self.task.probabilities(outputs)
        if self.task.classes == 2:
            return probabilities[:, :, 1]
        return probabilities[:, np.arange(len(self.labels)), self.labels]

    def class_scores(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return what ranks the points for each class, float32 (snapshots, points, classes).

        The probability of the class, or its score for a hinge loss. Of two classes, only class 1,
        because class 0 ranks the points in the opposite order.
        """
        scored = self.task.scored(self.outputs(snapshots))
        if self.task.classes != 2:
            return scored
        if self.task.scores and self.values_per_point == 2:
            return scored[..., 1:] - scored[..., :1]
        return scored[..., 1:]

    def probability_of_target(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return the probability of each point's own class, float32 (snapshots, points)."""
        probabilities = self.probabilities(snapshots)
        return probabilities[:, np.arange(len(self.labels)), self.labels]

    def correct(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return whether each point's class is predicted, bool (snapshots, points).

        A prediction that is not finite is not correct.
        """
        self.require_classes()
        finite = np.isfinite(self.outputs(snapshots)).all(axis=-1)
        return finite & (self.decisions(snapshots) == self.labels)

    def residuals(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return prediction minus target, float32 (snapshots, points, ...)."""
        self._require_numbers()
        outputs = self.outputs(snapshots)
        predicted, given = math.prod(outputs.shape[2:]), math.prod(self._stored.targets.shape[1:])
        if predicted != given:
            message = (
                f"Run {self._stored.name!r} has {_counted(predicted, 'output')} and "
                f"{_counted(given, 'target')} for each point, so there are no residuals. Its "
                "losses, curves and layers can be drawn."
            )
            raise EvaluationError(message)
        targets = self._stored.targets.reshape(outputs.shape[1:])
        return (outputs - targets).astype(np.float32)

    def require_probabilities(self) -> None:
        """Raise `EvaluationError` unless the run predicts probabilities of classes."""
        self.require_classes()
        if self.task.scores:
            message = (
                f"Run {self._stored.name!r} has a hinge loss, so its outputs are scores, not "
                "probabilities. Its surfaces, losses, curves and layers can be drawn."
            )
            raise EvaluationError(message)

    def require_classes(self) -> None:
        """Raise `EvaluationError` unless the run predicts one class for each point."""
        if self.task.per_position:
            message = (
                f"Run {self._stored.name!r} predicts a class for each position, so a point has no "
                "single class. Its losses, curves and layers can be drawn."
            )
            raise EvaluationError(message)
        if self.task.multi_label:
            message = (
                f"Run {self._stored.name!r} is multi-label: each output is a separate yes or no, "
                "so a point has no single class. Its losses, curves and layers can be drawn."
            )
            raise EvaluationError(message)
        if not self.task.classes:
            message = (
                f"Run {self._stored.name!r} predicts numbers, not classes (judging by its targets, "
                f"its loss and {self._judged_by()}), so there are no probabilities. Use "
                "residual_histogram to see how far its predictions are off."
            )
            raise EvaluationError(message)

    def _judged_by(self) -> str:
        if self.task.outside is None:
            return "the activation of its output"
        low, high = self.task.outside
        return (
            f"its outputs, which range from {low:.3g} to {high:.3g}; if these are logits, compile "
            "the loss with from_logits=True"
        )

    def _require_numbers(self) -> None:
        """Raise `EvaluationError` unless the run predicts numbers."""
        if self.task.per_position:
            what = "a class for each position"
        elif self.task.classes or self.task.multi_label:
            what = "classes" if self.task.classes else "labels"
        else:
            return
        message = f"Run {self._stored.name!r} predicts {what}, not numbers: there are no residuals."
        raise EvaluationError(message)


class PredictionsOfUnit(Predictions):
    """The predictions of one of several values of each point.

    Parameters
    ----------
    every : Predictions
        Those of all values.
    stored, evaluations, of_training
        As for `Predictions`.
    unit : int
        The value, as a position in the flattened output.
    """

    def __init__(
        self,
        every: Predictions,
        stored: StoredRun,
        evaluations: Evaluations,
        unit: int,
        of_training: Predictions | None,
    ) -> None:
        super().__init__(stored, evaluations, of_training=of_training)
        self._every = every
        self.unit = unit

    @cached_property
    def task(self) -> Task:
        """Two classes for a label, otherwise a number."""
        task = self._every.task
        if task.multi_label:
            return Task(2, from_logits=task.from_logits, independent=True)
        return Task(classes=0, from_logits=False)

    @property
    def values_per_point(self) -> int:
        """One."""
        return 1

    @cached_property
    def _own_targets(self) -> np.ndarray | None:
        """The targets of this value, (points,); None if values and targets differ in number."""
        flat = self._stored.targets.reshape(len(self._stored.targets), -1)
        return flat[:, self.unit] if flat.shape[1] == self._every.values_per_point else None

    @cached_property
    def labels(self) -> np.ndarray:
        """The targets of this value; those of all, if there is not one for each."""
        own = self._own_targets
        if own is None:
            return self._every.labels
        return own.astype(np.int64) if self.task.classes else own

    @cached_property
    def limits(self) -> tuple[float, float]:
        """The range of the targets; without targets of its own, of the values for the points."""
        if self._of_training is not None:
            return self._of_training.limits
        if self._own_targets is not None:
            return float(self.labels.min()), float(self.labels.max())
        outputs = self.outputs(range(len(self._stored.epochs)))
        finite = outputs[np.isfinite(outputs)]
        return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)

    def outputs(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return this value for each point, float32 (snapshots, points, 1)."""
        outputs = self._every.outputs(snapshots)
        return outputs.reshape(*outputs.shape[:2], -1)[:, :, self.unit, None]

    def residuals(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return prediction minus target, float32 (snapshots, points, 1)."""
        own = self._own_targets
        if own is None or self.task.classes:
            return self._every.residuals(snapshots)  # raises an error that says why there are none
        return (self.outputs(snapshots) - own[:, None]).astype(np.float32)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
