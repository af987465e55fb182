"""`probability_histogram`: how confident the network is about the cases of each class."""

import dataclasses
from typing import Any, Literal, NamedTuple, cast, get_args

import altair as alt
import numpy as np
import pandas as pd

from replaychart.arguments import require_at_least, require_one_of
from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive, adaptive_expression
from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.count_axes import CountAxes
from replaychart.drawing.counts import (
    TotalLabel,
    bars_of_counts,
    count_bars,
    counted_label,
    counted_of,
    highest_count,
    total_label,
)
from replaychart.drawing.expressions import outright
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.packing import BYTES_PER_NUMBER
from replaychart.drawing.plane import probability_title
from replaychart.drawing.samples import SampleCounts
from replaychart.drawing.sizes import Width, from_left, width_for_texts
from replaychart.drawing.texts import AXIS_TITLE_SIZE, SMALL_SIZE, fitted, width_of
from replaychart.drawing.threshold import NAME as THRESHOLD
from replaychart.drawing.threshold import Threshold, checked_threshold, parameters, tally
from replaychart.drawing.titles import Title, chart_title, check_chart, named_title
from replaychart.drawing.validation_counts import Outline, highest_outline, note_outline
from replaychart.errors import ArgumentError
from replaychart.facts.epochs import Epochs
from replaychart.frames.histograms import MOST_BINS, bin_edges
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
    threshold: Threshold = False,
    validation: bool = True,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
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
    threshold : altair.Parameter or bool, default False
        The probability from which on a point counts as class 1: True for a slider that starts at
        0.5, or a parameter from `threshold_param` that charts share. By default, there is no slider
        and the network decides. It needs two classes with probabilities, and `bins` that divide
        100.
    validation : bool, default True
        Whether to draw the distribution of the validation points, if any were recorded, as an
        outline. Its counts are scaled to the number of the other points.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch.
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
        ``layout="combined"``. Correct predictions have the color of their class, and wrong ones
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
    chosen = checked_threshold(run, threshold)
    if chosen is not None and 100 % int(bins):
        message = f"bins must divide 100 if there is a threshold. Got {bins!r}."
        raise ArgumentError(message)
    clock = kept_epochs(
        run,
        Clock.of(run, epochs, epoch),
        max_bytes,
        bytes_per_epoch=BYTES_PER_NUMBER * int(bins) * 2 * run.classes * len(run.subsets),
    )
    frame = run.probability_histogram(bins=bins, epochs=clock.epochs)
    require_one_of("target", target, [None, *range(run.classes)])
    thinned = clock.every is not None
    heading = chart_title(title, "Probabilities", clock) if title is not None or thinned else None
    at_threshold = None if chosen is None else _AtThreshold(tally(run, clock), int(bins))
    others = None
    if validation and run.validation is not None:
        counts = run.validation.probability_histogram(bins=bins, epochs=clock.epochs)
        others = _Others(run.targets, run.validation.targets, counts)
    if layout == "combined":
        outlines = [] if others is None else others.of_all(sides=run.classes == 2)
        panel = _combined(run, clock, frame, at_threshold, outlines, width=width, height=height)
        panel = panel.add_params(*clock.parameters, *parameters(chosen))
        if heading is None and outlines:
            heading = chart_title(None, "Probability", clock)
        for outline in outlines[:1]:
            note_outline(cast("alt.TitleParams", heading), outline, width)
        return panel.properties(title=heading or "Probability")
    of_class = {case: frame[frame["target"] == case] for case in range(run.classes)}
    drawn = range(run.classes) if target is None else (target,)
    outlines_of = {case: [] if others is None else others.of_class(case) for case in drawn}
    every = [outline for outlines in outlines_of.values() for outline in outlines]
    panels = [
        _panel(
            run,
            clock,
            of_class[case],
            at_threshold,
            outlines_of[case],
            highest=_height(of_class[case], outlines_of[case], height)
            if count_axis == "per-class"
            else _height(frame, every, height),
            width=width,
            height=height,
            shows=_counted(run, clock, frame, target=case),
        )
        for case in drawn
    ]
    panels[0] = panels[0].add_params(*clock.parameters, *parameters(chosen))
    if target is None:
        return _stacked(panels, heading)
    if heading is None:
        return panels[0]
    for outline in every:
        note_outline(heading, outline, width)
    return panels[0].properties(title=heading)


def _counted(
    run: Run,
    clock: Clock,
    frame: pd.DataFrame,
    *,
    target: int | None = None,
    by_target: bool = False,
) -> SampleCounts:
    """Return which points are counted, in bars of correct ones before those of wrong ones."""

    def values() -> np.ndarray:
        return np.clip(run.point_probabilities(epochs=clock.epochs), 0, 1)

    edges = bin_edges(frame)
    return SampleCounts(
        run, clock, "probability", edges, values, target, by_correctness=True, by_target=by_target
    )


class _Others(NamedTuple):
    """The counts of validation points, and the targets of both sets."""

    targets: np.ndarray
    own_targets: np.ndarray
    counts: pd.DataFrame

    def of_class(self, case: int) -> list[Outline]:
        """Return the outline of a class; none if there are no such validation points."""
        own, like = int((self.own_targets == case).sum()), int((self.targets == case).sum())
        found = Outline.of(self.counts[self.counts["target"] == case], count=own, like=like)
        return [] if found is None else [found]

    def of_all(self, *, sides: bool) -> list[Outline]:
        """Return the outline of all classes, or one for each side of two classes."""
        totals = {"count": len(self.own_targets), "like": len(self.targets)}
        found = [
            Outline.of(self.counts[self.counts["target"].isin(classes)], side=side, **totals)
            for classes, side in ([([1], 1), ([0], -1)] if sides else [(self.counts["target"], 1)])
        ]
        return [one for one in found if one is not None]


def _height(frame: pd.DataFrame, outlines: list[Outline], height: int) -> int:
    """Return the end of the count axes, with room for all bars and for the totals above them."""
    # Outlines are drawn over the bars, not on top of them.
    others = [one.counts.assign(target=-1 - place) for place, one in enumerate(outlines)]
    frame = pd.concat([frame, *others])
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
    run: Run,
    clock: Clock,
    frame: pd.DataFrame,
    at_threshold: "_AtThreshold | None",
    outlines: list[Outline],
    *,
    highest: int,
    width: Width,
    height: int,
    shows: SampleCounts,
) -> alt.LayerChart:
    """Return the panel of one class."""
    case = int(frame["target"].iloc[0])
    points = int((run.targets == case).sum())
    room = width_for_texts(width)
    x_title = fitted(probability_title(run), room, size=AXIS_TITLE_SIZE)
    axes = CountAxes((0, 1), x_title, (0, highest), counted_of(points))
    free = (2 * _LINE + 8, height)
    bars = _bars(clock, _colored(run, frame), at_threshold, axes, free=free, shows=shows)
    bars += [outline.layer(clock, axes) for outline in outlines]
    labels = [
        _total(
            clock,
            total,
            at_threshold,
            TotalLabel(from_left(width, share=0.5), 6 + _LINE * line, "center"),
            case=case,
            color=total.color,
        )
        for line, total in enumerate(_totals(frame, points))
    ]
    title: Any = _title(run, case, room)
    for outline in outlines:
        title = alt.TitleParams(title)
        note_outline(title, outline, width)
    return alt.LayerChart(layer=[*bars, *labels], title=title, width=width, height=height)


def _colored(run: Run, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the counts with a column ``color``: that of the class, or crimson for wrong points."""
    of_class = pd.Series(colors.class_colors(run.classes))
    color = frame["target"].map(of_class).where(frame["correct"], colors.WRONG)
    return frame.assign(color=color)


class _Total(NamedTuple):
    """What is counted, its total at each epoch, and its color."""

    what: str
    counts: np.ndarray
    color: str


def _totals(frame: pd.DataFrame, points: int) -> list[_Total]:
    """Return the totals of correct and wrong points, and of those that are neither."""
    of_epoch = frame.groupby(["correct", "epoch"])["count"].sum()
    correct, wrong = of_epoch[True].to_numpy(), of_epoch[False].to_numpy()
    totals = [_Total("correct", correct, colors.MUTED), _Total("wrong", wrong, colors.WRONG)]
    if (correct + wrong < points).any():
        totals.append(_Total("not finite", points - correct - wrong, colors.WRONG))
    return totals


def _bars(
    clock: Clock,
    frame: pd.DataFrame,
    at_threshold: "_AtThreshold | None",
    axes: CountAxes,
    *,
    free: tuple[float, float],
    shows: SampleCounts,
) -> list[alt.Chart]:
    """Return bars, as they are or at the threshold shown, and then a line at the threshold.

    The line leaves the labels free: it is between two vertical positions in pixels. Bars at a
    threshold are counted in the browser, so `link` cannot connect them.
    """
    if at_threshold is None:
        return [count_bars(clock, frame, axes, shows=shows)]
    return at_threshold.bars(frame["target"].unique().tolist(), axes, free=free)


def _total(
    clock: Clock,
    total: _Total,
    at_threshold: "_AtThreshold | None",
    place: TotalLabel,
    *,
    case: int | None,
    before: str = "",
    color: str = colors.MUTED,
) -> alt.Chart:
    """Return the label of a total of one class, or of all if `case` is None."""
    texts = {"before": before, "suffix": f" {total.what}", "color": color}
    if at_threshold is None or case is None or total.what not in ("correct", "wrong"):
        return total_label(clock, total.counts, place, **texts)
    row = at_threshold.total(case, correct=total.what == "correct")
    return counted_label(row, "datum.count", place, **texts)


@dataclasses.dataclass(frozen=True)
class _AtThreshold:
    """The points of two classes by their probability, right or wrong at the threshold shown.

    Attributes
    ----------
    tally : altair.Chart
        The number of points by class and probability.
    number : int
        The number of bins, which divides 100.
    """

    tally: alt.Chart
    number: int

    def bars(
        self,
        cases: list[int],
        axes: CountAxes,
        *,
        free: tuple[float, float],
    ) -> list[alt.Chart]:
        """Return the bars of some classes, and a line at the threshold."""
        # Those of class 0 hang down if there is room for them.
        side = "2 * datum.target - 1" if axes.ends[0] else "1"
        bars = (
            self.tally.transform_filter(f"indexof({cases}, datum.target) >= 0")
            .transform_calculate(
                correct="datum.predicted === datum.target",
                bin=f"min(floor(datum.hundredth / {100 // self.number}), {self.number - 1})",
            )
            .transform_aggregate(count="sum(count)", groupby=["target", "correct", "bin"])
            .transform_filter("datum.count > 0")
            .transform_calculate(
                bin_start=f"datum.bin / {self.number}",
                bin_end=f"(datum.bin + 1) / {self.number}",
                height=f"datum.count * ({side})",
                order="datum.correct ? 0 : 1",
            )
        )
        wrong, *tones = map(adaptive_expression, (colors.WRONG, *colors.class_colors(2)))
        tone = f"datum.correct ? [{', '.join(tones)}][datum.target] : {wrong}"
        drawn = bars_of_counts(bars, axes, color=outright(alt.ColorValue, tone))
        rule = (
            alt.Chart(packing.PackedData([{"row": 0}]))
            .transform_calculate(bin_start=THRESHOLD)
            .mark_rule(
                color=adaptive(colors.BOUNDARY, colors.DARK_BOUNDARY),
                strokeWidth=1.5,
                tooltip=None,
                aria=False,
            )
            .encode(
                x=alt.X("bin_start:Q", title=axes.x_title),
                y=alt.YValue(free[0]),
                y2=alt.Y2Value(free[1]),
            )
        )
        return [drawn.encode(detail=["target:N", "correct:N"]), rule]

    def total(self, case: int, *, correct: bool) -> alt.Chart:
        """Return a row with the number of points of a class that are correct, or wrong."""
        answer = "===" if correct else "!=="
        return (
            self.tally.transform_filter(f"datum.target === {case}")
            .transform_calculate(own=f"datum.predicted {answer} {case} ? datum.count : 0")
            .transform_aggregate(count="sum(own)")
        )


def _combined(
    run: Run,
    clock: Clock,
    frame: pd.DataFrame,
    at_threshold: _AtThreshold | None,
    outlines: list[Outline],
    *,
    width: Width,
    height: int,
) -> alt.LayerChart:
    """Return all classes in one panel."""
    if run.classes == 2:
        frame = _colored(run, frame).assign(side=2 * frame["target"] - 1)
    else:
        keys = ["epoch", "correct", "bin_start", "bin_end"]
        frame = frame.groupby(keys, as_index=False)[["count"]].sum()
        frame = frame.sort_values(["epoch", "correct", "bin_start"], ascending=[True, False, True])
        frame["color"] = frame["correct"].map({True: colors.CORRECT, False: colors.WRONG})
    x_title = fitted(probability_title(run), width_for_texts(width), size=AXIS_TITLE_SIZE)
    axes = CountAxes((0, 1), x_title, _ends(frame, outlines, height), counted_of(len(run.targets)))
    bars = _bars(
        clock,
        frame,
        at_threshold,
        axes,
        free=(_LINE + 8, height - _LINE - 8),
        shows=_counted(run, clock, frame, by_target=run.classes == 2),
    )
    bars += [outline.layer(clock, axes) for outline in outlines]
    lines = [
        label
        for case, at_top in ([(1, True), (0, False)] if run.classes == 2 else [(None, True)])
        for label in _line_of_totals(
            run, clock, frame, at_threshold, case=case, at_top=at_top, width=width, height=height
        )
    ]
    return alt.LayerChart(layer=[*bars, *lines], width=width, height=height)


def _ends(frame: pd.DataFrame, outlines: list[Outline], height: int) -> tuple[int, int]:
    """Return how far bars hang down and rise, with room for the totals beyond them."""
    by = ["side"] if "side" in frame else []
    highest = max(highest_count(frame, by=by), highest_outline(outlines))
    if not by:
        return 0, round(highest / max(1 - (_LINE + 8) / height, 0.5))
    end = round(highest / max(1 - 2 * (_LINE + 8) / height, 0.5))
    return end, end


def _line_of_totals(
    run: Run,
    clock: Clock,
    frame: pd.DataFrame,
    at_threshold: _AtThreshold | None,
    *,
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
        _total(
            clock,
            totals[0],
            at_threshold,
            TotalLabel(from_left(width, share=_SHARE_OF_CORRECT, offset=-6), y, "right", baseline),
            case=case,
            before=before,
        )
    ]
    for line, total in enumerate(totals[1:]):
        away = _LINE * line * (1 if at_top else -1)
        place = TotalLabel(
            from_left(width, share=_SHARE_OF_CORRECT, offset=6), y + away, "left", baseline
        )
        labels.append(_total(clock, total, at_threshold, place, case=case, color=total.color))
    return labels
