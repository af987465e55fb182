"""`probability_histogram`: how sure the network is of negative and positive cases."""

import altair as alt
import pandas as pd

from replaychart.charts import colors
from replaychart.charts.counts import count_bars, highest_count, total_label
from replaychart.charts.epoch_parameter import Clock
from replaychart.charts.titles import chart_title, check_size
from replaychart.errors import require_one_of
from replaychart.frames.epochs import Epochs
from replaychart.run import Run

_TITLES = {0: "Negative cases", 1: "Positive cases"}


def probability_histogram(
    run: Run,
    *,
    target: int | None = None,
    bins: int = 10,
    epochs: Epochs = None,
    epoch: int | alt.Parameter | None = None,
    title: str | None = None,
    width: int = 220,
    height: int = 157,
) -> alt.VConcatChart:
    """Draw how the probability of class 1 is distributed over negative and positive cases.

    Parameters
    ----------
    run : Run
        A recorded training that tells two classes apart.
    target : {0, 1}, optional
        Draw only the negative (0) or the positive (1) cases. Default: both, one above the other.
    bins : int, default 10
        Number of bins between 0 and 1.
    epochs : int, slice, range or iterable of int, optional
        Only these recorded epochs. Default: all.
    epoch : int or altair.Parameter, optional
        The epoch shown at first, or a parameter from `epoch_param` to share. Default: the last.
    title : str, optional
        Stands above both panels; ``{epoch}`` in it is the epoch shown. Default: none.
    width, height : int, default 220 and 157
        Size of each panel in pixels.

    Returns
    -------
    altair.VConcatChart
        One panel per class. Correct and wrong predictions are told apart by colour; the count axis
        is the same in both panels and at every epoch.

    Raises
    ------
    ArgumentError
        An epoch was not recorded, or an argument is not allowed.
    EvaluationError
        The model cannot be rebuilt, or does not tell two classes apart.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.probability_histogram(run, bins=20)
    """
    check_size(width, height)
    require_one_of("target", target, [None, 0, 1])
    clock = Clock.of(run, epochs, epoch)
    frame = run.probability_histogram(bins=bins, epochs=clock.epochs)
    frame["color"] = frame["correct"].map({True: colors.CORRECT, False: colors.WRONG})
    highest = highest_count(frame, by=["target"])
    panels = [
        _panel(clock, frame[frame["target"] == case], highest=highest, width=width).properties(
            title=_TITLES[case], width=width, height=height
        )
        for case in ((0, 1) if target is None else (target,))
    ]
    chart = alt.vconcat(*panels).add_params(clock.parameter)
    return chart if title is None else chart.properties(title=chart_title(title, "", clock))


def _panel(clock: Clock, frame: pd.DataFrame, *, highest: int, width: int) -> alt.LayerChart:
    bars = count_bars(clock, frame, x_title="Probability of class 1", highest=highest)
    totals = frame.groupby(["correct", "epoch"])["count"].sum()
    labels = [
        total_label(
            clock, totals[correct].to_numpy(), suffix=suffix, color=color, line=line, width=width
        )
        for line, (correct, suffix, color) in enumerate(
            [(True, "correct", colors.MUTED), (False, "wrong", colors.WRONG)]
        )
    ]
    return alt.LayerChart(layer=[bars, *labels])
