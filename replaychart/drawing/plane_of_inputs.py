"""The inputs as a plane without a surface, for runs that have none."""

import altair as alt

from replaychart.drawing.budget import kept
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.plane import Plane, point_bytes, points_layers
from replaychart.drawing.sizes import Width
from replaychart.drawing.titles import chart_title
from replaychart.drawing.validation_points import validation_layer
from replaychart.run import Run


def points_of_inputs(
    run: Run, clock: Clock, max_bytes: float | None, *, width: Width, height: int
) -> alt.LayerChart:
    """Return the points in the plane of the inputs.

    Parameters
    ----------
    run : Run
        A run whose inputs have two features.
    clock : Clock
        The chart's epochs.
    max_bytes : float or None
        The size limit; None for no limit.
    width : int or "container"
        The width of the chart.
    height : int
        The height in pixels.
    """
    clock, points = kept(
        run, clock, max_bytes, bytes_per_point=point_bytes(run, 0), bytes_per_epoch=1
    )
    xlim, ylim = run.planes.input_limits()
    first, second = run.planes.feature_names()
    plane = Plane(clock, [xlim], [ylim], (first, second), width, height, overflows=False)
    layers = points_layers(plane, run, run.planes.inputs[points], points)
    heading = chart_title(None, "Inputs", clock)
    if run.validation is not None:
        others = run.validation.planes.inputs
        layers.insert(0, validation_layer(plane, run, run.validation, others, heading))
    return layered(layers, clock, title=heading, width=width, height=height)
