"""`feature_space`: a hidden layer bending the plane."""

from typing import Any

import altair as alt
import numpy as np

from replaychart.charts.epoch_parameter import Clock
from replaychart.charts.plane import (
    Plane,
    boundary_layer,
    grid_layer,
    points_layer,
    surface_layer,
)
from replaychart.charts.titles import chart_title, check_chart
from replaychart.errors import ArgumentError, require_one_of
from replaychart.frames.epochs import Epochs
from replaychart.frames.extents import Limits, padded_limits
from replaychart.frames.paths import Paths
from replaychart.frames.planes import BANDS, GRID_LINES, RESOLUTION, checked_limits
from replaychart.run import Run


def feature_space(
    run: Run,
    layer: str | None = None,
    *,
    xlim: Limits | None = None,
    ylim: Limits | None = None,
    resolution: int = RESOLUTION,
    grid: bool = True,
    surface: str | None = "auto",
    scale: str = "fixed",
    epochs: Epochs = None,
    epoch: int | alt.Parameter | None = None,
    title: str | None = None,
    width: int = 400,
    height: int = 400,
) -> alt.LayerChart:
    """Draw the points as a layer bends them, with grid lines, decision surface and boundary.

    Parameters
    ----------
    run : Run
        The recorded training.
    layer : str, optional
        A layer with two units. Default: the last hidden one.
    xlim, ylim : tuple of float, optional
        The rectangle of the inputs' plane that is carried through the layer; with
        ``surface="layer"`` the rectangle of the layer's plane that is evaluated and shown.
        Default: around all recorded points.
    resolution : int, default 100
        Lattice points along each side of the rectangle on which contours are found.
    grid : bool, default True
        Whether to draw the warped grid lines. They need inputs with two features and are left out
        otherwise.
    surface : {"auto", "inputs", "layer", None}, default "auto"
        ``"inputs"`` fills the image of the rectangle, ``"layer"`` evaluates the rest of the network
        over the layer's own plane, None draws no surface. ``"auto"`` takes the first for inputs
        with two features and the second for any others; it draws none where targets are numbers.
    scale : {"fixed", "per-epoch"}, default "fixed"
        Axes that hold for the whole run, or that follow the points.
    epochs : int, slice, range or iterable of int, optional
        Only these recorded epochs. Default: all.
    epoch : int or altair.Parameter, optional
        The epoch shown at first, or a parameter from `epoch_param` to share. Default: the last.
    title : str, optional
        ``{epoch}`` in it is the epoch shown. Default: the layer's name and the epoch.
    width, height : int, default 400
        Size in pixels. Both axes have one scale where the units' spans are comparable and the size
        is square.

    Returns
    -------
    altair.LayerChart
        Surface, grid lines, points and boundary.

    Raises
    ------
    ArgumentError
        There is no such layer, it has not two units, an epoch was not recorded, or an argument is
        not allowed.
    EvaluationError
        The model cannot be rebuilt, or has no graph of layers.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.feature_space(run, layer="hidden", epoch=15)

    References
    ----------
    C. Olah, "Neural Networks, Manifolds, and Topology" (2014),
    https://colah.github.io/posts/2014-03-NN-Manifolds-Topology/
    """
    check_chart(run, width, height)
    require_one_of("scale", scale, ["fixed", "per-epoch"])
    require_one_of("surface", surface, ["auto", "inputs", "layer", None])
    xlim, ylim = checked_limits("xlim", xlim), checked_limits("ylim", ylim)
    layer = _default_layer(run) if layer is None else layer
    run.planes.require(layer)
    flat_inputs = run.planes.inputs_are_plane()
    if surface == "auto":
        surface = ("inputs" if flat_inputs else "layer") if run.classes else None
    clock = Clock.of(run, epochs, epoch)
    snapshots = run.snapshots(clock.epochs)

    coordinates = run.coordinates(layer, epochs=clock.epochs)
    rings = boundary = lines = None
    if surface is not None:
        if surface == "layer":
            xlim, ylim = run.planes.layer_limits(layer, xlim, ylim)
        where: dict[str, Any] = {"xlim": xlim, "ylim": ylim, "resolution": resolution}
        where |= {"plane": surface, "snapshots": snapshots}
        rings = run.planes.surface(layer, bands=BANDS, **where)
        boundary = run.planes.boundary(layer, **where)
    if grid and flat_inputs:
        rectangle = (None, None) if surface == "layer" else (xlim, ylim)
        lines = run.planes.grid(
            layer, xlim=rectangle[0], ylim=rectangle[1], lines=GRID_LINES, snapshots=snapshots
        )

    if scale == "per-epoch":
        xlims, ylims = _limits_by_epoch(snapshots, coordinates, lines or rings)
    elif surface == "layer" and xlim and ylim:
        xlims, ylims = [xlim], [ylim]
    else:
        framing = lines or rings
        around = [coordinates] if framing is None else [coordinates, framing.vertices]
        xlims, ylims = ([limits] for limits in padded_limits(*around))
    titles = (f"{layer}, unit 1", f"{layer}, unit 2")
    plane = Plane(clock, xlims, ylims, titles, width, height, overflows=surface == "layer")
    layers = [
        surface_layer(plane, run, rings, bands=BANDS) if rings else None,
        grid_layer(plane, run, lines) if lines else None,
        points_layer(plane, run, coordinates),
        boundary_layer(plane, run, boundary) if boundary else None,
    ]
    return (
        alt.LayerChart(layer=[part for part in layers if part is not None])
        .properties(
            title=chart_title(title, f"{layer} \N{MIDDLE DOT} epoch {{epoch}}", clock),
            width=width,
            height=height,
        )
        .add_params(clock.parameter)
    )


def _default_layer(run: Run) -> str:
    """Return the last hidden layer with two units."""
    if run.planes.layers():
        return run.planes.layers()[-1]
    shapes = {layer: run.layer_shape(layer) for layer in run.layers}
    if None in shapes.values():
        run.planes.require(run.layers[-1])
    listed = ", ".join(f"{layer!r} {shape}" for layer, shape in shapes.items())
    message = (
        "layer must have an output in the plane, of the shape (2,), and no hidden layer of run "
        f"{run.name!r} has. Its layers and their shapes are: {listed}."
    )
    raise ArgumentError(message)


def _limits_by_epoch(
    snapshots: list[int], coordinates: np.ndarray, framing: Paths | None
) -> tuple[list[Limits], list[Limits]]:
    """Return limits for each epoch, around its own points and its own grid or surface."""
    pairs = []
    for frame, snapshot in enumerate(snapshots):
        around = [coordinates[frame]]
        if framing is not None:
            around.append(framing.selected([snapshot]).vertices)
        pairs.append(padded_limits(*around))
    return [x for x, _ in pairs], [y for _, y in pairs]
