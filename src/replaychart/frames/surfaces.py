"""The surfaces that a network spans over a plane: probabilities, margins, or its prediction."""

import dataclasses
import math
from typing import Protocol

import numpy as np

from replaychart.errors import EvaluationError
from replaychart.network.task import Task

_UNDERLAY = -0.1


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

    def heights(self, outputs: np.ndarray) -> np.ndarray:
        """Return the height of each surface for outputs of the model, shape (points, surfaces)."""


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


@dataclasses.dataclass(frozen=True)
class Probability:
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

    def heights(self, outputs: np.ndarray) -> np.ndarray:
        """Return the probability, shape (points, 1)."""
        return self.task.probabilities(outputs)[:, 1:]


@dataclasses.dataclass(frozen=True)
class Margins:
    """The margin by which each class wins: its probability less the greatest of the others."""

    task: Task
    boundary = 0.0

    @property
    def classes(self) -> list[int]:
        """All classes."""
        return list(range(self.task.classes))

    def levels(self, bands: int) -> np.ndarray:
        """Return half as many levels from 0 on, and one below for the gaps between classes.

        Straight contours leave such gaps where three classes meet.
        """
        count = (bands + 1) // 2
        return np.concatenate([[_UNDERLAY], np.arange(count) / count])

    def heights(self, outputs: np.ndarray) -> np.ndarray:
        """Return the margins, shape (points, classes)."""
        probabilities = self.task.probabilities(outputs)
        ranked = np.sort(probabilities, axis=-1)
        first, second = ranked[:, -1:], ranked[:, -2:-1]
        wins = probabilities == first
        return np.where(wins, probabilities - second, probabilities - first)


@dataclasses.dataclass(frozen=True)
class Prediction:
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

    def heights(self, outputs: np.ndarray) -> np.ndarray:
        """Return the prediction, shape (points, 1)."""
        return outputs.reshape(len(outputs), math.prod(outputs.shape[1:]))[:, :1]
