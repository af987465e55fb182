"""An axis of layers in their order."""

import math

import altair as alt

from replaychart.drawing.expressions import literal
from replaychart.drawing.texts import NO_LIMIT, SMALL_SIZE, fitted, width_of

# In pixels: how long a name may be, and from one name to the next.
_LONGEST = 100
_ROOM_OF_SLANTED = 22
_ROOM_OF_UPRIGHT = 12
_SLANTED = -35


def layer_axis(field: str, layers: list[str], width: int) -> alt.X:
    """Return an axis on which layer i stands at i, labelled with its name.

    Numbers and no names, because violins reach to both sides of their layer.

    Parameters
    ----------
    field : str
        The field of the positions, as Altair's shorthand.
    layers : list of str
        The layers' names.
    width : int
        The chart's width in pixels.
    """
    room = width / len(layers)
    shown = [fitted(layer, _LONGEST) for layer in layers]
    crowded = max(width_of(layer, size=SMALL_SIZE) for layer in shown) > room - 4
    # Upright names stand closest to each other; where even they have no room, every other has none.
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
            # A renderer takes slanted names for wider than they are, and leaves some out.
            labelOverlap=False,
            ticks=False,
        ),
        scale=alt.Scale(domain=[-0.5, len(layers) - 0.5], nice=False),
    )
