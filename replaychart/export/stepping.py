"""Paints the epochs of a film in this process, with a quarter of vl-convert's computing.

Vega is started once and then stepped from epoch to epoch, and Skia draws what moves. The extra
``films`` installs what this needs.
"""

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
from replaychart.export.vega_view import CannotStep, DisplayList, VegaView

# How many epochs the view is ahead of the painter.
_AHEAD = 2


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

    Parameters
    ----------
    parts : MovingParts
        The chart, split into parts.
    compiled : Compiled
        The same chart.

    Raises
    ------
    CannotStep
        The chart uses something that only vl-convert draws.
    """

    def __init__(self, parts: MovingParts, compiled: Compiled) -> None:
        self._parts = parts
        self._compiled = compiled
        vega = compiled.with_all_rows(parts.moving, parts.columns)
        if _has_images(vega):
            raise CannotStep("images")  # noqa: EM101
        below = np.array(opened(vl_convert.svg_to_png(parts.shapes, scale=parts.whole.scale)))
        if below[..., 3].min() < 255:
            raise CannotStep("a transparent background")  # noqa: EM101
        self._images = SkiaImages(below)
        # Vega computes the next epochs while this one is being painted. In a thread of its own,
        # V8 does not use the event loop of a notebook.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vega")
        self._view: VegaView | None = None
        self._starting = self._thread.submit(self._start, vega)

    def close(self) -> None:
        """End V8 and its thread."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        if self._view is not None:
            self._view.close()

    def painted(self, times: Sequence[float | Between]) -> Iterator[Image.Image]:
        """Yield the image of each epoch, with mode RGBA.

        Raises
        ------
        CannotStep
            The chart uses something that only vl-convert draws.
        """
        self._starting.result()
        coming: deque[tuple[float | Between, Future[DisplayList]]] = deque()
        for time in times:
            coming.append((time, self._thread.submit(self._shown, time)))
            if len(coming) > _AHEAD:
                yield self._paint(*coming.popleft())
        while coming:
            yield self._paint(*coming.popleft())

    def _start(self, vega: Spec) -> None:
        self._view = VegaView(vega, self._parts.whole.scale)

    def _shown(self, time: float | Between) -> DisplayList:
        assert self._view is not None
        return self._view.at(self._compiled.signals(time))

    def _paint(self, time: float | Between, coming: Future[DisplayList]) -> Image.Image:
        pixels = self._parts.with_texts(self._images.drawn(coming.result()))
        if pixels is None:
            return self._parts.whole.paint(self._compiled.at(time, self._parts.columns))
        return Image.fromarray(pixels)


def _has_images(view: Spec) -> bool:
    marks = view.get("marks", [])
    return any(mark["type"] == "image" or _has_images(mark) for mark in marks)
