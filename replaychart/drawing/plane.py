"""The layers of a chart that shows a plane: surface, grid lines, points, boundary."""

import dataclasses
from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import Any, NamedTuple, cast

import altair as alt
import numpy as np

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import (
    adaptive,
    adaptive_column,
    adaptive_expression,
    adaptive_range,
)
from replaychart.drawing.clock import Clock
from replaychart.drawing.correctness import THRESHOLD, Answers, answer_bytes, answers_are_known
from replaychart.drawing.expressions import literal, outright
from replaychart.drawing.limits import limits_ruler, limits_scale, tick_format, ticks
from replaychart.drawing.packing import Ruler
from replaychart.drawing.point_looks import PointLooks
from replaychart.drawing.samples import SamplePositions
from replaychart.drawing.sizes import Width, width_for_positions, width_for_texts
from replaychart.drawing.texts import (
    AXIS_TITLE_SIZE,
    NO_LIMIT,
    SMALL_SIZE,
    displayed,
    fitted,
    width_of,
)
from replaychart.drawing.thumbnails import IS_THUMBNAIL, PICTURE, Thumbnails
from replaychart.errors import EvaluationError, MissingDependencyError
from replaychart.planes.extents import Limits
from replaychart.planes.paths import Paths
from replaychart.planes.planes import GRID_LINES
from replaychart.run import Run

# Names of mark styles that no theme defines. In a browser, marks must be clipped because the user
# can zoom. In a still image, clipping marks that are within the limits anyway would take two thirds
# of the rendering time.
WITHIN_LIMITS = "replaychart-within-limits"
OVERFLOWING = "replaychart-overflowing"

# Shapes of equal area in Vega, those that differ most first. Beyond these, they repeat.
_SHAPES = (
    "circle",
    "square",
    "triangle-up",
    "diamond",
    "cross",
    "triangle-down",
    "triangle-right",
    "triangle-left",
)
# The label of the rings around wrong points in the legend.
WRONG_LABEL = "wrong"

# Sizes in legends, in pixels: the width of an entry besides its text, the width up to which a label
# always fits, the minimum width to which a long label is shortened, and the width of the legend of
# a probability, which is next to the legend of two classes.
_SYMBOL = 28
_SHORT_LABEL = 40
_SHORTEST_LABEL = 60
_GRADIENT, _PROBABILITY_LEGEND = 120, 130
_PREDICTION_LEGEND = 80
_COLUMNS = 5
# Up to this many long names can be placed below each other.
_FEW_CLASSES = 4
# How much of its color is in the tint of a class's surface, from the lowest to the highest band.
_PALEST, _STRONGEST = 0.07, 0.22
# How much of its color is in the tint of a surface on a dark background, of that on a light one.
_ON_DARK = 0.9

# Returns the result of `Planes.grid_vertices`.
BentGrid = Callable[[], tuple[np.ndarray, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class Plane:
    """The axes of a plane, fixed over the run or different for each epoch.

    Attributes
    ----------
    clock : Clock
        The chart's epochs.
    xlims, ylims : list of tuple of float
        One pair for the whole run, or one for each of the clock's epochs.
    titles : tuple of str
        Titles of the axes.
    width : int or "container"
        Width of the chart.
    height : int
        Height of the chart in pixels.
    overflows : bool
        Whether marks may extend beyond the limits.
    """

    clock: Clock
    xlims: list[Limits]
    ylims: list[Limits]
    titles: tuple[str, str]
    width: Width
    height: int
    overflows: bool

    def x(self) -> alt.X:
        """Return the encoding of the horizontal axis."""
        title = fitted(self.titles[0], width_for_texts(self.width), size=AXIS_TITLE_SIZE)
        scale = limits_scale(self.clock, self.xlims)
        return alt.X("x:Q", title=title, scale=scale, **_ticks(self.xlims))

    def y(self) -> alt.Y:
        """Return the encoding of the vertical axis."""
        title = fitted(self.titles[1], self.height, size=AXIS_TITLE_SIZE)
        scale = limits_scale(self.clock, self.ylims)
        return alt.Y("y:Q", title=title, scale=scale, **_ticks(self.ylims))

    def style(self) -> str:
        """Return the style of the marks, by which `save` decides whether they need clipping."""
        return OVERFLOWING if self.overflows else WITHIN_LIMITS

    def rulers(self) -> tuple[Ruler, Ruler]:
        """Return rulers for both coordinates, fine enough for the narrowest limits."""
        width = width_for_positions(self.width)
        return limits_ruler(self.xlims, width), limits_ruler(self.ylims, self.height)


def _ticks(limits: list[Limits]) -> dict[str, Any]:
    ends = list(chain.from_iterable(limits))
    # The grid of the plane is that of the inputs, which a theme's own grid would be mistaken for.
    return {"axis": alt.Axis(grid=False, **ticks(*limits[0]), **tick_format(*ends))}


def points_layers(
    plane: Plane,
    run: Run,
    coordinates: np.ndarray,
    points: np.ndarray,
    *,
    shapes: bool = False,
    threshold: str = THRESHOLD,
    thumbnails: Thumbnails | None = None,
) -> list[alt.Chart]:
    """Return recorded points, colored by class, on top of rings around those that are wrong.

    Parameters
    ----------
    plane : Plane
        The axes.
    run : Run
        The run.
    coordinates : numpy.ndarray, shape (epochs, points, 2) or (points, 2)
        Positions of the points at each of the clock's epochs, or at all of them.
    points : numpy.ndarray of int64, shape (points,)
        Numbers of the points.
    shapes : bool, default False
        Whether the classes also differ in shape.
    threshold : str, default "0.5"
        The expression for the threshold of the probability; see `Answers.wrong`.
    thumbnails : Thumbnails, optional
        The pictures of the points.
    """
    constant: dict[str, list[Any]] = {}
    changing: dict[str, list[Any]] = {}
    calculated: dict[str, str] = {}
    for axis, (name, ruler) in enumerate(zip("xy", plane.rulers(), strict=True)):
        if coordinates.ndim == 2:
            constant[name] = ruler.rounded(coordinates[:, axis])
        else:
            changing[name] = ruler.measured(coordinates[:, :, axis].T)
            calculated[name] = ruler.expression(packing.entry(name, plane.clock))
    rulers = plane.rulers() if coordinates.ndim > 2 else None
    shows = SamplePositions(run, plane.clock, points, rulers)
    places = Places(constant, changing, calculated, shows)
    return placed_points_layers(
        plane, places, shapes=shapes, threshold=threshold, thumbnails=thumbnails
    )


class Places(NamedTuple):
    """Where points are.

    Attributes
    ----------
    constant, changing : dict of str to list
        Columns, as for `packing.by_epoch`, with a row for each point.
    calculated : dict of str to str
        Expressions for ``x`` and ``y``, unless they are columns.
    shows : SamplePositions
        The points.
    """

    constant: dict[str, list[Any]]
    changing: dict[str, list[Any]]
    calculated: dict[str, str]
    shows: SamplePositions

    @property
    def moving(self) -> packing.Moving:
        """The columns that are positions."""
        return packing.Moving(self.shows.clock, tuple(self.changing))


def placed_points_layers(
    plane: Plane,
    places: Places,
    *,
    shapes: bool = False,
    threshold: str = THRESHOLD,
    thumbnails: Thumbnails | None = None,
) -> list[alt.Chart]:
    """Return points as in `points_layers`, wherever their columns place them."""
    run, points = places.shows.run, places.shows.points
    calculated = dict(places.calculated)
    targets, encodings, tooltip = by_target(run, points, width_for_texts(plane.width))
    answers = Answers.of(run, plane.clock, points, class_labels(run))
    probability, wrong = answers.probability(), answers.wrong(threshold)
    if probability is not None:
        calculated["p"] = probability
        title = "Probability of class 1" if run.classes == 2 else probability_title(run)
        tooltip.append(alt.Tooltip("p:Q", title=title, format=".2f"))
    if wrong is not None:
        calculated["wrong"] = wrong
        # For the legend of the rings. Computed in their layer, it would make Vega copy all points
        # at each epoch.
        calculated["answer"] = literal(WRONG_LABEL)
    constant = {"point": points.tolist(), **places.constant, **targets}
    if thumbnails is not None:
        constant |= thumbnails.columns(points)
        # A tooltip shows what is called "image" as one.
        tooltip.append(alt.Tooltip(f"{PICTURE}:N", title="image"))
    rows = packing.by_epoch(plane.clock, constant, places.changing | answers.columns)
    data = packing.PackedData(rows, places.shows, places.moving)
    base = alt.Chart(data).encode(x=plane.x(), y=plane.y())
    if calculated:
        base = base.transform_calculate(**calculated)
    looks = PointLooks.of(len(points), plane.width, plane.height)
    placed = [*places.constant, *(packing.PREFIX + name for name in places.changing)]
    gaps = packing.has_gaps(rows, placed)
    shaped = shapes and bool(run.classes)
    if shaped:
        encodings["shape"] = _class_shape(run, encodings["color"])
    dots = _dots(base, plane, looks, shaped=shaped, gaps=gaps)
    drawn = dots.encode(tooltip=tooltip, **encodings)
    layers = [drawn] if wrong is None else [_rings(base, plane, looks, gaps=gaps), drawn]
    if thumbnails is not None and thumbnails.most:
        if wrong is not None:
            # Below the pictures: a frame of what is hidden by another picture means nothing.
            around = dataclasses.replace(looks, ring_size=(thumbnails.side + 3) ** 2)
            pictured = base.transform_filter(f"datum.{IS_THUMBNAIL}")
            layers.append(_rings(pictured, plane, around, shape="square", gaps=gaps))
        layers.append(thumbnails.layer(base, plane.style()).encode(tooltip=tooltip))
    return layers


def _class_shape(run: Run, color: alt.Color) -> alt.Shape:
    """Return the shapes of the classes, which share the legend of their colors."""
    labels = class_labels(run)
    shapes = [_SHAPES[number % len(_SHAPES)] for number in range(run.classes)]
    return alt.Shape(
        "target:N",
        title=color._get("title"),
        scale=alt.Scale(domain=labels, range=shapes),
        legend=color._get("legend"),
    )


def _invalid(*, gaps: bool) -> Any:
    """Return what a mark of points does where positions are missing.

    If none are, Vega need not look for them at each epoch.
    """
    return alt.Undefined if gaps else "show"


def _dots(
    base: alt.Chart, plane: Plane, looks: PointLooks, *, shaped: bool, gaps: bool
) -> alt.Chart:
    halo: dict[str, Any] = {"strokeWidth": 0}
    if looks.halo:
        background = adaptive(colors.LIGHT_BACKGROUND, colors.DARK_BACKGROUND)
        halo = {"stroke": background, "strokeWidth": looks.halo}
    mark = base.mark_point if shaped else base.mark_circle
    return mark(
        filled=True,
        size=looks.size,
        opacity=1,
        fillOpacity=looks.opacity,
        clip=True,
        style=plane.style(),
        color=adaptive(colors.CLASSES[0]),
        aria=False,
        invalid=_invalid(gaps=gaps),
        **halo,
    )


def _rings(
    base: alt.Chart, plane: Plane, looks: PointLooks, *, shape: str = "circle", gaps: bool
) -> alt.Chart:
    """Return rings around the points that are wrong, with the legend that explains them."""
    return (
        base.transform_filter("datum.wrong")
        .mark_point(
            shape=shape,
            filled=False,
            size=looks.ring_size,
            strokeWidth=looks.ring_width,
            opacity=1,
            clip=True,
            style=plane.style(),
            tooltip=None,
            aria=False,
            invalid=_invalid(gaps=gaps),
        )
        .encode(
            stroke=alt.Stroke(
                "answer:N",
                title="Prediction",
                scale=alt.Scale(domain=[WRONG_LABEL], range=adaptive_range([colors.WRONG])),
                legend=alt.Legend(
                    orient="bottom",
                    direction="horizontal",
                    symbolSize=70,
                    symbolStrokeWidth=2,
                    symbolFillColor="transparent",
                ),
            )
        )
    )


def point_bytes(run: Run, coordinates: int) -> int:
    """Return the bytes per point and epoch of `points_layers` for a number of coordinates."""
    return packing.BYTES_PER_NUMBER * coordinates + answer_bytes(run)


def by_target(
    run: Run, points: np.ndarray, width: float
) -> tuple[dict[str, list[Any]], dict[str, Any], list[alt.Tooltip]]:
    """Return the columns, encodings and tooltips that show the targets of points.

    If a point does not have a single target, the result is only the tooltip of its number.

    Parameters
    ----------
    run : Run
        The run.
    points : numpy.ndarray of int64, shape (points,)
        Numbers of the points.
    width : float
        The chart's width in pixels, which the legend of the colors has to fit.
    """
    tooltip = [alt.Tooltip("point:Q", title="Point")]
    if run.classes:
        labels = class_labels(run)
        tooltip.append(alt.Tooltip("target:N", title="Class"))
        column = {"target": [labels[target] for target in run.targets[points]]}
        return column, {"color": class_color(run, width)}, tooltip
    if run.targets.ndim == 1:
        tooltip.append(alt.Tooltip("target:Q", title="Target"))
        column = {"target": [packing.shortened(target) for target in run.targets[points]]}
        return column, {"color": number_color(run)}, tooltip
    return {}, {}, tooltip


def class_color(run: Run, width: float) -> alt.Color:
    """Return the colors of the classes, with their legend.

    Parameters
    ----------
    run : Run
        The run.
    width : float
        The chart's width in pixels. Long names are arranged in fewer columns, and shortened if they
        still do not fit.
    """
    if run.classes == 2:
        width -= _PROBABILITY_LEGEND
    if answers_are_known(run):
        width -= _PREDICTION_LEGEND
    longest = max(width_of(str(label), size=SMALL_SIZE) for label in class_labels(run))
    # If names are short, the legend does not depend on the width, so that charts of different
    # widths share it.
    columns, label = _COLUMNS, cast("Any", alt.Undefined)
    fitting = int(width // (longest + _SYMBOL))
    if longest > _SHORT_LABEL and fitting < min(run.classes, _COLUMNS):
        columns = max(fitting, 1 if run.classes <= _FEW_CLASSES else 2)
        room = max(width / columns - _SYMBOL, _SHORTEST_LABEL)
        shown = {str(name): fitted(str(name), room) for name in class_labels(run)}
        label = f"{literal(shown)}[datum.value]"
    return alt.Color(
        "target:N",
        title="Class",
        scale=alt.Scale(
            domain=class_labels(run),
            range=adaptive_range(
                colors.class_colors(run.classes), colors.class_colors(run.classes, dark=True)
            ),
        ),
        legend=alt.Legend(
            orient="bottom",
            direction="horizontal",
            symbolSize=70,
            symbolStrokeWidth=0,
            symbolOpacity=1,
            columns=columns,
            labelExpr=label,
            labelLimit=NO_LIMIT,
        ),
    )


def number_color(run: Run) -> alt.Color:
    """Return the colors of a regression's targets, with their legend."""
    return alt.Color(
        "target:Q",
        title="Target",
        scale=alt.Scale(
            domain=number_limits(run),
            range=adaptive_range(colors.NUMBERS),
            interpolate="rgb",
            clamp=True,
        ),
        legend=alt.Legend(
            orient="bottom",
            direction="horizontal",
            gradientLength=_GRADIENT,
            gradientThickness=10,
            tickCount=4,
            **tick_format(*number_limits(run)),
        ),
    )


def number_limits(run: Run) -> list[float]:
    """Return the smallest and the largest target of a regression."""
    low, high = float(run.targets.min()), float(run.targets.max())
    return [low, high if high > low else low + 1.0]


def class_labels(run: Run) -> list[Any]:
    """Return the names of the classes, or their numbers as in the frames."""
    numbers = list(range(run.classes))
    if run.class_names == [str(number) for number in numbers]:
        return numbers
    return [displayed(name) for name in run.class_names]


def probability_title(run: Run) -> str:
    """Return the title for a point's probability, which says of which class it is."""
    if run.classes != 2:
        return "Probability of the true class"
    return f"Probability of class {displayed(run.class_names[1])}"


def surface_layer(plane: Plane, run: Run, paths: Paths, *, bands: int) -> alt.Chart:
    """Return the decision surface, with its bands painted from low to high."""
    surfaces = run.planes.surfaces
    levels = surfaces.levels(bands)
    if not run.classes:
        labeled, dark = _number_tints(paths, levels)
        return _surface_chart(plane, run, paths, labeled, _tint(dark))
    band = np.searchsorted(levels, paths.value - 1e-9)
    # Each region has the color at the middle of its band.
    middles = np.round(np.maximum(levels, surfaces.lowest) + 0.5 * (levels[-1] - levels[-2]), 6)
    if run.classes == 2:
        labels: list[Any] = middles.tolist()
        labeled = packing.Labeled("probability", [labels[i] for i in band], labels)
        return _surface_chart(plane, run, paths, labeled, {"fill": _probability_fill(run)})
    labeled, dark = _tints(run, paths, band, middles)
    return _surface_chart(plane, run, paths, labeled, _tint(dark))


def _tint(dark: dict[str, str]) -> dict[str, Any]:
    """Return the encodings of tints, given the tint on a dark background for each of them."""
    return {
        "fill": outright(alt.FillValue, adaptive_column("datum.tint", dark)),
        "detail": alt.Detail("tint:N"),
    }


def _surface_chart(
    plane: Plane, run: Run, paths: Paths, labeled: packing.Labeled, fill: dict[str, Any]
) -> alt.Chart:
    return (
        paths_chart(plane, run, paths, labeled)
        .mark_line(
            filled=True,
            strokeWidth=0,
            clip=True,
            style=plane.style(),
            invalid="break-paths-show-domains",
            tooltip=None,
            aria=False,
        )
        .encode(x=plane.x(), y=plane.y(), order=alt.Order("vertex:Q"), **fill)
    )


def _number_tints(paths: Paths, levels: np.ndarray) -> tuple[packing.Labeled, dict[str, str]]:
    """Return the tint of each path: a light version of the color at the middle of its band.

    The second value is the tint on a dark background for each tint.
    """
    middles = (np.arange(len(levels)) + 0.5) / len(levels)
    shades = [colors.ramp(colors.NUMBERS, middle) for middle in middles.tolist()]
    tints = [_tinted(shade, _STRONGEST) for shade in shades]
    dark = [_tinted(shade, _STRONGEST, dark=True) for shade in shades]
    own = [tints[i] for i in np.searchsorted(levels, paths.value)]
    return packing.Labeled("tint", own, tints), dict(zip(tints, dark, strict=True))


def _tints(
    run: Run, paths: Paths, band: np.ndarray, middles: np.ndarray
) -> tuple[packing.Labeled, dict[str, str]]:
    """Return the tint of each path: the color of its class, stronger for higher bands.

    The second value is the tint on a dark background for each tint.
    """
    of_class = colors.class_colors(run.classes)
    # The last two digits keep bands with the same tint separate, because they are painted at
    # different times.
    shares = _PALEST + (_STRONGEST - _PALEST) * middles
    light, dark = (
        [
            [f"{_tinted(color, share, dark=dark)}{255 - i:02x}" for color in of_class]
            for i, share in enumerate(shares.tolist())
        ]
        for dark in (False, True)
    )
    own = [light[i][number] for i, number in zip(band, paths.of_class, strict=True)]
    every = [tint for level in light for tint in level]
    on_dark = [tint for level in dark for tint in level]
    return packing.Labeled("tint", own, every), dict(zip(every, on_dark, strict=True))


def _tinted(color: str, share: float, *, dark: bool = False) -> str:
    """Return a background mixed with a fraction of a color."""
    if dark:
        return colors.mixed(colors.DARK_BACKGROUND, color, _ON_DARK * share)
    return colors.mixed(colors.LIGHT_BACKGROUND, color, share)


def _probability_fill(run: Run) -> alt.Fill:
    """Return the colors of the probability of class 1, or of its score, with their legend."""
    title, domain = probability_title(run), [0, 0.5, 1]
    if not run.has_probabilities:
        title, domain = f"Score of class {displayed(run.class_names[1])}", [-1, 0, 1]
    return alt.Fill(
        "probability:Q",
        title=fitted(title, _PROBABILITY_LEGEND),
        scale=alt.Scale(
            domain=domain,
            range=adaptive_range(colors.SURFACE, colors.DARK_SURFACE),
            interpolate="rgb",
            clamp=True,
        ),
        legend=alt.Legend(
            orient="bottom",
            direction="horizontal",
            gradientLength=_GRADIENT,
            gradientThickness=10,
            titleLimit=NO_LIMIT,
            values=domain,
            format=".1f",
        ),
    )


def grid_layer(plane: Plane, run: Run, paths: Paths, bent: BentGrid | None = None) -> alt.Chart:
    """Return the grid lines of the input plane.

    Parameters
    ----------
    plane : Plane
        The axes.
    run : Run
        The run.
    paths : Paths
        The lines at each of the clock's epochs.
    bent : callable, optional
        Returns the same lines from `Planes.grid_vertices`, if they move. It is called only if they
        are to glide from epoch to epoch.
    """
    moving = None
    if bent is not None and len(plane.clock.epochs) > 1:
        moving = packing.Moving(plane.clock, ("x", "y"), partial(_fixed_vertices, plane, bent))
    vertices = _lines_chart(plane, run, paths, moving)
    # The lines of the first direction are numbered first.
    ways = [
        adaptive_expression(light, dark)
        for light, dark in zip(colors.GRID, colors.DARK_GRID, strict=True)
    ]
    stroke = outright(alt.StrokeValue, f"datum.line < {GRID_LINES} ? {ways[0]} : {ways[1]}")
    return line_mark(vertices, plane, width=1).encode(stroke=stroke, detail=alt.Detail("line:N"))


def _fixed_vertices(plane: Plane, bent: BentGrid) -> tuple[packing.Rows, dict[str, str]] | None:
    """Return a row for each vertex of the grid lines, and the calculations of its place."""
    try:
        vertices, lines = bent()
    except (EvaluationError, MissingDependencyError):
        return None
    changing, calculated = {}, {}
    for axis, (name, ruler) in enumerate(zip("xy", plane.rulers(), strict=True)):
        changing[name] = ruler.measured(vertices[:, :, axis])
        calculated[name] = ruler.expression(packing.entry(name, plane.clock))
    constant = {"line": lines.tolist(), "vertex": list(range(len(lines)))}
    return packing.by_epoch(plane.clock, constant, changing), calculated


def boundary_layer(plane: Plane, run: Run, paths: Paths) -> alt.Chart:
    """Return the lines where the two most probable classes are equally probable."""
    return boundary_line(_lines_chart(plane, run, paths), plane).encode(detail=alt.Detail("line:N"))


def boundary_line(vertices: alt.Chart, plane: Plane) -> alt.Chart:
    """Return a line of the boundary through these vertices."""
    stroke = alt.StrokeValue(adaptive(colors.BOUNDARY, colors.DARK_BOUNDARY))
    return line_mark(vertices, plane, width=2).encode(stroke=stroke)


def _lines_chart(
    plane: Plane, run: Run, paths: Paths, moving: packing.Moving | None = None
) -> alt.Chart:
    numbers = paths.value.tolist()
    labeled = packing.Labeled("line", numbers, sorted(set(numbers)))
    return paths_chart(plane, run, paths, labeled, moving)


def line_mark(vertices: alt.Chart, plane: Plane, *, width: float) -> alt.Chart:
    """Return lines through vertices, broken where they have gaps."""
    return vertices.mark_line(
        strokeWidth=width,
        clip=True,
        style=plane.style(),
        invalid="break-paths-show-domains",
        tooltip=None,
        aria=False,
    ).encode(x=plane.x(), y=plane.y(), order=alt.Order("vertex:Q"))


def paths_chart(
    plane: Plane,
    run: Run,
    paths: Paths,
    labeled: packing.Labeled,
    moving: packing.Moving | None = None,
) -> alt.Chart:
    """Return the vertices of paths at the epoch shown, without marks."""
    rows = packing.paths_by_epoch(plane.clock, run.epochs, paths, *plane.rulers(), labeled)
    return line_vertices(alt.Chart(packing.PackedData(rows, moving=moving)), plane)


def line_vertices(rows: alt.Chart, plane: Plane) -> alt.Chart:
    """Return the vertices at the epoch shown, given rows from `packing.paths_by_epoch`."""
    x, y = plane.rulers()
    shown = {name: packing.entry(name, plane.clock) for name in ("xs", "ys")}
    return (
        rows.transform_calculate(**shown, vertex="sequence(datum.xs.length)")
        .transform_flatten(["xs", "ys", "vertex"])
        .transform_calculate(x=x.expression("datum.xs"), y=y.expression("datum.ys"))
    )
