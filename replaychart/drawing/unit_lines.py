"""Lines where the units of a layer switch on."""

from typing import Any

import altair as alt
import numpy as np

from replaychart.arguments import require_one_of
from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive
from replaychart.drawing.expressions import outright
from replaychart.drawing.plane import Plane, line_mark, line_vertices
from replaychart.errors import ArgumentError
from replaychart.planes.paths import Paths
from replaychart.run import Run

# Widths in pixels: of a unit without outgoing weights, of the one with the largest, and of all if
# these weights are not known.
_THINNEST, _THICKEST, _EQUAL = 0.5, 4.0, 1.5


def check_units(run: Run, units: object, *, line: bool) -> None:
    """Raise `ArgumentError` unless units are those of a dense layer, or None.

    Parameters
    ----------
    run : Run
    units : object
        The argument of a chart.
    line : bool
        Whether the chart shows a single feature, over which there are no lines.
    """
    if units is None:
        return
    names = run.dense_layers.names
    if line or not names:
        why = "has inputs with a single feature" if line else "has no dense layers with weights"
        message = f"units must be None for run {run.name!r}, which {why}. Got {units!r}."
        raise ArgumentError(message)
    require_one_of("units", units, names)


def unit_lines_layer(plane: Plane, run: Run, layer: str, paths: Paths) -> alt.Chart:
    """Return the lines where units switch on, thicker for larger outgoing weights.

    Parameters
    ----------
    plane : Plane
        The axes.
    run : Run
        The run.
    layer : str
        The layer.
    paths : Paths
        From `Planes.unit_boundaries`.
    """
    x, y = plane.rulers()
    numbers = (paths.value.astype(np.int64) + 1).tolist()
    labeled = packing.Labeled("unit", numbers, sorted(set(numbers)) or [1])
    rows = packing.paths_by_epoch(plane.clock, run.epochs, paths, x, y, labeled)
    widths = _widths(plane, run, layer, units=max(labeled.order))
    for row in rows:
        row[packing.PREFIX + "width"] = widths[row["unit"] - 1]
    drawn = alt.Chart(packing.PackedData(rows)).transform_calculate(
        width=packing.entry("width", plane.clock)
    )
    lines = line_vertices(drawn, plane)
    return line_mark(lines, plane, width=_EQUAL).encode(
        stroke=alt.StrokeValue(adaptive(colors.UNITS)),
        # The channel of a line's width is its size.
        size=outright(alt.SizeValue, "datum.width"),
        detail=alt.Detail("unit:N"),
    )


def _widths(plane: Plane, run: Run, layer: str, *, units: int) -> list[Any]:
    """Return the width of the line of each unit, at each of the plane's epochs."""
    snapshots = run.snapshots(plane.clock.epochs)
    sizes = run.dense_layers.outgoing(layer, run.dense_chain(), snapshots)
    if sizes is None:
        return [[_EQUAL] * len(snapshots)] * units
    largest = np.nanmax(sizes, initial=0) or 1.0
    widths = _THINNEST + (_THICKEST - _THINNEST) * np.nan_to_num(sizes / largest)
    return widths.T.astype(float).round(2).tolist()
