"""`residual_histogram`: the distribution of a regression's residuals over the points."""

import math

import altair as alt

from replaychart.arguments import require_at_least
from replaychart.drawing import colors
from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.counts import counted_of, histogram_of_all
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.packing import BYTES_PER_NUMBER
from replaychart.drawing.samples import SampleCounts
from replaychart.drawing.sizes import Width, width_for_texts
from replaychart.drawing.titles import (
    Title,
    add_subtitle,
    chart_title,
    check_chart,
    note_not_finite,
)
from replaychart.drawing.validation_counts import Outline
from replaychart.facts.epochs import Epochs
from replaychart.frames.histograms import MOST_BINS, bin_edges
from replaychart.run import Run


def residual_histogram(
    run: Run,
    *,
    bins: int = 20,
    validation: bool = True,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: Width = 220,
    height: int = 157,
    max_bytes: float | None = MAX_BYTES,
) -> alt.Chart | alt.LayerChart:
    """Draw a histogram of the residuals (prediction - target) over the recorded points.

    If the model predicts several values for each point, as an autoencoder does, all are counted.

    Parameters
    ----------
    run : Run
        A recorded training run of a regression.
    bins : int, default 20
        Number of bins, at most 1,000. The bins are symmetric around 0 and the same at every epoch.
    validation : bool, default True
        Whether to draw the distribution of the validation points, if any were recorded, as an
        outline. Its counts are scaled to the number of the other points.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown. Default: "Residuals".
    width, height : int or "container", default 220 and 157
        Size in pixels. A width of ``"container"`` fills the page or element around the chart.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned to
        evenly spaced epochs, with a warning. None means no limit.

    Returns
    -------
    altair.Chart or altair.LayerChart
        Bars, and the outline if there is one. The count axis is the same at every epoch.

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
        bytes_per_epoch=BYTES_PER_NUMBER * int(bins) * len(run.subsets),
    )
    heading = chart_title(title, "Residuals", clock)
    residuals = run.residuals(epochs=clock.epochs)
    of_point = math.prod(residuals.shape[2:])
    if of_point > 1:
        add_subtitle(heading, f"{of_point:,} residuals per point", width_for_texts(width))
    note_not_finite(heading, clock, "residuals", width_for_texts(width), residuals)
    counts = run.residual_histogram(bins=bins, epochs=clock.epochs)
    others, count = None, 0
    if validation and run.validation is not None:
        others = run.validation.residual_histogram(bins=bins, epochs=clock.epochs)
        count = len(run.validation.targets) * of_point
    shows = SampleCounts(
        run, clock, "residual", bin_edges(counts), lambda: residuals.reshape(residuals.shape[:2])
    )
    return histogram_of_all(
        clock,
        counts,
        color=colors.RESIDUALS,
        x_title="Residual (prediction - target)",
        title=heading,
        width=width,
        height=height,
        counted=counted_of(residuals[0].size, "points" if of_point == 1 else "residuals"),
        shows=shows if of_point == 1 else None,
        outline=None if others is None else Outline.of(others, count=count, like=residuals[0].size),
    )
