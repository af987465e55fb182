"""The surfaces that a network spans over a plane: probabilities, margins, or its prediction."""

import dataclasses
import math
from typing import Protocol

import numpy as np

from replaychart.errors import EvaluationError
from replaychart.facts.task import Task

_UNDERLAY = -0.1
# In place of a rival: whichever is the strongest.
STRONGEST = -1


class Surfaces(Protocol):
    """What is drawn over a plane."""

    @property
    def classes(self) -> list[int]:
        """The class that each surface belongs to; 0 for a prediction."""

    @property
    def boundary(self) -> float | None:
        """The level at which a surface meets the boundary, None if there is none."""

    def levels(self, bands: int) -> np.ndarray:
        """Return the levels to draw, rising; the first one lies below everything."""

    @property
    def compete(self) -> bool:
        """Whether the height of a surface is the lead of its class over the strongest other."""

    def scores(self, outputs: np.ndarray) -> np.ndarray:
        """Return what heights are made of, for outputs of the model, shape (points, surfaces).

        They are the heights themselves where surfaces do not compete.
        """

    def leads(
        self, scores: np.ndarray, place: np.ndarray, own: np.ndarray, rival: np.ndarray
    ) -> np.ndarray:
        """Return heights of surfaces, or leads over single rivals, shape (places,).

        Parameters
        ----------
        scores : numpy.ndarray, shape (points, surfaces)
        place : numpy.ndarray of int, shape (places,)
            Which points.
        own, rival : numpy.ndarray of int, shape (places,)
            Whose height, and whose lead it is over: `STRONGEST` for the height itself.
        """


def surfaces_of(task: Task, targets: np.ndarray, run: str) -> Surfaces:
    """Return the surfaces of a run.

    Parameters
    ----------
    task : Task
        What the network was asked to learn.
    targets : numpy.ndarray, shape (points, ...)
        The recorded targets, as `Task.labels` gives them.
    run : str
        The run's name, for the message.

    Raises
    ------
    EvaluationError
        The network says several things of a point that no single surface can show.
    """
    if task.classes == 2:
        return Probability(task)
    if task.classes:
        return Margins(task)
    if targets.ndim > 1:
        what = "labels" if task.multi_label or task.per_position else "numbers"
        several = math.prod(targets.shape[1:])
        message = (
            f"Run {run!r} predicts {several} {what} for each point, and a surface shows "
            "one. Draw without it: surface=None in feature_space."
        )
        raise EvaluationError(message)
    return Prediction(float(targets.min()), float(targets.max()))


class _Alone:
    """A surface without rivals: its score is its height."""

    compete = False

    def leads(
        self,
        scores: np.ndarray,
        place: np.ndarray,
        own: np.ndarray,
        rival: np.ndarray,  # noqa: ARG002
    ) -> np.ndarray:
        """Return the heights: there are no rivals."""
        return scores[place, own]


@dataclasses.dataclass(frozen=True)
class Probability(_Alone):
    """The probability of class 1, where there are two classes."""

    task: Task
    boundary = 0.5

    @property
    def classes(self) -> list[int]:
        """Class 1."""
        return [1]

    def levels(self, bands: int) -> np.ndarray:
        """Return 0, 1 / bands, 2 / bands, ..."""
        return np.arange(bands) / bands

    def scores(self, outputs: np.ndarray) -> np.ndarray:
        """Return the probability, shape (points, 1)."""
        return self.task.probabilities(outputs)[:, 1:]


@dataclasses.dataclass(frozen=True)
class Margins:
    """The margin by which each class wins: its probability less the greatest of the others."""

    task: Task
    boundary = 0.0
    compete = True

    @property
    def classes(self) -> list[int]:
        """All classes."""
        return list(range(self.task.classes))

    def levels(self, bands: int) -> np.ndarray:
        """Return half as many levels from 0 on, and one below, under the seams of classes."""
        count = (bands + 1) // 2
        return np.concatenate([[_UNDERLAY], np.arange(count) / count])

    def scores(self, outputs: np.ndarray) -> np.ndarray:
        """Return the probabilities, shape (points, classes)."""
        return self.task.probabilities(outputs)

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
    """The predicted number.

    Attributes
    ----------
    low, high : float
        The least and the greatest target.
    """

    low: float
    high: float
    boundary = None

    @property
    def classes(self) -> list[int]:
        """One surface, of no class."""
        return [0]

    def levels(self, bands: int) -> np.ndarray:
        """Return evenly spaced levels between the targets, the first at minus infinity."""
        high = self.high if self.high > self.low else self.low + 1.0
        inner = self.low + (high - self.low) * np.arange(1, bands) / bands
        return np.concatenate([[-np.inf], inner])

    def scores(self, outputs: np.ndarray) -> np.ndarray:
        """Return the prediction, shape (points, 1)."""
        return outputs.reshape(len(outputs), math.prod(outputs.shape[1:]))[:, :1]
