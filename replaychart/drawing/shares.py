"""What charts of shares from 0 to 1 have in common: their square, its diagonal, and its labels."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import altair as alt
import numpy as np

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive, adaptive_column
from replaychart.drawing.clock import Clock
from replaychart.drawing.expressions import outright
from replaychart.drawing.sizes import Width, from_left
from replaychart.drawing.texts import SMALL_SIZE, fitted

LINE_HEIGHT = 16
_FROM_EDGE = 8
_MOST_OF_WIDTH = 0.4
_HALO = 3

Corner = Literal["left", "right"]


class Shown(NamedTuple):
    """A number that a label shows.

    Attributes
    ----------
    name : str
        What it is. Names from a run are shortened to the available room.
    values : numpy.ndarray, shape (epochs,)
        The number at each of the clock's epochs; NaN where it is not defined.
    color, dark : str
        The color of the label on a light and on a dark background.
    """

    name: str
    values: np.ndarray
    color: str
    dark: str


def share_axis(channel: type[alt.X] | type[alt.Y], title: str) -> Any:
    """Return the encoding of a share, ``x:Q`` or ``y:Q``, on an axis from 0 to 1."""
    field = "x:Q" if channel is alt.X else "y:Q"
    scale = alt.Scale(domain=[0, 1], nice=False, zero=False)
    axis = alt.Axis(tickCount=5, format=".1f", labelFlush=False)
    return channel(field, title=title, scale=scale, axis=axis)


def reference_line(x: alt.X, y: alt.Y, ends: tuple[float, float]) -> alt.Chart:
    """Return a dashed line from the left edge to the right, at these heights."""
    rows = [{"x": place, "y": packing.shortened(end)} for place, end in enumerate(ends)]
    return (
        alt.Chart(packing.PackedData(rows))
        .mark_line(
            color=adaptive(colors.MUTED), strokeDash=[3, 3], strokeWidth=1, tooltip=None, aria=False
        )
        .encode(x=x, y=y)
    )


def value_labels(
    clock: Clock, shown: Sequence[Shown], *, corner: Corner, width: Width, room: float, height: int
) -> list[alt.Chart]:
    """Return labels below each other in one of the lower corners, with a halo around them.

    Parameters
    ----------
    clock : Clock
        The chart's epochs.
    shown : sequence of Shown
        The numbers, from top to bottom.
    corner : {"left", "right"}
        The corner.
    width : int or "container"
        The chart's width.
    room : float
        The width in pixels in which texts must fit.
    height : int
        The chart's height in pixels.
    """
    constant: dict[str, list[Any]] = {
        "name": [fitted(one.name, room * _MOST_OF_WIDTH) for one in shown],
        "color": [one.color for one in shown],
        "from_bottom": [len(shown) - 1 - line for line in range(len(shown))],
    }
    values = [[packing.shortened(value, 4) for value in one.values] for one in shown]
    rows = packing.by_epoch(clock, constant, {"value": values})
    value = packing.entry("value", clock)
    base = alt.Chart(packing.PackedData(rows)).transform_calculate(
        label=f"datum.name + ' ' + (isValid({value}) ? format({value}, '.3f') : 'undefined')"
    )
    dark = {one.color: one.dark for one in shown}
    color = adaptive_column("datum.color", dark)
    return _lines(base, "datum.from_bottom", color, corner=corner, width=width, height=height)


def text_line(
    row: alt.Chart, *, line: int, color: str, corner: Corner, width: Width, height: int
) -> list[alt.Chart]:
    """Return one label of the column ``label``, a number of lines above the lower corner.

    Parameters
    ----------
    row : altair.Chart
        A single row.
    line : int
        The line, counted from the bottom.
    color : str
        The expression for its color.
    corner, width, height
        As for `value_labels`.
    """
    return _lines(row, str(line), color, corner=corner, width=width, height=height)


def _lines(
    base: alt.Chart, line: str, color: str, *, corner: Corner, width: Width, height: int
) -> list[alt.Chart]:
    """Return labels with a halo, given the expressions for their line and their color."""
    left = corner == "left"
    base = base.encode(
        text=alt.Text("label:N"),
        x=alt.XValue(_FROM_EDGE) if left else from_left(width, share=1, offset=-_FROM_EDGE),
        y=outright(alt.YValue, f"{height - _FROM_EDGE} - {LINE_HEIGHT} * {line}"),
    )
    style: dict[str, Any] = {
        "align": corner,
        "baseline": "bottom",
        "fontSize": SMALL_SIZE,
        "fontWeight": 600,
        "tooltip": None,
        "aria": False,
    }
    halo = adaptive(colors.LIGHT_BACKGROUND, colors.DARK_BACKGROUND)
    return [
        base.mark_text(**style, stroke=halo, strokeWidth=_HALO, fill="transparent"),
        base.mark_text(**style).encode(color=outright(alt.ColorValue, color)),
    ]
