"""`probability_histogram`: how confident the network is about the cases of each class."""

from typing import Literal, get_args

import altair as alt
import numpy as np
import pandas as pd

from replaychart.arguments import require_at_least, require_one_of
from replaychart.drawing import colors
from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.counts import (
    TotalLabel,
    count_bars,
    counted_of,
    highest_count,
    total_label,
)
from replaychart.drawing.packing import BYTES_PER_NUMBER
from replaychart.drawing.plane import probability_title
from replaychart.drawing.sizes import Width, from_left, width_for_texts
from replaychart.drawing.texts import AXIS_TITLE_SIZE, SMALL_SIZE, fitted, width_of
from replaychart.drawing.titles import Title, chart_title, check_chart, named_title
from replaychart.errors import ArgumentError
from replaychart.facts.epochs import Epochs
from replaychart.frames.histograms import MOST_BINS
from replaychart.run import Run

# Whether all panels share one count axis.
CountAxis = Literal["shared", "per-class"]
# Whether each class has a panel, or all classes share one.
Layout = Literal["panels", "combined"]

# Panels are stacked in columns of at most this many.
_PANELS_PER_COLUMN = 5
# The totals are in the middle of a panel, at the top. These are half the fraction of the panel's
# width that they need, and the height of one line in pixels.
_HALF_OF_TOTALS = 0.28
_LINE = 16
# In a combined panel, the totals are in one line: up to this fraction of the width those of the
# correct points, and then those of the wrong ones.
_SHARE_OF_CORRECT = 0.64
_ROOM_OF_CORRECT = " 1,000 correct"


def probability_histogram(
    run: Run,
    *,
    target: int | None = None,
    bins: int = 10,
    count_axis: CountAxis = "shared",
    layout: Layout = "panels",
    epochs: Epochs = None,
    epoch: float | alt.Parameter | None = None,
    title: Title | None = None,
    width: Width = 220,
    height: int = 157,
    max_bytes: float | None = MAX_BYTES,
) -> alt.VConcatChart | alt.LayerChart:
    """Draw a histogram of the predicted probabilities for the cases of each class.

    With two classes, it is the probability of class 1, over the negative and the positive cases.
    With more, it is the probability of the true class.

    Parameters
    ----------
    run : Run
        A recorded training run of a classifier.
    target : int, optional
        Draw only the cases of this class. Default: all classes, with one panel each.
    bins : int, default 10
        Number of bins between 0 and 1, at most 1,000.
    count_axis : {"shared", "per-class"}, default "shared"
        Whether all panels share one count axis, or each panel's axis fits its own class. The latter
        keeps the bars of a rare class visible next to those of a frequent one.
    layout : {"panels", "combined"}, default "panels"
        ``"panels"`` draws one panel for each class. ``"combined"`` draws all classes in one panel:
        with two classes, the bars of class 1 rise and those of class 0 hang down; with more, the
        correct and the wrong points of all classes are stacked.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float or altair.Parameter, optional
        The epoch shown initially, or a parameter from `epoch_param` that charts share. Default: the
        last epoch.
    title : str or sequence of str, optional
        The title, or its lines, above all panels or the only panel; ``{epoch}`` is replaced by the
        epoch shown. Default: each panel is titled with its class.
    width, height : int or "container", default 220 and 157
        Size of each panel in pixels. A width of ``"container"`` fills the page or element around
        the chart; it needs `target` or ``layout="combined"``.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned to
        evenly spaced epochs, with a warning. None means no limit.

    Returns
    -------
    altair.VConcatChart or altair.LayerChart
        One panel per class, in columns of up to five; a single panel with `target` or
        ``layout="combined"``. Correct predictions have the colour of their class, and wrong ones
        are crimson. The count axis is the same at every epoch.

    Raises
    ------
    ArgumentError
        An epoch was not recorded, or another argument is invalid.
    EvaluationError
        The model cannot be rebuilt, or the targets are not classes.

    Warns
    -----
    UserWarning
        Epochs are left out to stay within `max_bytes`.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.probability_histogram(run, bins=20)
    """
    check_chart(run, width, height, max_bytes)
    require_at_least("bins", bins, 1, most=MOST_BINS)
    require_one_of("layout", layout, get_args(Layout))
    if layout == "combined" and target is not None:
        message = f"target must be None with layout='combined'. Got {target!r}."
        raise ArgumentError(message)
    if width == "container" and target is None and layout == "panels":
        message = (
            "width='container' needs a single panel, because Vega-Lite has no container for charts "
            "below each other: pass target=0 or layout='combined', for example. Got target=None."
        )
        raise ArgumentError(message)
    require_one_of("count_axis", count_axis, get_args(CountAxis))
    clock = kept_epochs(
        run,
        Clock.of(run, epochs, epoch),
        max_bytes,
        bytes_per_epoch=BYTES_PER_NUMBER * int(bins) * 2 * run.classes,
    )
    frame = run.probability_histogram(bins=bins, epochs=clock.epochs)
    require_one_of("target", target, [None, *range(run.classes)])
    thinned = clock.every is not None
    heading = chart_title(title, "Probabilities", clock) if title is not None or thinned else None
    if layout == "combined":
        panel = _combined(run, clock, frame, width=width, height=height)
        return panel.properties(title=heading or "Probability")
    of_class = {case: frame[frame["target"] == case] for case in range(run.classes)}
    panels = [
        _panel(
            run,
            clock,
            of_class[case],
            highest=_height(of_class[case] if count_axis == "per-class" else frame, height),
            width=width,
            height=height,
        )
        for case in (range(run.classes) if target is None else (target,))
    ]
    panels[0] = panels[0].add_params(*clock.parameters)
    if target is None:
        return _stacked(panels, heading)
    return panels[0] if heading is None else panels[0].properties(title=heading)


def _height(frame: pd.DataFrame, height: int) -> int:
    """Return the end of the count axes, with room for all bars and for the totals above them."""
    middle = (frame["bin_start"] + frame["bin_end"]) / 2
    below = frame[(middle - 0.5).abs() < _HALF_OF_TOTALS]
    highest = highest_count(frame, by=["target"])
    if not len(below):
        return highest
    free = max(1 - (2 * _LINE + 8) / height, 0.5)
    return max(highest, round(highest_count(below, by=["target"]) / free))


def _stacked(panels: list[alt.LayerChart], heading: alt.TitleParams | None) -> alt.VConcatChart:
    """Return the panels stacked in as many columns as needed."""
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
    run: Run, clock: Clock, frame: pd.DataFrame, *, highest: int, width: Width, height: int
) -> alt.LayerChart:
    """Return the panel of one class."""
    case = int(frame["target"].iloc[0])
    points = int((run.targets == case).sum())
    room = width_for_texts(width)
    bars = count_bars(
        clock,
        _colored(run, frame),
        x_title=fitted(probability_title(run), room, size=AXIS_TITLE_SIZE),
        ends=(0, highest),
        counted=counted_of(points),
    )
    labels = [
        total_label(
            clock,
            totals,
            TotalLabel(from_left(width, share=0.5), 6 + _LINE * line, "center"),
            suffix=f" {what}",
            color=color,
        )
        for line, (what, totals, color) in enumerate(_totals(frame, points))
    ]
    title = _title(run, case, room)
    return alt.LayerChart(layer=[bars, *labels], title=title, width=width, height=height)


def _colored(run: Run, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the counts with a column ``color``: that of the class, or crimson for wrong points."""
    of_class = pd.Series(colors.class_colors(run.classes))
    color = frame["target"].map(of_class).where(frame["correct"], colors.WRONG)
    return frame.assign(color=color)


def _totals(frame: pd.DataFrame, points: int) -> list[tuple[str, np.ndarray, str]]:
    """Return what is counted, its total at each epoch, and its colour."""
    of_epoch = frame.groupby(["correct", "epoch"])["count"].sum()
    correct, wrong = of_epoch[True].to_numpy(), of_epoch[False].to_numpy()
    totals = [("correct", correct, colors.MUTED), ("wrong", wrong, colors.WRONG)]
    if (correct + wrong < points).any():
        totals.append(("not finite", points - correct - wrong, colors.WRONG))
    return totals


def _combined(
    run: Run, clock: Clock, frame: pd.DataFrame, *, width: Width, height: int
) -> alt.LayerChart:
    """Return all classes in one panel."""
    if run.classes == 2:
        frame = _colored(run, frame).assign(side=2 * frame["target"] - 1)
    else:
        keys = ["epoch", "correct", "bin_start", "bin_end"]
        frame = frame.groupby(keys, as_index=False)[["count"]].sum()
        frame = frame.sort_values(["epoch", "correct", "bin_start"], ascending=[True, False, True])
        frame["color"] = frame["correct"].map({True: colors.CORRECT, False: colors.WRONG})
    down, up = _ends(frame, height)
    room = width_for_texts(width)
    bars = count_bars(
        clock,
        frame,
        x_title=fitted(probability_title(run), room, size=AXIS_TITLE_SIZE),
        ends=(down, up),
        counted=counted_of(len(run.targets)),
    )
    lines = [
        label
        for case, at_top in ([(1, True), (0, False)] if run.classes == 2 else [(None, True)])
        for label in _line_of_totals(run, clock, frame, case, at_top, width, height)
    ]
    chart = alt.LayerChart(layer=[bars, *lines], width=width, height=height)
    return chart.add_params(*clock.parameters)


def _ends(frame: pd.DataFrame, height: int) -> tuple[int, int]:
    """Return how far bars hang down and rise, with room for the totals beyond them."""
    if "side" not in frame:
        return 0, round(highest_count(frame, by=[]) / max(1 - (_LINE + 8) / height, 0.5))
    highest = highest_count(frame, by=["side"])
    end = round(highest / max(1 - 2 * (_LINE + 8) / height, 0.5))
    return end, end


def _line_of_totals(
    run: Run,
    clock: Clock,
    frame: pd.DataFrame,
    case: int | None,
    at_top: bool,
    width: Width,
    height: int,
) -> list[alt.Chart]:
    """Return the totals of one class, or of all if `case` is None, in one line."""
    points = len(run.targets) if case is None else int((run.targets == case).sum())
    own = frame if case is None else frame[frame["target"] == case]
    totals = _totals(own, points)
    y = 6 if at_top else height - 6
    baseline: Literal["top", "bottom"] = "top" if at_top else "bottom"
    before = ""
    if case is not None:
        room = _SHARE_OF_CORRECT * width_for_texts(width) - 8
        room -= width_of(_ROOM_OF_CORRECT, size=SMALL_SIZE, bold=True)
        name = run.class_names[case]
        name = f"Class {name}" if name == str(case) else name
        before = f"{fitted(name, room, bold=True)}: "
    labels = [
        total_label(
            clock,
            totals[0][1],
            TotalLabel(from_left(width, share=_SHARE_OF_CORRECT, offset=-6), y, "right", baseline),
            before=before,
            suffix=" correct",
        )
    ]
    for line, (what, counts, color) in enumerate(totals[1:]):
        away = _LINE * line * (1 if at_top else -1)
        place = TotalLabel(
            from_left(width, share=_SHARE_OF_CORRECT, offset=6), y + away, "left", baseline
        )
        labels.append(total_label(clock, counts, place, suffix=f" {what}", color=color))
    return labels
