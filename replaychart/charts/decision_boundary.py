"""`decision_boundary`: the input plane, divided by the network."""

import altair as alt

from replaychart.drawing.budget import MAX_BYTES, kept_around_paths
from replaychart.drawing.class_labels import label_layers
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.line import curve_over_line
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.plane import (
    Plane,
    grid_layer,
    point_bytes,
    points_layers,
    surface_layer,
)
from replaychart.drawing.sizes import Width, width_for_texts
from replaychart.drawing.threshold import (
    Threshold,
    boundary_paths,
    checked_threshold,
    decided_boundary_layer,
    parameters,
    threshold_expression,
    titled,
)
from replaychart.drawing.titles import (
    Title,
    add_subtitle,
    chart_title,
    check_chart,
    note_not_finite,
)
from replaychart.drawing.unit_lines import check_units, unit_lines_layer
from replaychart.drawing.validation_points import validation_layer
from replaychart.drawing.wording import in_words
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
    unit: int | None = None,
    units: str | None = None,
    xlim: Limits | None = None,
    ylim: Limits | None = None,
    resolution: int = RESOLUTION,
    grid: bool = False,
    shapes: bool = False,
    labels: bool = True,
    threshold: Threshold = False,
    validation: bool = True,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: Width = 400,
    height: int = 400,
    max_bytes: float | None = MAX_BYTES,
) -> alt.LayerChart:
    """Draw the input plane with the points, the decision surface and the boundary.

    If the inputs have a single feature, the chart shows the prediction against this feature: the
    probability of class 1 with a line at 0.5, the probability of each of several classes, or the
    predicted value among the targets.

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
    unit : int, optional
        The value that the surface shows, if the model predicts several for each point (a mean and a
        variance, quantiles, several targets): its position in the output, counted from 0. Points
        have the colors of its targets, if there is one for each value. Of several labels, it is
        the probability of this label. Default: the only value.
    units : str, optional
        A dense layer. For each of its units, a line is drawn where the unit switches on: where its
        pre-activation, the input of its activation function, is 0. A ReLU network is linear between
        these lines. A sigmoid or tanh unit is in the middle of its range there. The larger the
        unit's outgoing weights at the epoch shown (their Euclidean norm), the thicker the line.
        Default: no lines.
    xlim, ylim : tuple of float, optional
        Limits of the axes, which the surface fills. Default: around all recorded points.
    resolution : int, default 100
        Number of lattice points along each side of the plane, from which contours are computed.
    grid : bool, default False
        Whether to draw the grid lines that `feature_space` shows warped. They need inputs with
        exactly two features.
    shapes : bool, default False
        Whether the points of different classes also differ in shape.
    labels : bool, default True
        Whether to write the names of the classes at the median of their points, if there are 4 to
        40 classes.
    threshold : altair.Parameter or bool, default False
        The probability from which on a point counts as class 1: True for a slider that starts at
        0.5, or a parameter from `threshold_param` that charts share. By default, there is no slider
        and the network decides. It needs two classes with probabilities.
    validation : bool, default True
        Whether to draw the validation points, if any were recorded, as hollow circles: at most
        1,000, a proportional sample of each class.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch.
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
        Surface, grid lines, lines of units, points and boundary. Points predicted as another class
        are ringed. For a regression, the surface shows the predicted value and there is no
        boundary.

    Raises
    ------
    ArgumentError
        The inputs have more than two features and `features` was not given, a feature does not
        exist, an epoch was not recorded, or another argument is invalid.
    EvaluationError
        The model cannot be rebuilt, or it predicts several labels or values for each point and no
        `unit` was chosen.

    Warns
    -----
    UserWarning
        Epochs or points are left out to stay within `max_bytes`.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.decision_boundary(run, epoch=15)
    >>> folds = rc.decision_boundary(run, units="hidden")
    """
    check_chart(run, width, height, max_bytes)
    run = run.of_unit(unit)
    chosen = checked_threshold(run, threshold)
    room = width_for_texts(width)
    check_units(run, units, line=features is None and run.planes.inputs_are_line())
    if features is None and run.planes.inputs_are_line():
        if grid:
            run.planes.require_grid(None)
        return curve_over_line(
            run,
            Clock.of(run, epochs, epoch),
            xlim=xlim,
            ylim=ylim,
            resolution=resolution,
            title=title,
            width=width,
            height=height,
            max_bytes=max_bytes,
            validation=validation,
        )
    given = not (xlim is None and ylim is None)
    through = None if features is None else run.planes.slice(features, at)
    rectangle = run.planes.rectangle(
        None, plane="inputs", xlim=xlim, ylim=ylim, resolution=resolution, view=through
    )
    xlim, ylim = rectangle.xlim, rectangle.ylim
    divided = run.planes.surfaces.boundary is not None

    def trace(clock: Clock) -> tuple[Paths, Paths | None, Paths | None, Paths | None]:
        """Return surface, grid lines, boundary and lines of units; None if not drawn."""
        snapshots = run.snapshots(clock.epochs)
        lines = None
        if grid:
            lines = run.planes.grid(
                None, xlim=xlim, ylim=ylim, lines=GRID_LINES, snapshots=snapshots
            )
        return (
            run.planes.surface(rectangle, snapshots),
            lines,
            boundary_paths(run, rectangle, snapshots, chosen) if divided else None,
            None if units is None else run.planes.unit_boundaries(units, rectangle, snapshots),
        )

    clock, points, (surface, lines, boundary, switches) = kept_around_paths(
        run,
        Clock.of(run, epochs, epoch),
        max_bytes,
        trace,
        bytes_per_point=point_bytes(run, 0),
    )
    first, second = run.planes.feature_names()[:2] if through is None else through.titles
    if run.feature_names is None:
        first, second = in_words(first), in_words(second)
    plane = Plane(clock, [xlim], [ylim], (first, second), width, height, overflows=given)
    flat = run.planes.inputs
    coordinates = flat if through is None else through.coordinates(flat, 0)
    layers = [
        surface_layer(plane, run, surface, bands=BANDS),
        grid_layer(plane, run, lines) if lines else None,
        unit_lines_layer(plane, run, units, switches) if units and switches else None,
        *points_layers(
            plane,
            run,
            coordinates[points],
            points,
            shapes=shapes,
            threshold=threshold_expression(chosen),
        ),
        decided_boundary_layer(plane, run, boundary, chosen) if boundary else None,
        *(label_layers(plane, run, coordinates[points], points) if labels else []),
    ]
    what = "Decision boundary" if divided else "Prediction"
    default, shown = titled(f"{what} \N{MIDDLE DOT} epoch {{epoch}}", chosen)
    heading = chart_title(title, default, clock, **shown)
    if validation and run.validation is not None:
        others = run.validation.planes.inputs
        others = others if through is None else through.coordinates(others, 0)
        layers.insert(2, validation_layer(plane, run, run.validation, others, heading))
    note_not_finite(heading, clock, "output", room, run.outputs(epochs=clock.epochs))
    of_unit = run.planes.unit_shown()
    if of_unit is not None:
        add_subtitle(heading, of_unit, room)
    if units is not None:
        add_subtitle(heading, f"lines: where units of {units} switch on", room)
    if through is not None and len(run.planes.feature_names()) > 2:
        add_subtitle(heading, f"background: slice at {through.slice}", room)
    return layered(
        [layer for layer in layers if layer is not None],
        clock,
        *parameters(chosen),
        title=heading,
        width=width,
        height=height,
    )
