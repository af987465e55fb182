"""`confusion`: which classes the network takes for which."""

from typing import Any, Literal, NamedTuple

import altair as alt
import numpy as np

from replaychart.arguments import require_one_of
from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive, adaptive_expression
from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.expressions import literal, outright
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.plane import class_labels
from replaychart.drawing.sizes import Width, from_left, width_for_texts
from replaychart.drawing.texts import NO_LIMIT, SMALL_SIZE, fitted, width_of
from replaychart.drawing.threshold import NAME as THRESHOLD
from replaychart.drawing.threshold import Threshold, checked_threshold, parameters, tally
from replaychart.drawing.titles import Title, chart_title, check_chart, note_not_finite
from replaychart.facts.epochs import Epochs
from replaychart.run import Run

# Of which points the numbers are shares.
Normalize = Literal["true", "pred"]

Align = Literal["left", "center", "right"]

# Pixels of the matrix: at least, and for each class if there are many.
_SMALLEST, _PER_CLASS = 200, 28
_LARGEST_TEXT, _SMALLEST_TEXT = 13, 7
# How much of a cell's width and height its number may take.
_FILLED, _HIGH = 0.86, 0.7
_WIDEST_SHARE = "100%"
# Zeros are shown up to this many classes; in a larger matrix, they would hide the other numbers.
_FEW_CLASSES = 10
# The room for the names of the classes next to the matrix, in pixels.
_NAMES = 90
_ASIDE, _ROW = 8, 16
# A cell is tinted with up to this much of its color, so that its number stays readable.
_TINT = 0.5
_CORRECT = "#1b6ca8"


def confusion(
    run: Run,
    *,
    normalize: Normalize | None = None,
    threshold: Threshold = False,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: Width | None = None,
    height: int | None = None,
    max_bytes: float | None = MAX_BYTES,
) -> alt.LayerChart:
    """Draw the confusion matrix: how many points of each class are taken for each class.

    Parameters
    ----------
    run : Run
        A recorded training run of a classifier.
    normalize : {None, "true", "pred"}, default None
        Whether to show numbers of points, their share among the points of the same true class, or
        among those with the same prediction.
    threshold : altair.Parameter or bool, default False
        The probability from which on a point counts as class 1: True for a slider that starts at
        0.5, or a parameter from `threshold_param` that charts share. By default, there is no slider
        and the network decides. It needs two classes with probabilities.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown. Default: what is drawn
        and the epoch.
    width, height : int or "container", optional
        Size of the matrix in pixels. A width of ``"container"`` fills the page or element around
        the chart. Default: large enough for the number of classes.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned to
        evenly spaced epochs, with a warning. None means no limit.

    Returns
    -------
    altair.LayerChart
        A cell for each pair of classes, with correct predictions on the diagonal. The stronger its
        color, the larger its share among the points of the same true class (with
        ``normalize="pred"``, of the same prediction). The right margin shows the recall of each
        class, and the lower margin its precision and the accuracy.

    Raises
    ------
    ArgumentError
        An epoch was not recorded, or another argument is invalid.
    EvaluationError
        The model cannot be rebuilt, or it does not predict one class for each point.

    Warns
    -----
    UserWarning
        Epochs are left out to stay within `max_bytes`.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.confusion(run, normalize="true", epoch=40)

    References
    ----------
    https://scikit-learn.org/stable/modules/model_evaluation.html#confusion-matrix
    """
    side = max(_SMALLEST, _PER_CLASS * run.classes) if isinstance(run, Run) else _SMALLEST
    width = side if width is None else width
    height = side if height is None else height
    check_chart(run, width, height, max_bytes)
    require_one_of("normalize", normalize, [None, "true", "pred"])
    chosen = checked_threshold(run, threshold)
    clock = kept_epochs(
        run,
        Clock.of(run, epochs, epoch),
        max_bytes,
        bytes_per_epoch=packing.BYTES_PER_NUMBER * run.classes**2,
    )
    counts = run.classification.confusion(run.snapshots(clock.epochs))
    counted = _counts(run, clock, counts) if chosen is None else _counts_at_threshold(run, clock)
    cells = _with_shares(counted, normalize)
    room = width_for_texts(width)
    axes = _Axes.of(run, width, height)
    heading = chart_title(title, "Confusion \N{MIDDLE DOT} epoch {epoch}", clock)
    ranked = run.classification.are_ranked(run.snapshots(clock.epochs))
    note_not_finite(heading, clock, "output", room, np.where(ranked, 0.0, np.nan))
    largest = counts.max(initial=0) if chosen is None else len(run.targets)
    widest = f"{largest:,}" if normalize is None else _WIDEST_SHARE
    cell = room / run.classes, height / run.classes
    layers = [
        _tints(cells, axes),
        *_numbers(run, cells, axes, normalize, _text_size(widest, cell, _LARGEST_TEXT)),
        *_margins(cells, axes, _text_size(_WIDEST_SHARE, cell, SMALL_SIZE), chosen),
    ]
    return layered(layers, clock, *parameters(chosen), title=heading, width=width, height=height)


def _text_size(widest: str, cell: tuple[float, float], largest: float) -> float:
    """Return the font size with which a text fits into a cell of this width and height."""
    fitting = min(_FILLED * cell[0] / width_of(widest), _HIGH * cell[1])
    return round(max(_SMALLEST_TEXT, min(largest, fitting)), 1)


class _Axes(NamedTuple):
    """The axes of the matrix.

    Attributes
    ----------
    x, y : altair.X, altair.Y
        The predicted class from left to right, and the true class from top to bottom.
    width : int or "container"
        The chart's width.
    height : int
        The chart's height in pixels.
    """

    x: alt.X
    y: alt.Y
    width: Width
    height: int

    @classmethod
    def of(cls, run: Run, width: Width, height: int) -> "_Axes":
        """Return the axes for the classes of a run."""
        numbers = list(range(run.classes))
        labels = [str(label) for label in class_labels(run)]
        cell = width_for_texts(width) / run.classes
        longest = max(width_of(label, size=SMALL_SIZE) for label in labels)
        shown = literal([fitted(label, _NAMES) for label in labels])
        scale = alt.Scale(domain=numbers, paddingInner=0.04, paddingOuter=0)
        style: dict[str, Any] = {
            "ticks": False,
            "labelExpr": f"{shown}[datum.value]",
            "labelLimit": NO_LIMIT,
            "labelOverlap": False,
        }
        upright = longest > cell
        return cls(
            alt.X(
                "prediction:O",
                title="Predicted class",
                scale=scale,
                axis=alt.Axis(orient="top", labelAngle=-90 if upright else 0, **style),
            ),
            alt.Y("target:O", title="True class", scale=scale, axis=alt.Axis(**style)),
            width,
            height,
        )


def _counts(run: Run, clock: Clock, counts: np.ndarray) -> alt.Chart:
    """Return the number of points of each pair of classes at the epoch shown."""
    target, prediction = np.indices(counts.shape[1:]).reshape(2, -1)
    over_epochs = counts.reshape(len(counts), -1).T
    if run.classes > _FEW_CLASSES:
        used = over_epochs.any(axis=1) | (target == prediction)
        target, prediction, over_epochs = target[used], prediction[used], over_epochs[used]
    constant = {"target": target.tolist(), "prediction": prediction.tolist()}
    rows = packing.by_epoch(clock, constant, {"count": over_epochs.tolist()})
    count = packing.entry("count", clock)
    return alt.Chart(packing.PackedData(rows)).transform_calculate(count=count)


def _counts_at_threshold(run: Run, clock: Clock) -> alt.Chart:
    """Return the number of points of each pair of classes at the epoch and threshold shown."""
    return (
        tally(run, clock)
        .transform_calculate(prediction="[0, 1]")
        .transform_flatten(["prediction"])
        # Pairs without points are counted, too.
        .transform_calculate(own="datum.prediction === datum.predicted ? datum.count : 0")
        .transform_aggregate(count="sum(own)", groupby=["target", "prediction"])
    )


def _with_shares(counts: alt.Chart, normalize: Normalize | None) -> alt.Chart:
    """Return the counts with their shares."""
    whole = "prediction" if normalize == "pred" else "target"
    return counts.transform_joinaggregate(whole="sum(count)", groupby=[whole]).transform_calculate(
        share="datum.whole > 0 ? datum.count / datum.whole : 0"
    )


def _tints(cells: alt.Chart, axes: _Axes) -> alt.Chart:
    """Return the cells; that of a small share still differs visibly from an empty one."""
    right, wrong = adaptive_expression(_CORRECT), adaptive_expression(colors.WRONG)
    return cells.mark_rect(aria=False).encode(
        x=axes.x,
        y=axes.y,
        color=outright(alt.ColorValue, f"datum.target === datum.prediction ? {right} : {wrong}"),
        opacity=outright(alt.OpacityValue, f"{_TINT} * sqrt(datum.share)"),
        tooltip=[
            alt.Tooltip("target:N", title="True class"),
            alt.Tooltip("prediction:N", title="Predicted class"),
            alt.Tooltip("count:Q", title="Points", format=","),
            alt.Tooltip("share:Q", title="Share", format=".1%"),
        ],
    )


def _numbers(
    run: Run, cells: alt.Chart, axes: _Axes, normalize: Normalize | None, size: float
) -> list[alt.Chart]:
    """Return the numbers in the cells; zeros are faint, or left out of a large matrix."""
    text = "format(datum.count, ',')" if normalize is None else _percent("datum.share")
    shown = cells.transform_calculate(label=text).encode(
        x=axes.x, y=axes.y, text=alt.Text("label:N")
    )
    style: dict[str, Any] = {"fontSize": size, "tooltip": None, "aria": False}
    ink = adaptive(colors.INK, colors.DARK_BOUNDARY)
    layers = [shown.transform_filter("datum.count > 0").mark_text(color=ink, **style)]
    if run.classes <= _FEW_CLASSES:
        muted = adaptive(colors.MUTED)
        layers.append(shown.transform_filter("datum.count === 0").mark_text(color=muted, **style))
    return layers


def _margins(
    cells: alt.Chart, axes: _Axes, size: float, threshold: alt.Parameter | None
) -> list[alt.Chart]:
    """Return recall at the right of the matrix, and precision and accuracy below it."""
    right = from_left(axes.width, share=1, offset=_ASIDE)
    left, edge = alt.XValue(-_ASIDE), from_left(axes.width, share=1)
    above, below = alt.YValue(-4), alt.YValue(axes.height + _ROW)
    hits = cells.transform_calculate(hit="datum.target === datum.prediction ? datum.count : 0")
    each: dict[str, Any] = {"hit": "sum(hit)", "whole": "sum(count)"}
    share = f"datum.whole > 0 ? {_percent('datum.hit / datum.whole')} : ''"
    before = "''" if threshold is None else f"'threshold ' + format({THRESHOLD}, '.2f') + ', '"
    accuracy = f"{before} + 'accuracy ' + format(datum.hit / datum.whole, '.3f')"
    texts: list[tuple[alt.Chart, str, Any, Any, Align]] = [
        (hits.transform_aggregate(**each, groupby=["target"]), share, right, axes.y, "left"),
        (hits.transform_aggregate(**each, groupby=["prediction"]), share, axes.x, below, "center"),
    ]
    captions: list[tuple[alt.Chart, str, Any, Any, Align]] = [
        (_nothing(), literal("Recall"), right, above, "left"),
        (_nothing(), literal("Precision"), left, below, "right"),
        (
            hits.transform_aggregate(**each),
            accuracy,
            edge,
            alt.YValue(axes.height + 2 * _ROW),
            "right",
        ),
    ]
    return [_text(*text, size=size) for text in texts] + [_text(*caption) for caption in captions]


def _nothing() -> alt.Chart:
    """Return a chart of one row without values."""
    return alt.Chart(packing.PackedData([{"row": 0}]))


def _text(
    chart: alt.Chart, text: str, x: Any, y: Any, align: Align, *, size: float = SMALL_SIZE
) -> alt.Chart:
    """Return texts in the margin, given the expression for their content."""
    return (
        chart.transform_calculate(label=text)
        .mark_text(
            align=align, fontSize=size, color=adaptive(colors.MUTED), tooltip=None, aria=False
        )
        .encode(text=alt.Text("label:N"), x=x, y=y)
    )


def _percent(share: str) -> str:
    """Return the expression for a share as a percentage, without rounding it to none or all."""
    rounded = f"format({share}, '.0%')"
    return (
        f"{share} > 0 && {share} < 0.005 ? '<1%' : "
        f"{share} < 1 && {share} >= 0.995 ? '>99%' : {rounded}"
    )
