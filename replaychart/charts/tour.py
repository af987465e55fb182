"""`tour`: a layer with more than two units, seen from all sides."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import altair as alt
import numpy as np

from replaychart.arguments import is_number, require_at_least, require_one_of
from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive
from replaychart.drawing.budget import MAX_BYTES, kept
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.packing import Ruler
from replaychart.drawing.plane import by_target, class_labels
from replaychart.drawing.point_looks import PointLooks
from replaychart.drawing.samples import SamplePositions
from replaychart.drawing.texts import fitted
from replaychart.drawing.tile_grid import chosen_units
from replaychart.drawing.titles import (
    Title,
    add_subtitle,
    chart_title,
    check_chart,
    named_title,
    note_not_finite,
)
from replaychart.drawing.touring import STEPS, axes, place_encodings, seen, tour_parameters
from replaychart.drawing.wording import layer_in_words
from replaychart.errors import ArgumentError
from replaychart.facts.epochs import Epochs
from replaychart.planes.grand_tour import Ball, grand_tour
from replaychart.planes.projections import LinearProjection
from replaychart.run import Run

FEWEST, MOST = 3, 10
# A layer with more units than can be shown is reduced to this many components.
_COMPONENTS = 6
# The room for the name of an axis, in pixels.
_NAME = 90


def tour(
    run: Run,
    layer: str | None = None,
    *,
    units: Sequence[int] | None = None,
    dimensions: int | None = None,
    position: float = 0.0,
    seed: int = 0,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: int = 400,
    height: int = 400,
    max_bytes: float | None = MAX_BYTES,
) -> alt.LayerChart:
    """Draw the points in the space of a layer with more than two units, which turns by itself.

    The plane that is seen wanders smoothly through the space, so that groups of points that are
    apart in any direction move apart at some time. Nothing is bent: what is seen is the shadow of
    the points, as if the space were turned in the light. A slider and a box move the view and stop
    it, and the ends of the axes can be dragged. The epochs move as in every other chart.

    Parameters
    ----------
    run : Run
        The recorded training run.
    layer : str, optional
        A layer with at least 3 units. Default: the last hidden one with that many.
    units : sequence of int, optional
        The 3 to 10 units that span the space, counted from 1. Default: all, if there are at most
        10.
    dimensions : int, optional
        Span the space by this many principal components of the layer instead, from 3 to 10; they
        are those of ``projection="pca"`` in `feature_space`. Default: 6 for a layer with more than
        10 units, unless `units` chooses some.
    position : float, default 0.0
        Where the tour begins, from 0 to 1. In pictures and films it stays there.
    seed : int, default 0
        The seed of the tour.
    epochs : float, slice, range or iterable of float, optional
        The epochs to show. Default: all recorded epochs.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch to show initially, or the parameter to use. Default: the parameter ``epoch``,
        initially at the last epoch.
    title : str or sequence of str, optional
        The title, or its lines, in which ``{epoch}`` is replaced by the epoch shown. Default: the
        layer's name.
    width, height : int, default 400
        Size of the chart in pixels.
    max_bytes : float or None, default 20e6
        The maximum amount of data in the chart. Above it, the chart keeps evenly spaced epochs and
        points, and warns about it; None keeps everything.

    Returns
    -------
    altair.LayerChart
        The chart.

    Raises
    ------
    ArgumentError
        The layer does not exist or has too few units, or another argument is invalid.
    EvaluationError
        The outputs of the layer cannot be evaluated.
    MissingDependencyError
        Components need scikit-learn, which is not installed; or Keras is needed and not installed.

    Warns
    -----
    UserWarning
        Epochs or points are left out to keep the chart within `max_bytes`.

    See Also
    --------
    feature_space : the same points in one plane; ``projection="rotate"`` for three units.

    Examples
    --------
    >>> import keras
    >>> import replaychart as rc
    >>> X, y = rc.datasets.parabola(20)
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4), keras.layers.Dense(1)])
    >>> model.compile(loss="mse")
    >>> recorder = rc.Recorder(X, y, "tour.h5", "four", model=model, if_exists="overwrite")
    >>> chart = rc.tour(rc.open_run("tour.h5", "four"))

    References
    ----------
    M. Li, Z. Zhao and C. Scheidegger, "Visualizing Neural Networks with the Grand Tour" (2020),
    https://distill.pub/2020/grand-tour/

    D. Asimov, "The Grand Tour: A Tool for Viewing Multidimensional Data" (1985)
    """
    check_chart(run, width, height, max_bytes, container=False)
    _check(position, seed)
    layer = _layer(run, layer)
    space = _Space.of(run, layer, units, dimensions)
    clock, points = kept(
        run,
        Clock.of(run, epochs, epoch),
        max_bytes,
        bytes_per_point=packing.BYTES_PER_NUMBER * len(space.names),
        bytes_per_epoch=0,
    )
    values = space.coordinates(run, clock)[:, points]
    path = grand_tour(len(space.names), STEPS, int(seed))
    ball = Ball.around(values, path)
    name = named_title(layer_in_words(layer), " \N{MIDDLE DOT} epoch {epoch}", width)
    heading = chart_title(title, name, clock)
    if space.note:
        add_subtitle(heading, space.note, width)
    note_not_finite(heading, clock, "points", width, values)
    lines, above = axes(space.names, ball.radius, width=width, height=height)
    drawn = [lines, _points(run, clock, ball, values, points, (width, height)), *above]
    parameters = tour_parameters(path, float(position))
    return layered(drawn, clock, *parameters, title=heading, width=width, height=height)


def _check(position: object, seed: object) -> None:
    if not is_number(position) or not 0 <= position <= 1:
        message = f"position must be a number from 0 to 1. Got {position!r}."
        raise ArgumentError(message)
    require_at_least("seed", seed, 0)


def _layer(run: Run, layer: str | None) -> str:
    """Return the layer, or the last hidden one with enough units."""
    if layer is not None:
        require_one_of("layer", layer, run.layers)
        return layer
    shapes = {name: run.layer_shape(name) for name in run.planes.hidden_layers()}
    wide = [
        name
        for name, shape in shapes.items()
        if shape is not None and math.prod(size or 1 for size in shape) >= FEWEST
    ]
    if not wide:
        message = (
            f"layer must have at least {FEWEST} units, but no hidden layer of run {run.name!r} is "
            "known to. For two units, use feature_space."
        )
        raise ArgumentError(message)
    return wide[-1]


class _Space(NamedTuple):
    """Up to ten dimensions of a layer.

    Attributes
    ----------
    layer : str
        The layer.
    names : list of str
        The names of the dimensions.
    units : list of int
        The positions of the units that are the dimensions; none for components.
    components : LinearProjection or None
        The components that are the dimensions.
    note : str
        What to say about the dimensions; "" for nothing.
    """

    layer: str
    names: list[str]
    units: list[int]
    components: LinearProjection | None
    note: str

    @classmethod
    def of(
        cls, run: Run, layer: str, units: Sequence[int] | None, dimensions: int | None
    ) -> "_Space":
        """Return the dimensions that were asked for."""
        count = run.coordinates(layer, epochs=run.epochs[-1]).shape[-1]
        if count < FEWEST:
            message = f"layer must have at least {FEWEST} units. Got {layer!r}, which has {count}."
            raise ArgumentError(message)
        if units is not None and dimensions is not None:
            message = f"Pass either units or dimensions. Got {units!r} and {dimensions!r}."
            raise ArgumentError(message)
        if dimensions is None and (units is not None or count <= MOST):
            chosen = chosen_units(units, count, most=MOST)
            if len(set(chosen)) < FEWEST or len(set(chosen)) < len(chosen):
                message = f"units must be {FEWEST} to {MOST} different units. Got {units!r}."
                raise ArgumentError(message)
            names = [_unit_names(run, layer, count)[unit] for unit in chosen]
            note = f"{len(chosen)} of {count:,} units" if len(chosen) < count else ""
            return cls(layer, names, chosen, None, note)
        wanted = _COMPONENTS if dimensions is None else dimensions
        require_at_least("dimensions", wanted, FEWEST, most=min(MOST, count))
        components = run.planes.components(layer, int(wanted))
        names = [f"Component {number}" for number in range(1, int(wanted) + 1)]
        return cls(layer, names, [], components, f"{components.titles[0]} of {count:,} units")

    def coordinates(self, run: Run, clock: Clock) -> np.ndarray:
        """Return the coordinates of all points, shape (epochs, points, dimensions)."""
        values = run.coordinates(self.layer, epochs=clock.epochs)
        if self.components is None:
            return values[..., self.units]
        return np.stack([self.components.coordinates(one, 0) for one in values])


def _unit_names(run: Run, layer: str, count: int) -> list[str]:
    """Return the names of a layer's units: those of the classes, for the network's output."""
    if run.classes and layer == run.planes.output_layer() and count == len(class_labels(run)):
        return [fitted(name, _NAME) for name in map(str, class_labels(run))]
    return [f"Unit {unit + 1}" for unit in range(count)]


def _points(
    run: Run,
    clock: Clock,
    ball: Ball,
    values: np.ndarray,
    points: np.ndarray,
    size: tuple[int, int],
) -> alt.Chart:
    width, height = size
    columns = [f"d{dimension}" for dimension in range(values.shape[-1])]
    ruler = Ruler.over(-ball.reach, ball.reach, pixels=max(size))
    centered = values - ball.middle
    places = {name: ruler.measured(centered[..., k].T) for k, name in enumerate(columns)}
    unpacked = {name: ruler.expression(packing.entry(name, clock)) for name in columns}
    targets, encodings, tooltip = by_target(run, points, width)
    rows = packing.by_epoch(clock, {"point": points.tolist(), **targets}, places)
    shows = SamplePositions(run, clock, points, flat=False)
    looks = PointLooks.of(len(points), width, height)
    return (
        alt.Chart(packing.PackedData(rows, shows, packing.Moving(clock, tuple(columns))))
        .transform_calculate(**unpacked)
        .transform_calculate(**seen(columns))
        .mark_circle(
            opacity=1, clip=True, aria=False, size=looks.size, color=adaptive(colors.CLASSES[0])
        )
        .encode(**place_encodings(ball.radius), **encodings, tooltip=tooltip)
    )
