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
from replaychart.drawing.expressions import literal, outright
from replaychart.drawing.limits import ScaleType, log_ticks, tick_format
from replaychart.drawing.sizes import Width
from replaychart.drawing.texts import SMALL_SIZE

# Up to this count, the axis has a tick for every whole number.
_FEW = 5


def count_bars(
    clock: Clock,
    frame: pd.DataFrame,
    *,
    x_title: str,
    ends: tuple[int, int],
    counted: str,
    x_scale: ScaleType = "linear",
) -> alt.Chart:
    """Return bars whose heights follow the epoch.

    Parameters
    ----------
    clock : Clock
        The chart's epochs.
    frame : pandas.DataFrame
        One row per epoch, bin and colour: ``epoch``, ``bin_start``, ``bin_end``, ``count`` and
        ``color``, in the same order within each epoch. Bars in one bin are stacked in that order;
        those with a column ``side`` of -1 hang down from 0.
    x_title : str
        Title of the value axis.
    ends : tuple of int
        Ends of the count axis: how far bars hang down, 0 if none does, and how high they rise.
    counted : str
        What is counted, and of how many; the title of the count axis.
    x_scale : {"linear", "log"}, default "linear"
        The scale of the value axis. The bins are as wide as their edges say.
    """
    first = frame[frame["epoch"] == clock.epochs[0]]
    counts = frame["count"].to_numpy().reshape(len(clock.epochs), -1)
    edges = {name: list(map(packing.shortened, first[name])) for name in ("bin_start", "bin_end")}
    low, high = float(first["bin_start"].min()), float(first["bin_end"].max())
    constant = {**edges, "color": first["color"].tolist(), "order": list(range(len(first)))}
    height = "datum.count"
    if "side" in first:
        constant["side"] = first["side"].tolist()
        height = "datum.count * datum.side"
    rows = packing.by_epoch(clock, constant, {"count": counts.T.tolist()})
    return (
        alt.Chart(packing.PackedData(rows))
        .transform_calculate(count=packing.entry("count", clock))
        .transform_filter("datum.count > 0")
        .transform_calculate(height=height)
        .mark_bar(aria=False)  # see `texts`
        .encode(
            x=alt.X(
                "bin_start:Q",
                bin="binned",
                title=x_title,
                axis=_value_axis(low, high, x_scale),
                scale=alt.Scale(
                    type=x_scale,
                    domain=[packing.shortened(low), packing.shortened(high)],
                    nice=False,
                    zero=alt.Undefined,
                ),
            ),
            x2="bin_end:Q",
            y=alt.Y(
                "height:Q",
                title=counted,
                stack="zero",
                axis=_count_axis(*ends),
                scale=alt.Scale(domain=[-ends[0], ends[1]], nice=not ends[0]),
            ),
            color=_outright(first["color"]),
            detail="color:N",
            order="order:Q",
            tooltip=[
                alt.Tooltip("bin_start:Q", title="From", format=".3~g"),
                alt.Tooltip("bin_end:Q", title="To", format=".3~g"),
                alt.Tooltip("count:Q", title="Number"),
            ],
        )
    )


def _value_axis(low: float, high: float, x_scale: ScaleType) -> alt.Axis:
    """Return the axis of the values, whose numbers are written out where they are readable."""
    if x_scale == "linear":
        return alt.Axis(labelFlush=False, tickCount=5, **tick_format(low, high))
    return alt.Axis(
        labelFlush=False,
        values=log_ticks(low, high),
        # Vega would write 0.001 as 1e-3.
        labelExpr="datum.value < 0.001 ? format(datum.value, '.0e') : format(datum.value, ',.3~r')",
    )


def _count_axis(down: int, up: int) -> alt.Axis:
    """Return the count axis, without ticks at fractions and without negative numbers."""
    options: dict[str, Any] = {"tickCount": 4}
    if max(down, up) <= _FEW:
        options = {"values": list(range(-down, up + 1)), "format": "d"}
    if down:
        options["labelExpr"] = "format(abs(datum.value), ',')"
    return alt.Axis(**options)


def _outright(tones: pd.Series) -> Any:
    """Return the encoding of a column of colours, without a field or a scale.

    If the chart were placed next to one that is coloured by class, a scale would be merged with
    that of the classes, and even a field without a scale would add its name to their legend.
    """
    different = tones.unique().tolist()
    if len(different) == 1:
        return outright(adaptive_expression(different[0]))
    dark = {color: on_dark(color) for color in different}
    return outright(adaptive_column("datum.color", dark))


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
        The colour of the label if the total is not 0, which explains the colour of the bars.
        Default: that of secondary texts.
    """
    rows = packing.by_epoch(clock, {"of": [suffix]}, {"count": [totals.tolist()]})
    count = packing.entry("count", clock)
    tone = f"({count} > 0 ? {adaptive_expression(color)} : {adaptive_expression(colors.MUTED)})"
    return (
        alt.Chart(packing.PackedData(rows))
        .transform_calculate(label=f"{literal(before)} + format({count}, ',') + {literal(suffix)}")
        .mark_text(
            align=place.align,
            baseline=place.baseline,
            fontSize=SMALL_SIZE,
            fontWeight=600,
            tooltip=None,
        )
        .encode(text="label:N", x=place.x, y=alt.value(place.y), color=outright(tone))
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
    counted : str
        What is counted, and of how many; the title of the count axis.
    x_scale : {"linear", "log"}, default "linear"
        The scale of the value axis.
    """
    highest = highest_count(frame, by=[])
    bars = count_bars(
        clock,
        frame.assign(color=color),
        x_title=x_title,
        ends=(0, highest),
        counted=counted,
        x_scale=x_scale,
    )
    return bars.properties(title=title, width=width, height=height).add_params(*clock.parameters)
