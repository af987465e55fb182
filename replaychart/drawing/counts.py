"""Histogram bars over bins that are the same for the whole run."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from replaychart.drawing import packing
from replaychart.drawing.backgrounds import adaptive, adaptive_column, adaptive_expression
from replaychart.drawing.clock import Clock
from replaychart.drawing.colors import on_dark
from replaychart.drawing.expressions import literal, outright
from replaychart.drawing.limits import ScaleType, tick_format
from replaychart.drawing.samples import SampleCounts
from replaychart.drawing.sizes import Width, from_left

# Up to this count, the axis has a tick for every whole number.
_FEW = 5


def count_bars(
    clock: Clock,
    frame: pd.DataFrame,
    *,
    x_title: str,
    highest: int,
    counted: str = "points",
    x_scale: ScaleType = "linear",
    shows: SampleCounts | None = None,
) -> alt.Chart:
    """Return bars whose heights follow the epoch.

    Parameters
    ----------
    clock : Clock
        The chart's epochs.
    frame : pandas.DataFrame
        One row per epoch, bin and colour: ``epoch``, ``bin_start``, ``bin_end``, ``count`` and
        ``color``, in the same order within each epoch. Bars in one bin are stacked in that order.
    x_title : str
        Title of the value axis.
    highest : int
        Upper end of the count axis.
    counted : str, default "points"
        What is counted.
    x_scale : {"linear", "log"}, default "linear"
        The scale of the value axis. The bins are as wide as their edges say.
    shows : SampleCounts, optional
        Which samples the bars count, if they count samples.
    """
    first = frame[frame["epoch"] == clock.epochs[0]]
    counts = frame["count"].to_numpy().reshape(len(clock.epochs), -1)
    edges = {name: list(map(packing.shortened, first[name])) for name in ("bin_start", "bin_end")}
    limits = [
        packing.shortened(first["bin_start"].min()),
        packing.shortened(first["bin_end"].max()),
    ]
    constant = {**edges, "color": first["color"].tolist(), "order": list(range(len(first)))}
    rows = packing.by_epoch(clock, constant, {"count": counts.T.tolist()})
    return (
        alt.Chart(packing.PackedData(rows, shows))
        .transform_calculate(count=packing.entry("count", clock))
        .transform_filter("datum.count > 0")
        .mark_bar(aria=False)  # see `texts`
        .encode(
            x=alt.X(
                "bin_start:Q",
                bin="binned",
                title=x_title,
                axis=alt.Axis(
                    labelFlush=False,
                    tickCount=5,
                    **_tick_format(first, x_scale),
                ),
                scale=alt.Scale(type=x_scale, domain=limits, nice=False, zero=alt.Undefined),
            ),
            x2="bin_end:Q",
            y=alt.Y(
                "count:Q",
                title=f"Number of {counted}",
                stack="zero",
                axis=_count_axis(highest),
                scale=alt.Scale(domain=[0, highest], nice=True),
            ),
            color=_outright(first["color"]),
            detail="color:N",
            order="order:Q",
            tooltip=[
                alt.Tooltip("bin_start:Q", title="From", format=".3~g"),
                alt.Tooltip("bin_end:Q", title="To", format=".3~g"),
                alt.Tooltip("count:Q", title=counted.capitalize()),
            ],
        )
    )


def _tick_format(bins: pd.DataFrame, x_scale: ScaleType) -> dict[str, Any]:
    """Return how the ticks of the bins' axis are written."""
    if x_scale == "log":
        return {"format": "~g"}
    return tick_format(bins["bin_start"].min(), bins["bin_end"].max())


def _count_axis(highest: int) -> alt.Axis:
    """Return the count axis, without ticks at fractions."""
    if highest > _FEW:
        return alt.Axis(tickCount=5)
    return alt.Axis(values=list(range(highest + 1)), format="d")


def _outright(tones: pd.Series) -> Any:
    """Return the encoding of a column of one or two colours, without a field or a scale.

    If the chart were placed next to one that is coloured by class, a scale would be merged with
    that of the classes, and even a field without a scale would add its name to their legend.
    """
    tone, *others = tones.unique().tolist()
    if not others:
        return outright(adaptive_expression(tone))
    (other,) = others
    dark = {color: on_dark(color) for color in (tone, other)}
    return outright(adaptive_column("datum.color", dark))


def total_label(
    clock: Clock, totals: np.ndarray, *, suffix: str, color: str, line: int, width: Width
) -> alt.Chart:
    """Return a label at the top: the total at the epoch shown, and what it counts.

    It is centred, because the bars of a trained network are at the sides.

    Parameters
    ----------
    clock : Clock
        The chart's epochs.
    totals : numpy.ndarray of int, shape (epochs,)
        The total at each epoch.
    suffix : str
        What is counted.
    color : str
        The colour of the label, which explains the colour of the bars.
    line : int
        The label's line, counted from 0.
    width : int or "container"
        The chart's width.
    """
    rows = packing.by_epoch(clock, {"of": [suffix]}, {"count": [totals.tolist()]})
    return (
        alt.Chart(packing.PackedData(rows))
        .transform_calculate(
            label=f"format({packing.entry('count', clock)}, ',') + {literal(' ' + suffix)}"
        )
        .mark_text(
            align="center",
            baseline="top",
            color=adaptive(color),
            fontSize=11,
            fontWeight=600,
            tooltip=None,
        )
        .encode(text="label:N", x=from_left(width, share=0.5), y=alt.value(6 + 15 * line))
    )


def highest_count(frame: pd.DataFrame, *, by: list[str]) -> int:
    """Return the largest count of any bin at any epoch.

    Parameters
    ----------
    frame : pandas.DataFrame
        The columns ``epoch``, ``bin_start``, ``count`` and those in `by`.
    by : list of str
        Columns whose groups are drawn separately; all other rows of a bin are stacked.
    """
    return max(1, int(frame.groupby(["epoch", "bin_start", *by])["count"].sum().max()))


def histogram_of_all(
    clock: Clock,
    frame: pd.DataFrame,
    *,
    color: str,
    x_title: str,
    title: alt.TitleParams,
    width: Width,
    height: int,
    counted: str = "points",
    x_scale: ScaleType = "linear",
    shows: SampleCounts | None = None,
) -> alt.Chart:
    """Return bars over all points together, as a complete chart.

    Parameters
    ----------
    clock : Clock
        The chart's epochs.
    frame : pandas.DataFrame
        One row per epoch and bin: ``epoch``, ``bin_start``, ``bin_end`` and ``count``.
    color : str
        Colour of the bars.
    x_title : str
        Title of the value axis.
    title : altair.TitleParams
        Title of the chart.
    width : int or "container"
        Width of the chart.
    height : int
        Height in pixels.
    counted : str, default "points"
        What is counted.
    x_scale : {"linear", "log"}, default "linear"
        The scale of the value axis.
    shows : SampleCounts, optional
        Which samples the bars count, if they count samples.
    """
    highest = highest_count(frame, by=[])
    bars = count_bars(
        clock,
        frame.assign(color=color),
        x_title=x_title,
        highest=highest,
        counted=counted,
        x_scale=x_scale,
        shows=shows,
    )
    return bars.properties(title=title, width=width, height=height).add_params(*clock.parameters)
