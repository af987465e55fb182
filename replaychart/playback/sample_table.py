"""The samples of a run, with what every chart shows of them, packed for the browser."""

import dataclasses
import math
import warnings
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from replaychart.drawing import packing
from replaychart.drawing.clock import Clock
from replaychart.drawing.packing import PackedData
from replaychart.drawing.plane import class_labels
from replaychart.drawing.samples import SampleCounts, SamplePositions, Shown
from replaychart.errors import EvaluationError
from replaychart.playback.sample_codes import Bins, Ranges, SampleCodes, finest_levels
from replaychart.playback.selection import LOSSES
from replaychart.run import Run

LOSS, WRONG = "loss", "wrong"
# The column of the codes, and that of the places of losses within their levels.
CODE, FINE = "replay_s", "replay_f"
_BYTES_PER_ROW = 40
# As many characters for the places of losses as fit into these bytes, up to what a float32 holds.
_BYTES_FOR_PLACES = 310_000
_MOST_PLACES = 4
# Losses that are stored this exactly, in relation to the larger of the loss and the mean, show the
# same digits.
_EXACT = 1e-6


@dataclasses.dataclass
class SampleTable:
    """The samples of a run at the epochs of some of its charts.

    Attributes
    ----------
    run : Run
        The run.
    clock : Clock
        The epochs.
    codes : SampleCodes
        How the numbers of the samples are packed.
    bins : dict of str to Bins
        The bins of each of the numbers that is a level of a value, by name.
    loss : str or None
        The name of the number that is the level of the loss; None if there is no loss.
    ranges : Ranges or None
        The ranges of the losses at each of its levels.
    exact : bool
        Whether the losses are known to all digits that are shown.
    data : PackedData
        One row per sample. It may have the columns of a chart's points as well.
    place : int
        Its place among the tables.
    """

    run: Run
    clock: Clock
    codes: SampleCodes
    bins: dict[str, Bins]
    loss: str | None
    ranges: Ranges | None
    exact: bool
    data: PackedData
    place: int = 0

    @property
    def has_wrong(self) -> bool:
        """Whether it is known which samples are predicted as another class than their own."""
        return WRONG in self.codes.sizes

    def loss_expression(self, position: str | None = None) -> str:
        """Return the expression for the loss of a sample; null if it is not finite.

        Parameters
        ----------
        position : str, optional
            As in `number`.
        """
        assert self.loss is not None
        assert self.ranges is not None
        level = self.number(self.loss, f"datum.{CODE}", position)
        losses = f"{LOSSES}[{self.place}]"
        low = f"{losses}.low[{level}]"
        if self.ranges.steps == 1:
            return low
        # The level of losses that are not finite has no lowest one.
        fine = SampleCodes({FINE: self.ranges.steps})
        place = fine.expression(FINE, f"datum.{FINE}", self._position(position, FINE, fine.width))
        reaches = f"{losses}.span[{level}] * ({place}) / {self.ranges.steps - 1}"
        return f"(isValid({low}) ? {low} + {reaches} : null)"

    def number(self, name: str, column: str, position: str | None = None) -> str:
        """Return the expression for a number of a sample.

        Parameters
        ----------
        name : str
            The name of the number.
        column : str
            The expression for the codes of the sample.
        position : str, optional
            The expression for the position of the epoch. Default: the epoch shown.
        """
        if position is None:
            position = self._position(None, column.removeprefix("datum."), self.codes.width)
        return self.codes.expression(name, column, position)

    def _position(self, position: str | None, column: str, width: int) -> str:
        if position is not None:
            return position
        # The data of a still image has a single entry.
        last = f"datum.{column}.length / {width} - 1"
        return f"min({self.clock.position_expression()}, {last})"


def bins_name(shows: SampleCounts) -> str:
    """Return the name of the bins of bars: bars with the same quantity and bins share them."""
    edges = ",".join(f"{edge:.9g}" for edge in shows.edges)
    return f"{shows.quantity}:{edges}"


def sample_table(
    run: Run, clock: Clock, shown: Iterable[Shown], datasets: Iterable[PackedData], most: float
) -> SampleTable:
    """Return the samples of a run at the epochs of a clock.

    Parameters
    ----------
    run : Run
        The run.
    clock : Clock
        The epochs.
    shown : iterable of Shown
        What the charts of the run with these epochs show.
    datasets : iterable of PackedData
        The points of charts of the run with these epochs, to which the codes can be added.
    most : float
        The greatest size in bytes.

    Warns
    -----
    UserWarning
        Samples are left out to stay within the size.
    """
    shown = list(shown)
    bins: dict[str, Bins] = {}
    values: dict[str, np.ndarray] = {}
    for one in shown:
        if isinstance(one, SampleCounts) and bins_name(one) not in bins:
            bins[bins_name(one)], values[bins_name(one)] = Bins(one.edges), one.values()
    wrong, losses = _wrong(run, clock), _losses(run, clock)
    loss = None
    if losses is not None:
        loss = next((name for name in bins if name.startswith(f"{LOSS}:")), LOSS)
        edges = bins[loss].edges if loss in bins else _around(losses)
        values.setdefault(loss, losses)
        others = math.prod(own.size for name, own in bins.items() if name != loss)
        levels = finest_levels(len(edges) - 1, others * (1 if wrong is None else 2))
        bins[loss] = Bins(edges, levels)
    numbers = {name: own.levels_of(values[name]) for name, own in bins.items()}
    sizes = {name: own.size for name, own in bins.items()}
    if wrong is not None:
        numbers[WRONG], sizes[WRONG] = wrong.astype(np.int64), 2
    codes = SampleCodes(sizes)
    points = _points(run, clock, shown, codes, most)
    data, ranges, exact = _data(run, clock, points, datasets), None, True
    columns = {CODE: codes.packed({name: numbers[name][:, data.points] for name in codes.sizes})}
    if loss is not None and losses is not None:
        width = min(_BYTES_FOR_PLACES // (len(points) * len(clock.epochs)), _MOST_PLACES)
        ranges = Ranges.of(bins[loss].size, numbers[loss], losses, width)
        places = ranges.places(numbers[loss], losses)
        exact = _is_exact(losses, ranges.values(numbers[loss], places))
        if width:
            fine = SampleCodes({FINE: ranges.steps})
            columns[FINE] = fine.packed({FINE: places[:, data.points]})
    return SampleTable(run, clock, codes, bins, loss, ranges, exact, data.with_columns(columns))


def _is_exact(losses: np.ndarray, stored: np.ndarray) -> bool:
    finite = np.isfinite(losses)
    size = np.maximum(np.abs(losses), np.abs(losses[finite]).mean() if finite.any() else 1.0)
    return bool((np.abs(stored - losses)[finite] <= _EXACT * size[finite]).all())


class _Rows(NamedTuple):
    """Rows of samples, and the numbers of the samples."""

    data: PackedData
    points: np.ndarray

    def with_columns(self, columns: dict[str, list[str]]) -> PackedData:
        """Return the rows with further columns."""
        added = [
            dict(zip(columns, own, strict=True)) for own in zip(*columns.values(), strict=True)
        ]
        return self.data.with_rows(
            [row | more for row, more in zip(self.data.rows, added, strict=True)]
        )


def _data(
    run: Run,
    clock: Clock,
    points: np.ndarray,
    datasets: Iterable[PackedData],
) -> _Rows:
    """Return the rows: those of a chart with all of the points if there is one, otherwise new."""
    for data in datasets:
        own = data.shows
        if isinstance(own, SamplePositions) and len(own.points) == len(points):
            return _Rows(data, own.points)
    return _Rows(PackedData(_new_rows(run, clock, points)), points)


def _new_rows(run: Run, clock: Clock, points: np.ndarray) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{"point": point} for point in points.tolist()]
    if run.classes and run.targets.ndim == 1:
        labels = class_labels(run)
        for row, target in zip(rows, run.targets[points].tolist(), strict=True):
            row["target"] = labels[target]
    rows[0][packing.EPOCHS] = clock.epochs.tolist()
    return rows


def _points(
    run: Run, clock: Clock, shown: list[Shown], codes: SampleCodes, most: float
) -> np.ndarray:
    """Return all samples, or those drawn in planes if all would be too large."""
    everything = np.arange(len(run.targets))
    size = len(everything) * (_BYTES_PER_ROW + codes.width * len(clock.epochs))
    drawn = [one.points for one in shown if isinstance(one, SamplePositions)]
    if size <= most or not drawn:
        return everything
    fewer = np.unique(np.concatenate(drawn))
    if len(fewer) < len(everything):
        message = (
            f"To stay within max_bytes={most:,.0f}, link knows {len(fewer):,} of "
            f"{len(everything):,} samples of run {run.name!r}: those drawn as points. The bars of "
            "the selection count only these. Pass max_bytes=None to keep everything."
        )
        warnings.warn(message, UserWarning, stacklevel=4)
    return fewer


def _wrong(run: Run, clock: Clock) -> np.ndarray | None:
    try:
        return run.wrong(epochs=clock.epochs) if run.tells_predictions else None
    except EvaluationError:
        return None


def _losses(run: Run, clock: Clock) -> np.ndarray | None:
    try:
        return run.losses(epochs=clock.epochs)
    except EvaluationError:
        return None


def _around(losses: np.ndarray) -> np.ndarray:
    finite = losses[np.isfinite(losses)]
    low, high = (min(0.0, finite.min()), finite.max()) if len(finite) else (0.0, 1.0)
    return np.array([low, high if high > low else low + 1.0], np.float64)
