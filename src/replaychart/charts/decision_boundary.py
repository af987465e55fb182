"""`decision_boundary`: the inputs' own plane, divided by the network."""

import altair as alt

from replaychart.charts.epoch_parameter import Clock
from replaychart.charts.plane import (
    Plane,
    boundary_layer,
    grid_layer,
    points_layer,
    surface_layer,
)
from replaychart.charts.titles import chart_title, check_chart
from replaychart.frames.epochs import Epochs
from replaychart.frames.extents import Limits
from replaychart.frames.planes import BANDS, GRID_LINES, RESOLUTION
from replaychart.run import Run


def decision_boundary(
    run: Run,
    *,
    xlim: Limits | None = None,
    ylim: Limits | None = None,
    resolution: int = RESOLUTION,
    grid: bool = False,
    epochs: Epochs = None,
    epoch: int | alt.Parameter | None = None,
    title: str | None = None,
    width: int = 400,
    height: int = 400,
) -> alt.LayerChart:
    """Draw the inputs' plane with the points, the decision surface and the boundary.

    Parameters
    ----------
    run : Run
        A recorded training on inputs with two features.
    xlim, ylim : tuple of float, optional
        The axes' limits, which the surface fills. Default: around all
        recorded points.
    resolution : int, default 100
        Lattice points along each side on which contours are found.
    grid : bool, default False
        Whether to draw the grid lines that `feature_space` shows bent.
    epochs : int, slice, range or iterable of int, optional
        Only these recorded epochs. Default: all.
    epoch : int or altair.Parameter, optional
        The epoch shown at first, or a parameter from `epoch_param` to share. Default: the last.
    title : str, optional
        ``{epoch}`` in it is the epoch shown.
    width, height : int, default 400
        Size in pixels.

    Returns
    -------
    altair.LayerChart
        Surface, grid lines, points and boundary.

    Raises
    ------
    ArgumentError
        The inputs have not two features, an epoch was not recorded, or an argument is not allowed.
    EvaluationError
        The model cannot be rebuilt, or the targets are numbers and no classes.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.decision_boundary(run, epoch=15)
    """
    check_chart(run, width, height)
    given = not (xlim is None and ylim is None)
    xlim, ylim = run.planes.input_limits(xlim, ylim)
    clock = Clock.of(run, epochs, epoch)
    snapshots = run.snapshots(clock.epochs)
    names = run.feature_names or ["input 1", "input 2"]
    plane = Plane(clock, [xlim], [ylim], (names[0], names[1]), width, height, overflows=given)
    rings = run.planes.surface(
        None,
        xlim=xlim,
        ylim=ylim,
        resolution=resolution,
        bands=BANDS,
        plane="inputs",
        snapshots=snapshots,
    )
    boundary = run.planes.boundary(
        None, xlim=xlim, ylim=ylim, resolution=resolution, plane="inputs", snapshots=snapshots
    )
    layers = [
        surface_layer(plane, run, rings, bands=BANDS),
        points_layer(plane, run, run.coordinates(None, epochs=clock.epochs)),
        boundary_layer(plane, run, boundary),
    ]
    if grid:
        lines = run.planes.grid(None, xlim=xlim, ylim=ylim, lines=GRID_LINES, snapshots=snapshots)
        layers.insert(1, grid_layer(plane, run, lines))
    return (
        alt.LayerChart(layer=layers)
        .properties(
            title=chart_title(title, "Decision boundary \N{MIDDLE DOT} epoch {epoch}", clock),
            width=width,
            height=height,
        )
        .add_params(clock.parameter)
    )
