"""Paints the epochs of a film in this process, with a quarter of vl-convert's computing.

Vega is started once and then stepped from epoch to epoch, and Skia draws what moves. The extra
``films`` installs what this needs.
"""

import bisect
import importlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import vl_convert
from PIL import Image

from replaychart.export.painting import MovingParts, opened
from replaychart.export.skia_images import SkiaImages
from replaychart.export.specs import Between, Compiled, Spec
from replaychart.export.vega_view import CannotStep, DisplayList, Step, VegaView

# How many epochs the view computes at once, at most this many ahead of the painter.
_BLOCK = 8


def can_step() -> bool:
    """Return whether what the extra ``films`` installs is there, with the system's libraries."""
    try:
        for name in ("py_mini_racer", "skia"):
            importlib.import_module(name)
    except (ImportError, OSError):
        return False
    return True


class SteppedChart:
    """Paints epochs with the moving parts of a chart. It must be closed.

    V8 and Vega start as soon as it is made, while the chart is still being split.
    """

    def __init__(self) -> None:
        # Vega computes the next epochs while this one is being painted. In a thread of its own,
        # V8 does not use the event loop of a notebook.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vega")
        self._view: VegaView | None = None
        self._starting = self._thread.submit(self._start)

    def close(self) -> None:
        """End V8 and its thread."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        if self._view is not None:
            self._view.close()

    def load(
        self, parts: MovingParts, compiled: Compiled, times: Sequence[float | Between]
    ) -> None:
        """Make the view of a chart.

        Parameters
        ----------
        parts : MovingParts
            The chart, split into parts.
        compiled : Compiled
            The same chart.
        times : sequence of float or Between
            All moments that will be painted.

        Raises
        ------
        CannotStep
            The chart uses something that only vl-convert draws.
        """
        self._parts = parts
        self._compiled = compiled
        if _has_images(parts.moving):
            raise CannotStep("images")  # noqa: EM101
        below = np.array(opened(vl_convert.svg_to_png(parts.shapes, scale=parts.whole.scale)))
        if below[..., 3].min() < 255:
            raise CannotStep("a transparent background")  # noqa: EM101
        self._images = SkiaImages(below)
        self._rows = compiled.cut(times, parts.columns)
        self._starting.result()
        self._loading = self._thread.submit(self._load)

    def painted(self, times: Sequence[float | Between]) -> Iterator[Image.Image]:
        """Yield the image of each moment, with mode RGBA.

        Raises
        ------
        CannotStep
            The chart uses something that only vl-convert draws.
        """
        self._loading.result()
        coming: deque[tuple[Sequence[float | Between], Future[list[DisplayList]]]] = deque()
        for start in range(0, len(times), _BLOCK):
            block = times[start : start + _BLOCK]
            coming.append((block, self._thread.submit(self._shown, block)))
            if len(coming) > 1:
                yield from self._paint(*coming.popleft())
        while coming:
            yield from self._paint(*coming.popleft())

    def _start(self) -> None:
        self._view = VegaView()

    def _load(self) -> None:
        assert self._view is not None
        self._view.load(self._parts.moving, self._rows, self._parts.whole.scale)

    def _shown(self, times: Sequence[float | Between]) -> list[DisplayList]:
        assert self._view is not None
        return self._view.at([self._step(time) for time in times])

    def _step(self, time: float | Between) -> Step:
        places = {
            name: (bisect.bisect_left(self._rows[name].positions, position), share)
            for name, (position, share) in self._compiled.places(time).items()
        }
        return Step(self._compiled.signals(time), places)

    def _paint(
        self, times: Sequence[float | Between], coming: Future[list[DisplayList]]
    ) -> Iterator[Image.Image]:
        for time, shown in zip(times, coming.result(), strict=True):
            pixels = self._parts.with_texts(self._images.drawn(shown))
            if pixels is None:
                yield self._parts.whole.paint(self._compiled.at(time, self._parts.columns))
            else:
                yield Image.fromarray(pixels)


def _has_images(view: Spec) -> bool:
    marks = view.get("marks", [])
    return any(mark["type"] == "image" or _has_images(mark) for mark in marks)
