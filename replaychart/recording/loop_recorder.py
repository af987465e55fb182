"""What recorders have in common that record networks outside Keras, in the user's own loop."""

import dataclasses
import math
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Self, get_args

import numpy as np

from replaychart.arguments import checked_path, require_one_of
from replaychart.errors import ArgumentError, RecordingError, ReplayChartError
from replaychart.facts.snapshots import RunDescription, Snapshot
from replaychart.facts.task import task_of
from replaychart.facts.witness import Witness
from replaychart.recording import resumption, samples
from replaychart.recording.argument_types import IfExists, OnError
from replaychart.recording.guard import GuardedWriter
from replaychart.recording.logs import Logs, checked_logs
from replaychart.recording.schedule import EveryBatches, EveryEpochs, schedule_of
from replaychart.storage.destination import check_destination
from replaychart.storage.state import Presence
from replaychart.storage.writer import RunWriter

# Epochs of a plain loop may be much shorter than a write. So snapshots are written in groups if
# writing each would take more than this share of the time, but none waits longer than this many
# seconds.
_LARGEST_SHARE = 0.02
_LONGEST_WAIT = 1.0


class LoopRecorder:
    """Writes the snapshots of one run, which the user's own loop takes.

    Parameters
    ----------
    path, group, every, if_exists, on_error
        As for `TorchRecorder`.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        group: str,
        *,
        every: int | Iterable[float],
        if_exists: IfExists,
        on_error: OnError,
    ) -> None:
        require_one_of("if_exists", if_exists, get_args(IfExists))
        require_one_of("on_error", on_error, get_args(OnError))
        self._schedule = schedule_of(every)
        if isinstance(self._schedule, EveryBatches):
            message = (
                "every must be a number of epochs or a list of epochs, because your own loop takes "
                f"the snapshots. To record within an epoch, call snapshot there. Got {every!r}."
            )
            raise ArgumentError(message)
        self._path = checked_path("path", path)
        self._name = group
        self._if_exists = if_exists
        self._writer = GuardedWriter(self._path, group, on_error=on_error)
        self._on_error = on_error
        self._logs = Logs()
        self._epoch = -1.0
        self._closed = False
        self._running: Callable[[], bool] | None = None
        self._last: Snapshot | None = None
        self._skipped: Snapshot | None = None
        self._written_at = -math.inf
        self._seconds_to_write = 0.0
        check_destination(self._path, group, if_exists=if_exists)

    @property
    def path(self) -> Path:
        """The HDF5 file."""
        return self._path

    @property
    def begun(self) -> bool:
        """Whether the first snapshot was taken."""
        return self._writer.begun

    @property
    def opening_arguments(self) -> dict[str, Any]:
        """What `open_run` needs besides the path and the group to evaluate this run."""
        return {}

    @property
    def learning_rate(self) -> float | None:
        """The learning rate of the training, None if it cannot be set here."""
        return None

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        """Set the learning rate, if it can be set here."""

    @property
    def group(self) -> str:
        """The run's name in the file.

        With ``if_exists="new"``, the name is decided when the first snapshot is written.
        """
        return self._writer.group

    def flush(self) -> None:
        """Write the snapshots that were taken, which otherwise may wait for up to a second."""
        if self._writer.recording:
            self._write()

    def close(self) -> None:
        """Write all pending snapshots and close the recorder.

        The run then counts as finished. If you never close the recorder, it counts as interrupted.
        """
        self._end(finished=True)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, error: type[BaseException] | None, *details: object) -> None:
        """Close the recorder. Everything recorded is kept, even after an error."""
        self._end(finished=error is None)

    def _witness(self, epoch: float, weights: Sequence[np.ndarray]) -> Witness | None:
        """Return what the live network computes with weights, if it can be asked."""
        raise NotImplementedError

    def _continues(self) -> bool:
        """Return whether there is a run that is to be continued."""
        return (
            self._if_exists == "append"
            and resumption.stored_run(self._path, self._name) is not None
        )

    def _checked_epoch(self, epoch: float) -> float:
        if self._closed:
            message = f"This recorder of {self.group!r} is closed and takes no more snapshots."
            raise RecordingError(message)
        return samples.checked_epoch(epoch, later_than=self._epoch, recorded=self.group)

    def _take(
        self,
        epoch: float,
        described: Callable[[], RunDescription],
        weights: Callable[[], list[np.ndarray]],
        logs: Mapping[str, Any] | None,
        rates: Sequence[float],
    ) -> None:
        """Record the state at an epoch, if it is due.

        Parameters
        ----------
        epoch : float
            From `_checked_epoch`.
        described : callable
            Returns the run's description; called for the first snapshot.
        weights : callable
            Returns copies of the weights.
        logs : mapping or None
            What the user logs. An entry ``learning_rate`` replaces the first of the rates.
        rates : sequence of float
            The learning rates.
        """
        if self._writer.begun and not self._writer.recording:
            self._epoch = epoch
            return  # Recording has stopped, with a warning.
        rate, numbers = self._scalars(logs, rates)
        snapshot = Snapshot(epoch, weights(), rate, numbers)
        self._epoch = epoch
        if not self._writer.begun:
            self._begin(described(), snapshot)
            self._write()
        elif self._is_due(epoch):
            self._record(snapshot)
        else:
            self._skipped = snapshot  # It may turn out to be the last one.

    def _scalars(
        self, logs: Mapping[str, Any] | None, rates: Sequence[float]
    ) -> tuple[float, dict[str, float]]:
        """Return the learning rate of a snapshot and its logs, with the rates if several."""
        numbers = self._logs.numbers(checked_logs(logs))
        rate = numbers.pop("learning_rate", rates[0] if rates else np.nan)
        if len(rates) > 1:
            numbers |= {f"learning_rate[{i}]": one for i, one in enumerate(rates)}
        return rate, numbers

    def _log(self, logs: Mapping[str, Any] | None, rates: Sequence[float]) -> None:
        """Add what was logged since to the last snapshot.

        Parameters
        ----------
        logs, rates
            As in `_take`.
        """
        taken = self._skipped or self._last
        rate, numbers = self._scalars(logs, rates)
        if taken is None or taken.logs == numbers or not self._writer.recording:
            return
        taken = dataclasses.replace(taken, learning_rate=rate, logs=numbers)
        if self._skipped is None:
            self._last = taken
            self._writer.log(taken)
        else:
            self._skipped = taken

    def _is_due(self, epoch: float) -> bool:
        every = self._schedule
        if isinstance(every, EveryEpochs):
            return every.count == 1 or epoch % every.count == 0
        return every.epoch_is_due(epoch, 0, None)  # type: ignore[arg-type]

    def _begin(self, described: RunDescription, first: Snapshot) -> None:
        first = dataclasses.replace(first, witnesses=self._witnesses(first))

        def open_writer(presence: Presence) -> tuple[RunWriter, list[Snapshot]]:
            append = self._if_exists == "append"
            stored = resumption.stored_run(self._path, self._name) if append else None
            if stored is not None:
                resumption.check_same(stored, described)
                return resumption.resumed(stored, described, first, presence)
            writer = RunWriter(
                self._path,
                self._name,
                described,
                if_exists="error" if append else self._if_exists,
                presence=presence,
            )
            return writer, [first]

        self._last = first
        self._writer.begin(open_writer, training=self._running)

    def _record(self, snapshot: Snapshot) -> None:
        self._last, self._skipped = snapshot, None
        self._writer.add(snapshot)
        waited = time.monotonic() - self._written_at
        if waited > min(_LONGEST_WAIT, self._seconds_to_write / _LARGEST_SHARE):
            self._write()

    def _write(self) -> None:
        begun = time.monotonic()
        self._writer.write()
        self._written_at = time.monotonic()
        self._seconds_to_write = self._written_at - begun

    def _end(self, *, finished: bool) -> None:
        if self._closed:
            return
        self._closed = True
        witnesses: tuple[Witness, ...] = ()
        if self._writer.recording:
            if self._skipped is not None:
                self._record(self._skipped)
            last = self._last
            if last is not None and not last.witnesses and finished:
                witnesses = self._witnesses(last)
        self._writer.end(finished=finished, witnesses=witnesses)

    def _witnesses(self, snapshot: Snapshot) -> tuple[Witness, ...]:
        witness = self._witness(snapshot.epoch, snapshot.weights)
        return () if witness is None else (witness,)

    def _evaluate(self, store: Callable[[], None]) -> None:
        """Store what charts need; what goes wrong is treated as other errors of recording."""
        try:
            store()
        except ReplayChartError as error:
            if self._on_error == "raise":
                raise
            message = f"Nothing was stored for run {self.group!r}: {error}"
            warnings.warn(message, UserWarning, stacklevel=4)


def check_class_names(described: RunDescription, witness: Witness | None) -> None:
    """Raise `ArgumentError` if there is not one name for each class.

    Parameters
    ----------
    described : RunDescription
    witness : Witness or None
        What the network computes before training, which may show what its outputs are.
    """
    names, shape = described.details.get("class_names"), described.details.get("output_shape")
    if not isinstance(names, list) or not isinstance(shape, tuple):
        return
    outputs = [] if witness is None else [witness.outputs]
    task = task_of(described, shape, witnessed=outputs)
    if not task.classes and not task.multi_label:
        message = (
            "class_names must be None for a regression, and this is one according to its targets, "
            f"loss and outputs. Got {names!r}."
        )
        raise ArgumentError(message)
    if task.classes and len(names) != task.classes:
        message = (
            f"class_names must contain {task.classes} names, one for each class of the network's "
            f"output. Got {len(names)}: {names!r}."
        )
        raise ArgumentError(message)
