"""Assembles a chart in one step.

At every step (`properties`, `add_params`, `resolve_scale`), Altair deep-copies a chart and all the
charts it contains. For a chart of five views, most of the time would be spent on these copies.
"""

from collections.abc import Sequence
from typing import Any, Self

import altair as alt
from altair.typing import ChartType

from replaychart.drawing.clock import Clock
from replaychart.errors import ArgumentError


def layered(
    layers: Sequence[alt.Chart | alt.LayerChart],
    clock: Clock,
    *parameters: alt.Parameter,
    kind: type[alt.LayerChart] = alt.LayerChart,
    **options: Any,
) -> alt.LayerChart:
    """Return a layered chart with the epoch parameter.

    Parameters
    ----------
    layers : sequence of altair.Chart or altair.LayerChart
        The layers, from bottom to top.
    clock : Clock
        The chart's epochs.
    *parameters : altair.Parameter
        Further parameters.
    kind : type, default altair.LayerChart
        The class of the chart.
    **options : object
        Arguments of `altair.LayerChart`: title, width, height, resolve.
    """
    lowest, *others = layers
    return kind(layer=[lowest.add_params(*clock.parameters, *parameters), *others], **options)


class UnlayeredCurves(alt.LayerChart):
    """A layered chart of curves that cannot be layered on another one: both have the same colors.

    With charts of any other kind, it can be layered as usual.
    """

    _schema = alt.LayerChart._schema

    def __iadd__(self, other: ChartType) -> Self:
        """Add another chart on top; ``+`` does this to a copy."""
        _require_no_curves(other)
        return super().__iadd__(other)

    def __radd__(self, other: Any) -> Any:
        """Leave the addition to the lower chart, unless it has curves as well."""
        _require_no_curves(other)
        return NotImplemented


def _require_no_curves(chart: object) -> None:
    """Raise `ArgumentError` if a chart contains one of `UnlayeredCurves`."""
    if isinstance(chart, UnlayeredCurves):
        message = (
            "Charts of curves cannot be layered on each other with +, because their curves would "
            "have the same colors. Draw them side by side (a | b) or below each other (a & b), or "
            "draw the frames of run.history() in a chart of your own."
        )
        raise ArgumentError(message)
    for layer in chart.layer if isinstance(chart, alt.LayerChart) else ():
        _require_no_curves(layer)
