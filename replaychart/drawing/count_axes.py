"""The axes of histograms, whose bins are the same for the whole run."""

import dataclasses
from typing import Any

import altair as alt

from replaychart.drawing import packing
from replaychart.drawing.limits import ScaleType, log_ticks, tick_format, ticks

# Up to this count, the axis has a tick for every whole number.
_FEW = 5


@dataclasses.dataclass(frozen=True)
class CountAxes:
    """The axes of a histogram.

    Attributes
    ----------
    limits : tuple of float
        Ends of the value axis.
    x_title : str
        Title of the value axis.
    ends : tuple of int
        Ends of the count axis: how far bars hang down, 0 if none does, and how high they rise.
    counted : str
        What is counted, and of how many; the title of the count axis.
    x_scale : {"linear", "log"}, default "linear"
        The scale of the value axis. The bins are as wide as their edges say.
    """

    limits: tuple[float, float]
    x_title: str
    ends: tuple[int, int]
    counted: str
    x_scale: ScaleType = "linear"

    def x(self, **options: Any) -> alt.X:
        """Return the encoding of the value axis, for the column ``bin_start``."""
        low, high = self.limits
        return alt.X(
            "bin_start:Q",
            title=self.x_title,
            axis=_value_axis(low, high, self.x_scale),
            scale=alt.Scale(
                type=self.x_scale,
                domain=[packing.shortened(low), packing.shortened(high)],
                nice=False,
                zero=alt.Undefined,
            ),
            **options,
        )

    def y(self, **options: Any) -> alt.Y:
        """Return the encoding of the count axis, for the column ``height``."""
        down, up = self.ends
        return alt.Y(
            "height:Q",
            title=self.counted,
            axis=_count_axis(down, up),
            scale=alt.Scale(domain=[-down, up], nice=not down),
            **options,
        )


def _value_axis(low: float, high: float, x_scale: ScaleType) -> alt.Axis:
    """Return the axis of the values, whose numbers are written out where they are readable."""
    if x_scale == "linear":
        return alt.Axis(labelFlush=False, **ticks(low, high), **tick_format(low, high))
    return alt.Axis(
        labelFlush=False,
        values=log_ticks(low, high),
        # Vega would write 0.001 as 1e-3.
        labelExpr=(
            "datum.value >= 0.001 && datum.value < 1e6 ? format(datum.value, ',.3~r')"
            " : format(datum.value, '.0e')"
        ),
    )


def _count_axis(down: int, up: int) -> alt.Axis:
    """Return the count axis, without ticks at fractions and without negative numbers."""
    options: dict[str, Any] = ticks(-down, up)
    if max(down, up) <= _FEW:
        options = {"values": list(range(-down, up + 1)), "format": "d"}
    if down:
        options["labelExpr"] = "format(abs(datum.value), ',')"
    return alt.Axis(**options)
