"""Puts a chart together in one go.

Altair copies a chart deeply at every step (`properties`, `add_params`, `resolve_scale`), the charts
in it once more, and theirs again: a chart of five views spends most of its time on copies.
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
    """Return layers over each other, with the epoch parameter.

    Parameters
    ----------
    layers : sequence of altair.Chart or altair.LayerChart
        From the lowest to the topmost.
    clock : Clock
        The chart's epochs.
    *parameters : altair.Parameter
        Any others.
    **options : object
        What `altair.LayerChart` takes: title, width, height, resolve.
    """
    lowest, *others = layers
    return alt.LayerChart(
        layer=[lowest.add_params(*clock.parameters, *parameters), *others], **options
    )
