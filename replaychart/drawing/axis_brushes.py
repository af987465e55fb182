"""Ranges of parallel axes, which are selected by dragging along them."""

import altair as alt

from replaychart.drawing.event_handlers import Definition
from replaychart.drawing.shared_parameter import SharedVariable

AXIS = "parallel_axis"
RANGES = "axis_ranges"
_HELD = "axis_held"
# A drag that is shorter, as a share of the axis, is a click, which clears the axis.
_SHORTEST = 0.01


def brush_parameters(axes: int, height: int) -> list[alt.Parameter]:
    """Return the parameters: the range that is selected on each axis, and the drag.

    Parameters
    ----------
    axes : int
        The number of axes. Marks whose rows have the number of one in the column `AXIS` can be
        dragged.
    height : int
        The length of an axis in pixels.
    """
    return [
        _BrushVariable.parameter(_HELD, value=None, on=_held(height)),
        _BrushVariable.parameter(
            RANGES,
            value=[None] * axes,
            on=[{"events": {"signal": _HELD}, "update": _selected(axes)}],
        ),
    ]


def is_selected(places: list[str]) -> str:
    """Return the expression for whether a row is within all ranges.

    Parameters
    ----------
    places : list of str
        The expression for the row's position on each axis, from 0 to 1.
    """
    return " && ".join(
        f"(!isValid({RANGES}[{axis}]) || (isValid({place}) && inrange({place}, {RANGES}[{axis}])))"
        for axis, place in enumerate(places)
    )


class _BrushVariable(SharedVariable):
    _schema = SharedVariable._schema

    @staticmethod
    def explained(one: Definition, other: Definition) -> str:  # noqa: ARG004
        return (
            "These charts of parallel coordinates have different axes or heights. Save them "
            "separately."
        )


def _held(height: int) -> list[Definition]:
    """Return the handlers of the drag: the axis, and where it began and is."""
    begins = {
        "source": "view",
        "type": "pointerdown",
        "filter": [f"event.item && event.item.datum && isValid(event.item.datum.{AXIS})"],
    }
    ends = {"source": "window", "type": "pointerup"}
    begun = (
        f"{{axis: event.item.datum.{AXIS}, top: y() - y(group()), "
        f"from: clamp(1 - y(group()) / {height}, 0, 1), to: null}}"
    )
    to = f"clamp(1 - (y() - {_HELD}.top) / {height}, 0, 1)"
    return [
        {"events": begins, "update": begun},
        {
            "events": {"source": "window", "type": "pointermove", "between": [begins, ends]},
            "update": f"{_HELD} ? merge({_HELD}, {{to: {to}}}) : null",
        },
        {"events": ends, "update": "null"},
    ]


def _selected(axes: int) -> str:
    dragged = f"isValid({_HELD}.to) && abs({_HELD}.to - {_HELD}.from) > {_SHORTEST}"
    own = f"({dragged} ? extent([{_HELD}.from, {_HELD}.to]) : null)"
    each = ", ".join(f"{_HELD}.axis === {i} ? {own} : {RANGES}[{i}]" for i in range(axes))
    return f"{_HELD} ? [{each}] : {RANGES}"
