"""`network_diagram`: the network with its weights, and what its units respond to."""

from collections.abc import Iterator
from itertools import pairwise

import altair as alt

from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.network_columns import Column, Layout, columns_of
from replaychart.drawing.network_edges import BYTES_PER_WEIGHT, edge_layers
from replaychart.drawing.network_tiles import (
    TilePlane,
    Units,
    mark_layers,
    point_layers,
    text_layers,
    tile_layers,
)
from replaychart.drawing.tiles import tile_bytes
from replaychart.drawing.titles import (
    Title,
    add_subtitle,
    chart_title,
    check_chart,
    named_title,
)
from replaychart.facts.epochs import Epochs
from replaychart.planes.argument_types import Features, SliceAt
from replaychart.run import Run

RESOLUTION = 24


def network_diagram(
    run: Run,
    *,
    features: Features | None = None,
    at: SliceAt = "median",
    resolution: int = RESOLUTION,
    points: bool = True,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: int = 640,
    height: int | None = None,
    max_bytes: float | None = MAX_BYTES,
) -> alt.LayerChart:
    """Draw the network: its inputs, its units as tiles, its output, and the weights as edges.

    The tile of a unit shows its output, after the activation function, over the plane of the
    inputs. If the inputs have no plane to draw, because they are images or have more than two
    features and `features` was not given, it shows the mean output over the recorded points of each
    class, from left to right; for a regression, over eight groups of points with rising targets.

    An edge is as wide as the absolute weight at the epoch shown, green for a positive weight and
    purple for a negative one, on the same scale in all layers. A cross marks a unit that is dead:
    its output is the same for all recorded points. The bar below a unit is the share of points at
    which it is saturated, beyond 0.99 of the way from the middle of the activation function's range
    to an end.

    The diagram shows the chain of dense layers that ends with the output. What comes before, such
    as convolutions, or a part with branches, is drawn as one column without edges; so are the
    layers in the middle of a chain of more than ten. Of a layer with more than 16 units, the 12
    with the largest weights at the last epoch (incoming weights, but outgoing ones for the inputs)
    are drawn, and the others as one group, whose tile is their mean output, and whose edges are
    their mean weights.

    Parameters
    ----------
    run : Run
        A recorded training run.
    features : pair of str or int, optional
        The two features that span the plane of the tiles, by name or by position in
        `Run.coordinates`. Default: the only two, or the only one.
    at : {"median", "mean"}, int, mapping of str to float, or array_like, default "median"
        Where the other features are held; see `decision_boundary`.
    resolution : int, default 24
        Number of cells along each side of a tile, in which the unit is evaluated.
    points : bool, default True
        Whether to draw recorded points, at most 300, on the tile of a single output that
        separates classes.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown. Default: the name of
        the run and the epoch.
    width : int, default 640
        Width in pixels.
    height : int, optional
        Height in pixels, as long as there is room for tiles of this size. Default: as high as
        needed.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned to
        evenly spaced epochs, with a warning. None means no limit.

    Returns
    -------
    altair.LayerChart
        Edges, tiles and their names. Below each layer is the color scale of its tiles, which is
        the same at all epochs.

    Raises
    ------
    ArgumentError
        A feature does not exist, the chart is too small for the network, or another argument is
        invalid.
    EvaluationError
        The network has no dense layers that end with its output, or cannot be rebuilt.

    Warns
    -----
    UserWarning
        Epochs are left out to stay within `max_bytes`.

    See Also
    --------
    unit_maps : larger tiles of all units of one layer.
    Run.units : the shares of points at which units are constant, zero and saturated.

    References
    ----------
    TensorFlow Playground, https://playground.tensorflow.org.

    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks" (2010), on saturated units.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.network_diagram(run, epochs=[0, 150])
    """
    check_chart(run, width, 300 if height is None else height, max_bytes, container=False)
    plane = TilePlane.of(run, features, at, resolution)
    columns = columns_of(run, plane.features)
    layout = Layout.of(columns, width, height)
    nodes = sum(len(column.units) for column in columns)
    edges = sum(len(a.units) * len(b.units) for a, b in pairwise(columns))
    clock = kept_epochs(
        run,
        Clock.of(run, epochs, epoch),
        max_bytes,
        bytes_per_epoch=nodes * tile_bytes(resolution) + edges * BYTES_PER_WEIGHT,
    )
    default = named_title(run.name, " \N{MIDDLE DOT} epoch {epoch}", width)
    heading = chart_title(title, default, clock)
    units = Units.of(run, columns, clock)
    layers = [
        *edge_layers(run, columns, layout, clock),
        *tile_layers(run, columns, layout, clock, plane, units),
    ]
    if points and plane.rectangle is not None and run.classes == 2 and len(columns[-1].units) == 1:
        layers += point_layers(run, layout, plane)
    layers += [*mark_layers(columns, layout, clock, units), *text_layers(columns, layout)]
    for text in _explained(run, columns, plane, units):
        add_subtitle(heading, text, width)
    return layered(
        layers,
        clock,
        title=heading,
        width=layout.width,
        height=layout.height,
        view=alt.ViewConfig(stroke=None),
    )


def _explained(run: Run, columns: list[Column], plane: TilePlane, units: Units) -> Iterator[str]:
    """Yield what the tiles show, and what is grouped or left out."""
    if plane.names:
        axes = zip(("right", "up"), plane.names, strict=False)
        yield f"tiles: output of each unit; {', '.join(f'{way}: {name}' for way, name in axes)}"
    elif run.classes and run.targets.ndim == 1:
        yield "tiles: mean output of each unit for each class, from left to right"
    elif run.targets.ndim == 1:
        yield "tiles: mean output of each unit, for rising targets from left to right"
    else:
        yield "tiles: mean output of each unit over all points"
    if plane.slice is not None:
        yield f"slice at {plane.slice}"
    if any(dead.any() for dead in units.dead):
        yield "cross: dead unit, the same output for all points"
    if any((share > 0).any() for share in units.saturated):
        yield "bar below a unit: share of points at which it is saturated"
    grouped = [f"{one.grouped} of {one.name}" for one in columns if one.grouped]
    if grouped:
        yield f"drawn as one unit, their mean: {', '.join(grouped)}"
    hidden = [one.labels[0] for one in columns if not one.units and one.labels[0]]
    if hidden:
        yield f"not drawn: {'; '.join(hidden)}"
