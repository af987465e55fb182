"""Writes a recorder's snapshots, and shields training from errors of the recording."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from replaychart.arguments import require_one_of
from replaychart.errors import FileInUseError, RecordingError, ReplayChartError, RunFileError
from replaychart.facts.ending import Ending
from replaychart.facts.snapshots import Snapshot
from replaychart.facts.witness import Witness
from replaychart.storage.hdf5.locks import PATIENCE
from replaychart.storage.state import FINISHED, INTERRUPTED, Presence
from replaychart.storage.writer import RunWriter

# At most this much waits in memory while another program has the file open.
_MOST_BYTES_WAITING = 256 * 1024**2

_PATIENCE_AT_THE_END = 6

# Returns the writer, and the snapshots to write first.
Opening = Callable[[Presence], tuple[RunWriter, list[Snapshot]]]


class GuardedWriter:
    """The writer of a run that is being recorded, with the pending snapshots.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    group : str
        The run's name, unless the writer finds that it must have another.
    on_error : {"warn", "raise"}
        What to do if recording cannot continue: warn and stop recording, or raise.
    """

    def __init__(self, path: Path, group: str, *, on_error: str) -> None:
        require_one_of("on_error", on_error, ["warn", "raise"])
        self._path = path
        self._group = group
        self._on_error = on_error
        self._writer: RunWriter | None = None
        self._ended: RunWriter | None = None
        self._presence: Presence | None = None
        self._waiting: list[Snapshot] = []
        self._logged: Snapshot | None = None
        self._replaced: Snapshot | None = None
        self._last_written: float | None = None
        self._in_use = False
        self._begun = False

    @property
    def group(self) -> str:
        """The run's name."""
        return self._group

    @property
    def begun(self) -> bool:
        """Whether a first snapshot has been taken."""
        return self._begun

    @property
    def recording(self) -> bool:
        """Whether the writer still takes snapshots."""
        return self._writer is not None

    @property
    def in_training(self) -> bool:
        """Whether the recorded training is still running, as far as this is known."""
        return self._presence is not None and self._presence.at_work

    def begin(self, open_writer: Opening, *, training: Callable[[], bool] | None = None) -> None:
        """Start recording. The first snapshots are written by `write` or `end`.

        Parameters
        ----------
        open_writer : callable
            Returns the writer, and the snapshots to write first.
        training : callable, optional
            As for `Presence`.
        """
        self._presence = Presence(training)
        try:
            self._writer, self._waiting = open_writer(self._presence)
        except RunFileError as error:
            self.fail(error)
        self._begun = True

    def add(self, snapshot: Snapshot) -> None:
        """Take a snapshot. The next `write` writes it."""
        if self.recording:
            # A snapshot that an interruption left waiting may be added a second time.
            earlier = [one for one in self._waiting if one.epoch < snapshot.epoch]
            self._waiting = [*earlier, snapshot]

    def log(self, snapshot: Snapshot) -> None:
        """Take the last snapshot again, with values that were logged after it was taken."""
        if self._waits(snapshot.epoch):
            self._waiting[-1] = snapshot
        elif self.recording:
            self._logged = snapshot
            self._append()

    def replace(self, snapshot: Snapshot) -> None:
        """Take the last snapshot again, with other weights."""
        if self._waits(snapshot.epoch):
            self._waiting[-1] = snapshot
        elif self.recording:
            self._replaced = snapshot
            self._append()

    def _waits(self, epoch: float) -> bool:
        return bool(self._waiting) and self._waiting[-1].epoch == epoch

    def write(self) -> None:
        """Write the pending snapshots."""
        if self._waiting:
            self._append()

    def end(self, *, finished: bool, witnesses: Sequence[Witness] = ()) -> None:
        """Write the pending snapshots, and take no more.

        Parameters
        ----------
        finished : bool
            Whether training finished.
        witnesses : sequence of Witness
            What the live model computed at the last snapshot.
        """
        writer = self._writer
        try:
            if writer is not None and (self._waiting or writer.written):
                self._append(end=FINISHED if finished else INTERRUPTED, witnesses=witnesses)
                if self._writer is not None:  # It could be written.
                    self._ended = writer
        finally:
            self._leave()

    @property
    def ended(self) -> bool:
        """Whether everything was written."""
        return self._ended is not None

    def note(self, ending: Ending) -> None:
        """Write which weights the training left the model with, after `end`."""
        if self._ended is None:
            return
        try:
            self._ended.append(ending=ending)
        except RunFileError as error:
            if self._on_error == "raise":
                raise
            self._warn(f"The restored epoch of run {self._group!r} is not recorded. {error}")

    def _append(self, *, end: str | None = None, witnesses: Sequence[Witness] = ()) -> None:
        if self._writer is None:
            return
        patience = 0.0 if self._in_use else PATIENCE
        if end is not None and self._waiting:
            patience = _PATIENCE_AT_THE_END * PATIENCE  # the pending snapshots would be lost
        try:
            self._writer.append(
                *self._waiting,
                end=end,
                asked=witnesses,
                logged=self._logged,
                replaced=self._replaced,
                patience=patience,
            )
        except FileInUseError as error:
            if end is not None or self._bytes_waiting() > _MOST_BYTES_WAITING:
                self.fail(error)
            elif not self._in_use:
                self._in_use = True
                self._warn(
                    f"{error} Snapshots of {self._group!r} are kept in memory until it is free."
                )
        except RunFileError as error:
            self.fail(error)
        except RecordingError as error:
            # Another run took the name before the first snapshot: nothing was recorded.
            if self._in_use:
                self.fail(error)  # Training has begun long ago.
                return
            self._begun = False
            self._leave()
            raise
        else:
            self._group = self._writer.group
            if self._waiting:
                self._last_written = self._waiting[-1].epoch
            self._waiting, self._logged, self._replaced = [], None, None
            self._in_use = False

    def _bytes_waiting(self) -> int:
        return sum(
            values.nbytes
            for one in self._waiting
            for values in (*one.weights, *one.outputs.values())
        )

    def fail(self, error: ReplayChartError) -> None:
        """Stop recording with a warning, or raise, depending on `on_error`.

        Parameters
        ----------
        error : ReplayChartError
            What went wrong: the file cannot be written, or the model can no longer be recorded.
        """
        if not self.recording and self._begun:
            return  # Recording has stopped already.
        if self._on_error == "raise":
            # Code that catches it may free some space and continue with the next snapshot.
            self._waiting = []
            raise error
        self._leave()
        last = self._last_written
        when = "before its first snapshot" if last is None else f"after epoch {last:g}"
        self._warn(
            f"Recording of run {self._group!r} into {str(self._path)!r} stopped {when}, and "
            f"training continues without it. {error}"
        )

    @contextmanager
    def shielding(self) -> Iterator[None]:
        """Return a context in which any unexpected error stops recording, as in `fail`.

        Other callbacks can change the model and Keras's parameters at any time, so reading them may
        raise anything.
        """
        try:
            yield
        except ReplayChartError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())
            kind = type(error).__name__
            self._fail_unexpectedly(RecordingError(f"{kind}: {reason}" if reason else kind))

    def _fail_unexpectedly(self, error: RecordingError) -> None:
        try:
            self.fail(error)
        finally:
            self._begun = True  # A later epoch must not start it again.

    def _leave(self) -> None:
        self._writer = None
        self._waiting = []
        if self._presence is not None:
            self._presence.end()

    def _warn(self, message: str) -> None:
        warnings.warn(message, UserWarning, stacklevel=2)
