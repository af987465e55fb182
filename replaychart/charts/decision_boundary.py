"""`decision_boundary`: the inputs' own plane, divided by the network."""

from collections.abc import Sequence
from functools import partial

import altair as alt

from replaychart.drawing.budget import MAX_BYTES, kept_around_paths
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.plane import (
    Plane,
    boundary_layer,
    grid_layer,
    point_bytes,
    points_layer,
    surface_layer,
)
from replaychart.drawing.titles import add_subtitle, chart_title, check_chart, tell_not_finite
from replaychart.facts.epochs import Epochs
from replaychart.planes.extents import Limits
from replaychart.planes.paths import Paths
from replaychart.planes.planes import BANDS, GRID_LINES, RESOLUTION
from replaychart.run import Run


def decision_boundary(
    run: Run,
    *,
    features: Sequence[str | int] | None = None,
    at: object = "median",
    xlim: Limits | None = None,
    ylim: Limits | None = None,
    resolution: int = RESOLUTION,
    grid: bool = False,
    epochs: Epochs = None,
    epoch: float | alt.Parameter | None = None,
    title: str | None = None,
    width: int = 400,
    height: int = 400,
    max_bytes: float | None = MAX_BYTES,
) -> alt.LayerChart:
    """Draw the inputs' plane with the points, the decision surface and the boundary.

    Where the inputs have more than two features, the plane of two of them is drawn: a slice
    through the inputs' space, with the other features held fixed. The points are shown where their
    own two features are, whatever their others. Of a model with several inputs the features of all
    count; those of images, of sequences and of whole numbers (tokens, categories) can be held, but
    not be an axis.

    Parameters
    ----------
    run : Run
        A recorded training with an input that is a vector.
    features : pair of str or int, optional
        The two features that the plane shows, by name or by position in `Run.coordinates`. Default:
        the only two.
    at : {"median", "mean"}, int, mapping of str to float, or array_like, default "median"
        Where the other features are held: their median or mean over the recorded points; at those
        of a point, by its number; at values by name, the rest at the median; at a vector of all
        features. Images, sequences and whole numbers beside other inputs have no median: give the
        number of a point, or name the input in a mapping, with an array of its shape.
    xlim, ylim : tuple of float, optional
        The axes' limits, which the surface fills. Default: around all
        recorded points.
    resolution : int, default 100
        Lattice points along each side on which contours are found.
    grid : bool, default False
        Whether to draw the grid lines that `feature_space` shows bent; of inputs with two features.
    epochs : float, slice, range or iterable of float, optional
        Only these recorded epochs. Default: all.
    epoch : float or altair.Parameter, optional
        The epoch shown at first, or a parameter from `epoch_param` to share. Default: the last.
    title : str, optional
        ``{epoch}`` in it is the epoch shown.
    width, height : int, default 400
        Size in pixels.
    max_bytes : float or None, default 20,000,000
        About what the chart's data may take. Past that it keeps evenly spaced epochs, down to 200,
        then points, of every class its share, down to 2,000, then fewer of both; and warns of it.
        None for no limit.

    Returns
    -------
    altair.LayerChart
        Surface, grid lines, points and boundary. Where the targets are numbers, the surface is the
        prediction, and there is no boundary.

    Raises
    ------
    ArgumentError
        The inputs have more than two features and none were chosen, there is no such feature, an
        epoch was not recorded, or an argument is not allowed.
    EvaluationError
        The model cannot be rebuilt, or it predicts several labels or numbers for each point.

    Warns
    -----
    UserWarning
        Epochs or points were left out to stay within `max_bytes`.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.decision_boundary(run, epoch=15)
    """
    check_chart(run, width, height, max_bytes)
    given = not (xlim is None and ylim is None)
    through = None if features is None else run.planes.slice(features, at)
    rectangle = run.planes.rectangle(
        None, plane="inputs", xlim=xlim, ylim=ylim, resolution=resolution, view=through
    )
    xlim, ylim = rectangle.xlim, rectangle.ylim
    divided = run.planes.surfaces.boundary is not None

    def trace(clock: Clock) -> tuple[Paths, Paths | None, Paths | None]:
        """Return surface, grid lines and boundary, None for what is not drawn."""
        snapshots = run.snapshots(clock.epochs)
        lines = partial(run.planes.grid, None, xlim=xlim, ylim=ylim, lines=GRID_LINES)
        return (
            run.planes.surface(rectangle, snapshots),
            lines(snapshots=snapshots) if grid else None,
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
        points_layer(plane, run, coordinates[points], points),
        boundary_layer(plane, run, boundary) if boundary else None,
    ]
    what = "Decision boundary" if divided else "Prediction"
    heading = chart_title(title, f"{what} \N{MIDDLE DOT} epoch {{epoch}}", clock)
    told = run.point_probabilities if run.classes else run.residuals
    tell_not_finite(heading, clock, "output", width, told(epochs=clock.epochs))
    if through is not None and len(run.planes.feature_names()) > 2:
        add_subtitle(heading, f"surface: slice at {through.slice}", width)
    return layered(
        [layer for layer in layers if layer is not None],
        clock,
        title=heading,
        width=width,
        height=height,
    )
