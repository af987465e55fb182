"""Which epochs and batches are recorded: the argument ``every`` of `Recorder`."""

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
    """Decides for each completed epoch and batch whether it is recorded.

    The states before training and after the last epoch are always recorded.
    """

    def check(self, begin: int, end: int, steps: int | None, *, resumed: bool) -> None:
        """Raise `RecordingError` if the schedule does not fit a training run.

        Parameters
        ----------
        begin, end : int
            The epochs at which the training run begins and ends.
        steps : int or None
            Batches per epoch, None if the number is not known before the first epoch ends.
        resumed : bool
            Whether the file already contains earlier epochs.
        """

    def epoch_is_due(self, epoch: int, before: int, steps: int | None) -> bool:
        """Return whether the state at the end of an epoch is recorded.

        Parameters
        ----------
        epoch : int
            The number of completed epochs.
        before : int
            The number of batches completed at the last recorded batch or start of an epoch.
        steps : int or None
            Batches per epoch.
        """

    def batch_is_due(self, before: int, after: int, steps: int | None) -> bool:
        """Return whether the state within an epoch is recorded.

        Parameters
        ----------
        before, after : int
            The number of batches completed at the last recorded batch or start of an epoch, and
            the number completed now.
        steps : int or None
            Batches per epoch.
        """


def schedule_of(every: object) -> Schedule:
    """Return the schedule for the argument ``every``.

    Parameters
    ----------
    every : int, str or iterable of float
        The number of epochs from one snapshot to the next, a string such as ``"10 batches"``, or a
        list of epochs.

    Raises
    ------
    ArgumentError
        `every` is something else.
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
        "every must be a number of epochs, an integer of at least 1; a string such as "
        f"'10 batches'; or a list of epochs, which can be fractions. Got {every!r}."
    )
    raise ArgumentError(message)


@dataclasses.dataclass(frozen=True)
class EveryEpochs:
    """One snapshot every `count` epochs, counted from epoch 0."""

    count: int

    def check(self, begin: int, end: int, steps: int | None, *, resumed: bool) -> None:  # noqa: ARG002
        """See `Schedule`."""
        if self.count > end:
            message = (
                f"every={self.count} matches no epoch of this training run, which ends at epoch "
                f"{end}."
            )
            raise RecordingError(message)

    def epoch_is_due(self, epoch: int, before: int, steps: int | None) -> bool:  # noqa: ARG002
        """See `Schedule`."""
        return epoch % self.count == 0

    def batch_is_due(self, before: int, after: int, steps: int | None) -> bool:  # noqa: ARG002
        """See `Schedule`."""
        return False


@dataclasses.dataclass(frozen=True)
class EveryBatches:
    """One snapshot every `count` batches, and one at the end of each epoch.

    The end of an epoch is when Keras reports validation.
    """

    count: int

    def check(self, begin: int, end: int, steps: int | None, *, resumed: bool) -> None:  # noqa: ARG002
        """See `Schedule`."""
        asked = f"every='{self.count} batch{'es' * (self.count > 1)}'"
        if steps is None:
            raise _no_steps(asked)
        if self.count > end * steps:
            message = (
                f"{asked} matches no batch of this training run, which has {end} epochs of {steps} "
                "batches."
            )
            raise RecordingError(message)
        if self.count / steps < 10**-EPOCH_DIGITS:
            message = (
                f"{asked} is less than a millionth of an epoch of {steps} batches. Epochs are "
                "recorded to a millionth."
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
    """Snapshots at the listed epochs; a fraction means the nearest batch."""

    epochs: tuple[float, ...]

    def check(self, begin: int, end: int, steps: int | None, *, resumed: bool) -> None:
        """See `Schedule`."""
        late = [epoch for epoch in self.epochs if epoch > end]
        early = [epoch for epoch in self.epochs if epoch < begin and not resumed]
        if late or early:
            message = (
                f"every contains epoch {(late or early)[0]:g}, which is not part of this training "
                f"run: it goes from epoch {begin} to {end}."
            )
            raise RecordingError(message)
        fractions = [epoch for epoch in self.epochs if epoch != int(epoch)]
        if fractions and steps is None:
            asked = f"every contains the fraction {fractions[0]:g}, which"
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
        f"{asked} requires the number of batches per epoch, and the training data does not specify "
        "it. Pass steps_per_epoch to fit."
    )
    return RecordingError(message)
