"""`probability_histogram`: how sure the network is of the cases of each class."""

import altair as alt
import pandas as pd

from replaychart.arguments import require_at_least, require_one_of
from replaychart.drawing import colors
from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.counts import count_bars, highest_count, total_label
from replaychart.drawing.packing import BYTES_PER_NUMBER
from replaychart.drawing.plane import probability_title
from replaychart.drawing.texts import AXIS_TITLE_SIZE, fitted
from replaychart.drawing.titles import chart_title, check_chart, named_title
from replaychart.facts.epochs import Epochs
from replaychart.frames.histograms import MOST_BINS
from replaychart.run import Run

# Panels stand below each other; so many classes get a column of their own.
_PANELS_PER_COLUMN = 5
# The totals stand in the middle of a panel, at its top: how far they reach to both sides, where the
# panel is 1 wide, and down, as a share of its height.
_HALF_OF_TOTALS = 0.25
_SHARE_OF_TOTALS = 0.27


def probability_histogram(
    run: Run,
    *,
    target: int | None = None,
    bins: int = 10,
    count_axis: str = "shared",
    epochs: Epochs = None,
    epoch: float | alt.Parameter | None = None,
    title: str | None = None,
    width: int = 220,
    height: int = 157,
    max_bytes: float | None = MAX_BYTES,
) -> alt.VConcatChart | alt.LayerChart:
    """Draw how probabilities are distributed over the cases of each class.

    Where there are two classes, the probability is that of class 1, over negative and positive
    cases; where there are more, that of the true class.

    Parameters
    ----------
    run : Run
        A recorded training that tells classes apart.
    target : int, optional
        Draw only the cases of this class. Default: all, one panel for each.
    bins : int, default 10
        Number of bins between 0 and 1, at most 1,000.
    count_axis : {"shared", "per-class"}, default "shared"
        Whether the count axis is the same in all panels, or reaches as far as each class needs: so
        that the bars of a rare one are seen beside a frequent one.
    epochs : float, slice, range or iterable of float, optional
        Only these recorded epochs. Default: all.
    epoch : float or altair.Parameter, optional
        The epoch shown at first, or a parameter from `epoch_param` to share. Default: the last.
    title : str, optional
        Stands above all panels, or in place of a single one's own; ``{epoch}`` in it is the epoch
        shown. Default: each panel names its class.
    width, height : int, default 220 and 157
        Size of each panel in pixels.
    max_bytes : float or None, default 20,000,000
        About what the chart's data may take. Past that it keeps evenly spaced epochs, and warns
        of it. None for no limit.

    Returns
    -------
    altair.VConcatChart or altair.LayerChart
        One panel per class, in columns of up to five; a single panel with `target`. Correct and
        wrong predictions are told apart by colour; the count axis is the same at every epoch.

    Raises
    ------
    ArgumentError
        An epoch was not recorded, or an argument is not allowed.
    EvaluationError
        The model cannot be rebuilt, or the targets are numbers and no classes.

    Warns
    -----
    UserWarning
        Epochs were left out to stay within `max_bytes`.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.probability_histogram(run, bins=20)
    """
    check_chart(run, width, height, max_bytes)
    require_at_least("bins", bins, 1, most=MOST_BINS)
    require_one_of("count_axis", count_axis, ["shared", "per-class"])
    clock = kept_epochs(
        run,
        Clock.of(run, epochs, epoch),
        max_bytes,
        bytes_per_epoch=BYTES_PER_NUMBER * int(bins) * 2 * run.classes,
    )
    frame = run.probability_histogram(bins=bins, epochs=clock.epochs)
    require_one_of("target", target, [None, *range(run.classes)])
    frame["color"] = frame["correct"].map({True: colors.CORRECT, False: colors.WRONG})
    of_class = {case: frame[frame["target"] == case] for case in range(run.classes)}
    panels = [
        _panel(
            clock,
            of_class[case],
            x_title=fitted(probability_title(run), width, size=AXIS_TITLE_SIZE),
            highest=_height(of_class[case] if count_axis == "per-class" else frame),
            title=_title(run, case, width),
            points=int((run.targets == case).sum()),
            width=width,
            height=height,
        )
        for case in (range(run.classes) if target is None else (target,))
    ]
    panels[0] = panels[0].add_params(*clock.parameters)
    thinned = clock.every is not None
    heading = chart_title(title, "Probabilities", clock) if title is not None or thinned else None
    if target is None:
        return _stacked(panels, heading)
    return panels[0] if heading is None else panels[0].properties(title=heading)


def _height(frame: pd.DataFrame) -> int:
    """Return where the axes of counts end: above all bars, and those below the totals too."""
    middle = (frame["bin_start"] + frame["bin_end"]) / 2
    below = frame[(middle - 0.5).abs() < _HALF_OF_TOTALS]
    highest = highest_count(frame, by=["target"])
    if not len(below):
        return highest
    return max(highest, round(highest_count(below, by=["target"]) / (1 - _SHARE_OF_TOTALS)))


def _stacked(panels: list[alt.LayerChart], heading: alt.TitleParams | None) -> alt.VConcatChart:
    """Return the panels below each other, in as many columns as they need."""
    columns = -(-len(panels) // _PANELS_PER_COLUMN)
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    return alt.VConcatChart(
        vconcat=[row[0] if columns == 1 else alt.HConcatChart(hconcat=row) for row in rows],
        title=alt.Undefined if heading is None else heading,
    )


def _title(run: Run, case: int, width: float) -> str:
    if run.classes == 2 and run.class_names == ["0", "1"]:
        return ("Negative cases", "Positive cases")[case]
    return named_title(run.class_names[case], "", width, before="Class ")


def _panel(
    clock: Clock,
    frame: pd.DataFrame,
    *,
    x_title: str,
    highest: int,
    title: str,
    points: int,
    width: int,
    height: int,
) -> alt.LayerChart:
    bars = count_bars(clock, frame, x_title=x_title, highest=highest)
    totals = frame.groupby(["correct", "epoch"])["count"].sum()
    labels = [
        total_label(
            clock, totals[correct].to_numpy(), suffix=suffix, color=color, line=line, width=width
        )
        for line, (correct, suffix, color) in enumerate(
            [(True, "correct", colors.MUTED), (False, "wrong", colors.WRONG)]
        )
    ]
    not_finite = points - frame.groupby("epoch")["count"].sum().to_numpy()
    if not_finite.any():
        labels.append(
            total_label(
                clock, not_finite, suffix="not finite", color=colors.WRONG, line=2, width=width
            )
        )
    return alt.LayerChart(layer=[bars, *labels], title=title, width=width, height=height)
