"""The meaning of the model's outputs: classes, probabilities, predicted values, residuals."""

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from replaychart.errors import EvaluationError, MissingDependencyError
from replaychart.evaluation.evaluations import Evaluations
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
    """

    def __init__(self, stored: StoredRun, evaluations: Evaluations) -> None:
        self._stored = stored
        self._evaluations = evaluations

    @cached_property
    def task(self) -> Task:
        """What the network predicts: classes, labels or numbers."""
        witnessed = [witness.outputs for witness in self._stored.witnesses]
        return task_of(
            self._stored, self._output_shape, witnessed=witnessed, outputs=self._some_outputs
        )

    @property
    def values_per_point(self) -> int:
        """The number of outputs for each point; an axis of unknown length counts as 1."""
        return math.prod(length or 1 for length in self._output_shape)

    @cached_property
    def _output_shape(self) -> tuple[int | None, ...]:
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


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
