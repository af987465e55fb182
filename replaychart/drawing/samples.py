"""What the rows of a chart show of the samples.

A finished chart holds only packed rows. `PackedData.shows` keeps one of these next to the rows, so
that `link` can connect finished charts. Nothing of it is computed or written to a spec before that.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from replaychart.drawing.clock import Clock
from replaychart.drawing.packing import Ruler
from replaychart.run import Run


@dataclasses.dataclass(frozen=True, eq=False)
class SamplePositions:
    """Rows that are samples at their positions.

    Attributes
    ----------
    run : Run
        The run.
    clock : Clock
        The chart's epochs.
    points : numpy.ndarray of int64, shape (points,)
        Numbers of the samples, in the order of the rows.
    rulers : tuple of Ruler, optional
        The rulers of the packed columns ``x`` and ``y``. None if the positions are the columns
        ``x`` and ``y`` themselves, at every epoch.
    flat : bool, default True
        Whether the positions are those in the chart, and not those in a space seen from an angle.
    compared : bool, default False
        Whether the chart shows another run of the same samples as well.
    """

    run: Run
    clock: Clock
    points: np.ndarray
    rulers: tuple[Ruler, Ruler] | None = None
    flat: bool = True
    compared: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class SampleCounts:
    """Rows that are bars, each of which counts samples.

    Attributes
    ----------
    run : Run
        The run.
    clock : Clock
        The chart's epochs.
    quantity : str
        What is counted. Charts with the same quantity and the same bins share the bins of samples.
    edges : numpy.ndarray, shape (bins + 1,)
        The edges of the bins.
    values : callable
        Returns the value of each sample at each of the clock's epochs, shape (epochs, points), in
        which a value that is not finite, or is outside the edges, is not counted.
    target : int or None, default None
        The class whose samples are counted; None for all.
    by_correctness : bool, default False
        Whether the bars of correct predictions come first, and those of wrong ones after them.
    by_target : bool, default False
        Whether both come for each class, in the order of the classes.
    """

    run: Run
    clock: Clock
    quantity: str
    edges: np.ndarray
    values: Callable[[], np.ndarray]
    target: int | None = None
    by_correctness: bool = False
    by_target: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class MeanCurve:
    """Rows that are the mean of a value of all samples, at each epoch.

    Attributes
    ----------
    run : Run
        The run.
    clock : Clock
        The chart's epochs.
    is_loss : bool
        Whether it is the loss.
    """

    run: Run
    clock: Clock
    is_loss: bool


Shown = SamplePositions | SampleCounts | MeanCurve
