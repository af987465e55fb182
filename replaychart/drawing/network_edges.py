"""The weights of a network as curves between its units, in a diagram."""

from itertools import pairwise
from typing import Any

import altair as alt

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive, adaptive_expression
from replaychart.drawing.clock import Clock
from replaychart.drawing.expressions import outright
from replaychart.drawing.network_columns import Column, Layout
from replaychart.drawing.pixels import pixels
from replaychart.drawing.texts import SMALL_SIZE
from replaychart.drawing.tiles import NEGATIVE, POSITIVE
from replaychart.run import Run

# Pixels of the widest edge, as a share of a tile, and at most; and of the thinnest.
_WIDEST_SHARE, _WIDEST = 0.2, 8.0
_THINNEST = 0.25
# Bytes of a weight in a chart.
BYTES_PER_WEIGHT = 9
# The scale of the widths: the length of its lines, and room for a number, in pixels.
_LINE, _NUMBER = 26, 44


def edge_layers(run: Run, columns: list[Column], layout: Layout, clock: Clock) -> list[alt.Chart]:
    """Return the weights as curves from tile to tile, and the scale of their widths."""
    rows, weights = _weights(run, columns, layout, clock)
    if not weights:
        return []
    reach = max((abs(one) for own in weights for one in own if one is not None), default=0) or 1.0
    widest = min(_WIDEST, _WIDEST_SHARE * layout.tile)
    data = packing.PackedData(packing.by_epoch(clock, rows, {"weight": weights}))
    size = f"max(abs(datum.weight) * {widest / reach!r}, {_THINNEST})"
    edges = (
        alt.Chart(data)
        .transform_calculate(weight=packing.entry("weight", clock))
        .transform_filter("isValid(datum.weight)")
        # Vega scales a path by half the root of its size.
        .mark_point(size=4, filled=False, opacity=0.8, aria=False)
        .encode(
            x=pixels("left", layout.width),
            y=pixels("top", layout.height, down=True),
            shape=outright(alt.ShapeValue, "datum.path"),
            stroke=outright(alt.StrokeValue, _signed("datum.weight")),
            strokeWidth=outright(alt.StrokeWidthValue, size),
            tooltip=[
                alt.Tooltip("from:N", title="From"),
                alt.Tooltip("to:N", title="To"),
                alt.Tooltip("weight:Q", title="Weight", format=".3g"),
            ],
        )
    )
    return [edges, *_scale_of_widths(layout, reach, widest)]


def _signed(value: str) -> str:
    """Return the expression for the color of a weight."""
    return f"{value} < 0 ? {adaptive_expression(NEGATIVE)} : {adaptive_expression(POSITIVE)}"


def _weights(
    run: Run, columns: list[Column], layout: Layout, clock: Clock
) -> tuple[dict[str, list[Any]], list[list[float | None]]]:
    """Return the constant columns of the edges, and the weights at each epoch."""
    constant: dict[str, list[Any]] = {name: [] for name in ("left", "top", "path", "from", "to")}
    weights: list[list[float | None]] = []
    snapshots = run.snapshots(clock.epochs)
    for place, (before, column) in enumerate(pairwise(columns)):
        if column.layer is None or not before.units:
            continue
        kernel = run.dense_layers.kernels(column.layer, snapshots)
        own = before.mixing(column.layer.inputs).T @ kernel @ column.mixing(column.layer.units)
        left = layout.centers[place] + layout.size(place) / 2
        right = layout.centers[place + 1] - layout.size(place + 1) / 2
        across, half = right - left, (right - left) / 2
        for i, top in enumerate(_middles(layout, place, before)):
            for j, bottom in enumerate(_middles(layout, place + 1, column)):
                down = bottom - top
                constant["left"].append(round(left, 1))
                constant["top"].append(round(top, 1))
                constant["path"].append(
                    f"M0,0C{half:.1f},0,{half:.1f},{down:.1f},{across:.1f},{down:.1f}"
                )
                constant["from"].append(before.labels[i])
                constant["to"].append(column.labels[j])
                weights.append([packing.shortened(one, 3) for one in own[:, i, j]])
    # The largest weights at the last epoch are on top.
    order = sorted(range(len(weights)), key=lambda edge: abs(weights[edge][-1] or 0))
    constant = {name: [column[edge] for edge in order] for name, column in constant.items()}
    return constant, [weights[edge] for edge in order]


def _middles(layout: Layout, place: int, column: Column) -> list[float]:
    return [top + layout.size(place) / 2 for top in layout.tops(place, len(column.units))]


def _scale_of_widths(layout: Layout, reach: float, widest: float) -> list[alt.Chart]:
    """Return lines as wide as the largest weight, with its size, below the diagram."""
    y = layout.height - 5
    number = f"{reach:.3g}"
    entries = [
        (0, NEGATIVE, f"\N{MINUS SIGN}{number}"),
        (_LINE + _NUMBER + 8, POSITIVE, f"{number}: largest weight"),
    ]
    layers = []
    for left, color, text in entries:
        empty = alt.Chart(packing.PackedData([{}]))
        line = empty.mark_rule(strokeWidth=widest, opacity=0.8, tooltip=None).encode(
            x=alt.XValue(left),
            x2=alt.X2Value(left + _LINE),
            y=alt.YValue(y),
            stroke=alt.StrokeValue(adaptive(color)),
        )
        label = empty.mark_text(
            text=text,
            align="left",
            baseline="middle",
            fontSize=SMALL_SIZE,
            color=adaptive(colors.MUTED),
            tooltip=None,
        ).encode(x=alt.XValue(left + _LINE + 6), y=alt.YValue(y))
        layers += [line, label]
    return layers
