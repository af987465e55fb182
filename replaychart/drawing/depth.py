"""The depth parameter: how far a chart is on the way through the layers of a network."""

from collections.abc import Sequence
from typing import Any, Literal

import altair as alt

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive, adaptive_expression
from replaychart.drawing.expressions import literal, outright
from replaychart.drawing.shared_parameter import SharedVariable
from replaychart.drawing.sizes import Width, width_for_texts
from replaychart.drawing.texts import SMALL_SIZE, fitted
from replaychart.planes.extents import Limits

NAME = "depth"
# The height of the line of stops, in pixels, of which the upper part is for its names.
LINE_HEIGHT = 40
_BELOW, _INSET = 12, 24
_STEP = 0.02
# A stop attracts the pointer from this far, in stops.
_NEAR = 0.12
_FROM, _TO = "depth_from", "depth_to"
_SHORTEST_NAME = 40


def depth_parameter(stops: int, value: float) -> alt.Parameter:
    """Return the parameter, with a slider over the stops, which the line of stops moves as well.

    Parameters
    ----------
    stops : int
        The number of stops, at least 2.
    value : float
        The initial position: 0 for the first stop.
    """
    slider = alt.binding_range(min=0, max=stops - 1, step=_STEP, name="Layer ")
    return _DepthVariable.parameter(NAME, value=value, bind=slider, on=[_POINTER])


class _DepthVariable(SharedVariable):
    _schema = SharedVariable._schema

    @staticmethod
    def explained(one: dict[str, Any], other: dict[str, Any]) -> str:
        ends = [f"0 to {own['bind']['max']}, initially {own['value']:g}" for own in (one, other)]
        return (
            f"These charts have different {NAME!r} parameters: {ends[0]} and {ends[1]}. Give them "
            "the same number of layers (layers=) and the same depth, or save them separately."
        )


_ON_LINE: dict[str, Any] = {
    "source": "view",
    "filter": [f"event.item && event.item.datum && isValid(event.item.datum.{_FROM})"],
}
_THERE = (
    f"clamp(event.item.datum.{_FROM} + (event.item.datum.{_TO} - event.item.datum.{_FROM})"
    f" * x(event.item) / event.item.width, 0, event.item.datum.{_TO} + event.item.datum.{_FROM})"
)
_POINTER: dict[str, Any] = {
    "events": [
        _ON_LINE | {"type": "pointerdown"},
        _ON_LINE
        | {
            "type": "pointermove",
            "between": [
                _ON_LINE | {"type": "pointerdown"},
                {"source": "window", "type": "pointerup"},
            ],
        },
    ],
    "update": f"abs({_THERE} - round({_THERE})) < {_NEAR} ? round({_THERE}) : {_THERE}",
}


def before(stops: int) -> str:
    """Return the expression for the last stop before the depth shown, at most the last but one."""
    return f"clamp(floor({NAME}), 0, {stops - 2})"


def at_stop(values: Sequence[str]) -> str:
    """Return the expression for the value at the stop before the depth shown, given all values."""
    chosen = values[-1]
    for stop in range(len(values) - 2, -1, -1):
        chosen = f"{NAME} < {stop + 1} ? {values[stop]} : {chosen}"
    return f"({chosen})"


def distance_to(stop: int) -> str:
    """Return the expression for how far the depth shown is from a stop."""
    return f"abs({NAME} - {stop})"


def name_expression(names: Sequence[str], *, room: float) -> str:
    """Return the expression for the name of the stop shown, or of those it is between.

    Parameters
    ----------
    names : sequence of str
        The names of the stops.
    room : float
        The width in pixels that the result may have.
    """
    one = literal([fitted(name, room, size=14, bold=True) for name in names])
    half = (room - 100) / 2
    two = literal([fitted(name, half, size=14, bold=True) for name in names])
    last = before(len(names))
    between = f"'between ' + {two}[{last}] + ' and ' + {two}[{last} + 1]"
    return f"({is_between()} ? {between} : {one}[round({NAME})])"


def is_between() -> str:
    """Return the expression for whether the depth shown is between two stops."""
    return f"abs({NAME} - round({NAME})) > 1e-6"


def stops_line(
    names: Sequence[str], limits: Limits, *, width: Width, height: int
) -> list[alt.Chart]:
    """Return a line at the bottom of a chart with a dot for each stop, and one where the chart is.

    Pressing and dragging on it moves the chart.

    Parameters
    ----------
    names : sequence of str
        The names of the stops.
    limits : tuple of float
        The limits of the chart's x axis, which the line shares.
    width : int or "container"
        The width of the chart.
    height : int
        Its height in pixels.
    """
    last = len(names) - 1
    room = width_for_texts(width)
    each = (room - 2 * _INSET) / last
    spare = _INSET / each
    low, high = limits
    step = (high - low) / (last + 2 * spare)
    level = alt.YValue(height - _BELOW)
    scale = alt.Scale(domain=list(limits), nice=False, zero=False)

    def place(stop: str) -> str:
        return f"{low + spare * step!r} + {step!r} * {stop}"

    def x(column: str) -> alt.X:
        return alt.X(f"{column}:Q", axis=None, scale=scale)

    rows = [{"stop": stop, "name": name} for stop, name in enumerate(_shown(names, each))]
    stops = (
        alt.Chart(packing.PackedData(rows))
        .transform_calculate(x=place("datum.stop"))
        .encode(x=x("x"), y=level)
    )
    muted = adaptive(colors.MUTED)
    ink = adaptive_expression(colors.BOUNDARY, colors.DARK_BOUNDARY)
    plain: dict[str, Any] = {"tooltip": None, "aria": False}
    ends = {_FROM: -spare, _TO: last + spare, "left": low, "right": high}
    return [
        alt.Chart(packing.PackedData([{"first": 0, "last": last}]))
        .transform_calculate(x=place("datum.first"), x2=place("datum.last"))
        .mark_rule(color=muted, strokeWidth=1.5, **plain)
        .encode(x=x("x"), x2=alt.X2("x2:Q"), y=level),
        stops.mark_circle(size=45, opacity=1, color=muted, **plain),
        *_names(stops, last, muted),
        alt.Chart(packing.PackedData([{"here": True}]))
        .transform_calculate(x=place(NAME))
        .mark_point(shape="circle", filled=True, size=110, opacity=1, **plain)
        .encode(x=x("x"), y=level, fill=outright(alt.FillValue, ink)),
        alt.Chart(packing.PackedData([ends]))
        .mark_rect(opacity=0, cursor="ew-resize", **plain)
        .encode(
            x=x("left"),
            x2=alt.X2("right:Q"),
            y=alt.YValue(height - LINE_HEIGHT),
            y2=alt.Y2Value(height),
        ),
    ]


def _shown(names: Sequence[str], each: float) -> list[str]:
    """Return the names with a width that fits; only the first and the last if there is no room."""
    # The outer names reach inwards, so none may take the whole distance between two stops.
    if each >= _SHORTEST_NAME:
        return [fitted(name, each * 2 / 3) for name in names]
    return [name if place in (0, len(names) - 1) else "" for place, name in enumerate(names)]


def _names(stops: alt.Chart, last: int, color: alt.ExprRef) -> list[alt.Chart]:
    """Return the names above the stops. The outer ones begin and end at the ends of the line."""
    sides: list[tuple[str, Literal["left", "center", "right"], int]] = [
        ("datum.stop === 0", "left", -8),
        (f"datum.stop > 0 && datum.stop < {last}", "center", 0),
        (f"datum.stop === {last}", "right", 8),
    ]
    return [
        stops.transform_filter(which)
        .mark_text(
            align=side,
            baseline="bottom",
            dx=offset,
            dy=-9,
            color=color,
            fontSize=SMALL_SIZE,
            tooltip=None,
        )
        .encode(text=alt.Text("name:N"))
        for which, side, offset in sides
    ]
