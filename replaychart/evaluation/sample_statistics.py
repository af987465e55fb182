"""What happened to each recorded point over the training run: confidence, forgetting, margin."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from replaychart.errors import EvaluationError, MissingDependencyError
from replaychart.evaluation.evaluations import Evaluations
from replaychart.evaluation.predictions import Predictions

# Probabilities are kept this far from 0, so that the difference of their logarithms is finite: the
# distance of float32 numbers just below 1.
_SMALLEST = 2.0**-24


class UpToNow(NamedTuple):
    """Statistics of each point over the snapshots up to several of them.

    Attributes
    ----------
    confidence, variability, correctness : numpy.ndarray of float64, shape (snapshots, points)
        As in `Run.samples`.
    """

    confidence: np.ndarray
    variability: np.ndarray
    correctness: np.ndarray


class SampleStatistics:
    """The statistics of each recorded point over the snapshots of a run.

    Parameters
    ----------
    epochs : numpy.ndarray of int or float, shape (snapshots,)
        The recorded epochs.
    predictions : Predictions
        The predictions of the run.
    evaluations : Evaluations
        The losses of the run.
    """

    def __init__(
        self, epochs: np.ndarray, predictions: Predictions, evaluations: Evaluations
    ) -> None:
        self._epochs = epochs
        self._predictions = predictions
        self._evaluations = evaluations

    @property
    def counted(self) -> list[int]:
        """The snapshots that count: those after epoch 0, or all if there are no others."""
        after = np.flatnonzero(self._epochs > 0)
        return (after if len(after) else np.arange(len(self._epochs))).tolist()

    def up_to(self, snapshots: Sequence[int]) -> UpToNow:
        """Return the statistics over all counted snapshots up to each of several snapshots.

        Before the first counted snapshot, they are those of the snapshot itself.

        Parameters
        ----------
        snapshots : sequence of int

        Raises
        ------
        EvaluationError
            The run does not predict one class with a probability for each point.
        """
        self._predictions.require_probabilities()
        every = range(len(self._epochs))
        probability = self._predictions.probability_of_target(every).astype(np.float64)
        right = self._predictions.correct(every).astype(np.float64)
        counted = np.array(self.counted)
        number = np.arange(1, len(counted) + 1)[:, None]
        means, squares, shares = (
            np.cumsum(values[counted], axis=0) / number
            for values in (probability, probability**2, right)
        )
        variability = np.sqrt(np.maximum(squares - means**2, 0))
        reached = np.searchsorted(counted, snapshots, side="right") - 1
        before = reached[:, None] < 0
        own = np.asarray(snapshots)
        return UpToNow(
            np.where(before, probability[own], means[reached]),
            np.where(before, 0 * probability[own], variability[reached]),
            np.where(before, right[own], shares[reached]),
        )

    def over(self, snapshots: Sequence[int]) -> dict[str, np.ndarray]:
        """Return the columns of `Run.samples` over some snapshots, each of shape (points,).

        What is not defined for the run is missing.
        """
        task = self._predictions.task
        columns: dict[str, np.ndarray] = {}
        if task.has_probabilities:
            probability = self._predictions.probability_of_target(snapshots).astype(np.float64)
            columns["confidence"] = probability.mean(axis=0)
            columns["variability"] = probability.std(axis=0)
        if task.classes:
            right = self._predictions.correct(snapshots)
            columns |= _learning(right, self._epochs[list(snapshots)])
            columns["margin"] = self._margins(snapshots).mean(axis=0)
        return columns | self._losses(snapshots)

    def _margins(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return by how much the logit of the true class exceeds the largest other one."""
        task, outputs = self._predictions.task, self._predictions.outputs(snapshots)
        values = outputs.astype(np.float64)
        if task.from_logits or task.scores:
            if values.shape[-1] == 1:
                # The logit of class 1, and a score and its negative.
                values = np.concatenate([-values if task.scores else 0 * values, values], axis=-1)
        else:
            values = np.log(np.maximum(task.probabilities(values), _SMALLEST))
        labels = self._predictions.labels
        points = np.arange(len(labels))
        own = values[:, points, labels]
        values[:, points, labels] = -np.inf
        return own - values.max(axis=-1)

    def _losses(self, snapshots: Sequence[int]) -> dict[str, np.ndarray]:
        try:
            losses = self._evaluations.losses(snapshots).astype(np.float64)
        except (EvaluationError, MissingDependencyError):
            return {}
        return {"mean_loss": losses.mean(axis=0), "loss_variability": losses.std(axis=0)}


def _learning(right: np.ndarray, epochs: np.ndarray) -> dict[str, np.ndarray]:
    """Return when points are predicted correctly; `right` has the shape (snapshots, points)."""
    after_last_wrong = len(epochs) - right[::-1].argmin(axis=0)
    always, at_the_end = right.all(axis=0), right[-1]
    learned = np.where(always, 0, np.minimum(after_last_wrong, len(epochs) - 1))
    return {
        "correctness": right.mean(axis=0, dtype=np.float64),
        "forgetting_events": (right[:-1] & ~right[1:]).sum(axis=0),
        "first_correct_epoch": np.where(right.any(axis=0), epochs[right.argmax(axis=0)], np.nan),
        "learned_epoch": np.where(at_the_end, epochs[learned], np.nan),
    }
