"""`probability_histogram`: how confident the network is about the cases of each class."""

from typing import Literal, get_args

import altair as alt
import numpy as np
import pandas as pd

from replaychart.arguments import require_at_least, require_one_of
from replaychart.drawing import colors
from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.counts import count_bars, highest_count, total_label
from replaychart.drawing.packing import BYTES_PER_NUMBER
from replaychart.drawing.plane import probability_title
from replaychart.drawing.samples import SampleCounts
from replaychart.drawing.sizes import Width, width_for_texts
from replaychart.drawing.texts import AXIS_TITLE_SIZE, fitted
from replaychart.drawing.titles import Title, chart_title, check_chart, named_title
from replaychart.errors import ArgumentError
from replaychart.facts.epochs import Epochs
from replaychart.frames.histograms import MOST_BINS, bin_edges
from replaychart.run import Run

# Whether all panels share one count axis.
CountAxis = Literal["shared", "per-class"]

# Panels are stacked in columns of at most this many.
_PANELS_PER_COLUMN = 5
# The totals are in the middle of a panel, at the top. These fractions of the panel's width and
# height are half the room they need horizontally, and the room they need vertically.
_HALF_OF_TOTALS = 0.25
_SHARE_OF_TOTALS = 0.27


def probability_histogram(
    run: Run,
    *,
    target: int | None = None,
    bins: int = 10,
    count_axis: CountAxis = "shared",
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
        the chart; it needs `target`.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned to
        evenly spaced epochs, with a warning. None means no limit.

    Returns
    -------
    altair.VConcatChart or altair.LayerChart
        One panel per class, in columns of up to five; with `target`, a single panel. Correct and
        wrong predictions differ in colour. The count axis is the same at every epoch.

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
    if width == "container" and target is None:
        message = (
            "width='container' needs a single panel, because Vega-Lite has no container for charts "
            "below each other: pass target=0, for example. Got target=None."
        )
        raise ArgumentError(message)
    room = width_for_texts(width)
    require_one_of("count_axis", count_axis, get_args(CountAxis))
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
            x_title=fitted(probability_title(run), room, size=AXIS_TITLE_SIZE),
            highest=_height(of_class[case] if count_axis == "per-class" else frame),
            title=_title(run, case, room),
            points=int((run.targets == case).sum()),
            width=width,
            height=height,
            shows=SampleCounts(
                run,
                clock,
                "probability",
                bin_edges(frame),
                lambda: np.clip(run.point_probabilities(epochs=clock.epochs), 0, 1),
                target=case,
                by_correctness=True,
            ),
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
    """Return the end of the count axes, with room for all bars and for the totals above them."""
    middle = (frame["bin_start"] + frame["bin_end"]) / 2
    below = frame[(middle - 0.5).abs() < _HALF_OF_TOTALS]
    highest = highest_count(frame, by=["target"])
    if not len(below):
        return highest
    return max(highest, round(highest_count(below, by=["target"]) / (1 - _SHARE_OF_TOTALS)))


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
    clock: Clock,
    frame: pd.DataFrame,
    *,
    x_title: str,
    highest: int,
    title: str,
    points: int,
    width: Width,
    height: int,
    shows: SampleCounts,
) -> alt.LayerChart:
    bars = count_bars(clock, frame, x_title=x_title, highest=highest, shows=shows)
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
