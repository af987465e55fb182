"""`class_accuracy`: which classes the network gets right."""

import altair as alt
import numpy as np

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import IS_DARK, adaptive
from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.expressions import literal, outright
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.packing import BYTES_PER_NUMBER
from replaychart.drawing.sizes import Width, width_for_texts
from replaychart.drawing.texts import NO_LIMIT, SMALL_SIZE, displayed, fitted
from replaychart.drawing.titles import (
    Title,
    add_subtitle,
    chart_title,
    check_chart,
    note_not_finite,
)
from replaychart.facts.epochs import Epochs
from replaychart.run import Run

# The names of the classes take at most this fraction of the chart's width.
_SHARE_OF_NAMES = 0.5
# The height of a line of text, in relation to its size: classes closer to each other have no room
# for their names.
_LINE = 1.1


def class_accuracy(
    run: Run,
    *,
    validation: bool = True,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: Width = 220,
    height: int = 157,
    max_bytes: float | None = MAX_BYTES,
) -> alt.LayerChart:
    """Draw a bar for each class: the share of its points that are predicted correctly.

    Parameters
    ----------
    run : Run
        A recorded training run of a classifier.
    validation : bool, default True
        Whether to draw a line on each bar at the accuracy over the validation points of the class,
        if any were recorded.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown. Default: "Accuracy of
        each class".
    width, height : int or "container", default 220 and 157
        Size in pixels. A width of ``"container"`` fills the page or element around the chart.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned to
        evenly spaced epochs, with a warning. None means no limit.

    Returns
    -------
    altair.LayerChart
        Bars in the colors of the classes, and a dotted rule at the accuracy over all points. If
        there are too many classes for the height, some names are left out; tooltips show all.

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
    >>> chart = rc.class_accuracy(run, epoch=15)
    """
    check_chart(run, width, height, max_bytes)
    return bars_of_classes(
        run,
        Clock.of(run, epochs, epoch),
        title=title,
        width=width,
        height=height,
        room=_SHARE_OF_NAMES * width_for_texts(width),
        max_bytes=max_bytes,
        validation=validation,
    )


def bars_of_classes(
    run: Run,
    clock: Clock,
    *,
    title: Title | None,
    width: Width,
    height: int,
    room: float,
    max_bytes: float | None,
    validation: bool = True,
) -> alt.LayerChart:
    """Return the chart of `class_accuracy`, with names of classes of at most `room` pixels."""
    clock = kept_epochs(
        run, clock, max_bytes, bytes_per_epoch=2 * BYTES_PER_NUMBER * (run.classes + 1)
    )
    frame = run.class_accuracy(epochs=clock.epochs)
    heading = chart_title(title, "Accuracy of each class", clock)
    outputs = run.outputs(epochs=clock.epochs)
    note_not_finite(heading, clock, "output", width_for_texts(width), outputs)
    correct = frame["correct"].to_numpy().reshape(len(clock.epochs), -1)
    points = frame["points"].to_numpy()[: run.classes]
    layers = [
        _bars(run, clock, correct, points, room=room, height=height),
        _overall(clock, correct.sum(axis=1) / points.sum()),
    ]
    if validation and run.validation is not None:
        layers.insert(1, _validation(run.validation, clock, room=room, height=height))
        add_subtitle(heading, "line: validation", width_for_texts(width))
    return layered(layers, clock, title=heading, width=width, height=height)


def _bars(
    run: Run, clock: Clock, correct: np.ndarray, points: np.ndarray, *, room: float, height: int
) -> alt.Chart:
    """Return a bar for each class, with the first class at the top."""
    constant = {
        "number": list(range(run.classes)),
        "class": [displayed(name) for name in run.class_names],
        "points": points.tolist(),
        "color": colors.class_colors(run.classes),
        "dark": colors.class_colors(run.classes, dark=True),
    }
    rows = packing.by_epoch(clock, constant, {"correct": correct.T.tolist()})
    return (
        alt.Chart(packing.PackedData(rows))
        .transform_calculate(correct=packing.entry("correct", clock))
        .transform_calculate(
            accuracy="datum.points > 0 ? datum.correct / datum.points : null",
            start="datum.number - 0.38",
            end="datum.number + 0.38",
        )
        .mark_rect(aria=False)
        .encode(
            x=_share_axis(),
            x2=alt.X2(datum=0),
            y=_class_axis(run, room, height),
            y2=alt.Y2("end:Q"),
            color=outright(alt.ColorValue, f"{IS_DARK} ? datum.dark : datum.color"),
            tooltip=[
                alt.Tooltip("class:N", title="Class"),
                alt.Tooltip("accuracy:Q", title="Accuracy", format=".1%"),
                alt.Tooltip("correct:Q", title="Correct"),
                alt.Tooltip("points:Q", title="Points"),
            ],
        )
    )


def _validation(validation: Run, clock: Clock, *, room: float, height: int) -> alt.Chart:
    """Return a line for each class, at the accuracy over its validation points."""
    frame = validation.class_accuracy(epochs=clock.epochs)
    shares = frame["accuracy"].to_numpy().reshape(len(clock.epochs), -1)
    constant = {
        "number": list(range(validation.classes)),
        "class": [displayed(name) for name in validation.class_names],
        "points": frame["points"].to_numpy()[: validation.classes].tolist(),
    }
    accuracy = [list(map(packing.shortened, of_class)) for of_class in shares.T]
    rows = packing.by_epoch(clock, constant, {"accuracy": accuracy})
    return (
        alt.Chart(packing.PackedData(rows))
        .transform_calculate(
            accuracy=packing.entry("accuracy", clock),
            start="datum.number - 0.46",
            end="datum.number + 0.46",
        )
        .transform_filter("datum.points > 0")
        .mark_rule(color=adaptive(colors.INK), strokeWidth=2.5, aria=False)
        .encode(
            x=_share_axis(),
            y=_class_axis(validation, room, height),
            y2=alt.Y2("end:Q"),
            tooltip=[
                alt.Tooltip("class:N", title="Class"),
                alt.Tooltip("accuracy:Q", title="Accuracy, validation", format=".1%"),
                alt.Tooltip("points:Q", title="Validation points"),
            ],
        )
    )


def _share_axis() -> alt.X:
    """Return the axis of the accuracy."""
    return alt.X(
        "accuracy:Q",
        title="Correct",
        scale=alt.Scale(domain=[0, 1], nice=False),
        axis=alt.Axis(values=[0, 0.5, 1], format="%", labelFlush=False),
    )


def _class_axis(run: Run, room: float, height: int) -> alt.Y:
    """Return the axis of the classes, with names that do not overlap."""
    every = max(1, -(-run.classes * int(_LINE * SMALL_SIZE) // int(height)))
    numbers = list(range(0, run.classes, every))
    names = {str(number): fitted(run.class_names[number], room) for number in numbers}
    return alt.Y(
        "start:Q",
        title=None,
        scale=alt.Scale(domain=[run.classes - 0.5, -0.5], nice=False, zero=False),
        axis=alt.Axis(
            values=numbers,
            labelExpr=f"{literal(names)}[datum.value]",
            labelLimit=NO_LIMIT,
            labelOverlap=False,
            ticks=False,
        ),
    )


def _overall(clock: Clock, share: np.ndarray) -> alt.Chart:
    """Return a dotted rule at the accuracy over all points."""
    values = [list(map(packing.shortened, share))]
    rows = packing.by_epoch(clock, {"of": ["all points"]}, {"accuracy": values})
    return (
        alt.Chart(packing.PackedData(rows))
        .transform_calculate(accuracy=packing.entry("accuracy", clock))
        .mark_rule(color=adaptive(colors.INK), strokeDash=[2, 3], strokeWidth=1.2, aria=False)
        .encode(
            x=alt.X("accuracy:Q"),
            tooltip=[alt.Tooltip("accuracy:Q", title="Accuracy over all points", format=".1%")],
        )
    )
