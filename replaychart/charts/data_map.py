"""`data_map`: which points a network learns easily, late or never."""

import math

import altair as alt
import numpy as np

from replaychart.arguments import require_at_least
from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive, adaptive_range
from replaychart.drawing.budget import MAX_BYTES, kept
from replaychart.drawing.clock import Clock
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.packing import BYTES_PER_NUMBER, Ruler
from replaychart.drawing.plane import class_labels
from replaychart.drawing.samples import SamplePositions
from replaychart.drawing.texts import NO_LIMIT
from replaychart.drawing.titles import (
    Title,
    add_subtitle,
    chart_title,
    check_chart,
    note_not_finite,
)
from replaychart.evaluation.sample_statistics import UpToNow
from replaychart.facts.epochs import Epochs
from replaychart.frames.histograms import MOST_BINS
from replaychart.run import Run

# The axis of the variability ends at a multiple of this; no standard deviation of numbers between 0
# and 1 exceeds 0.5.
_VARIABILITY_STEP = 0.05
# Height of the histogram above the map, and width of the one beside it, in pixels.
_MARGINAL = 54
_STEP = Ruler(0.0, 0.002)
# What points have in common that lie further left, or here, by the confidence.
_REGIONS = (
    (0.98, "\N{LEFTWARDS ARROW} easy to learn"),
    (0.5, "ambiguous"),
    (0.02, "\N{LEFTWARDS ARROW} hard to learn, or wrong label"),
)


def data_map(
    run: Run,
    *,
    bins: int = 20,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: int = 300,
    height: int = 300,
    max_bytes: float | None = MAX_BYTES,
) -> alt.VConcatChart:
    """Draw how confident the network was of each point's true class, and how much that changed.

    Each point is at its mean probability of the true class (confidence) and the standard deviation
    of that probability (variability), over all recorded snapshots up to the epoch shown: exactly
    those of `Run.samples`, if all epochs are included. Easy points gather at the top left, points
    that are hard to learn or have a wrong label at the bottom left, and ambiguous ones at the
    right. No point can be beyond the dashed curve. Histograms show both distributions; bars are cut
    off where they are higher than all those in the second half of the epochs.

    Parameters
    ----------
    run : Run
        A recorded training run of a classifier.
    bins : int, default 20
        Number of bins of each histogram, at most 1,000.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. The statistics also count the recorded epochs in between.
        Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown. Default: "Data map".
    width, height : int, default 300
        Size of the map in pixels, without the histograms.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned, with
        a warning: first to evenly spaced epochs, down to 200; then to a proportional sample of each
        class, down to 2,000 points; then both further. None means no limit.

    Returns
    -------
    altair.VConcatChart
        The map, colored by the share of snapshots at which the point was predicted correctly,
        with the histograms above and beside it. Its rows have the number of the ``point``.

    Raises
    ------
    ArgumentError
        An epoch was not recorded, or another argument is invalid.
    EvaluationError
        The model cannot be rebuilt, or the run does not predict one class, with a probability, for
        each point.

    Warns
    -----
    UserWarning
        Epochs or points are left out to stay within `max_bytes`.

    See Also
    --------
    Run.samples : The numbers, with forgetting events, epochs and margins.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.data_map(run, epochs=slice(None, None, 5))

    References
    ----------
    S. Swayamdipta et al., "Dataset Cartography: Mapping and Diagnosing Datasets with Training
    Dynamics" (2020), https://aclanthology.org/2020.emnlp-main.746
    """
    check_chart(run, width, height, max_bytes, container=False)
    require_at_least("bins", bins, 1, most=MOST_BINS)
    clock, points = kept(
        run,
        Clock.of(run, epochs, epoch),
        max_bytes,
        bytes_per_point=BYTES_PER_NUMBER * len(UpToNow._fields),
        bytes_per_epoch=BYTES_PER_NUMBER * 2 * int(bins),
    )
    statistics = run.sample_statistics.up_to(run.snapshots(clock.epochs))
    heading = chart_title(title, "Data map", clock)
    note_not_finite(heading, clock, "probabilities", width, statistics.confidence)
    add_subtitle(heading, "over the recorded epochs up to the one shown", width)
    end = _end_of_variability(statistics.variability)
    above = _histogram(clock, statistics.variability, end, int(bins), "x")
    beside = _histogram(clock, statistics.confidence, 1.0, int(bins), "y")
    the_map = alt.LayerChart(
        layer=[_limit(end), _regions(end), _points(run, clock, points, statistics, end)],
        width=width,
        height=height,
    )
    return alt.VConcatChart(
        vconcat=[
            above.properties(width=width, height=_MARGINAL, title=heading),
            alt.HConcatChart(
                hconcat=[the_map, beside.properties(width=_MARGINAL, height=height)], spacing=8
            ),
        ],
        spacing=8,
        # So that the colors are not taken for those of a neighboring chart.
        resolve=alt.Resolve(scale=alt.ScaleResolveMap(color="independent")),
    ).add_params(*clock.parameters)


def _end_of_variability(variability: np.ndarray) -> float:
    """Return the end of the axis, which fits the whole run."""
    largest = float(variability[np.isfinite(variability)].max(initial=0))
    steps = max(2, math.ceil(largest / _VARIABILITY_STEP - 1e-6))
    return round(steps * _VARIABILITY_STEP, 2)


def _points(
    run: Run, clock: Clock, points: np.ndarray, statistics: UpToNow, end: float
) -> alt.Chart:
    labels = class_labels(run)
    rows = packing.by_epoch(
        clock,
        {"point": points.tolist(), "target": [labels[target] for target in run.targets[points]]},
        {
            "x": _STEP.measured(statistics.variability[:, points].T),
            "y": _STEP.measured(statistics.confidence[:, points].T),
            "correctness": _STEP.measured(statistics.correctness[:, points].T),
        },
    )
    entries = {
        name: _STEP.expression(packing.entry(name, clock)) for name in ("x", "y", "correctness")
    }
    shows = SamplePositions(run, clock, points, (_STEP, _STEP))
    return (
        alt.Chart(packing.PackedData(rows, shows))
        .transform_calculate(**entries)
        .mark_circle(size=18, opacity=0.85, aria=False)
        .encode(
            x=_axis("x", "Variability (standard deviation)", end),
            y=_axis("y", "Confidence (mean probability of the true class)", 1.0),
            color=alt.Color(
                "correctness:Q",
                title="Correct at",
                scale=alt.Scale(
                    domain=[0, 0.5, 1],
                    range=adaptive_range(colors.CORRECTNESS),
                    interpolate="rgb",
                ),
                legend=alt.Legend(
                    orient="bottom",
                    direction="horizontal",
                    titleOrient="left",
                    titleLimit=NO_LIMIT,
                    gradientLength=150,
                    gradientThickness=10,
                    values=[0, 0.5, 1],
                    format=".0%",
                ),
            ),
            tooltip=[
                alt.Tooltip("point:Q", title="Point"),
                alt.Tooltip("target:N", title="Class"),
                alt.Tooltip("y:Q", title="Confidence", format=".2f"),
                alt.Tooltip("x:Q", title="Variability", format=".2f"),
                alt.Tooltip("correctness:Q", title="Correct at", format=".0%"),
            ],
        )
    )


def _axis(channel: str, title: str, end: float) -> alt.X | alt.Y:
    of = alt.X if channel == "x" else alt.Y
    scale = alt.Scale(domain=[0, end], nice=False)
    return of(f"{channel}:Q", title=title, scale=scale, axis=alt.Axis(tickCount=5, grid=False))


def _limit(end: float) -> alt.Chart:
    """Return the curve of the largest variability for each confidence, as far as the axis goes."""
    variability = np.linspace(0, end, 41)
    below = 0.5 - np.sqrt(np.maximum(0.25 - variability**2, 0))
    rows = [
        {"x": round(v, 4), "y": round(c, 4), "half": half}
        for half, values in enumerate((below, 1 - below))
        for c, v in zip(values.tolist(), variability.tolist(), strict=True)
    ]
    return (
        alt.Chart(packing.PackedData(rows))
        .mark_line(
            color=adaptive(colors.REFERENCE),
            strokeWidth=1,
            strokeDash=[3, 3],
            tooltip=None,
            aria=False,
        )
        .encode(
            x=alt.X("x:Q"),
            y=alt.Y("y:Q"),
            order=alt.Order("x:Q"),
            detail=alt.Detail("half:N"),
        )
    )


def _regions(end: float) -> alt.Chart:
    """Return what points in a part of the map have in common, in words at the right."""
    rows = [{"x": end, "y": at, "text": text} for at, text in _REGIONS]
    return (
        alt.Chart(packing.PackedData(rows))
        .mark_text(
            align="right",
            dx=-4,
            color=adaptive(colors.MUTED),
            fontSize=12,
            tooltip=None,
            aria=False,
        )
        .encode(x=alt.X("x:Q"), y=alt.Y("y:Q"), text=alt.Text("text:N"))
    )


def _histogram(clock: Clock, values: np.ndarray, end: float, bins: int, channel: str) -> alt.Chart:
    """Return bars of the counts of values from 0 to `end`, above or beside the map."""
    edges = np.linspace(0, end, bins + 1)
    counts = np.stack([np.histogram(np.clip(one, 0, end), edges)[0] for one in values])
    rows = packing.by_epoch(
        clock,
        {
            "start": [packing.shortened(edge) for edge in edges[:-1]],
            "end": [packing.shortened(edge) for edge in edges[1:]],
        },
        {"count": counts.T.tolist()},
    )
    # In the beginning, all points are in one bin: bars that high would hide all others.
    highest = max(1, int(counts[len(counts) // 2 :].max()))
    along, across = (alt.X, alt.Y) if channel == "x" else (alt.Y, alt.X)
    scale = alt.Scale(domain=[0, end], nice=False)
    bars = {
        channel: along("start:Q", bin="binned", title=None, scale=scale, axis=_BARE),
        f"{channel}2": alt.X2("end:Q") if channel == "x" else alt.Y2("end:Q"),
        "y" if channel == "x" else "x": across(
            "count:Q",
            title="Points",
            scale=alt.Scale(domain=[0, highest], nice=True),
            axis=alt.Axis(tickCount=2, grid=False, format="d"),
        ),
    }
    return (
        alt.Chart(packing.PackedData(rows))
        .transform_calculate(count=packing.entry("count", clock))
        .transform_filter("datum.count > 0")
        .mark_bar(color=adaptive(colors.MUTED), clip=True, aria=False)
        .encode(
            **bars,
            tooltip=[
                alt.Tooltip("start:Q", title="From", format=".3~g"),
                alt.Tooltip("end:Q", title="To", format=".3~g"),
                alt.Tooltip("count:Q", title="Points"),
            ],
        )
    )


_BARE = alt.Axis(labels=False, ticks=False, grid=False)
