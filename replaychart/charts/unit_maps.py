"""`unit_maps`: what each unit of a layer responds to."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np

from replaychart.charts.feature_space import default_layer
from replaychart.drawing import packing
from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.expressions import literal
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.tile_grid import (
    TileGrid,
    chosen_units,
    legend_layers,
    tile_images,
    tile_names,
)
from replaychart.drawing.tiles import Response, tile_bytes, tile_url
from replaychart.drawing.titles import Title, add_subtitle, chart_title, check_chart, named_title
from replaychart.facts.epochs import Epochs
from replaychart.planes.argument_types import Features, SliceAt
from replaychart.planes.extents import Limits
from replaychart.run import Run

RESOLUTION = 24
# Names are numbers only if there is less room than this.
_UNIT, _CONSTANT, _CONSTANT_SIGN, _ROOM = "Unit ", " \N{MIDDLE DOT} constant", " =", 100


def unit_maps(
    run: Run,
    layer: str | None = None,
    *,
    units: Sequence[int] | None = None,
    features: Features | None = None,
    at: SliceAt = "median",
    xlim: Limits | None = None,
    ylim: Limits | None = None,
    resolution: int = RESOLUTION,
    columns: int | None = None,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: int = 400,
    height: int | None = None,
    max_bytes: float | None = MAX_BYTES,
) -> alt.LayerChart:
    """Draw a tile for each unit of a layer: its output over the plane of the inputs.

    A unit whose output is the same for all recorded points carries no information, and
    is marked as constant: a ReLU unit that died, for example.

    Parameters
    ----------
    run : Run
        A recorded training run with at least one vector input.
    layer : str, optional
        The layer. Default: as for `feature_space`, the last hidden one with two units, or the last
        one with more.
    units : sequence of int, optional
        The units to draw, counted from 1, at most 100. Default: all; if there are more than 100,
        the first 100.
    features : pair of str or int, optional
        The two features that span the plane, by name or by position in `Run.coordinates`. Default:
        the only two; required if there are more.
    at : {"median", "mean"}, int, mapping of str to float, or array_like, default "median"
        Where the other features are held; see `decision_boundary`.
    xlim, ylim : tuple of float, optional
        Limits of the plane. Default: around all recorded points.
    resolution : int, default 24
        Number of cells along each side of a tile, in which the unit is evaluated.
    columns : int, optional
        Number of tiles in a row. Default: as many as make the rows about as long as the columns,
        at most 10.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown. Default: the layer and
        the epoch.
    width : int, default 400
        Width of all tiles together in pixels.
    height : int, optional
        Height of all tiles together in pixels. Default: tiles are squares.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned to
        evenly spaced epochs, with a warning. None means no limit.

    Returns
    -------
    altair.LayerChart
        Tiles with their names. The colors have the same meaning in all tiles and at all epochs: if
        the outputs have both signs, the middle one is 0.

    Raises
    ------
    ArgumentError
        There is no such layer or unit, the inputs have more than two features and `features` was
        not given, or another argument is invalid.
    EvaluationError
        The model cannot be rebuilt.

    Warns
    -----
    UserWarning
        Epochs are left out to stay within `max_bytes`.

    See Also
    --------
    feature_space : the points in the space of two units.

    References
    ----------
    The tiles of TensorFlow Playground, https://playground.tensorflow.org.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.unit_maps(run, "hidden", epochs=[0, 150])
    """
    check_chart(run, width, width if height is None else height, max_bytes, container=False)
    layer = default_layer(run) if layer is None else layer
    run.layer_shape(layer)  # Raises an error if there is no such layer.
    through = None if features is None else run.planes.slice(features, at)
    rectangle = run.planes.input_rectangle(
        xlim=xlim, ylim=ylim, resolution=resolution, view=through
    )
    last = run.snapshots(run.epochs[-1].item())
    count = run.planes.units(layer, rectangle, last).shape[-1]
    chosen = chosen_units(units, count)
    layout = TileGrid.of(len(chosen), columns, width, height)
    clock = kept_epochs(
        run,
        Clock.of(run, epochs, epoch),
        max_bytes,
        bytes_per_epoch=len(chosen) * tile_bytes(rectangle.resolution),
    )
    snapshots = run.snapshots(clock.epochs)
    values = run.planes.units(layer, rectangle, snapshots)[..., chosen]
    response = Response.of(values)
    constant = _constant(run, layer, clock, chosen)
    rows = packing.by_epoch(
        clock,
        {
            "unit": [number + 1 for number in chosen],
            "left": layout.lefts(),
            "top": layout.tops(),
        },
        {
            "tile": [
                [tile_url(of_epoch[..., unit], response) for of_epoch in values]
                for unit in range(len(chosen))
            ],
            "constant": constant,
        },
    )
    room = layout.width
    heading = chart_title(title, named_title(layer, " \N{MIDDLE DOT} epoch {epoch}", room), clock)
    names = run.planes.feature_names()
    first, second = names[:2] if through is None else through.titles
    if through is not None and len(names) > 2:
        add_subtitle(heading, f"slice at {through.slice}", room)
    add_subtitle(heading, f"output of each unit; right: {first}, up: {second}", room)
    if layout.across < _ROOM and any(map(any, constant)):
        add_subtitle(heading, "=: same output for all points", room)
    if units is None and count > len(chosen):
        add_subtitle(heading, f"the first {len(chosen)} of {count:,} units", room)
    return layered(
        _layers(clock, rows, layout, response),
        clock,
        title=heading,
        width=layout.width,
        height=layout.height,
        view=alt.ViewConfig(stroke=None),
    )


def _constant(run: Run, layer: str, clock: Clock, chosen: list[int]) -> list[list[int]]:
    """Return for each unit whether its output is the same for all points, at each epoch."""
    outputs = run.coordinates(layer, epochs=clock.epochs)[..., chosen]
    return (np.ptp(outputs, axis=1) == 0).astype(int).T.tolist()


def _layers(
    clock: Clock, rows: list[dict[str, Any]], layout: TileGrid, response: Response
) -> list[alt.Chart]:
    """Return the tiles, and their names above them."""
    data = packing.PackedData(rows)
    marks = (_UNIT, _CONSTANT) if layout.across >= _ROOM else ("", _CONSTANT_SIGN)
    before, after = map(literal, marks)
    name = f"{before} + datum.unit + ({packing.entry('constant', clock)} ? {after} : '')"
    return [
        tile_images(data, clock, layout, tooltip=[alt.Tooltip("unit:Q", title="Unit")]),
        tile_names(data, layout, name),
        *legend_layers(response, layout.width, layout.height),
    ]
