"""`calibration`: whether predictions come true as often as their probabilities say."""

import altair as alt
import numpy as np

from replaychart.arguments import require_at_least
from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive
from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.expressions import outright
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.shares import Shown, reference_line, share_axis, value_labels
from replaychart.drawing.sizes import Width, width_for_texts
from replaychart.drawing.texts import AXIS_TITLE_SIZE, fitted
from replaychart.drawing.titles import Title, chart_title, check_chart, note_not_finite
from replaychart.evaluation.classification import CALIBRATION_BINS, CalibrationBins
from replaychart.facts.epochs import Epochs
from replaychart.frames.histograms import MOST_BINS
from replaychart.run import Run

# The area of a dot in pixels: of an empty bin, and what all points together add.
_SMALLEST_DOT, _ALL_POINTS = 14, 700
_NUMBERS_PER_BIN = 5
# The distances to the diagonal have as many digits as a pixel needs, and some more.
_DIGITS = 5


def calibration(
    run: Run,
    *,
    bins: int = CALIBRATION_BINS,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: Width = 240,
    height: int = 240,
    max_bytes: float | None = MAX_BYTES,
) -> alt.LayerChart:
    """Draw a reliability diagram: how often predictions come true, by their probability.

    With two classes, it is the probability of class 1, which comes true for the points of class 1.
    With more, it is the probability of the predicted class, which comes true if it is the true
    class.

    Parameters
    ----------
    run : Run
        A recorded training run of a classifier with probabilities.
    bins : int, default 10
        Number of equally wide bins between 0 and 1, at most 1,000.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown. Default: what is drawn
        and the epoch.
    width, height : int or "container", default 240
        Size in pixels. A width of ``"container"`` fills the page or element around the chart.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned to
        evenly spaced epochs, with a warning. None means no limit.

    Returns
    -------
    altair.LayerChart
        A dot for each bin that contains points: their mean probability, and the share that came
        true. The area of a dot grows with the number of points. The dots of a calibrated network
        are on the dashed diagonal; vertical lines show how far away they are. The expected
        calibration error (ECE) is the mean length of these lines, weighted by the points.

    Raises
    ------
    ArgumentError
        An epoch was not recorded, or another argument is invalid.
    EvaluationError
        The model cannot be rebuilt, or it predicts numbers or scores, not probabilities.

    Warns
    -----
    UserWarning
        Epochs are left out to stay within `max_bytes`.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.calibration(run, epoch=40)

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On Calibration of Modern Neural Networks"
    (2017), https://arxiv.org/abs/1706.04599, and
    https://scikit-learn.org/stable/modules/calibration.html
    """
    check_chart(run, width, height, max_bytes)
    require_at_least("bins", bins, 1, most=MOST_BINS)
    room = width_for_texts(width)
    clock = kept_epochs(
        run,
        Clock.of(run, epochs, epoch),
        max_bytes,
        bytes_per_epoch=packing.BYTES_PER_NUMBER * _NUMBERS_PER_BIN * int(bins),
    )
    found = run.classification.calibration(run.snapshots(clock.epochs), int(bins))
    two = run.classes == 2
    name = run.class_names[1] if two else ""
    x = share_axis(
        alt.X,
        fitted(f"Predicted probability of class {name}", room, size=AXIS_TITLE_SIZE)
        if two
        else "Probability of the predicted class",
    )
    y = share_axis(
        alt.Y,
        fitted(f"Observed share of class {name}", height, size=AXIS_TITLE_SIZE)
        if two
        else "Accuracy",
    )
    heading = chart_title(title, "Calibration \N{MIDDLE DOT} epoch {epoch}", clock)
    note_not_finite(heading, clock, "output", room, run.outputs(epochs=clock.epochs))
    error = Shown("ECE", found.expected_error(), colors.METRIC, colors.on_dark(colors.METRIC))
    return layered(
        [
            reference_line(x, y, (0, 1)),
            *_bins(clock, found, x, y),
            *value_labels(clock, [error], corner="right", width=width, room=room, height=height),
        ],
        clock,
        title=heading,
        width=width,
        height=height,
    )


def _bins(clock: Clock, found: CalibrationBins, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Return the distances to the diagonal, a line through the bins, and their dots."""
    edges = [packing.shortened(edge) for edge in found.edges]
    changing = {
        "count": found.counts.T.tolist(),
        "x": _shortened(found.predicted.T),
        "y": _shortened(found.observed.T),
    }
    constant = {"bin_start": edges[:-1], "bin_end": edges[1:]}
    rows = packing.by_epoch(clock, constant, changing)
    base = (
        alt.Chart(packing.PackedData(rows))
        .transform_calculate(**{name: packing.entry(name, clock) for name in changing})
        .transform_filter("datum.count > 0")
        .encode(
            x=x,
            y=y,
            tooltip=[
                alt.Tooltip("bin_start:Q", title="From", format=".3~g"),
                alt.Tooltip("bin_end:Q", title="To", format=".3~g"),
                alt.Tooltip("count:Q", title="Points", format=","),
                alt.Tooltip("x:Q", title="Predicted", format=".3f"),
                alt.Tooltip("y:Q", title="Observed", format=".3f"),
            ],
        )
    )
    points = int(found.counts.sum(axis=1).max(initial=1))
    color = adaptive(colors.METRIC)
    return [
        base.transform_calculate(diagonal="datum.x")
        .mark_rule(color=adaptive(colors.WRONG), strokeWidth=2, aria=False)
        .encode(y2=alt.Y2("diagonal:Q")),
        base.mark_line(color=color, strokeWidth=1.5, tooltip=None, aria=False).encode(
            order=alt.Order("bin_start:Q")
        ),
        base.mark_circle(color=color, opacity=1, aria=False).encode(
            size=outright(
                alt.SizeValue,
                f"{_SMALLEST_DOT} + {_ALL_POINTS} * datum.count / {max(points, 1)}",
            )
        ),
    ]


def _shortened(values: np.ndarray) -> list[list[float | None]]:
    return [[packing.shortened(value, _DIGITS) for value in row] for row in values]
