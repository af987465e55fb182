"""Violins: the distribution of each layer's values at the epoch shown."""

import dataclasses
from itertools import chain
from typing import Any, get_args

import altair as alt
import numpy as np

from replaychart.arguments import require_one_of
from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive
from replaychart.drawing.budget import kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.layer_axis import layer_axis
from replaychart.drawing.limits import (
    LimitsOver,
    limits_ruler,
    limits_scale,
    tick_format,
    ticks,
)
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.packing import Ruler
from replaychart.drawing.sizes import Width, width_for_texts
from replaychart.drawing.texts import SMALL_SIZE, displayed
from replaychart.drawing.titles import Title, chart_title, check_chart
from replaychart.evaluation.densities import POSITIONS, positions
from replaychart.evaluation.distributions import Selection
from replaychart.evaluation.evaluations import Arrays
from replaychart.facts.epochs import Epochs
from replaychart.planes.extents import Limits
from replaychart.run import Run

# Half the maximum width of a violin, as a fraction of the distance to the next one.
_HALF = 0.42
_HALF_STEPS = 200
_MARGIN = 0.04
# The density and its positions, then the quantiles and the standard deviation.
_NUMBERS_PER_VIOLIN = 2 * POSITIONS + 6
_COLORS = {
    "weights": colors.WEIGHTS,
    "gradients": colors.GRADIENTS,
    "activations": colors.ACTIVATIONS,
    "pre_activations": colors.PRE_ACTIVATIONS,
}


@dataclasses.dataclass(frozen=True)
class ViolinOptions:
    """The options that all four violin charts share, as their docstrings describe them.

    Attributes
    ----------
    scale : str
        ``"fixed"`` or ``"per-epoch"``.
    epochs : float, slice, range, iterable of float or None
        The requested epochs.
    epoch : float, altair.Parameter or None
        The epoch shown initially, or a shared parameter.
    title : str, sequence of str or None
        The title, or its lines; None for the default.
    width : int or "container"
        Width of the chart.
    height : int
        Height in pixels.
    max_bytes : float or None
        The size limit; None for no limit.
    """

    scale: LimitsOver
    epochs: Epochs
    epoch: ShownEpoch
    title: Title | None
    width: Width
    height: int
    max_bytes: float | None


def violins(
    run: Run, selection: Selection, options: ViolinOptions, *, noun: str, plural: str
) -> alt.LayerChart:
    """Return one violin for each layer, with its quartiles and its median.

    Parameters
    ----------
    run : Run
        The recorded training run.
    selection : Selection
        The values.
    options : ViolinOptions
        Axes, epochs, title and size.
    noun, plural : str
        The name of one value and of several values.
    """
    check_chart(run, options.width, options.height, options.max_bytes)
    require_one_of("scale", options.scale, get_args(LimitsOver))
    clock = kept_epochs(
        run,
        Clock.of(run, options.epochs, options.epoch),
        options.max_bytes,
        bytes_per_epoch=packing.BYTES_PER_NUMBER * _NUMBERS_PER_VIOLIN * len(selection.layers),
    )
    summaries = run.value_distributions.summaries(selection, run.snapshots(clock.epochs))
    limits = _limits(np.stack([arrays["quantiles"] for arrays in summaries]), options.scale)
    axes = _Axes(clock, selection.layers, limits, noun, options.width, options.height)
    color = _COLORS[selection.kind]
    layers = [
        _zero_line(axes),
        _bodies(axes, summaries, color),
        *_quartiles(axes, summaries),
        _not_finite(axes, summaries),
    ]
    return layered(
        [layer for layer in layers if layer is not None],
        clock,
        title=chart_title(options.title, f"{plural} \N{MIDDLE DOT} epoch {{epoch}}", clock),
        width=options.width,
        height=options.height,
    )


@dataclasses.dataclass(frozen=True)
class _Axes:
    clock: Clock
    layers: list[str]
    limits: list[Limits]
    noun: str
    width: Width
    height: int

    def x(self, field: str) -> alt.X:
        """Return the axis of the layers: numbers, labeled with the names of the layers."""
        return layer_axis(field, self.layers, width_for_texts(self.width))

    def y(self, field: str) -> alt.Y:
        """Return the axis of the values."""
        return alt.Y(
            field,
            title=self.noun,
            axis=alt.Axis(
                **ticks(*self.limits[0]),
                **tick_format(*chain.from_iterable(self.limits)),
            ),
            scale=limits_scale(self.clock, self.limits),
        )

    def ruler(self) -> Ruler:
        """Return the ruler of the values."""
        return limits_ruler(self.limits, self.height)


def _limits(quantiles: np.ndarray, scale: LimitsOver) -> list[Limits]:
    """Return limits around all violins, for the whole run or for each epoch."""
    low, high = quantiles[:, :, 0], quantiles[:, :, -1]
    if scale == "fixed":
        return [_padded(low, high)]
    return [_padded(low[:, epoch], high[:, epoch]) for epoch in range(low.shape[1])]


def _padded(low: np.ndarray, high: np.ndarray) -> Limits:
    if not np.isfinite(low).any():
        return -1.0, 1.0
    least, greatest = float(np.nanmin(low)), float(np.nanmax(high))
    if greatest - least <= 1e-9 * max(abs(least), abs(greatest)):
        around = max(abs(least), 0.1)
        return least - around, greatest + around
    margin = _MARGIN * (greatest - least)
    return least - margin, greatest + margin


def _zero_line(axes: _Axes) -> alt.Chart | None:
    if not all(low < 0 < high for low, high in axes.limits):
        return None
    return (
        alt.Chart(packing.PackedData([{"zero": 0}]))
        .mark_rule(color=colors.REFERENCE, tooltip=None, aria=False)
        .encode(y=axes.y("zero:Q"))
    )


def _bodies(axes: _Axes, summaries: list[Arrays], color: str) -> alt.Chart:
    """Return the densities, all scaled to the same maximum width."""
    values, halves = [], []
    for arrays in summaries:
        greatest = arrays["density"].max(axis=1, keepdims=True)
        share = arrays["density"] / np.where(greatest > 0, greatest, 1)
        steps = np.rint(share * _HALF_STEPS).astype(np.int64)
        # If all values are equal, there is no density to draw, only the median.
        where = np.where(greatest > 0, positions(arrays["quantiles"]), np.nan)
        values += axes.ruler().measured(where.T)
        halves += steps.T.tolist()
    layers = np.repeat(np.arange(len(summaries)), POSITIONS).tolist()
    rows = packing.by_epoch(axes.clock, {"at": layers}, {"value": values, "half": halves})
    half = f"{packing.entry('half', axes.clock)} * {_HALF / _HALF_STEPS}"
    return (
        alt.Chart(packing.PackedData(rows))
        .transform_calculate(
            value=axes.ruler().expression(packing.entry("value", axes.clock)),
            left=f"datum.at - {half}",
            right=f"datum.at + {half}",
        )
        .transform_filter("isValid(datum.value)")
        .mark_area(
            orient="horizontal",
            fill=adaptive(
                colors.mixed(colors.LIGHT_BACKGROUND, color, 0.55),
                colors.mixed(colors.DARK_BACKGROUND, colors.on_dark(color), 0.45),
            ),
            stroke=adaptive(color),
            strokeWidth=1,
            line=False,
            tooltip=None,
            aria=False,
        )
        .encode(
            x=axes.x("left:Q"), x2=alt.X2("right:Q"), y=axes.y("value:Q"), detail=alt.Detail("at:O")
        )
    )


def _quartiles(axes: _Axes, summaries: list[Arrays]) -> list[alt.Chart]:
    """Return a bar between the quartiles and a point at the median."""
    ruler = axes.ruler()
    names = ("least", "lower", "median", "upper", "greatest")
    changing: dict[str, list[Any]] = {
        name: [ruler.measured(arrays["quantiles"][:, place]) for arrays in summaries]
        for place, name in enumerate(names)
    }
    changing["deviation"] = [
        [packing.shortened(value, 4) for value in arrays["std"].tolist()] for arrays in summaries
    ]
    rows = packing.by_epoch(
        axes.clock,
        {"at": list(range(len(summaries))), "layer": [displayed(layer) for layer in axes.layers]},
        changing,
    )
    calculated = {name: ruler.expression(packing.entry(name, axes.clock)) for name in names}
    base = (
        alt.Chart(packing.PackedData(rows))
        .transform_calculate(**calculated, deviation=packing.entry("deviation", axes.clock))
        .transform_filter("isValid(datum.median)")
        .encode(
            x=axes.x("at:Q"),
            tooltip=[
                alt.Tooltip("layer:N", title="Layer"),
                alt.Tooltip("median:Q", title="Median", format=".4~g"),
                alt.Tooltip("lower:Q", title="Lower quartile", format=".4~g"),
                alt.Tooltip("upper:Q", title="Upper quartile", format=".4~g"),
                alt.Tooltip("least:Q", title="Minimum", format=".4~g"),
                alt.Tooltip("greatest:Q", title="Maximum", format=".4~g"),
                alt.Tooltip("deviation:Q", title="Standard deviation", format=".4~g"),
            ],
        )
    )
    return [
        base.mark_rule(
            color=adaptive(colors.INK, colors.LIGHT_BACKGROUND),
            strokeWidth=5,
            strokeCap="round",
            aria=False,
        ).encode(y=axes.y("lower:Q"), y2=alt.Y2("upper:Q")),
        base.mark_point(
            shape="circle",
            filled=True,
            fill=adaptive(colors.LIGHT_BACKGROUND, colors.INK),
            stroke=adaptive(colors.INK, colors.LIGHT_BACKGROUND),
            strokeWidth=1.5,
            size=36,
            opacity=1,
            aria=False,
        ).encode(y=axes.y("median:Q")),
    ]


def _not_finite(axes: _Axes, summaries: list[Arrays]) -> alt.Chart | None:
    """Return the percentage of NaN and infinite values, above each layer that has any."""
    if not any(arrays["not_finite"].any() for arrays in summaries):
        return None
    shares = [
        np.round(100 * arrays["not_finite"] / arrays["count"], 2).tolist() for arrays in summaries
    ]
    rows = packing.by_epoch(axes.clock, {"at": list(range(len(summaries)))}, {"share": shares})
    return (
        alt.Chart(packing.PackedData(rows))
        .transform_calculate(share=packing.entry("share", axes.clock))
        .transform_filter("datum.share > 0")
        .transform_calculate(label="format(datum.share, '.3~g') + '% not finite'")
        .mark_text(
            baseline="top",
            color=adaptive(colors.WRONG),
            fontSize=SMALL_SIZE,
            fontWeight=600,
            tooltip=None,
        )
        .encode(x=axes.x("at:Q"), y=alt.YValue(6), text=alt.Text("label:N"))
    )
