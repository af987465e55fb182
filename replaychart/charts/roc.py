"""`roc`: ROC and precision-recall curves."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

import altair as alt
import numpy as np

from replaychart.arguments import require_one_of
from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive, adaptive_expression
from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.expressions import outright
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.plane import Plane, class_color, class_labels, paths_chart
from replaychart.drawing.shares import (
    LINE_HEIGHT,
    Shown,
    reference_line,
    share_axis,
    text_line,
    value_labels,
)
from replaychart.drawing.sizes import Width, width_for_positions, width_for_texts
from replaychart.drawing.threshold import NAME as THRESHOLD
from replaychart.drawing.threshold import Threshold, checked_threshold, parameters, tally
from replaychart.drawing.titles import Title, chart_title, check_chart, note_not_finite
from replaychart.errors import ArgumentError
from replaychart.evaluation.classification import RankingCurve, means
from replaychart.facts.epochs import Epochs
from replaychart.planes.paths import Paths, Piece
from replaychart.run import Run

# Which curves are drawn.
Curve = Literal["both", "roc", "precision-recall"]

# Labels of single classes are left out if they would fill more than this part of the height.
_MOST_OF_HEIGHT = 0.6
# How far a curve may move, in pixels, so that it needs fewer vertices.
_INVISIBLE = 0.25
# The size of the curves is estimated from this many epochs.
_SAMPLED_EPOCHS = 20
_MEAN = "mean"


def roc(
    run: Run,
    *,
    curve: Curve = "both",
    threshold: Threshold = False,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: Width = 240,
    height: int = 240,
    max_bytes: float | None = MAX_BYTES,
) -> alt.HConcatChart | alt.LayerChart:
    """Draw the ROC curve and the precision-recall curve.

    With two classes, the curves show how well the probability of class 1, or its score for a hinge
    loss, ranks the points. With more, each class is ranked against all others, and a dashed curve
    shows the mean over the classes.

    Parameters
    ----------
    run : Run
        A recorded training run of a classifier.
    curve : {"both", "roc", "precision-recall"}, default "both"
        Both curves side by side, or one of them.
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
        The title, or its lines, above both curves or the only one; ``{epoch}`` is replaced by the
        epoch shown. Default: the name of the curve and the epoch.
    width, height : int or "container", default 240
        Size of each panel in pixels. A width of ``"container"`` fills the page or element around
        the chart; it needs a single `curve`.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned to
        evenly spaced epochs, with a warning. None means no limit.

    Returns
    -------
    altair.HConcatChart or altair.LayerChart
        A panel for each curve. Labels show the area under the ROC curve (AUC) and the average
        precision (AP): for each class if there is room, and their mean. The dashed line of the ROC
        is that of a random ranking; with two classes, the panel of precision and recall has one as
        well. Precision is drawn in steps, whose area is the average precision. With a threshold, a
        dot on each curve and a label show the rates at the threshold.

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
    >>> chart = rc.roc(run, epoch=20)

    References
    ----------
    T. Fawcett, "An introduction to ROC analysis" (2006),
    https://doi.org/10.1016/j.patrec.2005.10.010, and
    https://scikit-learn.org/stable/modules/model_evaluation.html#roc-metrics
    """
    check_chart(run, width, height, max_bytes)
    require_one_of("curve", curve, get_args(Curve))
    if width == "container" and curve == "both":
        message = (
            "width='container' needs a single panel, because Vega-Lite has no container for charts "
            "side by side: pass curve='roc', for example. Got curve='both'."
        )
        raise ArgumentError(message)
    chosen = checked_threshold(run, threshold)
    kinds = [kind for kind in _KINDS if curve in ("both", kind.name)]
    clock = Clock.of(run, epochs, epoch)
    sample = clock.thinned(_SAMPLED_EPOCHS)
    size = sum(
        packing.path_bytes(paths, len(sample.epochs))
        for paths in _traced(run, sample, kinds, width, height)
    )
    clock = kept_epochs(run, clock, max_bytes, bytes_per_epoch=size / len(sample.epochs))
    traced = _traced(run, clock, kinds, width, height)
    panels = [
        _panel(run, clock, kind, paths, width, height, chosen)
        for kind, paths in zip(kinds, traced, strict=True)
    ]
    if curve != "both":
        (panel,) = panels
        if title is not None:
            panel.title = chart_title(title, "", clock)
        return panel
    heading = alt.Undefined if title is None else chart_title(title, "", clock)
    return alt.HConcatChart(hconcat=panels, title=heading)


@dataclasses.dataclass(frozen=True)
class _Kind:
    """One of the two kinds of curves.

    Attributes
    ----------
    name, title, x_title, y_title : str
        The argument that selects it, and its titles.
    measure : str
        The name of the area below it.
    corner : {"left", "right"}
        The lower corner that good curves leave free.
    """

    name: Curve
    title: str
    x_title: str
    y_title: str
    measure: str
    corner: Literal["left", "right"]

    @property
    def is_roc(self) -> bool:
        return self.name == "roc"

    def area(self, curve: RankingCurve) -> float:
        """Return the area below a curve."""
        return curve.area() if self.is_roc else curve.average_precision()

    def vertices(self, curve: RankingCurve) -> np.ndarray:
        """Return the vertices of a curve, shape (vertices, 2)."""
        if self.is_roc:
            return np.stack([curve.false_positive_rate, curve.recall], axis=1)
        # The precision of a step holds from the recall before it up to its own.
        recall = np.stack([curve.recall[:-1], curve.recall[1:]], axis=1).ravel()
        return np.stack([recall, np.repeat(curve.precision[1:], 2)], axis=1)

    def heights(self, curve: RankingCurve, places: np.ndarray) -> np.ndarray:
        """Return the heights of a curve above places between 0 and 1."""
        if not self.is_roc:
            step = np.searchsorted(curve.recall, places, side="left")
            return curve.precision[np.maximum(step, 1)]
        rate, recall = curve.false_positive_rate, curve.recall
        last = np.searchsorted(rate, places, side="right") - 1
        following = np.minimum(last + 1, len(rate) - 1)
        span = rate[following] - rate[last]
        share = np.divide(places - rate[last], span, out=np.zeros_like(span), where=span > 0)
        return recall[last] + share * (recall[following] - recall[last])


_KINDS = (
    _Kind("roc", "ROC", "False positive rate", "True positive rate", "AUC", "right"),
    _Kind("precision-recall", "Precision-recall", "Recall", "Precision", "AP", "left"),
)


def _traced(
    run: Run, clock: Clock, kinds: Sequence[_Kind], width: Width, height: int
) -> list[Paths]:
    """Return the curves of each kind. `Paths.value` is 0 for a class, and 1 for the mean."""
    pixels = math.ceil(width_for_positions(width))
    places = np.linspace(0, 1, 2 * pixels + 1)
    pieces: list[list[Piece]] = [[] for _ in kinds]
    snapshots = run.snapshots(clock.epochs)
    numbers = run.classification.ranked_classes
    for snapshot, every in zip(
        snapshots, run.classification.ranking_curves(snapshots), strict=True
    ):
        defined = [(n, curve) for n, curve in zip(numbers, every, strict=True) if curve.is_defined]
        for kind, own in zip(kinds, pieces, strict=True):
            own += [Piece(snapshot, 0, kind.vertices(curve), n) for n, curve in defined]
            if len(numbers) > 1 and defined:
                heights = [kind.heights(curve, places) for _, curve in defined]
                mean = np.stack([places, np.mean(heights, axis=0)], axis=1)
                start = [[0.0, 0.0]] if kind.is_roc else mean[:1]
                own.append(Piece(snapshot, 1, np.concatenate([start, mean])))
    paths = [Paths.from_pieces(own) for own in pieces]
    invisible = _INVISIBLE / np.array([pixels, height])
    return [some.simplified(np.tile(invisible, (len(some.value), 1))) for some in paths]


def _panel(
    run: Run,
    clock: Clock,
    kind: _Kind,
    paths: Paths,
    width: Width,
    height: int,
    threshold: alt.Parameter | None,
) -> alt.LayerChart:
    x, y = share_axis(alt.X, kind.x_title), share_axis(alt.Y, kind.y_title)
    room = width_for_texts(width)
    heading = chart_title(None, f"{kind.title} \N{MIDDLE DOT} epoch {{epoch}}", clock)
    ranked = run.classification.are_ranked(run.snapshots(clock.epochs))
    note_not_finite(heading, clock, "output", room, np.where(ranked, 0.0, np.nan))
    layers = [
        *_random(run, kind, x, y),
        *_curves(run, clock, paths, x, y, width=width, height=height),
        *value_labels(
            clock,
            _areas(run, clock, kind, height),
            corner=kind.corner,
            width=width,
            room=room,
            height=height,
        ),
    ]
    if threshold is not None:
        layers += _at_threshold(run, clock, kind, x, y, width=width, height=height)
    return layered(layers, clock, *parameters(threshold), title=heading, width=width, height=height)


def _at_threshold(
    run: Run, clock: Clock, kind: _Kind, x: alt.X, y: alt.Y, *, width: Width, height: int
) -> list[alt.Chart]:
    """Return a dot on the curve at the threshold shown, and its coordinates as a label."""
    rates = (
        tally(run, clock)
        .transform_calculate(
            true="datum.target * datum.predicted * datum.count",
            taken="datum.predicted * datum.count",
            positive="datum.target * datum.count",
        )
        .transform_aggregate(
            true="sum(true)", taken="sum(taken)", positive="sum(positive)", every="sum(count)"
        )
        .transform_calculate(
            recall="datum.true / datum.positive",
            precision="datum.taken > 0 ? datum.true / datum.taken : 1",
            rate="(datum.taken - datum.true) / (datum.every - datum.positive)",
        )
        .transform_filter("isFinite(datum.recall) && isFinite(datum.rate)")
    )
    across, up = ("rate", "recall") if kind.is_roc else ("recall", "precision")
    names = ("FPR", "TPR") if kind.is_roc else ("recall", "precision")
    label = f"'{names[0]} ' + format(datum.x, '.3f') + ', {names[1]} ' + format(datum.y, '.3f')"
    rates = rates.transform_calculate(x=f"datum.{across}", y=f"datum.{up}")
    ink = adaptive_expression(colors.BOUNDARY, colors.DARK_BOUNDARY)
    return [
        rates.mark_circle(size=90, opacity=1, aria=False).encode(
            x=x,
            y=y,
            color=outright(alt.ColorValue, ink),
            tooltip=[
                alt.Tooltip("x:Q", title=kind.x_title, format=".3f"),
                alt.Tooltip("y:Q", title=kind.y_title, format=".3f"),
            ],
        ),
        *(
            layer
            for line, text in ((1, label), (2, f"'threshold ' + format({THRESHOLD}, '.2f')"))
            for layer in text_line(
                rates.transform_calculate(label=text),
                line=line,
                color=ink,
                corner=kind.corner,
                width=width,
                height=height,
            )
        ),
    ]


def _random(run: Run, kind: _Kind, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Return the curve of a random ranking, if it is the same for all classes."""
    if kind.is_roc:
        return [reference_line(x, y, (0, 1))]
    if run.classes == 2:
        share = float((run.targets == 1).mean())
        return [reference_line(x, y, (share, share))]
    return []


def _curves(
    run: Run, clock: Clock, paths: Paths, x: alt.X, y: alt.Y, *, width: Width, height: int
) -> list[alt.Chart]:
    """Return the curves of the classes, and that of their mean if there are several."""
    labels = class_labels(run)
    ranked = [labels[number] for number in run.classification.ranked_classes]
    square = Plane(clock, [(0, 1)], [(0, 1)], ("", ""), width, height, overflows=False)
    style: dict[str, Any] = {
        "clip": False,
        "invalid": "break-paths-show-domains",
        "aria": False,
    }

    def chart(some: Paths, names: list[Any], order: list[Any]) -> alt.Chart:
        labeled = packing.Labeled("target", names, order)
        return paths_chart(square, run, some, labeled).encode(x=x, y=y, order=alt.Order("vertex:Q"))

    of_class = paths.where(paths.value == 0)
    each = chart(of_class, [labels[number] for number in of_class.of_class], ranked)
    if len(ranked) == 1:
        return [each.mark_line(color=adaptive(colors.METRIC), tooltip=None, **style)]
    mean = paths.where(paths.value == 1)
    color = class_color(run, width_for_texts(width))
    return [
        # The legend has dots, as that of the points, with which it is shared.
        alt.Chart(packing.PackedData([{"target": label} for label in ranked]))
        .mark_circle(opacity=0, tooltip=None, aria=False)
        .encode(x=alt.XValue(0), y=alt.YValue(0), color=color),
        each.mark_line(strokeWidth=1.5, **style).encode(
            color=color,
            tooltip=[alt.Tooltip("target:N", title="Class")],
        ),
        chart(mean, [_MEAN] * len(mean.value), [_MEAN]).mark_line(
            color=adaptive(colors.BOUNDARY, colors.DARK_BOUNDARY),
            strokeDash=[5, 3],
            tooltip=None,
            **style,
        ),
    ]


def _areas(run: Run, clock: Clock, kind: _Kind, height: int) -> list[Shown]:
    """Return the labels of the areas: of each class if there is room, and their mean."""
    snapshots = run.snapshots(clock.epochs)
    areas = np.array(
        [
            [kind.area(curve) for curve in curves]
            for curves in run.classification.ranking_curves(snapshots)
        ]
    )
    if areas.shape[1] == 1:
        color = colors.METRIC
        return [Shown(kind.measure, areas[:, 0], color, colors.on_dark(color))]
    ink = colors.BOUNDARY, colors.DARK_BOUNDARY
    shown = [Shown(f"mean {kind.measure}", means(areas), *ink)]
    if (run.classes + 1) * LINE_HEIGHT > _MOST_OF_HEIGHT * height:
        return shown
    tones = zip(
        map(colors.as_text, colors.class_colors(run.classes)),
        colors.class_colors(run.classes, dark=True),
        strict=True,
    )
    each = [
        Shown(str(label), areas[:, number], *tone)
        for number, (label, tone) in enumerate(zip(class_labels(run), tones, strict=True))
    ]
    return [*each, *shown]
