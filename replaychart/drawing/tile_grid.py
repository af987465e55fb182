"""Tiles in rows and columns, with names above them and the color scale below."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal, Self

import altair as alt

from replaychart.arguments import items_of, require_at_least
from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive
from replaychart.drawing.clock import Clock
from replaychart.drawing.pixels import pixels
from replaychart.drawing.texts import SMALL_SIZE
from replaychart.drawing.tiles import Response, legend_url
from replaychart.errors import ArgumentError

# More tiles than this are too small to see, and too many to look at.
MOST_UNITS = 100
# Pixels between two tiles, in which the upper one of two rows leaves room for a name.
GAP, NAME = 10, 18
SMALLEST = 12
# The height of the color scale with its labels, in pixels.
LEGEND_HEIGHT = 24
_MOST_COLUMNS = 10
_LEGEND, _BAR = 150, 8


@dataclasses.dataclass(frozen=True)
class TileGrid:
    """Where the tiles are, in pixels from the top left corner.

    Attributes
    ----------
    count, columns : int
        Number of tiles, and of tiles in a row.
    across, down : float
        The size of a tile.
    """

    count: int
    columns: int
    across: float
    down: float

    @classmethod
    def of(
        cls,
        count: int,
        columns: int | None,
        width: int,
        height: int | None,
        *,
        ratio: float = 1.0,
    ) -> Self:
        """Return the grid for a number of tiles.

        Parameters
        ----------
        count : int
            Number of tiles.
        columns : int or None
            Number of tiles in a row. None for about as many as there are rows, at most 10.
        width : int
            Width of all tiles together in pixels.
        height : int or None
            Height of all tiles together in pixels. None for the one that follows from `ratio`.
        ratio : float, default 1
            The height of a tile, divided by its width.

        Raises
        ------
        ArgumentError
            The tiles would be too small, or there is no column.
        """
        if columns is None:
            columns = min(math.ceil(math.sqrt(count)), _MOST_COLUMNS)
        require_at_least("columns", columns, 1)
        columns = min(int(columns), count)
        rows = math.ceil(count / columns)
        across = (width - GAP * (columns - 1)) / columns
        down = max(across * ratio, SMALLEST)
        if height is not None:
            down = (height - GAP * (rows - 1)) / rows - NAME
        if min(across, down) < SMALLEST:
            message = (
                f"width and height must leave at least {SMALLEST} pixels for each side of the "
                f"{count} tiles. Got {width!r} and {height!r} for {columns} columns."
            )
            raise ArgumentError(message)
        return cls(count, columns, across, down)

    @property
    def width(self) -> float:
        """The width of all tiles together."""
        return self.columns * (self.across + GAP) - GAP

    @property
    def height(self) -> float:
        """The height of all tiles together, with their names and the color scale."""
        rows = math.ceil(self.count / self.columns)
        return rows * (self.down + NAME + GAP) + LEGEND_HEIGHT

    def lefts(self) -> list[float]:
        """Return the left edge of each tile."""
        return [(tile % self.columns) * (self.across + GAP) for tile in range(self.count)]

    def tops(self) -> list[float]:
        """Return the upper edge of each tile, below its name."""
        each = self.down + NAME + GAP
        return [NAME + (tile // self.columns) * each for tile in range(self.count)]


def chosen_units(units: Sequence[int] | None, count: int, *, most: int = MOST_UNITS) -> list[int]:
    """Return the positions of the units to draw.

    Parameters
    ----------
    units : sequence of int or None
        Numbers of units, counted from 1; None for all, or the first ones if there are too many.
    count : int
        How many units there are.
    most : int, default 100
        How many can be drawn.

    Raises
    ------
    ArgumentError
        There is no such unit, there are too many, or none is left.
    """
    if units is None:
        return list(range(min(count, most)))
    listed = items_of("units", units, "numbers of units")
    for unit in listed:
        require_at_least("units", unit, 1, most=count)
    if not 1 <= len(listed) <= most:
        message = f"units must have 1 to {most} numbers. Got {len(listed)}."
        raise ArgumentError(message)
    return [int(unit) - 1 for unit in listed]


def tile_images(
    data: packing.PackedData,
    clock: Clock,
    grid: TileGrid,
    *,
    tooltip: Sequence[alt.Tooltip],
) -> alt.Chart:
    """Return the tiles, from the packed column ``tile`` and the columns ``left`` and ``top``."""
    return (
        alt.Chart(data)
        .transform_calculate(tile=packing.entry("tile", clock))
        .mark_image(width=grid.across, height=grid.down, align="left", baseline="top", aspect=False)
        .encode(
            x=pixels("left", grid.width),
            y=pixels("top", grid.height, down=True),
            url=alt.Url("tile:N"),
            tooltip=list(tooltip),
        )
    )


def tile_names(data: packing.PackedData, grid: TileGrid, expression: str) -> alt.Chart:
    """Return the names above the tiles, which an expression computes from their rows."""
    return (
        alt.Chart(data)
        .transform_calculate(name=expression)
        .mark_text(
            align="left",
            baseline="bottom",
            dy=-3,
            fontSize=SMALL_SIZE,
            limit=grid.across,
            tooltip=None,
            color=adaptive(colors.INK),
        )
        .encode(
            x=pixels("left", grid.width),
            y=pixels("top", grid.height, down=True),
            text=alt.Text("name:N"),
        )
    )


def frames(
    lefts: Sequence[float],
    tops: Sequence[float],
    size: tuple[float, float],
    whole: tuple[float, float],
) -> alt.Chart:
    """Return thin frames around tiles, so that a tile in neutral colors ends somewhere.

    Parameters
    ----------
    lefts, tops : sequence of float
        The upper left corner of each tile.
    size : tuple of float
        Width and height of each tile.
    whole : tuple of float
        Width and height of the chart.
    """
    across, down = size
    rows = [
        {"left": left, "top": top, "right": left + across, "bottom": top + down}
        for left, top in zip(lefts, tops, strict=True)
    ]
    return (
        alt.Chart(packing.PackedData(rows))
        .mark_rect(filled=False, stroke=adaptive(colors.CORRECT), strokeWidth=1, tooltip=None)
        .encode(
            x=pixels("left", whole[0]),
            x2=alt.X2("right:Q"),
            y=pixels("top", whole[1], down=True),
            y2=alt.Y2("bottom:Q"),
        )
    )


def legend_layers(
    response: Response, width: float, height: float, *, left: float = 0.0
) -> list[alt.Chart]:
    """Return the color scale below the tiles, with the values at its ends and in its middle.

    It is drawn by marks: a legend would be merged with that of a neighboring chart.

    Parameters
    ----------
    response : Response
        The color scale.
    width, height : float
        The size of the chart.
    left : float, default 0
        Where it begins.
    """
    length = min(_LEGEND, width - left)
    low, high = response.ends
    places: list[tuple[float, Literal["left", "center", "right"]]] = [
        (0.0, "left"),
        (0.5, "center"),
        (1.0, "right"),
    ]
    top = alt.YValue(height - LEGEND_HEIGHT)
    bar = (
        alt.Chart(packing.PackedData([{}]))
        .mark_image(
            url=legend_url(response),
            width=length,
            height=_BAR,
            align="left",
            baseline="top",
            aspect=False,
            tooltip=None,
        )
        .encode(x=alt.XValue(left), y=top)
    )
    labels = [
        alt.Chart(packing.PackedData([{}]))
        .mark_text(
            text=f"{low + share * (high - low):.3g}".replace("-", "\N{MINUS SIGN}"),
            color=adaptive(colors.MUTED),
            align=align,
            baseline="top",
            dy=_BAR + 4,
            fontSize=SMALL_SIZE,
            tooltip=None,
        )
        .encode(x=alt.XValue(left + share * length), y=top)
        for share, align in places
    ]
    return [bar, *labels]
