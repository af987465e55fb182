"""Assembles a chart in one step.

At every step (`properties`, `add_params`, `resolve_scale`), Altair deep-copies a chart and all the
charts it contains. For a chart of five views, most of the time would be spent on these copies.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt

from replaychart.drawing.clock import Clock


def layered(
    layers: Sequence[alt.Chart | alt.LayerChart],
    clock: Clock,
    *parameters: alt.Parameter,
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
    **options : object
        Arguments of `altair.LayerChart`: title, width, height, resolve.
    """
    lowest, *others = layers
    return alt.LayerChart(
        layer=[lowest.add_params(*clock.parameters, *parameters), *others], **options
    )
