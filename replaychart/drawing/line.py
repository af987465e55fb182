"""The chart of inputs with a single feature: what the network predicts along it."""

from typing import Any

import altair as alt
import numpy as np

from replaychart.arguments import require_at_least
from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import IS_DARK, adaptive
from replaychart.drawing.budget import kept
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.expressions import outright
from replaychart.drawing.packing import BYTES_PER_NUMBER
from replaychart.drawing.plane import Plane, point_bytes, points_layers, probability_title
from replaychart.drawing.sizes import Width, width_for_texts
from replaychart.drawing.titles import Title, chart_title, note_not_finite
from replaychart.drawing.validation_points import validation_layer
from replaychart.planes.extents import Limits
from replaychart.planes.planes import CURVE_PLACES, MOST_RESOLUTION, RESOLUTION
from replaychart.planes.rectangle import checked_limits
from replaychart.run import Run

# The heights of the strip in which the points of a class are spread, and of the room between the
# curves and these strips, in relation to the height of the curves.
_STRIP, _ROOM = 0.06, 0.04
# A share that spreads points evenly in any number: the fraction of the golden ratio.
_GOLDEN = 0.618034
# How far the predictions of a diverging network stretch the axis, in relation to the targets.
_FARTHEST = 1.0
_MARGIN = 0.05


def curve_over_line(
    run: Run,
    clock: Clock,
    *,
    xlim: Limits | None,
    ylim: Limits | None,
    resolution: int,
    title: Title | None,
    width: Width,
    height: int,
    max_bytes: float | None,
    validation: bool = True,
) -> alt.LayerChart:
    """Return the prediction against the only feature, with the points; see `decision_boundary`."""
    require_at_least("resolution", resolution, 2, most=MOST_RESOLUTION)
    x_limits, y_given = run.planes.curve_limits(xlim), checked_limits("ylim", ylim)
    places = int(resolution) * CURVE_PLACES // RESOLUTION if run.has_model else len(run.targets)
    curves = len(run.planes.surfaces.classes)
    clock, points = kept(
        run,
        clock,
        max_bytes,
        bytes_per_point=point_bytes(run, 0),
        bytes_per_epoch=BYTES_PER_NUMBER * places * curves,
    )
    x, values = _curves(run, clock, x_limits, places)
    y = _heights(run)
    others = _places(run.validation) if validation and run.validation is not None else None
    shown = y if others is None else np.concatenate([y, others[:, 1]])
    y_limits = y_given or _limits(run, shown, values)
    feature = run.planes.feature_names()[0]
    plane = Plane(
        clock, [x_limits], [y_limits], (feature, _title(run)), width, height, overflows=True
    )
    coordinates = _places(run)
    layers = [
        *_levels(run),
        *points_layers(plane, run, coordinates[points], points),
        *_curve_layers(plane, run, x, values),
    ]
    if run.has_probabilities:
        _limit_ticks(layers)
    what = "Probability" if run.has_probabilities else "Score" if run.classes else "Prediction"
    heading = chart_title(title, f"{what} \N{MIDDLE DOT} epoch {{epoch}}", clock)
    if others is not None and run.validation is not None:
        hollow = validation_layer(plane, run, run.validation, others, heading)
        layers.insert(len(_levels(run)), hollow)
    note_not_finite(heading, clock, "output", width_for_texts(width), values)
    return layered(layers, clock, title=heading, width=width, height=height)


def _limit_ticks(layers: list[alt.Chart]) -> None:
    """Leave out ticks where the points are that have no probability of their own."""
    for layer in layers:
        y = layer.encoding.y
        if y._get("axis") is not None:
            y.axis = alt.Axis(values=[0, 0.25, 0.5, 0.75, 1])


def _curves(run: Run, clock: Clock, xlim: Limits, places: int) -> tuple[np.ndarray, np.ndarray]:
    """Return values of the feature, (places,), and the curves, (epochs, places, curves)."""
    snapshots = run.snapshots(clock.epochs)
    if run.has_model:
        values = run.planes.curve(xlim, places, snapshots)
        return np.linspace(*xlim, values.shape[1]), values
    order = np.argsort(run.planes.inputs[:, 0], kind="stable")
    return run.planes.inputs[order, 0], run.planes.curve_of_points(snapshots)[:, order]


def _places(run: Run) -> np.ndarray:
    """Return the positions of the points, shape (points, 2)."""
    return np.stack([run.planes.inputs[:, 0].astype(np.float64), _heights(run)], axis=1)


def _heights(run: Run) -> np.ndarray:
    """Return the vertical positions of the points, shape (points,).

    The points of a regression are at their targets. Those of a class are spread over a strip: at
    the probability that they should have if there are two, otherwise below the curves.
    """
    if not run.classes:
        return run.targets.astype(np.float64)
    spread = (np.arange(len(run.targets)) * _GOLDEN) % 1 - 0.5
    if run.classes == 2 and run.has_probabilities:
        return run.targets + _STRIP * spread
    if run.classes == 2:
        return 2.0 * run.targets - 1 + 2 * _STRIP * spread
    return -_ROOM - _STRIP * (run.targets + 0.5 + 0.8 * spread)


def _limits(run: Run, y: np.ndarray, values: np.ndarray) -> Limits:
    """Return the limits of the vertical axis."""
    low, high = float(y.min()), float(y.max())
    if run.has_probabilities:
        low, high = min(low, 0.0), max(high, 1.0)
    else:
        finite = values[np.isfinite(values)]
        reach = _FARTHEST * (high - low if high > low else 1.0)
        if len(finite):
            low = min(low, max(float(finite.min()), low - reach))
            high = max(high, min(float(finite.max()), high + reach))
    margin = _MARGIN * (high - low if high > low else 1.0)
    return low - margin, high + margin


def _title(run: Run) -> str:
    if not run.classes:
        return "Prediction and target"
    if not run.has_probabilities:
        return "Score"
    return probability_title(run) if run.classes == 2 else "Probability"


def _levels(run: Run) -> list[alt.Chart]:
    """Return the line at which the decision between two classes changes."""
    level = run.planes.surfaces.boundary
    if run.classes != 2 or level is None:
        return []
    return [
        alt.Chart(packing.PackedData([{"y": level}]))
        .mark_rule(color=adaptive(colors.REFERENCE), strokeDash=[4, 3], tooltip=None, aria=False)
        .encode(y=alt.Y("y:Q"))
    ]


def _curve_layers(plane: Plane, run: Run, x: np.ndarray, values: np.ndarray) -> list[alt.Chart]:
    """Return the curves at the epoch shown."""
    x_ruler, y_ruler = plane.rulers()
    several = values.shape[2] > 1
    tones = (
        (colors.class_colors(run.classes), colors.class_colors(run.classes, dark=True))
        if several
        else ([colors.BOUNDARY], [colors.DARK_BOUNDARY])
    )
    constant: dict[str, list[Any]] = {"x": [], "curve": [], "color": [], "dark": []}
    steps: list[list[Any]] = []
    for curve, (light, dark) in enumerate(zip(*tones, strict=True)):
        constant["x"] += x_ruler.rounded(x)
        constant["curve"] += [curve] * len(x)
        constant["color"] += [light] * len(x)
        constant["dark"] += [dark] * len(x)
        steps += y_ruler.measured(values[:, :, curve].T)
    rows = packing.by_epoch(plane.clock, constant, {"y": steps})
    return [
        alt.Chart(packing.PackedData(rows))
        .transform_calculate(y=y_ruler.expression(packing.entry("y", plane.clock)))
        .mark_line(
            strokeWidth=2.5,
            clip=True,
            style=plane.style(),
            invalid="break-paths-show-domains",
            tooltip=None,
            aria=False,
        )
        .encode(
            x=plane.x(),
            y=plane.y(),
            detail=alt.Detail("curve:N"),
            stroke=outright(alt.StrokeValue, f"{IS_DARK} ? datum.dark : datum.color"),
        )
    ]
