"""A line for each layer over the epochs, up to the epoch shown, with its name at the end."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import altair as alt
import pandas as pd

from replaychart.arguments import shown
from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive, adaptive_column
from replaychart.drawing.clock import Clock
from replaychart.drawing.epoch_axis import epoch_axis
from replaychart.drawing.expressions import outright
from replaychart.drawing.layer_axis import layer_axis
from replaychart.drawing.limits import ScaleType, log_ticks, ticks
from replaychart.drawing.sizes import Width, from_left, width_for_texts
from replaychart.drawing.texts import SMALL_SIZE, displayed, fitted
from replaychart.errors import ArgumentError
from replaychart.planes.extents import Limits
from replaychart.planes.rectangle import checked_limits

# Bytes per row of a line: column names, epoch, layer, color and value.
BYTES_PER_VALUE = 90
# Minimum distance between labels, in pixels.
_LINE = 13
# Maximum width of a layer's name, in pixels.
_NAME = 120
_NO_DETAILS: Mapping[str, str] = MappingProxyType({})


def layer_lines(
    frame: pd.DataFrame,
    clock: Clock,
    *,
    name: str,
    scale: ScaleType,
    width: Width,
    height: int,
    ylim: Limits | None = None,
    details: Mapping[str, str] = _NO_DETAILS,
) -> list[alt.Chart]:
    """Return the layers of a chart with a line for each layer of the network.

    With a single epoch, the layers are placed side by side instead.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per epoch and layer: ``epoch``, ``layer`` and ``value``. A logarithmic axis cannot
        show values of 0 and below, so a line has a gap there.
    clock : Clock
        The chart's epochs.
    name : str
        What the values are.
    scale : {"log", "linear"}
        The scale of the values.
    width, height : int or "container"
        The size of the chart.
    ylim : tuple of float, optional
        The ends of the axis of the values, as `checked_ylim` returns them.
    details : mapping of str to str, optional
        Further columns of the frame, numbers that tooltips show, with what to call them.
    """
    if scale == "log":
        frame = frame.assign(value=frame["value"].where(frame["value"] > 0))
    names = list(frame["layer"].unique())
    own = _limits(frame["value"].dropna(), scale)
    axis = _Axis(ylim or own, name, scale, height, given=ylim is not None)
    if len(clock.epochs) == 1:
        return _side_by_side(frame, names, axis, width, details)
    return _over_epochs(clock, frame, names, axis, width, details)


def checked_ylim(ylim: Limits | None, scale: ScaleType) -> Limits | None:
    """Return the ends of an axis of values as floats.

    Raises
    ------
    ArgumentError
        They are not two finite numbers in increasing order, or a logarithmic axis cannot show them.
    """
    limits = checked_limits("ylim", ylim)
    if limits is not None and scale == "log" and limits[0] <= 0:
        message = f"ylim must be above 0 for scale='log'. Got {shown(ylim)}."
        raise ArgumentError(message)
    return limits


# With fewer round numbers on a logarithmic axis, Vega chooses others.
_FEWEST = 3


class _Axis:
    """The axis of the values, and their positions on it.

    If its limits are given, values may be beyond them.
    """

    def __init__(
        self, limits: Limits, name: str, scale: ScaleType, height: int, *, given: bool
    ) -> None:
        self._logarithmic = scale == "log"
        self.height = height
        self._limits = limits
        self.given = given
        self.name = name

    def encoding(self) -> alt.Y:
        """Return the encoding of the axis."""
        scale = alt.Scale(
            type="log" if self._logarithmic else "linear",
            domain=list(self._limits),
            nice=False,
            # A logarithmic scale has no zero, and a renderer would warn about it.
            zero=alt.Undefined if self._logarithmic else False,
        )
        return alt.Y("value:Q", title=self.name, axis=self._numbered(), scale=scale)

    def _numbered(self) -> alt.Axis:
        """Return the numbers on the axis."""
        if not self._logarithmic:
            return alt.Axis(format="~g", **ticks(*self._limits))
        numbers = log_ticks(*self._limits)
        if len(numbers) < _FEWEST:
            return alt.Axis(format="~g", tickCount=5)
        return alt.Axis(format="~g", values=numbers)

    def pixel(self, value: float) -> float:
        """Return the distance of a value from the top of the chart, in pixels."""
        if not value > 0 and self._logarithmic:
            return self.height
        low, middle, high = (
            math.log(number) if self._logarithmic else number
            for number in (self._limits[0], value, self._limits[1])
        )
        return self.height * (high - middle) / (high - low)


def _limits(values: pd.Series, scale: ScaleType) -> Limits:
    if not len(values):
        return (0.1, 1.0)
    low, high = float(values.min()), float(values.max())
    if scale == "linear":
        return 0.0, high * 1.05 if high > 0 else 1.0
    return low / 1.25, high * 1.25


def _over_epochs(
    clock: Clock,
    frame: pd.DataFrame,
    names: list[str],
    axis: _Axis,
    width: Width,
    details: Mapping[str, str],
) -> list[alt.Chart]:
    """Return a faint line, a strong one up to the epoch shown, and a dot there for each layer."""
    tones = dict(zip(names, colors.depth_colors(len(names)), strict=True))
    color = _color_of_layers(len(names))
    # A value that the axis cannot show is None, which leaves a gap in the line.
    rows: list[dict[str, Any]] = [
        {
            "epoch": epoch,
            "layer": displayed(layer),
            "value": _short(value),
            "color": tones[layer],
        }
        | dict(zip(details, map(_short, others), strict=True))
        for epoch, layer, value, *others in frame[["epoch", "layer", "value", *details]].itertuples(
            index=False
        )
    ]
    base = alt.Chart(packing.PackedData(rows)).encode(
        x=epoch_axis(clock),
        y=axis.encoding(),
        color=color,
        detail=alt.Detail("layer:N"),
        tooltip=[
            alt.Tooltip("layer:N", title="Layer"),
            alt.Tooltip("epoch:Q", title="Epoch"),
            alt.Tooltip("value:Q", title=axis.name, format=".4~g"),
            *_tooltips(details),
        ],
    )
    now = clock.epoch_expression()
    reached, at_it = (base.transform_filter(f"datum.epoch {sign} {now}") for sign in ("<=", "=="))
    return [
        base.mark_line(strokeOpacity=0.25, strokeWidth=1.5, clip=axis.given),
        reached.mark_line(strokeWidth=2, clip=axis.given),
        at_it.mark_circle(size=45, opacity=1, clip=axis.given),
        _names_at_the_end(frame, tones, axis, width),
    ]


def _color_of_layers(layers: int) -> alt.ColorValue:
    """Return the encoding of the column ``color``, which holds the colors of `layers` layers."""
    light, dark = colors.depth_colors(layers), colors.depth_colors(layers, dark=True)
    return outright(
        alt.ColorValue, adaptive_column("datum.color", dict(zip(light, dark, strict=True)))
    )


def _names_at_the_end(
    frame: pd.DataFrame, tones: dict[str, str], axis: _Axis, width: Width
) -> alt.Chart:
    """Return the layers' names at the ends of their lines, moved apart if they would overlap.

    If there is not enough room, only every second, third, ... layer is labeled. The colors of the
    others can be inferred, because they follow the order of the layers.
    """
    last = frame.groupby("layer")["value"].last()
    every = math.ceil(len(tones) / (axis.height // _LINE + 1))
    named = list(tones)[::-1][::every]
    wanted = sorted((axis.pixel(last.get(layer, 0.0)), layer) for layer in named)
    placed = _apart([pixel for pixel, _ in wanted], lowest=axis.height)
    rows = [
        {"layer": fitted(layer, _NAME), "color": tones[layer], "place": place}
        for (_, layer), place in zip(wanted, placed, strict=True)
    ]
    return (
        alt.Chart(packing.PackedData(rows))
        .mark_text(align="left", baseline="middle", fontSize=SMALL_SIZE, tooltip=None)
        .encode(
            x=from_left(width, share=1, offset=8),
            y=alt.Y("place:Q", scale=None),
            text=alt.Text("layer:N"),
            color=_color_of_layers(len(tones)),
        )
    )


def _apart(pixels: list[float], *, lowest: float) -> list[float]:
    """Return rising positions at least one label apart, as close as possible to the given ones."""
    # Least squares under an order constraint: labels that would overlap are pooled at their mean.
    pools: list[tuple[float, int]] = []
    for index, pixel in enumerate(pixels):
        mean, count = pixel - index * _LINE, 1
        while pools and pools[-1][0] > mean:
            above, others = pools.pop()
            mean, count = (above * others + mean * count) / (others + count), others + count
        pools.append((mean, count))
    # Only labels that would end below the lowest position move up.
    last = max(0.0, lowest - (len(pixels) - 1) * _LINE)
    bases = [min(max(mean, 0.0), last) for mean, count in pools for _ in range(count)]
    return [round(base + index * _LINE, 1) for index, base in enumerate(bases)]


def _side_by_side(
    frame: pd.DataFrame,
    names: list[str],
    axis: _Axis,
    width: Width,
    details: Mapping[str, str],
) -> list[alt.Chart]:
    """Return one point per layer, connected in the order of the layers."""
    tones = colors.depth_colors(len(names))
    rows: list[dict[str, Any]] = [
        {
            "at": names.index(layer),
            "layer": displayed(layer),
            "value": _short(value),
            "color": tones[names.index(layer)],
        }
        | dict(zip(details, map(_short, others), strict=True))
        for layer, value, *others in frame[["layer", "value", *details]].itertuples(index=False)
    ]
    base = alt.Chart(packing.PackedData(rows)).encode(
        x=layer_axis("at:Q", names, width_for_texts(width)), y=axis.encoding()
    )
    return [
        base.mark_line(color=adaptive(colors.MUTED), strokeWidth=1, tooltip=None, clip=axis.given),
        base.mark_circle(size=60, opacity=1, clip=axis.given).encode(
            color=_color_of_layers(len(names)),
            tooltip=[
                alt.Tooltip("layer:N", title="Layer"),
                alt.Tooltip("value:Q", title=axis.name, format=".4~g"),
                *_tooltips(details),
            ],
        ),
    ]


def _tooltips(details: Mapping[str, str]) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{column}:Q", title=it, format=".4~g") for column, it in details.items()]


def _short(value: float) -> float | None:
    return packing.shortened(value, 5)
