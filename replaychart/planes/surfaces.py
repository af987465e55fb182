"""The surfaces of a network over a plane: a probability, margins, or the prediction."""

import dataclasses
import math
from collections.abc import Callable
from typing import Protocol

import numpy as np

from replaychart.errors import EvaluationError
from replaychart.facts.task import Task

_UNDERLAY = -0.1
# Instead of a single rival: the strongest one at each point.
STRONGEST = -1


class Surfaces(Protocol):
    """The surfaces that are drawn over a plane."""

    @property
    def classes(self) -> list[int]:
        """The class of each surface; 0 for a prediction."""

    @property
    def boundary(self) -> float | None:
        """The level of the surfaces at the decision boundary; None if there is no boundary."""

    def levels(self, bands: int) -> np.ndarray:
        """Return the levels to draw, in increasing order. Regions at the first cover the plane."""

    @property
    def lowest(self) -> float:
        """The lower end of the first band, which is shown for all lower values, too."""

    @property
    def compete(self) -> bool:
        """Whether a surface's height is the lead of its class over the strongest other class."""

    def scores(self, outputs: np.ndarray) -> np.ndarray:
        """Return the scores for outputs of the model, shape (points, surfaces).

        Heights are computed from them. If surfaces do not compete, they are the heights.
        """

    def leads(
        self, scores: np.ndarray, place: np.ndarray, own: np.ndarray, rival: np.ndarray
    ) -> np.ndarray:
        """Return heights of surfaces, or leads over single rivals, shape (places,).

        Parameters
        ----------
        scores : numpy.ndarray, shape (points, surfaces)
        place : numpy.ndarray of int, shape (places,)
            The row of each place in `scores`.
        own, rival : numpy.ndarray of int, shape (places,)
            The surface, and the one that it leads over. `STRONGEST` for the height of the surface.
        """


def surfaces_of(
    task: Task,
    targets: np.ndarray,
    run: str,
    *,
    values: int,
    limits: Callable[[], tuple[float, float]],
    unit: int | None = None,
) -> Surfaces:
    """Return the surfaces of a run.

    Parameters
    ----------
    task : Task
        What the network predicts.
    targets : numpy.ndarray, shape (points, ...)
        The recorded targets, as returned by `Task.labels`.
    run : str
        The run's name, for the error message.
    values : int
        The number of values that the network predicts for each point.
    limits : callable
        Returns the smallest and the largest value that is expected of a number.
    unit : int, optional
        The only one of several values that is shown.

    Raises
    ------
    EvaluationError
        The network predicts several labels or values for each point.
    """
    if task.classes == 2:
        return Score() if task.scores else Probability(task, unit)
    if task.classes:
        return Margins(task)
    if unit is None and (targets.ndim > 1 or values > 1):
        what = "labels" if task.multi_label or task.per_position else "values"
        several = values if values > 1 else math.prod(targets.shape[1:])
        message = (
            f"Run {run!r} predicts {several} {what} for each point, but a surface can show only "
            f"one{f': choose it with unit=, from 0 to {values - 1}' * (values > 1)}. To draw the "
            "points without a surface, use feature_space with surface=None."
        )
        raise EvaluationError(message)
    return Prediction(*limits(), unit or 0)


def _columns(outputs: np.ndarray, unit: int | None = None) -> np.ndarray:
    """Return outputs of shape (points, units); a single unit may have no axis of its own."""
    if unit is not None:
        return outputs.reshape(len(outputs), -1)[:, unit : unit + 1]
    return outputs[:, None] if outputs.ndim == 1 else outputs


class _Alone:
    """A surface without rivals, whose score is its height."""

    compete = False

    def leads(
        self,
        scores: np.ndarray,
        place: np.ndarray,
        own: np.ndarray,
        rival: np.ndarray,  # noqa: ARG002
    ) -> np.ndarray:
        """Return the heights, because there are no rivals."""
        return scores[place, own]


@dataclasses.dataclass(frozen=True)
class Probability(_Alone):
    """The probability of class 1 of two classes, or of one of several labels."""

    task: Task
    unit: int | None = None
    boundary = 0.5
    lowest = 0.0

    @property
    def classes(self) -> list[int]:
        """Class 1."""
        return [1]

    def levels(self, bands: int) -> np.ndarray:
        """Return 0, 1 / bands, 2 / bands, ..."""
        return np.arange(bands) / bands

    def scores(self, outputs: np.ndarray) -> np.ndarray:
        """Return the probability, shape (points, 1)."""
        return self.task.probabilities(_columns(outputs, self.unit))[:, 1:]


class Score(_Alone):
    """The score of class 1 of two classes, which is positive where class 1 is predicted.

    A hinge loss pushes the scores of the two classes below -1 and above 1.
    """

    boundary = 0.0
    lowest = -1.0

    @property
    def classes(self) -> list[int]:
        """Class 1."""
        return [1]

    def levels(self, bands: int) -> np.ndarray:
        """Return minus infinity, then evenly spaced levels between -1 and 1."""
        return np.concatenate([[-np.inf], -1 + 2 * np.arange(1, bands) / bands])

    def scores(self, outputs: np.ndarray) -> np.ndarray:
        """Return the score, shape (points, 1): of two outputs, the lead of the second."""
        columns = _columns(outputs)
        return columns if columns.shape[1] == 1 else columns[:, 1:] - columns[:, :1]


@dataclasses.dataclass(frozen=True)
class Margins:
    """The margin of each class: its probability minus the largest probability of the others.

    For a hinge loss, which has no probabilities, it is the margin of the scores.
    """

    task: Task
    boundary = 0.0
    lowest = 0.0
    compete = True

    @property
    def classes(self) -> list[int]:
        """All classes."""
        return list(range(self.task.classes))

    def levels(self, bands: int) -> np.ndarray:
        """Return half as many levels from 0 on, and one below 0, which closes gaps."""
        count = (bands + 1) // 2
        return np.concatenate([[_UNDERLAY], np.arange(count) / count])

    def scores(self, outputs: np.ndarray) -> np.ndarray:
        """Return the probabilities or scores, shape (points, classes)."""
        return self.task.scored(outputs)

    def leads(
        self, scores: np.ndarray, place: np.ndarray, own: np.ndarray, rival: np.ndarray
    ) -> np.ndarray:
        """Return margins, or leads over single rivals; see `Surfaces.leads`."""
        theirs = scores[place, rival]
        whole = np.flatnonzero(rival == STRONGEST)
        others = scores[place[whole]]
        others[np.arange(len(whole)), own[whole]] = -np.inf
        theirs[whole] = others.max(axis=1, initial=-np.inf)
        return scores[place, own] - theirs


@dataclasses.dataclass(frozen=True)
class Prediction(_Alone):
    """The predicted value.

    Attributes
    ----------
    low, high : float
        The smallest and the largest target.
    unit : int
        The position of the value in the flattened output.
    """

    low: float
    high: float
    unit: int = 0
    boundary = None

    @property
    def lowest(self) -> float:
        """The smallest target."""
        return self.low

    @property
    def classes(self) -> list[int]:
        """One surface, which has no class."""
        return [0]

    def levels(self, bands: int) -> np.ndarray:
        """Return minus infinity, then evenly spaced levels between the targets."""
        high = self.high if self.high > self.low else self.low + 1.0
        inner = self.low + (high - self.low) * np.arange(1, bands) / bands
        return np.concatenate([[-np.inf], inner])

    def scores(self, outputs: np.ndarray) -> np.ndarray:
        """Return the prediction, shape (points, 1)."""
        flat = outputs.reshape(len(outputs), math.prod(outputs.shape[1:]))
        return flat[:, self.unit : self.unit + 1]
