"""Follows a recording that grows, and draws it."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from replaychart.live.differences import Messages
from replaychart.live.live_chart import Draw, LiveChart
from replaychart.opening import open_run
from replaychart.run import Run


class Following:
    """Draws a run while it is recorded. It is opened once, and then read on.

    Parameters
    ----------
    path : pathlib.Path
        The recording.
    group : str
        The name of the run.
    draw : callable
        Takes a run, and ``epochs=``, and returns an Altair chart.
    planned : float, optional
        The epoch at which the training will end.
    opening : mapping, optional
        Further arguments of `open_run`.
    """

    def __init__(
        self,
        path: Path,
        group: str,
        draw: Draw,
        *,
        planned: float | None = None,
        opening: Mapping[str, Any] | None = None,
    ) -> None:
        self._path = path
        self._group = group
        self._chart = LiveChart(draw, planned)
        self._opening = opening or {}
        self._run: Run | None = None

    def run(self) -> Run:
        """Return the run with everything that is recorded by now."""
        with warnings.catch_warnings():
            # That the training was interrupted is shown by the view itself.
            warnings.simplefilter("ignore", UserWarning)
            if self._run is None:
                self._run = open_run(self._path, self._group, **self._opening)
            else:
                self._run = self._run.refreshed()
        return self._run

    def newest(self) -> Messages:
        """Return what a browser needs to show the newest epoch."""
        return self._drawn(self._chart.newest)

    def replay(self) -> Messages:
        """Return what a browser needs to play all epochs."""
        return self._drawn(self._chart.replay)

    def _drawn(self, draw: Callable[[Run], Messages]) -> Messages:
        run = self.run()
        with warnings.catch_warnings():
            # A chart may warn of the same thing at every epoch.
            warnings.simplefilter("ignore", UserWarning)
            return draw(run)
