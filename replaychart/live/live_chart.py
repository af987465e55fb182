"""Draws a run whose training goes on: the newest epoch, and in the end the replay of all."""

from collections.abc import Callable
from typing import Any

from altair.utils.schemapi import debug_mode

from replaychart.drawing.newest_epoch import NewestEpoch
from replaychart.export.html import dark_config
from replaychart.export.specs import spec_of
from replaychart.live.differences import Differences, Messages
from replaychart.live.steady_axes import SteadyAxes
from replaychart.playback.animate import animate
from replaychart.playback.parameter import find_slider
from replaychart.run import Run

# Takes a run, and epochs as ``epochs=``.
Draw = Callable[..., Any]
_FPS = 12


class LiveChart:
    """A chart that is drawn again and again while a training run goes on.

    Parameters
    ----------
    draw : callable
        Takes a run, and ``epochs=``, and returns an Altair chart.
    planned : float, optional
        The epoch at which the training will end.
    """

    def __init__(self, draw: Draw, planned: float | None = None) -> None:
        self._draw = draw
        self._planned = planned
        self._axes = SteadyAxes()
        self._differences = Differences()
        self._checked = False

    def newest(self, run: Run) -> Messages:
        """Return what a browser needs to show the newest epoch."""
        newest = NewestEpoch(run, self._planned)
        # Checking every part of a chart takes longer than anything else. The chart of the first
        # epoch was checked, and the others have the same parts.
        with debug_mode(not self._checked):
            spec = spec_of(self._draw(run, epochs=newest), validate=not self._checked)
        self._checked = True
        self._axes.hold(spec)
        dark = dark_config(spec)
        return self._differences.messages(spec, epoch=newest[0], newest=newest[0], dark=dark)

    def replay(self, run: Run) -> Messages:
        """Return what a browser needs to play all epochs."""
        chart = self._draw(run, epochs=None)
        slider = find_slider(spec_of(chart))
        newest = run.epochs[-1].item()
        more: dict[str, Any] = {}
        if slider is not None:
            chart = animate(chart, fps=_FPS)
            more = {"slider": slider.signal, "stops": slider.epochs()}
        shown = newest if slider is None else slider.first
        spec = spec_of(chart)
        dark = dark_config(spec)
        return self._differences.messages(spec, epoch=shown, newest=newest, dark=dark, **more)
