"""Which points the network gets wrong at the epoch shown, computed where the chart is displayed."""

import dataclasses
from typing import Any

import numpy as np

from replaychart.drawing import packing
from replaychart.drawing.clock import Clock
from replaychart.drawing.expressions import literal
from replaychart.run import Run

# The threshold at which the network itself decides between two classes.
THRESHOLD = "0.5"
# Probabilities are whole hundredths, rounded down: whether one reaches a threshold of whole
# hundredths can then be decided exactly.
_HUNDREDTHS = np.arange(101) / 100
_DECIDES = 50
# How close to 0.5 the rounding of two probabilities can change which one is larger.
_ROUNDING = 1e-6
# Names of the columns.
_PROBABILITY, _WRONG = "p", "wrong"
# The size in a file of a column with one character per epoch.
_BYTES_OF_CHARACTER = 1


@dataclasses.dataclass(frozen=True)
class Answers:
    """The network's answers for points, packed over the epochs.

    Attributes
    ----------
    columns : dict of str to list
        Columns for `packing.by_epoch`.
    clock : Clock
        The chart's epochs.
    positive : object
        The label of class 1, if the answers follow from its probability. Otherwise None.
    """

    columns: dict[str, list[Any]]
    clock: Clock
    positive: Any = None

    @classmethod
    def of(cls, run: Run, clock: Clock, points: np.ndarray, labels: list[Any]) -> "Answers":
        """Return the answers of a run.

        Parameters
        ----------
        run : Run
            The run.
        clock : Clock
            The chart's epochs.
        points : numpy.ndarray of int64, shape (points,)
            Numbers of the points.
        labels : list
            The label of each class in the column ``target``.
        """
        if not answers_are_known(run):
            return cls({}, clock)
        wrong = run.wrong(epochs=clock.epochs)[:, points]
        if not run.has_probabilities:
            return cls({_WRONG: _characters(wrong)}, clock)
        probability = run.point_probabilities(epochs=clock.epochs)[:, points]
        hundredths = np.searchsorted(_HUNDREDTHS, probability.astype(np.float64), side="right") - 1
        hundredths = np.clip(hundredths, 0, 100)
        if run.classes == 2:
            predicted = wrong != (run.targets[points] == 1)
            decided = _deciding(hundredths, probability, predicted)
            if decided is not None:
                return cls({_PROBABILITY: _whole(decided, probability)}, clock, labels[1])
        columns = {_PROBABILITY: _whole(hundredths, probability), _WRONG: _characters(wrong)}
        return cls(columns, clock)

    def probability(self) -> str | None:
        """Return the expression for a point's probability; None if there is none."""
        if _PROBABILITY not in self.columns:
            return None
        hundredths = packing.entry(_PROBABILITY, self.clock)
        return packing.Ruler(0.0, 0.01).expression(hundredths)

    def wrong(self, threshold: str = THRESHOLD) -> str | None:
        """Return the expression for whether a point is wrong; None if that is not known.

        Parameters
        ----------
        threshold : str, default "0.5"
            The expression for the probability from which on a point is predicted as class 1. It is
            used if there are two classes, and exact for whole hundredths.
        """
        if self.positive is not None:
            hundredths = packing.entry(_PROBABILITY, self.clock)
            is_positive = f"{hundredths} >= round(100 * ({threshold}))"
            target = f"datum.target === {literal(self.positive)}"
            return f"isValid({hundredths}) && ({is_positive}) !== ({target})"
        if _WRONG in self.columns:
            return f"{packing.entry(_WRONG, self.clock)} === '1'"
        return None


def answers_are_known(run: Run) -> bool:
    """Return whether each point has one class, and the network's answers can be computed."""
    return bool(run.classes) and run.targets.ndim == 1 and run.tells_predictions


def answer_bytes(run: Run) -> int:
    """Return the bytes per point and epoch of `Answers`, at most."""
    if not answers_are_known(run):
        return 0
    probability = packing.BYTES_PER_NUMBER * run.has_probabilities
    return probability + _BYTES_OF_CHARACTER * (run.classes != 2 or not run.has_probabilities)


def _deciding(
    hundredths: np.ndarray, probability: np.ndarray, predicted: np.ndarray
) -> np.ndarray | None:
    """Return hundredths that reach 50 exactly where class 1 is predicted.

    A tie is predicted as class 0, so its 50 hundredths become 49. None if the predictions do not
    follow from the probability of class 1, as with two outputs that do not add up to 1.
    """
    near = np.abs(probability - 0.5) <= _ROUNDING
    decided = np.where(near, _DECIDES - 1 + predicted, hundredths)
    known = np.isfinite(probability)
    return decided if ((decided >= _DECIDES) == predicted)[known].all() else None


def _whole(hundredths: np.ndarray, probability: np.ndarray) -> list[Any]:
    """Return one list per point, with None where the probability is not finite."""
    known = np.isfinite(probability)
    if known.all():
        return hundredths.T.tolist()
    some = hundredths.astype(object)
    some[~known] = None
    return some.T.tolist()


def _characters(wrong: np.ndarray) -> list[str]:
    """Return one string per point, with one character per epoch."""
    return ["".join("01"[flag] for flag in flags) for flags in wrong.T.tolist()]
