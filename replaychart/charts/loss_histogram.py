"""`loss_histogram`: the distribution of the loss over the points."""

from typing import get_args

import altair as alt
import numpy as np

from replaychart.arguments import require_at_least, require_one_of
from replaychart.drawing import colors
from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.counts import counted_of, histogram_of_all
from replaychart.drawing.limits import ScaleType
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
from replaychart.facts.inputs import number_of_points
from replaychart.frames.histograms import MOST_BINS, bin_edges, loss_scale_for
from replaychart.run import Run


def loss_histogram(
    run: Run,
    *,
    bins: int = 20,
    loss_scale: ScaleType | None = None,
    validation: bool = True,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: Width = 220,
    height: int = 157,
    max_bytes: float | None = MAX_BYTES,
) -> alt.Chart | alt.LayerChart:
    """Draw a histogram of the model's own loss over the recorded points.

    Parameters
    ----------
    run : Run
        The recorded training run.
    bins : int, default 20
        Number of bins, at most 1,000. The bins are the same at every epoch.
    loss_scale : {"log", "linear", None}, default None
        The scale of the loss axis. On a logarithmic one, all bins look equally wide, so that small
        losses do not collapse into one bar; the first bar also counts all losses below it, such as
        0 (see `Run.loss_histogram` for the bins). None means ``"log"``, or ``"linear"`` if any loss
        is negative or none is positive.
    validation : bool, default True
        Whether to draw the distribution of the validation points, if any were recorded, as an
        outline. Its counts are scaled to the number of the other points.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown. Default: "Loss of each
        point".
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
        The model or its loss cannot be rebuilt.

    Warns
    -----
    UserWarning
        Epochs are left out to stay within `max_bytes`.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.loss_histogram(run)
    """
    check_chart(run, width, height, max_bytes)
    require_at_least("bins", bins, 1, most=MOST_BINS)
    require_one_of("loss_scale", loss_scale, [*get_args(ScaleType), None])
    clock = kept_epochs(
        run,
        Clock.of(run, epochs, epoch),
        max_bytes,
        bytes_per_epoch=BYTES_PER_NUMBER * int(bins) * len(run.subsets),
    )
    heading = chart_title(title, "Loss of each point", clock)
    losses = run.losses(epochs=clock.epochs)
    note_not_finite(heading, clock, "losses", width_for_texts(width), losses)
    every = np.concatenate([one.losses() for one in run.subsets], axis=1)
    scale = loss_scale_for(every) if loss_scale is None else loss_scale
    counts = run.loss_histogram(bins=bins, scale=scale, epochs=clock.epochs)
    lowest = counts["bin_start"].min()
    if scale == "log" and losses.min() < lowest:
        add_subtitle(heading, f"first bar: also losses below {lowest:.1g}", width_for_texts(width))
    return histogram_of_all(
        clock,
        counts,
        color=colors.LOSS,
        x_title="Loss",
        title=heading,
        width=width,
        height=height,
        counted=counted_of(number_of_points(run.inputs)),
        x_scale=scale,
        shows=SampleCounts(
            run, clock, "loss", bin_edges(counts), lambda: np.maximum(losses, lowest)
        ),
        outline=_outline(run.validation, clock, bins, scale, losses.shape[1])
        if validation and run.validation is not None
        else None,
    )


def _outline(
    validation: Run, clock: Clock, bins: int, scale: ScaleType, like: int
) -> Outline | None:
    counts = validation.loss_histogram(bins=bins, scale=scale, epochs=clock.epochs)
    return Outline.of(counts, count=number_of_points(validation.inputs), like=like)
