"""`residual_histogram`: how far a regression is off, over the points."""

import math

import altair as alt

from replaychart.arguments import require_at_least
from replaychart.drawing import colors
from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.counts import histogram_of_all
from replaychart.drawing.packing import BYTES_PER_NUMBER
from replaychart.drawing.titles import add_subtitle, chart_title, check_chart, tell_not_finite
from replaychart.facts.epochs import Epochs
from replaychart.frames.histograms import MOST_BINS
from replaychart.run import Run


def residual_histogram(
    run: Run,
    *,
    bins: int = 20,
    epochs: Epochs = None,
    epoch: float | alt.Parameter | None = None,
    title: str | None = None,
    width: int = 220,
    height: int = 157,
    max_bytes: float | None = MAX_BYTES,
) -> alt.Chart:
    """Draw how far the predicted numbers are from the targets, over the recorded points.

    Where several numbers are predicted for each point, as by an autoencoder, all of them count.

    Parameters
    ----------
    run : Run
        A recorded training whose targets are numbers.
    bins : int, default 20
        Number of bins, at most 1,000. They lie on both sides of 0 and are fixed over the whole run.
    epochs : float, slice, range or iterable of float, optional
        Only these recorded epochs. Default: all.
    epoch : float or altair.Parameter, optional
        The epoch shown at first, or a parameter from `epoch_param` to share. Default: the last.
    title : str, optional
        ``{epoch}`` in it is the epoch shown. Default: "Residuals".
    width, height : int, default 220 and 157
        Size in pixels.
    max_bytes : float or None, default 20,000,000
        About what the chart's data may take. Past that it keeps evenly spaced epochs, and warns
        of it. None for no limit.

    Returns
    -------
    altair.Chart
        Bars; the count axis is the same at every epoch.

    Raises
    ------
    ArgumentError
        An epoch was not recorded, or an argument is not allowed.
    EvaluationError
        The model cannot be rebuilt, or the targets are classes and no numbers, or not as many as
        the outputs.

    Warns
    -----
    UserWarning
        Epochs were left out to stay within `max_bytes`.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run("runs.h5", "regression")  # doctest: +SKIP
    >>> chart = rc.residual_histogram(run)  # doctest: +SKIP
    """
    check_chart(run, width, height, max_bytes)
    require_at_least("bins", bins, 1, most=MOST_BINS)
    clock = kept_epochs(
        run,
        Clock.of(run, epochs, epoch),
        max_bytes,
        bytes_per_epoch=BYTES_PER_NUMBER * int(bins),
    )
    heading = chart_title(title, "Residuals", clock)
    residuals = run.residuals(epochs=clock.epochs)
    of_point = math.prod(residuals.shape[2:])
    if of_point > 1:
        add_subtitle(heading, f"{of_point:,} for each point", width)
    tell_not_finite(heading, clock, "residuals", width, residuals)
    return histogram_of_all(
        clock,
        run.residual_histogram(bins=bins, epochs=clock.epochs),
        color=colors.RESIDUALS,
        x_title="Prediction less target",
        title=heading,
        width=width,
        height=height,
        counted="points" if of_point == 1 else "residuals",
    )
