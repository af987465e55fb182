"""`residual_histogram`: the distribution of a regression's residuals over the points."""

import math

import altair as alt

from replaychart.arguments import require_at_least
from replaychart.drawing import colors
from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.counts import counted_of, histogram_of_all
from replaychart.drawing.packing import BYTES_PER_NUMBER
from replaychart.drawing.sizes import Width, width_for_texts
from replaychart.drawing.titles import (
    Title,
    add_subtitle,
    chart_title,
    check_chart,
    note_not_finite,
)
from replaychart.facts.epochs import Epochs
from replaychart.frames.histograms import MOST_BINS
from replaychart.run import Run


def residual_histogram(
    run: Run,
    *,
    bins: int = 20,
    epochs: Epochs = None,
    epoch: float | alt.Parameter | None = None,
    title: Title | None = None,
    width: Width = 220,
    height: int = 157,
    max_bytes: float | None = MAX_BYTES,
) -> alt.Chart:
    """Draw a histogram of the residuals (prediction - target) over the recorded points.

    If the model predicts several values for each point, as an autoencoder does, all are counted.

    Parameters
    ----------
    run : Run
        A recorded training run of a regression.
    bins : int, default 20
        Number of bins, at most 1,000. The bins are symmetric around 0 and the same at every epoch.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float or altair.Parameter, optional
        The epoch shown initially, or a parameter from `epoch_param` that charts share. Default: the
        last epoch.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown. Default: "Residuals".
    width, height : int or "container", default 220 and 157
        Size in pixels. A width of ``"container"`` fills the page or element around the chart.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned to
        evenly spaced epochs, with a warning. None means no limit.

    Returns
    -------
    altair.Chart
        Bars. The count axis is the same at every epoch.

    Raises
    ------
    ArgumentError
        An epoch was not recorded, or another argument is invalid.
    EvaluationError
        The model cannot be rebuilt, the targets are classes, or the shapes of targets and outputs
        differ.

    Warns
    -----
    UserWarning
        Epochs are left out to stay within `max_bytes`.

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
        add_subtitle(heading, f"{of_point:,} residuals per point", width_for_texts(width))
    note_not_finite(heading, clock, "residuals", width_for_texts(width), residuals)
    return histogram_of_all(
        clock,
        run.residual_histogram(bins=bins, epochs=clock.epochs),
        color=colors.RESIDUALS,
        x_title="Residual (prediction - target)",
        title=heading,
        width=width,
        height=height,
        counted=counted_of(residuals[0].size, "points" if of_point == 1 else "residuals"),
    )
