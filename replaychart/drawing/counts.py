"""Histogram bars over bins that are the same for the whole run."""

import dataclasses
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive_column, adaptive_expression
from replaychart.drawing.clock import Clock
from replaychart.drawing.colors import on_dark
from replaychart.drawing.count_axes import CountAxes
from replaychart.drawing.expressions import literal, outright
from replaychart.drawing.limits import ScaleType
from replaychart.drawing.samples import SampleCounts
from replaychart.drawing.sizes import Width
from replaychart.drawing.texts import SMALL_SIZE
from replaychart.drawing.validation_counts import Outline, highest_outline, note_outline


def count_bars(
    clock: Clock, frame: pd.DataFrame, axes: CountAxes, *, shows: SampleCounts | None = None
) -> alt.Chart:
    """Return bars whose heights follow the epoch.

    Parameters
    ----------
    clock : Clock
        The chart's epochs.
    frame : pandas.DataFrame
        One row per epoch, bin and color: ``epoch``, ``bin_start``, ``bin_end``, ``count`` and
        ``color``, in the same order within each epoch. Bars in one bin are stacked in that order;
        those with a column ``side`` of -1 hang down from 0.
    axes : CountAxes
        The axes.
    shows : SampleCounts, optional
        Which samples the bars count, if they count samples.
    """
    first = frame[frame["epoch"] == clock.epochs[0]]
    counts = frame["count"].to_numpy().reshape(len(clock.epochs), -1)
    edges = {name: list(map(packing.shortened, first[name])) for name in ("bin_start", "bin_end")}
    constant = {**edges, "color": first["color"].tolist(), "order": list(range(len(first)))}
    height = "datum.count"
    if "side" in first:
        constant["side"] = first["side"].tolist()
        height = "datum.count * datum.side"
    rows = packing.by_epoch(clock, constant, {"count": counts.T.tolist()})
    bars = (
        alt.Chart(packing.PackedData(rows, shows))
        .transform_calculate(count=packing.entry("count", clock))
        .transform_filter("datum.count > 0")
        .transform_calculate(height=height)
    )
    return bars_of_counts(bars, axes, color=_color(first["color"])).encode(
        detail=alt.Detail("color:N")
    )


def bars_of_counts(bars: alt.Chart, axes: CountAxes, *, color: Any) -> alt.Chart:
    """Return bars, given their edges, heights and order.

    Parameters
    ----------
    bars : altair.Chart
        One row per bar: ``bin_start``, ``bin_end``, ``count``, ``height`` (negative if it hangs
        down), and ``order`` within its bin.
    axes : CountAxes
        The axes.
    color : object
        The encoding of the color.
    """
    return bars.mark_bar(aria=False).encode(  # see `texts`
        x=axes.x(bin="binned"),
        x2=alt.X2("bin_end:Q"),
        y=axes.y(stack="zero"),
        color=color,
        order=alt.Order("order:Q"),
        tooltip=[
            alt.Tooltip("bin_start:Q", title="From", format=".3~g"),
            alt.Tooltip("bin_end:Q", title="To", format=".3~g"),
            alt.Tooltip("count:Q", title="Number"),
        ],
    )


def _color(tones: pd.Series) -> alt.ColorValue:
    """Return the encoding of a column of colors, without a field or a scale.

    If the chart were placed next to one that is colored by class, a scale would be merged with
    that of the classes, and even a field without a scale would add its name to their legend.
    """
    different = tones.unique().tolist()
    if len(different) == 1:
        return outright(alt.ColorValue, adaptive_expression(different[0]))
    dark = {color: on_dark(color) for color in different}
    return outright(alt.ColorValue, adaptive_column("datum.color", dark))


@dataclasses.dataclass(frozen=True)
class TotalLabel:
    """Where a total is written.

    Attributes
    ----------
    x : object
        The encoding of its horizontal position, in pixels.
    y : float or altair.Value
        Its vertical position, in pixels.
    align : {"left", "center", "right"}
        Which part of the text is at this position.
    baseline : {"top", "bottom"}, default "top"
        Which part of the line is.
    """

    x: Any
    y: float
    align: Literal["left", "center", "right"]
    baseline: Literal["top", "bottom"] = "top"


def total_label(
    clock: Clock,
    totals: np.ndarray,
    place: TotalLabel,
    *,
    before: str = "",
    suffix: str,
    color: str = colors.MUTED,
) -> alt.Chart:
    """Return a label with the total at the epoch shown, and what it counts.

    Parameters
    ----------
    clock : Clock
        The chart's epochs.
    totals : numpy.ndarray of int, shape (epochs,)
        The total at each epoch.
    place : TotalLabel
        Where the label is.
    before, suffix : str
        The text before the total, and what is counted.
    color : str, optional
        The color of the label if the total is not 0, which explains the color of the bars.
        Default: that of secondary texts.
    """
    rows = packing.by_epoch(clock, {"of": [suffix]}, {"count": [totals.tolist()]})
    count = packing.entry("count", clock)
    row = alt.Chart(packing.PackedData(rows))
    return counted_label(row, count, place, before=before, suffix=suffix, color=color)


def counted_label(
    row: alt.Chart,
    count: str,
    place: TotalLabel,
    *,
    before: str = "",
    suffix: str,
    color: str = colors.MUTED,
) -> alt.Chart:
    """Return a label as `total_label` does, given a single row and the expression for its count."""
    tone = f"({count} > 0 ? {adaptive_expression(color)} : {adaptive_expression(colors.MUTED)})"
    return (
        row.transform_calculate(
            label=f"{literal(before)} + format({count}, ',') + {literal(suffix)}"
        )
        .mark_text(
            align=place.align,
            baseline=place.baseline,
            fontSize=SMALL_SIZE,
            fontWeight=600,
            tooltip=None,
        )
        .encode(
            text=alt.Text("label:N"),
            x=place.x,
            y=alt.YValue(place.y),
            color=outright(alt.ColorValue, tone),
        )
    )


def counted_of(total: int, what: str = "points") -> str:
    """Return the title of a count axis, which relates the counts to their total."""
    return f"{what.capitalize()} (of {total:,})"


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
    counted: str,
    x_scale: ScaleType = "linear",
    shows: SampleCounts | None = None,
    outline: Outline | None = None,
) -> alt.Chart | alt.LayerChart:
    """Return bars over all points together, as a complete chart.

    Parameters
    ----------
    clock : Clock
        The chart's epochs.
    frame : pandas.DataFrame
        One row per epoch and bin: ``epoch``, ``bin_start``, ``bin_end`` and ``count``.
    color : str
        Color of the bars.
    x_title : str
        Title of the value axis.
    title : altair.TitleParams
        Title of the chart.
    width : int or "container"
        Width of the chart.
    height : int
        Height in pixels.
    counted : str
        What is counted, and of how many; the title of the count axis.
    x_scale : {"linear", "log"}, default "linear"
        The scale of the value axis.
    shows : SampleCounts, optional
        Which samples the bars count, if they count samples.
    outline : Outline, optional
        The counts of the validation points, if there are any.
    """
    limits = float(frame["bin_start"].min()), float(frame["bin_end"].max())
    highest = max(highest_count(frame, by=[]), highest_outline([outline]))
    axes = CountAxes(limits, x_title, (0, highest), counted, x_scale)
    drawn: alt.Chart | alt.LayerChart = count_bars(
        clock, frame.assign(color=color), axes, shows=shows
    )
    if outline is not None:
        note_outline(title, outline, width)
        drawn = alt.LayerChart(layer=[drawn, outline.layer(clock, axes)])
    return drawn.properties(title=title, width=width, height=height).add_params(*clock.parameters)
