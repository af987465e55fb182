"""An axis of layers, in order."""

import math

import altair as alt

from replaychart.drawing.expressions import literal
from replaychart.drawing.texts import NO_LIMIT, SMALL_SIZE, fitted, width_of

# Maximum width of a name, and minimum distances between slanted and vertical names, in pixels.
_LONGEST = 100
_ROOM_OF_SLANTED = 22
_ROOM_OF_UPRIGHT = 12
_SLANTED = -35


def layer_axis(field: str, layers: list[str], width: int) -> alt.X:
    """Return an axis with layer i at position i, labeled with its name.

    The axis is quantitative, because violins extend to both sides of their layer.

    Parameters
    ----------
    field : str
        The field of the positions, as an Altair shorthand.
    layers : list of str
        The layers' names.
    width : int
        The chart's width in pixels.
    """
    room = width / len(layers)
    shown = [fitted(layer, _LONGEST) for layer in layers]
    crowded = max(width_of(layer, size=SMALL_SIZE) for layer in shown) > room - 4
    # Vertical names need the least room. If even they do not fit, some layers are not labeled.
    angle = 0 if not crowded else _SLANTED if room >= _ROOM_OF_SLANTED else -90
    every = math.ceil(_ROOM_OF_UPRIGHT / room) if crowded else 1
    return alt.X(
        field,
        title=None,
        axis=alt.Axis(
            values=list(range(0, len(layers), every)),
            labelExpr=f"{literal(shown)}[datum.value]",
            labelAngle=angle,
            labelLimit=NO_LIMIT,
            # Renderers overestimate the width of slanted names and would leave some out.
            labelOverlap=False,
            ticks=False,
        ),
        scale=alt.Scale(domain=[-0.5, len(layers) - 0.5], nice=False),
    )
