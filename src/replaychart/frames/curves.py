"""Losses, metrics and learning rates over the epochs, logged or evaluated."""

import numpy as np

from replaychart.errors import require_one_of
from replaychart.frames.evaluations import Evaluations
from replaychart.storage.reader import StoredRun

SOURCES = ("training", "replay")
_ACCURACY = ("accuracy", "acc")


class Curves:
    """The curves of a run.

    Parameters
    ----------
    stored : StoredRun
        The run.
    evaluations : Evaluations
        What its network computes.
    """

    def __init__(self, stored: StoredRun, evaluations: Evaluations) -> None:
        self._stored = stored
        self._evaluations = evaluations

    def names(self, source: str) -> list[str]:
        """Return the names of the curves that a source has."""
        require_one_of("source", source, SOURCES)
        if source == "training":
            return list({**self._stored.logs, "learning_rate": None})
        names = ["loss", *(self._stored.details.get("metrics") or {})]
        classes = self._evaluations.task.classes
        return [*names, "accuracy"] if classes and "accuracy" not in names else names

    def values(self, name: str, *, source: str) -> np.ndarray:
        """Return one curve, float64 of shape (snapshots,), NaN where nothing was logged."""
        require_one_of("name", name, self.names(source))
        if source == "training":
            return {**self._stored.logs, "learning_rate": self._stored.learning_rates}[name]
        every = range(len(self._stored.epochs))
        if name == "loss":
            return self._evaluations.losses(every).mean(axis=1, dtype=np.float64)
        if name in _ACCURACY and self._evaluations.task.classes:
            right = self._evaluations.decisions(every) == self._evaluations.labels
            return right.mean(axis=1, dtype=np.float64)
        return self._evaluations.metric(name, every)
