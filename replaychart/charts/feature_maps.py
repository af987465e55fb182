"""`feature_maps`: what each filter of a layer returns for recorded pictures."""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Any, Self

import altair as alt
import numpy as np

from replaychart.arguments import items_of, require_at_least, require_one_of
from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive
from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.pixels import pixels
from replaychart.drawing.texts import SMALL_SIZE, fitted, width_of
from replaychart.drawing.tile_grid import (
    LEGEND_HEIGHT,
    SMALLEST,
    chosen_units,
    frames,
    legend_layers,
)
from replaychart.drawing.tiles import (
    SHARPNESS,
    Response,
    magnified_bytes,
    picture_url,
    shrunk,
    tile_url,
)
from replaychart.drawing.titles import (
    Title,
    add_subtitle,
    chart_title,
    check_chart,
    named_title,
    note_not_finite,
)
from replaychart.errors import ArgumentError
from replaychart.facts.epochs import Epochs
from replaychart.run import Run

# More than this are too small to see.
_MOST_FILTERS, _MOST_POINTS = 32, 20
# As many as are drawn unless others are asked for.
_FILTERS, _POINTS = 16, 5
# Pixels: the names of the rows and of the columns, between tiles, and beside the input pictures.
_NAMES, _NUMBERS, _GAP, _BESIDE = 66, 18, 4, 10
# The side of a tile of which there are only a few.
_LARGEST = 96
# Two lines of text fit beside a tile of this height.
_TWO_LINES, _LINE = 30, 15


def feature_maps(
    run: Run,
    layer: str | None = None,
    *,
    points: Sequence[int] | None = None,
    units: Sequence[int] | None = None,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: int = 640,
    height: int | None = None,
    max_bytes: float | None = MAX_BYTES,
) -> alt.LayerChart:
    """Draw what each filter of a layer returns for recorded pictures.

    Each row is a recorded point: its picture first, then the output of each filter, after the
    activation function. The pictures move with the epoch, because the weights do.

    Parameters
    ----------
    run : Run
        A recorded training run of a network with a layer that returns pictures: a two-dimensional
        convolution, its pooling or its normalization.
    layer : str, optional
        The layer. Default: the first two-dimensional convolution.
    points : sequence of int, optional
        The points to draw, at most 20, by their row in `Run.inputs`. Default: the first one of each
        class, for up to 10 classes; otherwise the first five.
    units : sequence of int, optional
        The filters to draw, counted from 1, at most 32. Default: all; if there are more than 16,
        the first 16.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown. Default: the layer and
        the epoch.
    width : int, default 640
        Width in pixels.
    height : int, optional
        Height in pixels. Default: the pixels of the pictures are squares.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned to
        evenly spaced epochs, with a warning. None means no limit.

    Returns
    -------
    altair.LayerChart
        Tiles with the numbers of the points and filters, and the color scale, which is the same
        for all tiles and at all epochs: purple is negative, green positive. Pictures with more
        pixels than can be seen are drawn with means over blocks of pixels. Outputs that are NaN or
        infinite are gray.

    Raises
    ------
    ArgumentError
        No layer of the network returns pictures, there is no such layer, point or filter, or
        another argument is invalid.
    EvaluationError
        The model cannot be rebuilt.
    MissingDependencyError
        The outputs of the layer are not stored, and Keras is not installed.

    Warns
    -----
    UserWarning
        Epochs are left out to stay within `max_bytes`.

    See Also
    --------
    filters : the kernels of the filters.

    Examples
    --------
    A run whose network has a convolution is drawn like this:

    >>> import replaychart as rc
    >>> def draw(run: rc.Run):
    ...     return rc.feature_maps(run, points=[0, 1, 2], epochs=[0, 10])
    """
    check_chart(run, width, width if height is None else height, max_bytes, container=False)
    layer = _checked_layer(run, layer)
    rows = _checked_points(run, points)
    last = run.convolutions.maps(layer, rows, run.snapshots(run.epochs[-1].item()))
    *_, tall, wide, count = last.shape
    chosen = chosen_units(units, count, most=_FILTERS if units is None else _MOST_FILTERS)
    pictures = run.convolutions.pictures(rows)
    layout = _Layout.of(
        len(rows), len(chosen), width, height, ratio=tall / wide, pictures=pictures is not None
    )
    clock = kept_epochs(
        run,
        Clock.of(run, epochs, epoch),
        max_bytes,
        bytes_per_epoch=len(rows)
        * len(chosen)
        * magnified_bytes(min(tall, layout.most_cells) * min(wide, layout.most_cells)),
    )
    snapshots = run.snapshots(clock.epochs)
    maps = run.convolutions.maps(layer, rows, snapshots)[..., chosen]
    response = _scale(maps)
    heading = chart_title(
        title, named_title(layer, " \N{MIDDLE DOT} epoch {epoch}", layout.width), clock
    )
    size = f"{tall} \N{MULTIPLICATION SIGN} {wide}"
    add_subtitle(heading, f"output of each filter, {size}", layout.width)
    if units is None and count > len(chosen):
        add_subtitle(heading, f"the first {len(chosen)} of {count:,} filters", layout.width)
    note_not_finite(heading, clock, "outputs", layout.width, maps)
    layers = [*_map_layers(maps, rows, chosen, clock, layout, response)]
    if pictures is not None:
        layers += _picture_layers(pictures, rows, layout)
    layers += [
        _numbers(chosen, layout),
        _names(run, rows, layout),
        *legend_layers(response, layout.width, layout.height, left=layout.left_of_maps),
    ]
    return layered(
        layers,
        clock,
        title=heading,
        width=layout.width,
        height=layout.height,
        view=alt.ViewConfig(stroke=None),
    )


@dataclasses.dataclass(frozen=True)
class _Layout:
    """Where the tiles are, in pixels from the top left corner.

    Attributes
    ----------
    points, filters : int
        Number of rows, and of columns without the input pictures.
    width : float
        The width of the chart.
    across, down : float
        The size of a tile.
    pictures : bool
        Whether the input pictures are drawn.
    """

    points: int
    filters: int
    width: float
    across: float
    down: float
    pictures: bool

    @classmethod
    def of(
        cls,
        points: int,
        filters: int,
        width: int,
        height: int | None,
        *,
        ratio: float,
        pictures: bool,
    ) -> Self:
        tiles = filters + pictures
        room = width - _NAMES - _BESIDE * pictures - _GAP * (filters - 1)
        across = room / tiles
        if height is None:
            # A few tiles in a wide chart would be larger than they need to be.
            across = min(across, _LARGEST)
            down = max(across * ratio, SMALLEST)
        else:
            down = (height - _NUMBERS - LEGEND_HEIGHT) / points - _GAP
        if min(across, down) < SMALLEST:
            message = (
                f"width and height must leave at least {SMALLEST} pixels for each side of the "
                f"tiles of {filters} filters and {points} points. Got {width!r} and {height!r}."
            )
            raise ArgumentError(message)
        used = width - room + across * tiles
        return cls(points, filters, used, across, down, pictures)

    @property
    def height(self) -> float:
        """The height of the chart, with the color scale."""
        return _NUMBERS + self.points * (self.down + _GAP) + LEGEND_HEIGHT + _GAP

    @property
    def most_cells(self) -> int:
        """Rows and columns of a tile beyond which its pixels could not be seen."""
        return math.ceil(max(self.across, self.down))

    @property
    def left_of_maps(self) -> float:
        """The left edge of the first column of outputs."""
        return _NAMES + (self.across + _BESIDE) * self.pictures

    def lefts(self) -> list[float]:
        """Return the left edge of each column of outputs."""
        return [self.left_of_maps + column * (self.across + _GAP) for column in range(self.filters)]

    def tops(self) -> list[float]:
        """Return the upper edge of each row."""
        return [_NUMBERS + row * (self.down + _GAP) for row in range(self.points)]

    def magnified(self, rows: int, columns: int) -> int:
        """Return how many pixels a cell of a tile needs, so that it looks like a square."""
        return math.ceil(SHARPNESS * max(self.across / columns, self.down / rows))


def _checked_layer(run: Run, layer: str | None) -> str:
    """Return the layer, by default the first convolution."""
    known = run.convolutions.names_of_maps
    if not known:
        message = (
            "feature_maps needs a layer that returns pictures, with rows, columns and filters, but "
            f"run {run.name!r} has none. Its layers are: {', '.join(map(repr, run.layers))}."
        )
        raise ArgumentError(message)
    if layer is None:
        return next((name for name in run.convolutions.names if name in known), known[0])
    require_one_of("layer", layer, known)
    return layer


def _checked_points(run: Run, points: Sequence[int] | None) -> list[int]:
    """Return the rows of the points to draw."""
    count = len(run.targets)
    if points is None:
        if run.classes and run.targets.ndim == 1:
            present, first = np.unique(run.targets, return_index=True)
            return [int(row) for row in first[: min(len(present), 2 * _POINTS)]]
        return list(range(min(count, _POINTS)))
    listed = items_of("points", points, "numbers of points")
    for point in listed:
        require_at_least("points", point, 0, most=count - 1)
    if not 1 <= len(listed) <= _MOST_POINTS:
        message = f"points must have 1 to {_MOST_POINTS} numbers. Got {len(listed)}."
        raise ArgumentError(message)
    return [int(point) for point in listed]


def _scale(maps: np.ndarray) -> Response:
    """Return the color scale: from 0 on, unless outputs are negative."""
    return Response.signed(maps) if (maps < 0).any() else Response.from_zero(maps)


def _map_layers(
    maps: np.ndarray,
    points: list[int],
    chosen: list[int],
    clock: Clock,
    layout: _Layout,
    response: Response,
) -> Iterator[alt.Chart]:
    """Yield the tiles of all points and filters, and their frames."""
    small = shrunk(np.moveaxis(maps, -1, 2), layout.most_cells)
    times = layout.magnified(*small.shape[-2:])
    every = [(row, column) for row in range(len(points)) for column in range(len(chosen))]
    lefts = [layout.lefts()[column] for _, column in every]
    tops = [layout.tops()[row] for row, _ in every]
    rows = packing.by_epoch(
        clock,
        {
            "point": [points[row] for row, _ in every],
            "unit": [chosen[column] + 1 for _, column in every],
            "left": lefts,
            "top": tops,
        },
        {
            "tile": [
                [
                    tile_url(of_epoch[row, column, ::-1], response, magnified=times)
                    for of_epoch in small
                ]
                for row, column in every
            ]
        },
    )
    tooltip = [alt.Tooltip("point:Q", title="Point"), alt.Tooltip("unit:Q", title="Filter")]
    images = _images(packing.PackedData(rows), layout, tooltip)
    yield images.transform_calculate(tile=packing.entry("tile", clock))
    size = (layout.across, layout.down)
    yield frames(lefts, tops, size, (layout.width, layout.height))


def _picture_layers(
    pictures: np.ndarray, points: list[int], layout: _Layout
) -> Iterator[alt.Chart]:
    """Yield the recorded pictures, and their frames."""
    small = np.moveaxis(shrunk(np.moveaxis(pictures, -1, 1), 2 * layout.most_cells), 1, -1)
    times = layout.magnified(*small.shape[1:3])
    rows = [
        {
            "point": point,
            "left": _NAMES,
            "top": top,
            "tile": picture_url(picture, magnified=times),
        }
        for point, top, picture in zip(points, layout.tops(), small, strict=True)
    ]
    yield _images(packing.PackedData(rows), layout, [alt.Tooltip("point:Q", title="Point")])
    lefts = [float(_NAMES)] * len(points)
    size = (layout.across, layout.down)
    yield frames(lefts, layout.tops(), size, (layout.width, layout.height))


def _images(data: packing.PackedData, layout: _Layout, tooltip: Sequence[alt.Tooltip]) -> alt.Chart:
    return (
        alt.Chart(data)
        .mark_image(
            width=layout.across, height=layout.down, align="left", baseline="top", aspect=False
        )
        .encode(
            x=pixels("left", layout.width),
            y=pixels("top", layout.height, down=True),
            url=alt.Url("tile:N"),
            tooltip=list(tooltip),
        )
    )


def _numbers(chosen: list[int], layout: _Layout) -> alt.Chart:
    """Return the numbers of the filters above their columns."""
    widest = width_of(str(max(chosen) + 1), size=SMALL_SIZE)
    # Where numbers would overlap, only some columns have one.
    step = math.ceil((widest + 2) / (layout.across + _GAP))
    named = zip(chosen[::step], layout.lefts()[::step], strict=True)
    rows = [
        {"left": left + layout.across / 2, "top": _NUMBERS - 4, "name": str(number + 1)}
        for number, left in named
    ]
    if layout.pictures:
        middle = _NAMES + layout.across / 2
        rows.append({"left": middle, "top": _NUMBERS - 4, "name": "Input"})
    return _texts(rows, layout, "center", "bottom")


def _names(run: Run, points: list[int], layout: _Layout) -> alt.Chart:
    """Return the numbers of the points beside their rows, with their targets."""
    rows: list[dict[str, Any]] = []
    for point, top in zip(points, layout.tops(), strict=True):
        lines = [f"Point {point}", *_target(run, point)]
        if layout.down < _TWO_LINES:
            lines = [fitted(": ".join([str(point), *lines[1:]]), _NAMES - 6)]
        middle = top + layout.down / 2 - _LINE * (len(lines) - 1) / 2
        rows += [
            {"left": 0, "top": middle + _LINE * place, "name": line}
            for place, line in enumerate(lines)
        ]
    return _texts(rows, layout, "left", "middle")


def _target(run: Run, point: int) -> list[str]:
    """Return a point's class or value, nothing if it has several."""
    if run.targets.ndim > 1:
        return []
    target = run.targets[point]
    if run.classes:
        return [fitted(run.class_names[target], _NAMES - 6)]
    return [f"{target:.3g}".replace("-", "\N{MINUS SIGN}")]


def _texts(rows: list[dict[str, Any]], layout: _Layout, align: Any, baseline: Any) -> alt.Chart:
    return (
        alt.Chart(packing.PackedData(rows))
        .mark_text(
            align=align,
            baseline=baseline,
            fontSize=SMALL_SIZE,
            tooltip=None,
            color=adaptive(colors.INK),
        )
        .encode(
            x=pixels("left", layout.width),
            y=pixels("top", layout.height, down=True),
            text=alt.Text("name:N"),
        )
    )
