"""`layer_morph`: from the inputs through the layers of a network to its output."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import altair as alt
import numpy as np

from replaychart.arguments import is_number, items_of, require_one_of
from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive_expression
from replaychart.drawing.budget import MAX_BYTES, kept_around_paths
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.depth import (
    LINE_HEIGHT,
    at_stop,
    before,
    depth_parameter,
    distance_to,
    name_expression,
    stops_line,
)
from replaychart.drawing.depth import NAME as DEPTH
from replaychart.drawing.expressions import outright
from replaychart.drawing.limits import limits_scale
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.packing import Ruler
from replaychart.drawing.plane import (
    Places,
    Plane,
    boundary_layer,
    placed_points_layers,
    point_bytes,
    surface_layer,
)
from replaychart.drawing.samples import SamplePositions
from replaychart.drawing.sizes import Width, width_for_positions, width_for_texts
from replaychart.drawing.stations import Station, grid_numbers, stations_of
from replaychart.drawing.titles import (
    Title,
    add_subtitle,
    chart_title,
    check_chart,
    note_not_finite,
)
from replaychart.drawing.wording import in_words, layer_in_words
from replaychart.errors import ArgumentError
from replaychart.facts.epochs import Epochs
from replaychart.planes.alignment import Framing
from replaychart.planes.argument_types import ProjectionLike
from replaychart.planes.extents import padded_limits
from replaychart.planes.paths import Paths, Piece
from replaychart.planes.planes import BANDS, GRID_LINES
from replaychart.run import Run

# The square extends beyond the points by this factor.
_REACH = 1.06
# A surface is invisible from this distance to its layer on, in layers.
_FADED_AT = 0.2
_ROOM_FOR_EPOCH = 90


def layer_morph(
    run: Run,
    layers: Sequence[str] | None = None,
    *,
    depth: float = 0,
    projection: Mapping[str, ProjectionLike] | str | None = None,
    grid: bool = True,
    surface: bool = True,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: Width = 400,
    height: int = 440,
    max_bytes: float | None = MAX_BYTES,
) -> alt.LayerChart:
    """Draw the points on their way from the inputs through the layers of a network to its output.

    A second slider, named ``depth``, moves the points and the grid of the inputs from layer to
    layer, at any epoch. You can also drag along the line of layers at the bottom. At each layer,
    the picture is what the network computes. Between two layers, positions are interpolated, and
    the title says so.

    Every layer is turned, or mirrored, so that its points are as close as possible to those of the
    layer before (orthogonal Procrustes over all epochs), and scaled to the same size. Otherwise the
    points would cross each other only because the order and the signs of units are arbitrary.

    Parameters
    ----------
    run : Run
        The recorded training run.
    layers : sequence of str, optional
        The layers after the inputs, in this order. Default: all in the order of the model, except
        those whose outputs equal those of the layer before, such as dropout.
    depth : float, default 0
        Where the chart starts: 0 for the inputs, 1 for the first layer, 1.5 for half way between
        the first and the second.
    projection : str or mapping of str, optional
        How to project layers with more than two units, as in `feature_space`: ``"pca"`` (the
        default) or another name for all of them, or a projection by the name of the layer.
    grid : bool, default True
        Whether to draw the grid of the inputs. It is left out if the inputs do not have exactly two
        features, or if the run was recorded from outputs, without a model.
    surface : bool, default True
        Whether to draw the decision surface and the boundary at the inputs and at hidden layers.
        They fade out between layers. They are left out where `feature_space` has none, and if the
        inputs do not have exactly two features.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown, and ``{layer}`` by the
        layer. Default: both.
    width, height : int or "container", default 400 and 440
        Size in pixels. A width of ``"container"`` fills the page or element around the chart.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned, with
        a warning, as in `feature_space`. None means no limit.

    Returns
    -------
    altair.LayerChart
        The points, colored by class or target, with rings around those predicted as another class;
        the grid of the inputs; and the surfaces. The points of a layer with one unit are on a line,
        across which they are spread a little. Inputs with more than two features are projected to
        their principal components. The inputs are left out if they are integers, such as tokens.

    Raises
    ------
    ArgumentError
        There is no such layer, `depth` is outside the range of layers, or another argument is
        invalid.
    EvaluationError
        The model cannot be rebuilt or has no graph of layers.
    MissingDependencyError
        A projection needs scikit-learn, which is not installed.

    Warns
    -----
    UserWarning
        Epochs or points are left out to stay within `max_bytes`.

    See Also
    --------
    feature_space : one layer, with axes.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.layer_morph(run, depth=0.5, epoch=40)

    References
    ----------
    C. Olah, "Neural Networks, Manifolds, and Topology" (2014),
    https://colah.github.io/posts/2014-03-NN-Manifolds-Topology/

    P. H. Schönemann, "A generalized solution of the orthogonal Procrustes problem" (1966)
    """
    check_chart(run, width, height, max_bytes)
    stations = stations_of(run, _checked_layers(run, layers), projection)
    _check_depth(depth, stations)
    traces = _Traces(
        run,
        stations,
        grid=grid and run.has_model and run.planes.inputs_are_plane(),
        surface=surface and _has_surfaces(run),
    )
    moving = sum(station.layer is not None for station in stations)
    clock, points, paths = kept_around_paths(
        run,
        Clock.of(run, epochs, epoch),
        max_bytes,
        traces.at,
        bytes_per_point=point_bytes(run, 2 * moving),
    )
    stops = _stops(stations, clock, paths)
    square = _Square.of(clock, width, height)
    room = width_for_texts(width)
    default = "{layer} \N{MIDDLE DOT} epoch {epoch}"
    names = [_name(station) for station in stations]
    shown = name_expression(names, room=room - _ROOM_FOR_EPOCH)
    heading = chart_title(title, default, clock, layer=shown)
    _explain(heading, stations, room)
    note_not_finite(heading, clock, "points", room, *(stop.values for stop in stops))
    drawn = [
        *_surfaces(square, run, stops),
        *_grid_lines(square, stops),
        *_points(square, run, stops, points),
        *stops_line(_short_names(stations), square.xlims[0], width=width, height=height),
    ]
    parameter = depth_parameter(len(stops), float(depth))
    return layered(drawn, clock, parameter, title=heading, width=width, height=height)


def _checked_layers(run: Run, layers: Sequence[str] | None) -> list[str] | None:
    if layers is None:
        return None
    chosen = items_of("layers", layers, "names of layers")
    for layer in chosen:
        require_one_of("layers", layer, run.layers)
    return chosen


def _check_depth(depth: object, stations: Sequence[Station]) -> None:
    """Raise `ArgumentError` unless there is a way from one station to another, and it is on it."""
    last = len(stations) - 1
    if last < 1:
        message = (
            "layers must contain at least one layer after the inputs, or two if the inputs cannot "
            f"be shown. Got {len(stations)}."
        )
        raise ArgumentError(message)
    if not is_number(depth) or not 0 <= depth <= last:
        message = f"depth must be a number from 0 to {last}. Got {depth!r}."
        raise ArgumentError(message)


def _has_surfaces(run: Run) -> bool:
    planes = run.planes
    known = run.has_model and run.tells_predictions
    return known and planes.inputs_are_plane() and planes.has_one_surface_per_class()


def _name(station: Station) -> str:
    if station.layer is None:
        return "Inputs"
    return layer_in_words(station.layer)


def _short_names(stations: Sequence[Station]) -> list[str]:
    return ["Inputs" if one.layer is None else in_words(one.layer) for one in stations]


def _explain(heading: alt.TitleParams, stations: Sequence[Station], room: float) -> None:
    """Add a subtitle that says what is not computed by the network."""
    add_subtitle(heading, "layers are turned to match; between them: interpolated", room)
    projected = [station for station in stations if station.view is not None]
    if projected:
        listed = ", ".join(f"{_name(one)} ({one.units:,})" for one in projected)
        add_subtitle(heading, f"projected to a plane: {listed}", room)


class _Drawn(NamedTuple):
    """What is drawn around the points of a station, in the plane of its layer; None if nothing."""

    grid: Paths | None
    rings: Paths | None
    boundary: Paths | None


@dataclasses.dataclass(frozen=True)
class _Traces:
    """Traces grid lines and surfaces at all stations."""

    run: Run
    stations: Sequence[Station]
    grid: bool
    surface: bool

    def at(self, clock: Clock) -> tuple[Paths | None, ...]:
        """Return what is drawn at the epochs of a clock, three for each station."""
        snapshots = self.run.snapshots(clock.epochs)
        return tuple(part for one in self.stations for part in self._drawn(one, snapshots))

    def _drawn(self, station: Station, snapshots: list[int]) -> _Drawn:
        grid = rings = boundary = None
        if self.grid:
            every = station.grid(snapshots)
            grid = Paths.from_pieces(
                Piece(snapshot, 0, one) for snapshot, one in zip(snapshots, every, strict=True)
            )
        if self.surface and not station.is_output and station.units > 1:
            planes = self.run.planes
            rectangle = planes.rectangle(station.layer, plane="inputs", view=station.view)
            rings = planes.surface(rectangle, snapshots)
            if planes.surfaces.boundary is not None:
                boundary = planes.boundary(rectangle, snapshots)
        return _Drawn(grid, rings, boundary)


@dataclasses.dataclass(frozen=True)
class _Stop:
    """A station in the square.

    Attributes
    ----------
    station : Station
        The station.
    values : numpy.ndarray, shape (epochs, points, 2)
        The points.
    grid : numpy.ndarray or None, shape (epochs, vertices, 2)
        The vertices of the grid lines.
    rings, boundary : Paths or None
        The surface and the boundary.
    """

    station: Station
    values: np.ndarray
    grid: np.ndarray | None
    rings: Paths | None
    boundary: Paths | None


def _stops(stations: Sequence[Station], clock: Clock, paths: Sequence[Paths | None]) -> list[_Stop]:
    """Return all stations in the square, each turned onto the one before."""
    stops: list[_Stop] = []
    for place, station in enumerate(stations):
        snapshots = station.run.snapshots(clock.epochs)
        drawn = _Drawn(*paths[3 * place : 3 * place + 3])
        values = station.points(snapshots)
        grid = None
        if drawn.grid is not None:
            grid = drawn.grid.vertices.reshape(len(snapshots), -1, 2)
        around = np.empty((0, 2)) if grid is None else grid
        if not stops:
            framing = Framing.of_limits(*padded_limits(values[:1], around[:1], margin=0))
        else:
            framing = Framing.onto(stops[-1].values, values, around)
        stops.append(
            _Stop(
                station,
                framing.applied(values),
                None if grid is None else framing.applied(grid),
                _moved(drawn.rings, framing),
                _moved(drawn.boundary, framing),
            )
        )
    return stops


def _moved(paths: Paths | None, framing: Framing) -> Paths | None:
    if paths is None:
        return None
    return dataclasses.replace(paths, vertices=framing.applied(paths.vertices))


class _Square(Plane):
    """The square that all stations share. It has no axes, because its directions have no units."""

    @classmethod
    def of(cls, clock: Clock, width: Width, height: int) -> "_Square":
        """Return the square above the line of stops, with the same scale in both directions."""
        across, up = float(width_for_texts(width)), float(height)
        half = _REACH
        room = max(up - LINE_HEIGHT, 1.0)
        unit = max(2 * half / across, 2 * half / room)
        xlim = (-unit * across / 2, unit * across / 2)
        top = unit * room / 2
        return cls(clock, [xlim], [(top - unit * up, top)], ("", ""), width, height, overflows=True)

    def x(self) -> alt.X:
        """Return the encoding of the horizontal axis, which is not drawn."""
        return alt.X("x:Q", axis=None, scale=limits_scale(self.clock, self.xlims))

    def y(self) -> alt.Y:
        """Return the encoding of the vertical axis, which is not drawn."""
        return alt.Y("y:Q", axis=None, scale=limits_scale(self.clock, self.ylims))

    def ruler(self) -> Ruler:
        """Return the ruler of both directions."""
        pixels = max(width_for_positions(self.width), self.height)
        return Ruler.over(*self.xlims[0], pixels=pixels)


class _Columns(NamedTuple):
    """The packed columns of places at all stations, and the expressions for those shown."""

    constant: dict[str, list[Any]]
    changing: dict[str, list[Any]]
    calculated: dict[str, str]

    @classmethod
    def of(cls, square: _Square, values: Sequence[np.ndarray]) -> "_Columns":
        """Return the columns for the places at each station, shape (epochs, places, 2) each."""
        constant: dict[str, list[Any]] = {}
        changing: dict[str, list[Any]] = {}
        calculated: dict[str, str] = {}
        ruler = square.ruler()
        for axis, direction in enumerate("xy"):
            entries = []
            for stop, own in enumerate(values):
                name = f"{direction}{stop}"
                measured = ruler.measured(own[:, :, axis].T)
                if stop == 0 and (own == own[:1]).all():
                    constant[name] = [over_epochs[0] for over_epochs in measured]
                    entries.append(f"datum.{name}")
                else:
                    changing[name] = measured
                    entries.append(packing.entry(name, square.clock))
            start, end = at_stop(entries[:-1]), at_stop(entries[1:])
            share = f"({DEPTH} - {before(len(entries))})"
            steps = f"{start} + ({end} - {start}) * {share}"
            known = f"isValid({start}) && isValid({end})"
            place = f"{ruler.origin!r} + {ruler.step!r} * ({steps})"
            calculated[direction] = f"{known} ? {place} : null"
        return cls(constant, changing, calculated)


def _points(
    square: _Square, run: Run, stops: Sequence[_Stop], points: np.ndarray
) -> list[alt.Chart]:
    columns = _Columns.of(square, [stop.values[:, points] for stop in stops])
    shows = SamplePositions(run, square.clock, points, flat=False)
    return placed_points_layers(square, Places(*columns, shows))


def _grid_lines(square: _Square, stops: Sequence[_Stop]) -> list[alt.Chart]:
    grids = [stop.grid for stop in stops if stop.grid is not None]
    if not grids:
        return []
    columns = _Columns.of(square, grids)
    lines, vertices = grid_numbers()
    numbers = {"line": lines.tolist(), "vertex": vertices.tolist()}
    rows = packing.by_epoch(square.clock, numbers | columns.constant, columns.changing)
    moving = packing.Moving(square.clock, tuple(columns.changing))
    ways = [
        adaptive_expression(light, dark)
        for light, dark in zip(colors.GRID, colors.DARK_GRID, strict=True)
    ]
    return [
        alt.Chart(packing.PackedData(rows, moving=moving))
        .transform_calculate(**columns.calculated)
        .mark_line(
            strokeWidth=1,
            strokeOpacity=0.7,
            invalid="break-paths-show-domains",
            tooltip=None,
            aria=False,
        )
        .encode(
            x=square.x(),
            y=square.y(),
            detail=alt.Detail("line:N"),
            order=alt.Order("vertex:Q"),
            stroke=outright(
                alt.StrokeValue,
                f"datum.line < {GRID_LINES} ? {ways[0]} : {ways[1]}",
            ),
        )
    ]


def _surfaces(square: _Square, run: Run, stops: Sequence[_Stop]) -> list[alt.Chart]:
    """Return the surfaces and the boundaries, which fade out away from their stations."""
    layers = []
    for place, stop in enumerate(stops):
        if stop.rings is not None:
            layers.append(_fading(surface_layer(square, run, stop.rings, bands=BANDS), place))
        if stop.boundary is not None:
            layers.append(_fading(boundary_layer(square, run, stop.boundary), place))
    return layers


def _fading(chart: alt.Chart, place: int) -> alt.Chart:
    """Return a layer that is only drawn near a station."""
    distance = distance_to(place)
    # First, so that nothing else is computed where it is not seen.
    chart.transform = [
        alt.FilterTransform(filter=f"{distance} < {_FADED_AT}"),
        *chart.transform,
    ]
    opacity = f"max(0, 1 - {distance} / {_FADED_AT})"
    return chart.encode(
        fillOpacity=outright(alt.FillOpacityValue, opacity),
        strokeOpacity=outright(alt.StrokeOpacityValue, opacity),
    )
