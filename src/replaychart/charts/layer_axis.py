"""An axis of layers in their order."""

import altair as alt

from replaychart.charts.expressions import literal
from replaychart.charts.texts import displayed

_LETTER = 6.2  # pixels, about, in the labels' font


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
    layers = [displayed(layer) for layer in layers]
    crowded = max(map(len, layers)) * _LETTER > width / len(layers) - 4
    return alt.X(
        field,
        title=None,
        axis=alt.Axis(
            values=list(range(len(layers))),
            labelExpr=f"{literal(layers)}[datum.value]",
            labelAngle=-35 if crowded else 0,
            labelLimit=110,
            ticks=False,
        ),
        scale=alt.Scale(domain=[-0.5, len(layers) - 0.5], nice=False),
    )
