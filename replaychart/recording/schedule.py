"""Which moments of a training are recorded: the argument ``every`` of `Recorder`."""

import dataclasses
import re
from collections.abc import Iterable
from numbers import Integral
from typing import Protocol

import numpy as np

from replaychart.arguments import is_number
from replaychart.errors import ArgumentError, RecordingError
from replaychart.facts.epochs import EPOCH_DIGITS


class Schedule(Protocol):
    """Says of each epoch and batch that has ended whether it is recorded.

    The state that a training begins with and the one it ends with are recorded in any case.
    """

    def check(self, begin: int, end: int, steps: int | None, *, resumed: bool) -> None:
        """Raise `RecordingError` if the schedule does not fit a training.

        Parameters
        ----------
        begin, end : int
            The epochs between which it runs.
        steps : int or None
            Batches of an epoch, None where that is not known before the first has ended.
        resumed : bool
            Whether earlier epochs stand in the file.
        """

    def epoch_is_due(self, epoch: int, before: int, steps: int | None) -> bool:
        """Return whether the state at an epoch's end is recorded.

        Parameters
        ----------
        epoch : int
            The epochs that have ended.
        before : int
            The batches that had ended when the schedule was asked last.
        steps : int or None
            Batches of an epoch.
        """

    def batch_is_due(self, before: int, after: int, steps: int | None) -> bool:
        """Return whether the state within an epoch is recorded.

        Parameters
        ----------
        before, after : int
            The batches that had ended when the schedule was asked last, and that have by now.
        steps : int or None
            Batches of an epoch.
        """


def schedule_of(every: object) -> Schedule:
    """Return the schedule that ``every`` asks for.

    Parameters
    ----------
    every : int, str or iterable of float
        Epochs between snapshots; a text such as ``"10 batches"``; or the epochs themselves.

    Raises
    ------
    ArgumentError
        It is something else.
    """
    if isinstance(every, str):
        found = re.fullmatch(r"\s*([1-9]\d*)\s+batch(es)?\s*", every)
        if found:
            return EveryBatches(int(found[1]))
    elif isinstance(every, Integral) and is_number(every):
        if int(every) >= 1:
            return EveryEpochs(int(every))
    elif isinstance(every, Iterable):
        epochs = list(every)
        if epochs and all(_is_epoch(epoch) for epoch in epochs):
            return ListedEpochs(tuple(sorted({round(float(one), EPOCH_DIGITS) for one in epochs})))
        every = epochs
    message = (
        "every must be a whole number of epochs of at least 1, a text such as '10 batches', or a "
        f"list of epochs, which may be fractions. Got {every!r}."
    )
    raise ArgumentError(message)


@dataclasses.dataclass(frozen=True)
class EveryEpochs:
    """One snapshot in so many epochs, counted from epoch 0."""

    count: int

    def check(self, begin: int, end: int, steps: int | None, *, resumed: bool) -> None:  # noqa: ARG002
        """See `Schedule`."""
        if self.count > end:
            message = f"every={self.count} matches no epoch of this training, which ends at {end}."
            raise RecordingError(message)

    def epoch_is_due(self, epoch: int, before: int, steps: int | None) -> bool:  # noqa: ARG002
        """See `Schedule`."""
        return epoch % self.count == 0

    def batch_is_due(self, before: int, after: int, steps: int | None) -> bool:  # noqa: ARG002
        """See `Schedule`."""
        return False


@dataclasses.dataclass(frozen=True)
class EveryBatches:
    """One snapshot in so many batches, and at each epoch's end, where Keras reports validation."""

    count: int

    def check(self, begin: int, end: int, steps: int | None, *, resumed: bool) -> None:  # noqa: ARG002
        """See `Schedule`."""
        asked = f"every='{self.count} batch{'es' * (self.count > 1)}'"
        if steps is None:
            raise _no_steps(asked)
        if self.count > end * steps:
            message = f"{asked} matches nothing: this training has {end} epochs of {steps} batches."
            raise RecordingError(message)
        if self.count / steps < 10**-EPOCH_DIGITS:
            message = (
                f"{asked} is less than a millionth of an epoch of {steps} batches, and epochs are "
                "told apart to a millionth."
            )
            raise RecordingError(message)

    def epoch_is_due(self, epoch: int, before: int, steps: int | None) -> bool:  # noqa: ARG002
        """See `Schedule`."""
        return True

    def batch_is_due(self, before: int, after: int, steps: int | None) -> bool:  # noqa: ARG002
        """See `Schedule`."""
        return after // self.count > before // self.count


@dataclasses.dataclass(frozen=True)
class ListedEpochs:
    """Snapshots at given epochs; a fraction stands for the batch that is nearest to it."""

    epochs: tuple[float, ...]

    def check(self, begin: int, end: int, steps: int | None, *, resumed: bool) -> None:
        """See `Schedule`."""
        late = [epoch for epoch in self.epochs if epoch > end]
        early = [epoch for epoch in self.epochs if epoch < begin and not resumed]
        if late or early:
            message = (
                f"every names epoch {(late or early)[0]:g}, which is not part of this training: it "
                f"goes from epoch {begin} to {end}."
            )
            raise RecordingError(message)
        fractions = [epoch for epoch in self.epochs if epoch != int(epoch)]
        if fractions and steps is None:
            asked = f"every names epoch {fractions[0]:g}, a fraction, which"
            raise _no_steps(asked)

    def epoch_is_due(self, epoch: int, before: int, steps: int | None) -> bool:
        """See `Schedule`."""
        if steps is None:
            return epoch in self.epochs
        return any(before < round(one * steps) <= epoch * steps for one in self.epochs)

    def batch_is_due(self, before: int, after: int, steps: int | None) -> bool:
        """See `Schedule`."""
        fractions = (epoch for epoch in self.epochs if epoch != int(epoch))
        return steps is not None and any(before < round(one * steps) <= after for one in fractions)


def _is_epoch(value: object) -> bool:
    return is_number(value) and 0 <= float(value) < np.inf


def _no_steps(asked: str) -> RecordingError:
    message = (
        f"{asked} needs to know how many batches an epoch has, and this data does not tell. Pass "
        "steps_per_epoch to fit."
    )
    return RecordingError(message)
