"""The width of a chart, in pixels or that of the element that contains the chart."""

from typing import Literal

import altair as alt

Width = int | Literal["container"]

# The widths assumed for a chart that fills its container: what a phone leaves for the view, in
# which texts must fit, and a wide screen, on which positions must be exact.
_NARROW = 260
_WIDE = 1600


def width_for_texts(width: Width) -> int:
    """Return the width in pixels in which titles, names and legends must fit."""
    return _NARROW if width == "container" else width


def width_for_positions(width: Width) -> int:
    """Return the width in pixels for which positions must be exact."""
    return _WIDE if width == "container" else width


def from_left(width: Width, *, share: float, offset: float = 0) -> alt.XValue:
    """Return the encoding of a position: a share of the width plus an offset in pixels."""
    if width == "container":
        return alt.XValue(alt.ExprRef(f"{share} * width + {offset}"))
    return alt.XValue(share * width + offset)
