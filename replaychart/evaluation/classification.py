"""How well the predictions of a run tell its classes apart.

Every number equals that of scikit-learn for the same points. All points have the same weight, as in
the metrics that a model is compiled with as ``metrics=``.

References
----------
https://scikit-learn.org/stable/modules/model_evaluation.html and
https://scikit-learn.org/stable/modules/calibration.html
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from replaychart.evaluation.predictions import Predictions

# The bins of the expected calibration error.
CALIBRATION_BINS = 10
_OF_SCORES = ("auc", "average_precision", "f1")
_OF_PROBABILITIES = (*_OF_SCORES, "ece")


class RankingCurve(NamedTuple):
    """How many points are taken for a class, rightly and wrongly, from each threshold on.

    Attributes
    ----------
    thresholds : numpy.ndarray of float64, shape (steps,)
        Infinity, at which no point is taken for the class, and each different score, in decreasing
        order. A point is taken for the class if its score is at least the threshold.
    true_positives, false_positives : numpy.ndarray of int64, shape (steps,)
        How many of the points taken for the class belong to it, and how many do not.
    """

    thresholds: np.ndarray
    true_positives: np.ndarray
    false_positives: np.ndarray

    @property
    def recall(self) -> np.ndarray:
        """The share of the class that is found, also called the true positive rate."""
        return _shares(self.true_positives, self.true_positives[-1])

    @property
    def false_positive_rate(self) -> np.ndarray:
        """The share of the other points that are taken for the class."""
        return _shares(self.false_positives, self.false_positives[-1])

    @property
    def precision(self) -> np.ndarray:
        """The share of the points taken for the class that belong to it; 1 if there are none."""
        taken = self.true_positives + self.false_positives
        return np.concatenate([[1.0], self.true_positives[1:] / taken[1:]])

    @property
    def is_defined(self) -> bool:
        """Whether there are points of the class and others, and all scores are finite."""
        return bool(len(self.thresholds) and self.true_positives[-1] and self.false_positives[-1])

    def area(self) -> float:
        """Return the area under the ROC curve, NaN if it is not defined."""
        if not self.is_defined:
            return np.nan
        return float(np.trapezoid(self.recall, self.false_positive_rate))

    def average_precision(self) -> float:
        """Return the mean of the precisions, weighted by the increases of the recall."""
        if not self.is_defined:
            return np.nan
        return float(np.diff(self.recall) @ self.precision[1:])


class CalibrationBins(NamedTuple):
    """The points by their predicted probability, at several epochs.

    Attributes
    ----------
    edges : numpy.ndarray of float64, shape (bins + 1,)
        A bin includes its upper edge, and the first bin also its lower edge.
    counts : numpy.ndarray of int64, shape (snapshots, bins)
        The number of points in each bin. Probabilities that are not finite are not counted.
    predicted, observed : numpy.ndarray of float64, shape (snapshots, bins)
        The mean of the predicted probabilities, and the share of points for which the prediction is
        true; NaN for an empty bin.
    """

    edges: np.ndarray
    counts: np.ndarray
    predicted: np.ndarray
    observed: np.ndarray

    def expected_error(self) -> np.ndarray:
        """Return the expected calibration error, float64 (snapshots,); NaN without any points.

        It is the mean distance between predicted and observed, weighted by the points.
        """
        gaps = np.nan_to_num(np.abs(self.observed - self.predicted)) * self.counts
        return _shares(gaps.sum(axis=1), self.counts.sum(axis=1))


def ranking_curve(scores: np.ndarray, positive: np.ndarray) -> RankingCurve:
    """Return the curve behind ROC and precision-recall; without steps if a score is not finite.

    Parameters
    ----------
    scores : numpy.ndarray, shape (points,)
    positive : numpy.ndarray of bool, shape (points,)
        Whether each point belongs to the class.
    """
    if not np.isfinite(scores).all():
        return RankingCurve(np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64))
    order = np.argsort(scores, kind="stable")[::-1]
    ordered = scores[order].astype(np.float64)
    # Points with equal scores are taken for the class together.
    last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    true = np.cumsum(positive[order], dtype=np.int64)[last]
    return RankingCurve(
        np.append(np.inf, ordered[last]), np.append(0, true), np.append(0, last + 1 - true)
    )


def confusion_counts(targets: np.ndarray, decisions: np.ndarray, classes: int) -> np.ndarray:
    """Return how many points of each class are taken for each class.

    Parameters
    ----------
    targets : numpy.ndarray of int64, shape (points,)
    decisions : numpy.ndarray of int64, shape (snapshots, points)
    classes : int

    Returns
    -------
    numpy.ndarray of int64, shape (snapshots, classes, classes)
        By true class, then by predicted class.
    """
    snapshot = np.arange(len(decisions))[:, None]
    cell = (snapshot * classes + targets) * classes + decisions
    counts = np.bincount(cell.ravel(), minlength=len(decisions) * classes**2)
    return counts.reshape(-1, classes, classes)


def calibration_bins(probability: np.ndarray, true: np.ndarray, bins: int) -> CalibrationBins:
    """Return the points by their predicted probability.

    Parameters
    ----------
    probability : numpy.ndarray, shape (snapshots, points)
    true : numpy.ndarray of bool, shape (snapshots, points)
        Whether what was predicted with this probability is true.
    bins : int
        The number of bins, which are equally wide.
    """
    edges = np.linspace(0, 1, bins + 1)
    snapshot = np.broadcast_to(np.arange(len(probability))[:, None], probability.shape)
    cell = (snapshot * bins + np.searchsorted(edges[1:-1], probability)).ravel()
    finite = np.isfinite(probability).ravel()

    def sums(weights: np.ndarray | None) -> np.ndarray:
        kept = None if weights is None else weights.ravel()[finite]
        return np.bincount(cell[finite], kept, len(probability) * bins).reshape(-1, bins)

    count = sums(None)
    return CalibrationBins(
        edges, count, _shares(sums(probability), count), _shares(sums(true), count)
    )


def f1(counts: np.ndarray) -> np.ndarray:
    """Return the F1 score, float64 (snapshots,): the harmonic mean of precision and recall.

    That of class 1 if there are two classes; otherwise the mean over the classes, without those
    that neither occur nor are predicted.

    Parameters
    ----------
    counts : numpy.ndarray of int64, shape (snapshots, classes, classes)
        From `confusion_counts`.
    """
    right = np.diagonal(counts, axis1=1, axis2=2)
    either = counts.sum(axis=1) + counts.sum(axis=2)
    scores = _shares(2 * right, either)
    if counts.shape[1] == 2:
        return np.nan_to_num(scores[:, 1])
    known = np.isfinite(scores)
    return _shares(np.where(known, scores, 0).sum(axis=1), known.sum(axis=1))


class Classification:
    """The curves, counts and summaries of a classifier's predictions.

    Parameters
    ----------
    predictions : Predictions
        The predictions of a run.
    """

    def __init__(self, predictions: Predictions) -> None:
        self._predictions = predictions
        self._known: dict[tuple[str, tuple[int, ...]], np.ndarray] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the summaries that the run has; none unless it predicts classes."""
        task = self._predictions.task
        if not task.classes:
            return ()
        return _OF_PROBABILITIES if task.has_probabilities else _OF_SCORES

    @property
    def ranked_classes(self) -> list[int]:
        """The classes that have a ranking curve: only class 1 if there are two."""
        classes = self._predictions.task.classes
        return [1] if classes == 2 else list(range(classes))

    def ranking_curves(self, snapshots: Sequence[int]) -> Iterator[list[RankingCurve]]:
        """Return an iterator over the snapshots, with the curve of each of the ranked classes."""
        self._predictions.require_classes()
        labels = self._predictions.labels
        return (
            [
                ranking_curve(scores[:, place], labels == number)
                for place, number in enumerate(self.ranked_classes)
            ]
            for scores in self._predictions.class_scores(snapshots)
        )

    def are_ranked(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return whether what ranks the points is finite, a bool array (snapshots,)."""
        return np.isfinite(self._predictions.class_scores(snapshots)).all(axis=(1, 2))

    def confusion(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return counts of points; see `confusion_counts`."""
        self._predictions.require_classes()
        decisions = self._predictions.decisions(snapshots)
        return confusion_counts(self._predictions.labels, decisions, self._predictions.task.classes)

    def calibration(
        self, snapshots: Sequence[int], bins: int = CALIBRATION_BINS
    ) -> CalibrationBins:
        """Return the points by the probability that was predicted for them.

        That of class 1 if there are two classes; otherwise that of the predicted class.
        """
        self._predictions.require_probabilities()
        probabilities = self._predictions.probabilities(snapshots)
        labels = self._predictions.labels
        if probabilities.shape[-1] == 2:
            probability = probabilities[..., 1]
            true = np.broadcast_to(labels == 1, probability.shape)
        else:
            probability = probabilities.max(axis=-1)
            true = self._predictions.decisions(snapshots) == labels
        # A share can exceed 1 by a rounding error.
        return calibration_bins(np.clip(probability, 0, 1), true, bins)

    def summary(self, name: str, snapshots: Sequence[int]) -> np.ndarray:
        """Return one of the summaries by name, float64 (snapshots,).

        NaN where it is not defined, for example because outputs are not finite.
        """
        key = name, tuple(snapshots)
        if key not in self._known:
            self._known |= {(one, key[1]): found for one, found in self._computed(name, snapshots)}
        return self._known[key]

    def _computed(self, name: str, snapshots: Sequence[int]) -> list[tuple[str, np.ndarray]]:
        """Return a summary, and those that follow from the same curves."""
        if name == "ece":
            return [(name, self.calibration(snapshots).expected_error())]
        if name == "f1":
            scores = f1(self.confusion(snapshots))
            return [(name, np.where(self.are_ranked(snapshots), scores, np.nan))]
        of_classes = [
            [(curve.area(), curve.average_precision()) for curve in curves]
            for curves in self.ranking_curves(snapshots)
        ]
        both = np.array(of_classes).reshape(len(snapshots), -1, 2)
        return [("auc", means(both[..., 0])), ("average_precision", means(both[..., 1]))]


def means(rows: np.ndarray) -> np.ndarray:
    """Return the mean of each row, without values that are NaN; NaN if there are no others."""
    known = np.isfinite(rows)
    return _shares(np.where(known, rows, 0).sum(axis=1), known.sum(axis=1))


def _shares(part: np.ndarray, whole: Any) -> np.ndarray:
    """Return quotients, float64, with NaN where the divisor is 0."""
    divisor = np.broadcast_to(whole, part.shape)
    return np.divide(part, divisor, out=np.full(part.shape, np.nan), where=divisor != 0)
