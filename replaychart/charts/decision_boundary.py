"""`decision_boundary`: the input plane, divided by the network."""

import altair as alt

from replaychart.drawing.budget import MAX_BYTES, kept_around_paths
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.plane import (
    Plane,
    boundary_layer,
    grid_layer,
    point_bytes,
    points_layers,
    surface_layer,
)
from replaychart.drawing.sizes import Width, width_for_texts
from replaychart.drawing.titles import (
    Title,
    add_subtitle,
    chart_title,
    check_chart,
    note_not_finite,
)
from replaychart.facts.epochs import Epochs
from replaychart.planes.argument_types import Features, SliceAt
from replaychart.planes.extents import Limits
from replaychart.planes.paths import Paths
from replaychart.planes.planes import BANDS, GRID_LINES, RESOLUTION
from replaychart.run import Run


def decision_boundary(
    run: Run,
    *,
    features: Features | None = None,
    at: SliceAt = "median",
    xlim: Limits | None = None,
    ylim: Limits | None = None,
    resolution: int = RESOLUTION,
    grid: bool = False,
    epochs: Epochs = None,
    epoch: float | alt.Parameter | None = None,
    title: Title | None = None,
    width: Width = 400,
    height: int = 400,
    max_bytes: float | None = MAX_BYTES,
) -> alt.LayerChart:
    """Draw the input plane with the points, the decision surface and the boundary.

    If the inputs have more than two features, the chart shows the plane of two of them: a slice
    through the input space, with the other features held fixed. Every point is placed by its own
    values of the two features, whatever its other features are. For a model with several inputs,
    the features of all inputs are available; those of images, sequences and integers (tokens,
    categories) can be held fixed, but cannot be an axis.

    Parameters
    ----------
    run : Run
        A recorded training run with at least one vector input.
    features : pair of str or int, optional
        The two features that span the plane, by name or by position in `Run.coordinates`. Default:
        the only two; required if there are more.
    at : {"median", "mean"}, int, mapping of str to float, or array_like, default "median"
        Where the other features are held: at their median or mean over the recorded points; at the
        features of one point, given by its number; at values by name, with the rest at the median;
        or at a vector of all features. Images, sequences and integers have no median: if the model
        has such inputs, pass the number of a point, or a mapping with the name of each such input
        and an array of its shape.
    xlim, ylim : tuple of float, optional
        Limits of the axes, which the surface fills. Default: around all recorded points.
    resolution : int, default 100
        Number of lattice points along each side of the plane, from which contours are computed.
    grid : bool, default False
        Whether to draw the grid lines that `feature_space` shows warped. They need inputs with
        exactly two features.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float or altair.Parameter, optional
        The epoch shown initially, or a parameter from `epoch_param` that charts share. Default: the
        last epoch.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown. Default: what is drawn
        and the epoch.
    width, height : int or "container", default 400
        Size in pixels. A width of ``"container"`` fills the page or element around the chart.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned, with
        a warning: first to evenly spaced epochs, down to 200; then to a proportional sample of each
        class, down to 2,000 points; then both further. None means no limit.

    Returns
    -------
    altair.LayerChart
        Surface, grid lines, points and boundary. For a regression, the surface shows the predicted
        value and there is no boundary.

    Raises
    ------
    ArgumentError
        The inputs have more than two features and `features` was not given, a feature does not
        exist, an epoch was not recorded, or another argument is invalid.
    EvaluationError
        The model cannot be rebuilt, or it predicts several labels or values for each point.

    Warns
    -----
    UserWarning
        Epochs or points are left out to stay within `max_bytes`.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.decision_boundary(run, epoch=15)
    """
    check_chart(run, width, height, max_bytes)
    room = width_for_texts(width)
    given = not (xlim is None and ylim is None)
    through = None if features is None else run.planes.slice(features, at)
    rectangle = run.planes.rectangle(
        None, plane="inputs", xlim=xlim, ylim=ylim, resolution=resolution, view=through
    )
    xlim, ylim = rectangle.xlim, rectangle.ylim
    divided = run.planes.surfaces.boundary is not None

    def trace(clock: Clock) -> tuple[Paths, Paths | None, Paths | None]:
        """Return surface, grid lines and boundary; None for each that is not drawn."""
        snapshots = run.snapshots(clock.epochs)
        lines = None
        if grid:
            lines = run.planes.grid(
                None, xlim=xlim, ylim=ylim, lines=GRID_LINES, snapshots=snapshots
            )
        return (
            run.planes.surface(rectangle, snapshots),
            lines,
            run.planes.boundary(rectangle, snapshots) if divided else None,
        )

    clock, points, (surface, lines, boundary) = kept_around_paths(
        run,
        Clock.of(run, epochs, epoch),
        max_bytes,
        trace,
        bytes_per_point=point_bytes(run, 0),
    )
    first, second = run.planes.feature_names()[:2] if through is None else through.titles
    plane = Plane(clock, [xlim], [ylim], (first, second), width, height, overflows=given)
    flat = run.planes.inputs
    coordinates = flat if through is None else through.coordinates(flat, 0)
    layers = [
        surface_layer(plane, run, surface, bands=BANDS),
        grid_layer(plane, run, lines) if lines else None,
        *points_layers(plane, run, coordinates[points], points),
        boundary_layer(plane, run, boundary) if boundary else None,
    ]
    what = "Decision boundary" if divided else "Prediction"
    heading = chart_title(title, f"{what} \N{MIDDLE DOT} epoch {{epoch}}", clock)
    note_not_finite(heading, clock, "output", room, run.outputs(epochs=clock.epochs))
    if through is not None and len(run.planes.feature_names()) > 2:
        add_subtitle(heading, f"background: slice at {through.slice}", room)
    return layered(
        [layer for layer in layers if layer is not None],
        clock,
        title=heading,
        width=width,
        height=height,
    )
