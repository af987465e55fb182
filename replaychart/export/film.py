"""The frames of an animation, rendered in this process or in several, and delivered in order."""

import contextlib
import itertools
import math
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import joblib
import numpy as np
import vl_convert
from joblib.parallel import (
    LokyBackend,
    get_active_backend,
)
from PIL import Image

from replaychart.export.extents import Extent, Measure, padded
from replaychart.export.moving_parts import CannotSplit, with_fixed_layout
from replaychart.export.painting import (
    MovingParts,
    Painter,
    WholeChart,
    alike,
    alike_but_for_edges,
)
from replaychart.export.specs import Between, ChartSpec, Compiled, Moment
from replaychart.export.stepping import SteppedChart, can_step
from replaychart.export.vega_view import CannotStep
from replaychart.progress import tqdm
from replaychart.workers import backend, parallel

# An epoch, or a moment between two.
Time = float | Between
T = TypeVar("T")
P = TypeVar("P")

# A film with fewer frames is painted directly in this process: starting others and splitting the
# chart would take longer.
_LONG = 12
# The number of frames per process that are in progress at the same time, and thus held in memory.
_BLOCK = 4


def gliding(epochs: Sequence[float], chart: ChartSpec, fps: float) -> list[Time]:
    """Return the frames of a film: the epochs, and what is between them if there is room for it.

    Parameters
    ----------
    epochs : sequence of float
        The epochs that are shown, in this order. Between two epochs that are not neighbors, the
        film passes those that the slider has there.
    chart : ChartSpec
        The chart. Only one that glides, at a lower speed than that of the film, has more frames.
    fps : float
        The frames per second of the film.
    """
    slider, speed = chart.slider, chart.epochs_per_second
    if slider is None or speed is None or fps <= speed or len(epochs) < 2:
        return list(epochs)
    stops = [slider.position(epoch) for epoch in epochs]
    last = len(stops) - 1
    # The last frame is the last epoch, as in every film, and stays.
    times = np.arange(math.ceil(last * fps / speed - 1e-9)) * speed / fps
    frames: list[Time] = []
    for place in np.interp(times, range(len(stops)), stops).tolist():
        stop = math.floor(place + 1e-9)
        frames.append(Between(slider.stops[stop], max(place - stop, 0.0)))
    return [*frames, epochs[-1]]


class Film:
    """A chart at a sequence of epochs.

    Parameters
    ----------
    chart : ChartSpec
        A chart with the epoch parameter.
    epochs : sequence of float or Between
        One film frame for each, in this order.
    scale : float
        Pixels per pixel of the chart.

    Attributes
    ----------
    epochs : sequence of float or Between
        The same epochs.
    samples : list of PIL.Image.Image
        The first, the middle and the last frame, with mode RGBA.
    size : tuple of int
        Width and height of all frames in pixels.
    """

    def __init__(self, chart: ChartSpec, epochs: Sequence[Time], scale: float) -> None:
        self.epochs = epochs
        self._long = len(epochs) >= _LONG
        self._stepped = SteppedChart() if self._long and can_step() and not _chosen() else None
        try:
            first = epochs[0]
            self._compiled = Compiled(chart, first.epoch if isinstance(first, Between) else first)
            self._painter, self.samples, self.size = self._proven(scale)
        except BaseException:
            self._close()
            raise

    def frames(self, finish: Callable[[Image.Image], T], *, bar: str | None) -> Iterator[T]:
        """Yield every frame.

        Parameters
        ----------
        finish : callable
            Converts a frame, an image with mode RGBA, in the process that painted it.
        bar : str or None
            Title of the progress bar; None for no bar.
        """
        finish = _Finished(self.size, finish)
        painted = self._in_processes(0, finish) if self._stepped is None else self._here(finish)
        return iter(
            tqdm(painted, total=len(self.epochs), desc=bar, unit="frame", disable=bar is None)
        )

    def _here(self, finish: Callable[[Image.Image], T]) -> Iterator[T]:
        """Yield every frame, painted in this process."""
        assert self._stepped is not None
        done = 0
        try:
            for picture in self._stepped.painted(self.epochs):
                yield finish(picture)
                done += 1
        except CannotStep:
            yield from self._in_processes(done, finish)
        finally:
            self._close()

    def _close(self) -> None:
        if self._stepped is not None:
            self._stepped.close()

    def _in_processes(self, first: int, finish: Callable[[Image.Image], T]) -> Iterator[T]:
        """Yield the frames from one on, painted in several processes."""
        return self._painted([(self._painter, epoch) for epoch in self.epochs[first:]], finish)

    def _proven(
        self, scale: float
    ) -> tuple[Painter[Image.Image], list[Image.Image], tuple[int, int]]:
        """Return the fastest painter whose images prove correct, sample frames, and their size."""
        first, middle, last = _evenly(self.epochs, 3)
        apart = None
        if self._stepped is not None:
            apart = self._taken_apart(scale)
            stepped = self._proven_stepped(self._stepped, *apart)
            if stepped is not None:
                return stepped
            self._stepped.close()
            self._stepped = None
        # Start the processes while the chart is being split.
        starting = self._started(joblib.delayed(_as_it_is)(None) for _ in range(self._jobs()[1]))
        try:
            plain, whole, parts = apart or self._taken_apart(scale)
        except BaseException:
            # An interruption also ends those processes, but it is the error to report.
            _stop([starting])
            raise
        list(starting)
        samples = self._pictures((plain, first), (whole, middle), (whole, last))
        if parts is not None:
            proofs = self._pictures((parts, first), (parts, middle), (parts, last))
            if all(itertools.starmap(alike, zip(samples, proofs, strict=True))):
                return parts, samples, samples[0].size
        if whole is not plain and alike(samples[0], *self._pictures((whole, first))):
            return whole, samples, samples[0].size
        # The views of the chart move, so its size is known only after measuring all epochs.
        measure = Measure(self._compiled.vega)
        extents = self._painted([(measure, epoch) for epoch in self.epochs], _as_it_is)
        width, height = Extent.around(extents).size
        size = math.ceil(width * scale), math.ceil(height * scale)
        return WholeChart(self._compiled.vega, scale), samples, size

    def _proven_stepped(
        self,
        stepped: SteppedChart,
        plain: WholeChart,
        whole: WholeChart,
        parts: MovingParts | None,
    ) -> tuple[Painter[Image.Image], list[Image.Image], tuple[int, int]] | None:
        """Return the same as `_proven` if the chart can be stepped in this process."""
        if parts is None:
            return None
        first, middle, last = _evenly(self.epochs, 3)
        try:
            stepped.load(parts, self._compiled, self.epochs)
            # Vega makes its view meanwhile.
            proofs = [
                painter.paint(self._compiled.at(epoch))
                for painter, epoch in ((plain, first), (whole, last))
            ]
            samples = list(stepped.painted([first, middle, last]))
        except CannotStep:
            return None
        pairs = zip(proofs, (samples[0], samples[-1]), strict=True)
        if all(itertools.starmap(alike_but_for_edges, pairs)):
            return parts, samples, samples[0].size
        return None

    def _taken_apart(self, scale: float) -> tuple[WholeChart, WholeChart, MovingParts | None]:
        """Return painters of the chart as it is, with fixed positions, and split into parts.

        If positions cannot be fixed, the second is the first; without parts, the third is None.
        """
        measure = Measure(self._compiled.vega)
        others = _evenly(self.epochs, 5)[1:]
        scene = vl_convert.vega_to_scenegraph(self._compiled.vega)
        extents = [Extent.of(scene), *(measure.paint(self._compiled.at(one)) for one in others)]
        # Extents differ by a few pixels, for a line at the border of a view or a longer label.
        room = Extent.around(extents)
        plain = WholeChart(padded(self._compiled.vega, extents[0], room), scale)
        try:
            whole = WholeChart(with_fixed_layout(self._compiled.vega, scene, room), scale)
            return plain, whole, MovingParts.of(whole, self._compiled) if self._long else None
        except CannotSplit:
            return plain, plain, None

    def _pictures(self, *shots: tuple[Painter[Image.Image], Time]) -> list[Image.Image]:
        return list(self._painted(shots, _as_it_is))

    def _painted(
        self, shots: Sequence[tuple[Painter[P], Time]], finish: Callable[[P], T]
    ) -> Iterator[T]:
        """Yield frames in order while the next ones are being painted."""
        block = _BLOCK * self._jobs()[1]
        blocks = (
            self._tasks(shots[start : start + block], finish)
            for start in range(0, len(shots), block)
        )
        # A backend chosen by the user is a single object, which runs one batch of tasks at a time.
        # Its workers stay from block to block.
        together = self._workers() if backend() is backend() else None
        working: list[Iterator[T]] = []
        with together or contextlib.nullcontext():
            try:
                for tasks in blocks:
                    working.append(self._started(tasks, together))
                    if len(working) > 1 or together is not None:
                        yield from working[0]
                        del working[0]
                for results in working:
                    yield from results
            finally:
                _stop(working)

    def _tasks(
        self, shots: Sequence[tuple[Painter[P], Time]], finish: Callable[[P], T]
    ) -> Iterator[Any]:
        for painter, epoch in shots:
            moment = self._compiled.at(epoch, painter.columns)
            yield joblib.delayed(_frame)(painter, moment, finish)

    def _started(
        self, tasks: Iterable[Any], workers: joblib.Parallel | None = None
    ) -> Iterator[Any]:
        """Start tasks immediately and return an iterator over their results."""
        return iter((workers or self._workers())(tasks))

    def _workers(self) -> joblib.Parallel:
        return parallel(self._jobs()[0])

    def _jobs(self) -> tuple[int, int]:
        """Return the number of jobs in joblib's notation, and the resulting number of processes."""
        chosen, jobs = backend(), get_active_backend()[1]
        if jobs is None:
            jobs = -1 if self._long else chosen.default_n_jobs
        return jobs, max(chosen.effective_n_jobs(jobs), 1)


def _chosen() -> bool:
    """Return whether the user chose how joblib works."""
    active, jobs = get_active_backend()
    return jobs is not None or type(active) is not LokyBackend


class _Finished:
    """Pads frames to the same size and converts them for a format."""

    def __init__(self, size: tuple[int, int], finish: Callable[[Image.Image], Any]) -> None:
        self._size = size
        self._finish = finish

    def __call__(self, picture: Image.Image) -> Any:
        if picture.size != self._size:
            # The layout of the chart differs between epochs.
            sheet = Image.new("RGBA", self._size, picture.getpixel((0, 0)))
            sheet.paste(picture)
            picture = sheet
        return self._finish(picture)


def _frame(painter: Painter[P], moment: Moment, finish: Callable[[P], T]) -> T:
    return finish(painter.paint(moment))


def _as_it_is(picture: T) -> T:
    return picture


def _evenly(epochs: Sequence[Time], count: int) -> list[Time]:
    """Return `count` evenly spaced epochs from first to last, with repetitions in a short film."""
    return [epochs[i * (len(epochs) - 1) // (count - 1)] for i in range(count)]


def _stop(working: list[Iterator[T]]) -> None:
    """Discard frames that are no longer needed."""
    with warnings.catch_warnings():
        # joblib warns about discarded results, even after an interruption.
        warnings.simplefilter("ignore")
        for results in working:
            if isinstance(results, Generator):
                results.close()
