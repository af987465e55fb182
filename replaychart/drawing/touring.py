"""A view of a space with up to ten dimensions that turns by itself, and by dragging its axes.

The plane that is seen is spanned by two orthonormal directions, the two rows of the frame. They
follow a grand tour. Who drags the end of an axis changes the frame; afterwards, it returns to the
tour within a second or two.
"""

from typing import Any, Literal

import altair as alt
import numpy as np

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive
from replaychart.drawing.event_handlers import Definition
from replaychart.drawing.expressions import outright
from replaychart.drawing.shared_parameter import SharedVariable
from replaychart.drawing.texts import SMALL_SIZE

STEPS = 400
NAME, TOURING = "tour", "touring"
_PATH, _HELD, _TURN, _NEAR, _FRAME = (
    "tour_path", "tour_held", "tour_turn", "tour_near", "tour_frame",
)  # fmt: skip
# Milliseconds for a step.
_TICK = 40
# The number of steps in which a frame that was dragged returns to the tour.
_RETURN = 50
# An axis that is dragged stays a little shorter than the view: whatever is left of the plane shows
# the other dimensions.
_LONGEST = 0.98
# The domain of the view, in lengths of an axis.
REACH = 1.15
# An axis that is seen shorter than this, because it points to the viewer, has no name.
_SHORT = 0.12
_DIGITS = 4


def tour_parameters(path: np.ndarray, position: float) -> list[alt.Parameter]:
    """Return the parameters: the slider, whether it moves by itself, and what follows it.

    Parameters
    ----------
    path : numpy.ndarray, shape (steps, 2, dimensions)
        The frames of the tour.
    position : float
        Where the tour begins, as a share from 0 to 1.
    """
    step = round(position * len(path)) % len(path)
    rows = {name: path[:, row].round(_DIGITS).tolist() for row, name in enumerate("ab")}
    first = {name: rows[name][step] for name in "ab"} | {"free": 0}
    slider = alt.binding_range(min=0, max=len(path) - 1, step=1, name="Tour ")
    box = alt.binding_checkbox(name="Move ")
    dimensions = path.shape[-1]
    return [
        _TourVariable.parameter(NAME, value=step, bind=slider, on=[_after_time(len(path))]),
        _TourVariable.parameter(TOURING, value=True, bind=box),
        _TourVariable.parameter(_PATH, value=rows),
        _TourVariable.parameter(_HELD, value=None, on=_held()),
        _TourVariable.parameter(_TURN, value=None, on=[_after(_HELD, _turn())]),
        _TourVariable.parameter(_NEAR, value=None, on=[_after(NAME, _near(dimensions))]),
        _TourVariable.parameter(
            _FRAME,
            value=first,
            on=[_after(_TURN, _dragged(dimensions)), _after(_NEAR, _toured(dimensions))],
        ),
    ]


class _TourVariable(SharedVariable):
    _schema = SharedVariable._schema

    @staticmethod
    def explained(one: Definition, other: Definition) -> str:  # noqa: ARG004
        return (
            "These charts have different tours. Give them the same number of dimensions (units= or "
            "dimensions=), the same position and the same seed, or save them separately."
        )


def _after(name: str, update: str) -> Definition:
    return {"events": {"signal": name}, "update": update}


def _after_time(steps: int) -> Definition:
    moves = f"{TOURING} && !{_HELD} ? ({NAME} + 1) % {steps} : {NAME}"
    return {"events": {"type": "timer", "throttle": _TICK}, "update": moves}


def _held() -> list[Definition]:
    """Return the handlers of the axis that is dragged: where its view is, and the pointer in it."""
    on_end = {
        "source": "view",
        "type": "pointerdown",
        "filter": ["event.item && event.item.datum && isValid(event.item.datum.tour_axis)"],
    }
    end = {"source": "window", "type": "pointerup"}
    begun = (
        "{axis: event.item.datum.tour_axis, width: event.item.datum.tour_width, "
        "height: event.item.datum.tour_height, "
        "left: x() - x(group()), top: y() - y(group()), x: null, y: null}"
    )
    across = f"{REACH} * (2 * (x() - {_HELD}.left) / {_HELD}.width - 1)"
    up = f"{REACH} * (1 - 2 * (y() - {_HELD}.top) / {_HELD}.height)"
    moved = f"{_HELD} ? merge({_HELD}, {{x: {across}, y: {up}}}) : null"
    return [
        {"events": on_end, "update": begun},
        {
            "events": {"source": "window", "type": "pointermove", "between": [on_end, end]},
            "update": moved,
        },
        {"events": end, "update": "null"},
    ]


def _turn() -> str:
    """Return the expression for what a drag does: the axis' new end, and a matrix for the others.

    The columns of the frame that are not dragged keep their relative directions as far as the rows
    can then be orthonormal: with the old end o and the new end n of the axis, they are multiplied
    by (I - n n')^(1/2) (I - o o')^(-1/2).
    """
    held = f"{_HELD}.x, {_HELD}.y"
    shrunk = f"max(1, hypot({held}) / {_LONGEST})"
    new = (f"({_HELD}.x / {shrunk})", f"({_HELD}.y / {shrunk})")
    old = tuple(f"{_FRAME}.{row}[{_HELD}.axis]" for row in "ab")
    n, o = (f"({x} * {x} + {y} * {y})" for x, y in (new, old))
    narrower = f"((1 - sqrt(1 - {n})) / max({n}, 1e-9))"
    wider = f"((1 / sqrt(max(1 - {o}, 1e-4)) - 1) / max({o}, 1e-9))"
    inner = [
        [f"({int(i == j)} + {wider} * {old[i]} * {old[j]})" for j in range(2)] for i in range(2)
    ]
    outer = [
        [f"({int(i == j)} - {narrower} * {new[i]} * {new[j]})" for j in range(2)] for i in range(2)
    ]
    entries = ", ".join(
        f"c{i}{j}: {outer[i][0]} * {inner[0][j]} + {outer[i][1]} * {inner[1][j]}"
        for i in range(2)
        for j in range(2)
    )
    turn = f"{{axis: {_HELD}.axis, x: {new[0]}, y: {new[1]}, {entries}}}"
    return f"{_HELD} && isValid({_HELD}.x) ? {turn} : null"


def _dragged(dimensions: int) -> str:
    """Return the expression for the frame after a drag."""
    rows = []
    for row, end, (first, second) in (("a", "x", ("c00", "c01")), ("b", "y", ("c10", "c11"))):
        entries = ", ".join(
            f"{_TURN}.axis === {k} ? {_TURN}.{end} : "
            f"{_TURN}.{first} * {_FRAME}.a[{k}] + {_TURN}.{second} * {_FRAME}.b[{k}]"
            for k in range(dimensions)
        )
        rows.append(f"{row}: [{entries}]")
    return f"{_TURN} ? {{{', '.join(rows)}, free: {_RETURN}}} : {_FRAME}"


def _near(dimensions: int) -> str:
    """Return the expression for a frame on the way to that of the tour, and its inner products."""
    share = f"({TOURING} && {_FRAME}.free > 0 ? 1 / {_FRAME}.free : 1)"
    rows = {
        row: [
            f"({_FRAME}.{row}[{k}] + {share} * ({_PATH}.{row}[{NAME}][{k}] - {_FRAME}.{row}[{k}]))"
            for k in range(dimensions)
        ]
        for row in "ab"
    }
    products = ", ".join(
        f"{one}{other}: "
        + " + ".join(f"{x} * {y}" for x, y in zip(rows[one], rows[other], strict=True))
        for one, other in ("aa", "ab", "bb")
    )
    listed = ", ".join(f"{row}: [{', '.join(entries)}]" for row, entries in rows.items())
    return f"{{{listed}, {products}}}"


def _toured(dimensions: int) -> str:
    """Return the expression for the frame with orthonormal rows (Gram and Schmidt)."""
    first = ", ".join(f"{_NEAR}.a[{k}] / sqrt({_NEAR}.aa)" for k in range(dimensions))
    rest = f"sqrt({_NEAR}.bb - {_NEAR}.ab * {_NEAR}.ab / {_NEAR}.aa)"
    second = ", ".join(
        f"({_NEAR}.b[{k}] - {_NEAR}.ab / {_NEAR}.aa * {_NEAR}.a[{k}]) / {rest}"
        for k in range(dimensions)
    )
    left = f"{TOURING} ? max({_FRAME}.free - 1, 0) : 0"
    return f"{_NEAR} ? {{a: [{first}], b: [{second}], free: {left}}} : {_FRAME}"


def seen(columns: list[str]) -> dict[str, str]:
    """Return the expressions for the place of a row in the view, given the columns of its space."""
    return {
        name: " + ".join(
            f"datum.{column} * {_FRAME}.{row}[{k}]" for k, column in enumerate(columns)
        )
        for name, row in (("across", "a"), ("up", "b"))
    }


def place_encodings(radius: float) -> dict[str, Any]:
    """Return the position channels of a view of a ball."""
    scale = alt.Scale(domain=[-radius * REACH, radius * REACH], nice=False, zero=False)
    return {
        "x": alt.X("across:Q", axis=None, scale=scale),
        "y": alt.Y("up:Q", axis=None, scale=scale),
    }


def axes(
    names: list[str], radius: float, *, width: int, height: int
) -> tuple[alt.Chart, list[alt.Chart]]:
    """Return the axes, and what lies above the points: their names, and ends to be dragged."""
    size = {"tour_width": width, "tour_height": height}
    rows = [
        {"tour_axis": axis, "name": name, "origin": 0, **size} for axis, name in enumerate(names)
    ]
    ends = (
        alt.Chart(packing.PackedData(rows))
        .transform_calculate(
            across=f"{radius!r} * {_FRAME}.a[datum.tour_axis]",
            up=f"{radius!r} * {_FRAME}.b[datum.tour_axis]",
        )
        .encode(**place_encodings(radius))
    )
    muted = adaptive(colors.MUTED)
    plain: dict[str, Any] = {"tooltip": None, "aria": False}
    lines = ends.mark_rule(color=muted, strokeWidth=1, **plain).encode(
        x2=alt.X2("origin:Q"), y2=alt.Y2("origin:Q")
    )
    circles = ends.mark_point(
        shape="circle", size=90, stroke=muted, fill="transparent", cursor="grab", **plain
    )
    visible = f"hypot(datum.across, datum.up) < {_SHORT * radius!r} ? 0 : 1"
    sides: list[tuple[str, int, Literal["left", "right"]]] = [("<", -1, "right"), (">=", 1, "left")]
    texts = [
        ends.transform_filter(f"datum.across {side} 0")
        .mark_text(color=muted, fontSize=SMALL_SIZE, align=align, dx=9 * away, **plain)
        .encode(text=alt.Text("name:N"), opacity=outright(alt.OpacityValue, visible))
        for side, away, align in sides
    ]
    return lines, [circles, *texts]
