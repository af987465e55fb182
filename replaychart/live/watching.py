"""Looks at a recording again and again while another process trains."""

import threading
import time
import warnings
from pathlib import Path

from replaychart.errors import ReplayChartError, RunFileError
from replaychart.live.differences import Messages
from replaychart.live.following import Following
from replaychart.live.live_chart import Draw
from replaychart.opening import list_runs, open_run
from replaychart.run import Run
from replaychart.storage.state import BEING_RECORDED

# Drawing takes at most this share of the time: a training run on the same machine comes first.
_LARGEST_SHARE = 0.5


class Watching:
    """Draws a recording whenever it has grown, in a thread of its own.

    Parameters
    ----------
    path : pathlib.Path
        The recording, which may not exist yet.
    group : str or None
        The name of the run. None for the one that is being recorded, or the last by name.
    draw : callable
        Takes a run, and ``epochs=``, and returns an Altair chart.
    seconds : float
        The time between two looks at the file.
    """

    def __init__(self, path: Path, group: str | None, draw: Draw, *, seconds: float) -> None:
        self._path = path
        self._group = group
        self._draw = draw
        self._seconds = seconds
        self._changed = threading.Condition()
        self._stopped = False
        self._version = 0
        self._whole = self._changes = b""
        self._status = f"Waiting for a run in {str(path)!r} …"
        self._seen: object = None
        self._followed: tuple[str, Following] | None = None
        self._drawn: Run | None = None

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._look_again_and_again, daemon=True).start()

    def stop(self) -> None:
        """Look no more, and wake up whoever waits."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def wait(self, version: int, timeout: float) -> tuple[int, bytes, bytes, str] | None:
        """Return what there is to see: its version, the whole chart, its changes, and the status.

        Parameters
        ----------
        version : int
            What is known already; 0 for nothing.
        timeout : float
            How long to wait for something else.

        Returns
        -------
        tuple or None
            None if nothing else has come, or will.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._version > version, timeout)
            if self._stopped or self._version <= version:
                return None
            return self._version, self._whole, self._changes, self._status

    @property
    def stopped(self) -> bool:
        """Whether nothing will change any more."""
        return self._stopped

    def _look_again_and_again(self) -> None:
        self._say(self._status)
        while not self._stopped:
            begun = time.monotonic()
            try:
                self._look()
            except ReplayChartError as error:
                self._say(str(error))
            except Exception as error:  # a chart of the user's own raises anything
                self._say(f"{type(error).__name__}: {error}")
            took = time.monotonic() - begun
            with self._changed:
                self._changed.wait_for(
                    lambda: self._stopped,
                    max(self._seconds - took, took * (1 / _LARGEST_SHARE - 1)),
                )

    def _look(self) -> None:
        try:
            about = self._path.stat()
        except FileNotFoundError:
            return
        # A process that is killed does not touch the file, but ends the state "being recorded".
        seen = (about.st_mtime_ns, about.st_size, about.st_ino)
        recorded = self._drawn is not None and self._drawn.state == BEING_RECORDED
        if seen == self._seen and not recorded:
            return
        following = self._following()
        if following is None:
            return
        run = following.run()
        if run is not self._drawn:  # It is another one when anything was added.
            trains = run.state == BEING_RECORDED
            self._show(following.newest() if trains else following.replay(), run)
            self._drawn = run
        self._seen = seen

    def _following(self) -> Following | None:
        """Return what draws the run that is to be watched, None if there is none yet."""
        name = self._group or self._recorded_now()
        if name is None or (self._group is not None and name not in list_runs(self._path)):
            return None
        if self._followed is None or self._followed[0] != name:
            self._followed = name, Following(self._path, name, self._draw)
            self._drawn = None
        return self._followed[1]

    def _recorded_now(self) -> str | None:
        """Return the run that is being recorded, otherwise the one watched so far, or the last."""
        names = list_runs(self._path)
        watched = [] if self._followed is None else [self._followed[0]]
        watched = [name for name in watched if name in names]
        if len(names) < 2:
            return names[0] if names else None
        for name in watched + names[::-1]:
            if self._state(name) == BEING_RECORDED:
                return name
        return watched[0] if watched else names[-1]

    def _state(self, name: str) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            try:
                return open_run(self._path, name).state
            except RunFileError:
                return ""

    def _show(self, messages: Messages, run: Run) -> None:
        status = f"Run {run.name!r}, epoch {messages.newest:g}, {run.state}"
        with self._changed:
            self._whole = messages.whole or self._whole
            self._changes = messages.changes
        self._say(status)

    def _say(self, status: str) -> None:
        with self._changed:
            if status == self._status and not self._whole and self._version:
                return
            self._status = status
            self._version += 1
            self._changed.notify_all()
