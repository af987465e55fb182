"""The units of a network as tiles, in a diagram."""

import dataclasses
from typing import TYPE_CHECKING, Any, Literal, cast

import altair as alt
import numpy as np

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive
from replaychart.drawing.clock import Clock
from replaychart.drawing.expressions import outright
from replaychart.drawing.network_columns import ABOVE, BELOW, Column, Layout
from replaychart.drawing.pixels import pixels
from replaychart.drawing.plane import class_labels
from replaychart.drawing.texts import SMALL_SIZE, displayed, fitted
from replaychart.drawing.tiles import (
    NEGATIVE,
    NEUTRAL,
    POSITIVE,
    Response,
    legend_url,
    tile_url,
)
from replaychart.planes.argument_types import Features, SliceAt
from replaychart.planes.rectangle import Rectangle
from replaychart.run import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

# The color scale below a column: its height, its length at most, and its distance, in pixels.
_BAR, _LONGEST_BAR, _BELOW_BAR = 6, 60, 12
# Recorded points on the tile of the output.
_MOST_POINTS = 300
# The area of a point, as a share of the tile.
_POINT = 0.0008
# Values along the only feature of the inputs.
_CELLS = 48


@dataclasses.dataclass(frozen=True)
class TilePlane:
    """What the tiles extend over.

    Attributes
    ----------
    rectangle : Rectangle or None
        The rectangle of the plane of the inputs; None if there is none.
    line : bool
        Whether the inputs have a single feature.
    features : tuple of int
        The features that span the plane.
    names : tuple of str
        Their names.
    slice : str or None
        Where the other features are held, in words.
    """

    rectangle: Rectangle | None
    line: bool
    features: tuple[int, ...]
    names: tuple[str, ...]
    slice: str | None = None

    @classmethod
    def of(cls, run: Run, features: Features | None, at: SliceAt, resolution: int) -> "TilePlane":
        """Return what tiles extend over, given the arguments of the chart."""
        planes = run.planes
        flat = planes.inputs_are_plane()
        if features is None and not flat:
            line = planes.inputs_are_line()
            return cls(None, line, (0,) * line, tuple(planes.feature_names()[:1]) * line)
        view = None if features is None else planes.slice(features, at)
        rectangle = planes.input_rectangle(xlim=None, ylim=None, resolution=resolution, view=view)
        if view is None:
            return cls(rectangle, False, (0, 1), tuple(planes.feature_names()[:2]))
        names = planes.feature_names()
        given = cast("Sequence[str | int]", features)
        chosen = tuple(names.index(one) if isinstance(one, str) else int(one) for one in given)
        held = view.slice if len(names) > 2 else None
        return cls(rectangle, False, chosen, tuple(view.titles), held)

    def values(self, run: Run, columns: list[Column], clock: Clock) -> list[np.ndarray]:
        """Return what the tiles of each layer show, shape (epochs, rows, columns, units)."""
        layers = [column.layer for column in columns if column.layer is not None]
        snapshots = run.snapshots(clock.epochs)
        if self.rectangle is None and not self.line:
            each = run.dense_layers.statistics(layers, snapshots)
            return [arrays["by_target"][:, None] for arrays in each]
        names = [layer.name for layer in layers]
        return run.planes.unit_values(names, self.rectangle, snapshots, before_activation=False)

    def inputs(self, run: Run) -> np.ndarray | None:
        """Return the features over the plane, shape (rows, columns, features); None without one."""
        if self.rectangle is not None:
            count = self.rectangle.resolution
            return self.rectangle.cell_inputs().reshape(count, count, -1)
        if self.line:
            return np.linspace(*run.planes.curve_limits(), _CELLS)[None, :, None]
        return None


@dataclasses.dataclass(frozen=True)
class Units:
    """Which nodes are dead and saturated, by column: arrays of shape (epochs, nodes).

    The share of points at which a unit is saturated is NaN for the output, and for functions
    without bounds.
    """

    dead: list[np.ndarray]
    saturated: list[np.ndarray]

    @classmethod
    def of(cls, run: Run, columns: list[Column], clock: Clock) -> "Units":
        """Return the units of all layers, as nodes."""
        layers = [column.layer for column in columns if column.layer is not None]
        own = [column for column in columns if column.layer is not None]
        each = run.dense_layers.statistics(layers, run.snapshots(clock.epochs))
        mixing = [column.mixing(column.layer.units) for column in own if column.layer]
        dead = [one["constant"] @ matrix for one, matrix in zip(each, mixing, strict=True)]
        saturated = [one["saturated"] @ matrix for one, matrix in zip(each, mixing, strict=True)]
        # The output of a classifier is meant to be close to the ends of its range.
        saturated[-1] = np.full_like(saturated[-1], np.nan)
        return cls(dead, saturated)


def tile_layers(
    run: Run,
    columns: list[Column],
    layout: Layout,
    clock: Clock,
    plane: TilePlane,
    units: Units,
) -> list[alt.Chart]:
    """Return the tiles of all columns, with the color scales of the layers."""
    constant: dict[str, list[Any]] = {
        name: [] for name in ("left", "top", "size", "layer", "unit", "group")
    }
    changing: dict[str, list[list[Any]]] = {"tile": [], "saturated": [], "bias": []}
    legends: list[alt.Chart] = []
    values = iter(plane.values(run, columns, clock))
    shares = iter(units.saturated)
    for place, column in enumerate(columns):
        if not column.units:
            continue
        if column.layer is None:
            tiles = _input_tiles(column, plane.inputs(run), len(clock.epochs))
            saturated, biases = np.full((len(clock.epochs), len(column.units)), np.nan), None
        else:
            shown = next(values) @ column.mixing(column.layer.units)
            response = Response.of(shown)
            tiles = [
                [tile_url(one[..., node], response) for one in shown]
                for node in range(len(column.units))
            ]
            legends += _legend(layout, place, response)
            saturated = next(shares)
            biases = run.dense_layers.biases(column.layer, run.snapshots(clock.epochs))
            if biases is not None:
                biases = biases @ column.mixing(column.layer.units)
        left = layout.centers[place] - layout.size(place) / 2
        for node, top in enumerate(layout.tops(place, len(column.units))):
            constant["left"].append(round(left, 1))
            constant["top"].append(round(top, 1))
            constant["size"].append(round(layout.size(place), 1))
            constant["layer"].append(displayed(column.name))
            constant["unit"].append(column.labels[node])
            constant["group"].append(len(column.units[node]) > 1)
            changing["tile"].append(tiles[node])
            changing["saturated"].append([packing.shortened(one, 3) for one in saturated[:, node]])
            own = [None] * len(clock.epochs) if biases is None else biases[:, node]
            changing["bias"].append(
                [None if one is None else packing.shortened(one, 3) for one in own]
            )
    data = packing.PackedData(packing.by_epoch(clock, constant, changing))
    return [*_tile_images(data, layout, clock), *legends]


def _tile_images(data: packing.PackedData, layout: Layout, clock: Clock) -> list[alt.Chart]:
    base = (
        alt.Chart(data)
        .transform_calculate(
            tile=packing.entry("tile", clock),
            saturated=_text_of(packing.entry("saturated", clock), ".0%"),
            bias=_text_of(packing.entry("bias", clock), ".3g"),
            middle="datum.left + datum.size / 2",
            center="datum.top + datum.size / 2",
        )
        .encode(x=pixels("middle", layout.width), y=pixels("center", layout.height, down=True))
    )
    images = [
        base.transform_filter(f"datum.size === {size}")
        .mark_image(width=size, height=size, aspect=False)
        .encode(
            url=alt.Url("tile:N"),
            tooltip=[
                alt.Tooltip("layer:N", title="Layer"),
                alt.Tooltip("unit:N", title="Unit"),
                alt.Tooltip("bias:N", title="Bias"),
                alt.Tooltip("saturated:N", title="Saturated"),
            ],
        )
        for size in sorted({round(layout.tile, 1), round(layout.output, 1)})
    ]
    frames = base.mark_point(
        shape="square",
        filled=False,
        strokeWidth=1,
        opacity=1,
        aria=False,
        tooltip=None,
        stroke=adaptive(colors.REFERENCE),
    ).encode(
        size=outright(alt.SizeValue, "datum.size * datum.size"),
        strokeDash=outright(alt.StrokeDashValue, "datum.group ? [3, 2] : []"),
    )
    return [*images, frames]


def _text_of(value: str, how: str) -> str:
    """Return the expression for a number as text, which is empty if there is no number."""
    return f"isValid({value}) ? format({value}, '{how}') : ''"


def _input_tiles(column: Column, over: np.ndarray | None, epochs: int) -> list[list[str]]:
    """Return the tiles of the inputs: the features over the plane, the same at all epochs."""
    found = []
    for own in column.units:
        values = np.zeros((1, 1))
        if over is not None and len(own) == 1 and np.ptp(over[..., own[0]]) > 0:
            values = over[..., own[0]]
        spread = float(np.ptp(values)) or 1.0
        low = float(values.min()) if np.ptp(values) else -0.5
        response = Response((low, low + spread), (NEGATIVE, NEUTRAL, POSITIVE))
        found.append([tile_url(values, response)] * epochs)
    return found


def point_layers(run: Run, layout: Layout, plane: TilePlane) -> list[alt.Chart]:
    """Return recorded points on the tile of the output."""
    assert plane.rectangle is not None
    (left, right), (low, high) = plane.rectangle.xlim, plane.rectangle.ylim
    chosen = np.unique(np.linspace(0, len(run.targets) - 1, _MOST_POINTS).astype(np.int64))
    inputs = run.planes.inputs[chosen][:, list(plane.features)]
    size, begin = layout.output, layout.centers[-1] - layout.output / 2
    top = layout.tops(len(layout.centers) - 1, 1)[0]
    x = begin + size * (inputs[:, 0] - left) / (right - left)
    y = top + size * (high - inputs[:, 1]) / (high - low)
    # Tiles have the same colors on dark backgrounds.
    of_class, labels = colors.class_colors(run.classes), class_labels(run)
    rows = [
        {
            "x": round(float(a), 1),
            "y": round(float(b), 1),
            "color": of_class[target],
            "target": labels[target],
        }
        for a, b, target in zip(x, y, run.targets[chosen].tolist(), strict=True)
    ]
    return [
        alt.Chart(packing.PackedData(rows))
        .mark_circle(
            size=round(_POINT * layout.output**2, 1),
            opacity=1,
            stroke=colors.LIGHT_BACKGROUND,
            strokeWidth=0.6,
            aria=False,
        )
        .encode(
            x=pixels("x", layout.width),
            y=pixels("y", layout.height, down=True),
            fill=outright(alt.FillValue, "datum.color"),
            tooltip=[alt.Tooltip("target:N", title="Class")],
        )
    ]


def mark_layers(
    columns: list[Column], layout: Layout, clock: Clock, units: Units
) -> list[alt.Chart]:
    """Return crosses over dead units, and bars below saturated ones."""
    rows: list[dict[str, Any]] = []
    dead: list[list[int]] = []
    saturated: list[list[float]] = []
    drawn = [place for place, column in enumerate(columns) if column.layer is not None]
    for place, of_dead, of_saturated in zip(drawn, units.dead, units.saturated, strict=True):
        size = layout.size(place)
        left = layout.centers[place] - size / 2
        for node, top in enumerate(layout.tops(place, len(columns[place].units))):
            rows.append({"left": round(left, 1), "top": round(top, 1), "size": round(size, 1)})
            dead.append((of_dead[:, node] > 1 - 1e-9).astype(int).tolist())
            saturated.append([packing.shortened(one, 3) or 0 for one in of_saturated[:, node]])
    constant = {name: [row[name] for row in rows] for name in ("left", "top", "size")}
    data = packing.PackedData(
        packing.by_epoch(clock, constant, {"dead": dead, "saturated": saturated})
    )
    ink = adaptive(colors.INK)
    crosses = (
        alt.Chart(data)
        .transform_filter(packing.entry("dead", clock))
        .transform_calculate(x="datum.left + datum.size / 2", y="datum.top + datum.size / 2")
        .mark_point(
            shape="M-.3,-.3L.3,.3M-.3,.3L.3,-.3",
            filled=False,
            stroke=colors.INK,
            strokeWidth=2,
            opacity=1,
            aria=False,
            tooltip=None,
        )
        .encode(
            x=pixels("x", layout.width),
            y=pixels("y", layout.height, down=True),
            size=outright(alt.SizeValue, "4 * datum.size * datum.size"),
        )
    )
    bars = (
        alt.Chart(data)
        .transform_calculate(
            end=f"datum.left + datum.size * {packing.entry('saturated', clock)}",
            y="datum.top + datum.size + 3.5",
        )
        .mark_rule(strokeWidth=3, stroke=ink, opacity=1, aria=False, tooltip=None)
        .encode(
            x=pixels("left", layout.width),
            x2=alt.X2("end:Q"),
            y=pixels("y", layout.height, down=True),
        )
    )
    return [crosses, bars]


def text_layers(columns: list[Column], layout: Layout) -> list[alt.Chart]:
    """Return the names of the columns above them, and of inputs and classes beside them."""
    above: list[dict[str, Any]] = []
    for place, column in enumerate(columns):
        last = place == len(columns) - 1
        room = layout.spacing - 6 + (layout.output - layout.tile) / 2 * last
        center = layout.centers[place]
        above += [
            {"x": center, "y": 12, "text": fitted(column.name, room)},
            {"x": center, "y": 27, "text": fitted(column.detail, room)},
        ]
        if not column.units:
            middle = ABOVE + (layout.height - ABOVE - BELOW) / 2
            above.append({"x": center, "y": middle, "text": "\N{HORIZONTAL ELLIPSIS}"})
    found = [_text(above, layout, "center")]
    beside: list[tuple[int, Literal["left", "right"], float]] = [
        (0, "right", -1.0),
        (len(columns) - 1, "left", 1.0),
    ]
    for place, align, side in beside:
        column = columns[place]
        if not column.units or (len(column.units) == 1 and column.layer is not None):
            continue
        edge = layout.centers[place] + side * (layout.size(place) / 2 + 6)
        room = edge if side < 0 else layout.width - edge
        rows = [
            {"x": edge, "y": top + layout.size(place) / 2, "text": fitted(label, room)}
            for label, top in zip(column.labels, layout.tops(place, len(column.units)), strict=True)
        ]
        found.append(_text(rows, layout, align))
    return found


def _text(rows: list[dict[str, Any]], layout: Layout, align: Any) -> alt.Chart:
    return (
        alt.Chart(packing.PackedData(rows))
        .mark_text(
            align=align,
            baseline="middle",
            fontSize=SMALL_SIZE,
            color=adaptive(colors.INK),
            tooltip=None,
        )
        .encode(
            x=pixels("x", layout.width),
            y=pixels("y", layout.height, down=True),
            text=alt.Text("text:N"),
        )
    )


def _legend(layout: Layout, place: int, response: Response) -> list[alt.Chart]:
    """Return the color scale of a column, with the values at its ends.

    It is drawn by marks: a legend would be merged with that of a neighboring chart.
    """
    length = min(_LONGEST_BAR, layout.spacing - 12)
    left = layout.centers[place] - length / 2
    top = layout.height - BELOW + _BELOW_BAR
    empty = alt.Chart(packing.PackedData([{}]))
    bar = empty.mark_image(
        url=legend_url(response),
        width=length,
        height=_BAR,
        align="left",
        baseline="top",
        aspect=False,
        tooltip=None,
    ).encode(x=alt.XValue(left), y=alt.YValue(top))
    sides: tuple[Literal["left", "right"], ...] = ("left", "right")
    ends = zip(response.ends, sides, (left, left + length), strict=True)
    labels = [
        empty.mark_text(
            text=f"{value:.2g}".replace("-", "\N{MINUS SIGN}"),
            color=adaptive(colors.MUTED),
            align=align,
            baseline="top",
            fontSize=SMALL_SIZE,
            tooltip=None,
        ).encode(x=alt.XValue(x), y=alt.YValue(top + _BAR + 4))
        for value, align, x in ends
    ]
    return [bar, *labels]
