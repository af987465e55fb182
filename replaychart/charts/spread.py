"""`spread`: standard deviations of each layer over the epochs."""

import math
from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from replaychart.arguments import require_one_of
from replaychart.drawing import colors, packing
from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.epoch_axis import epoch_axis
from replaychart.drawing.expressions import outright
from replaychart.drawing.layer_axis import layer_axis
from replaychart.drawing.texts import displayed, fitted
from replaychart.drawing.titles import chart_title, check_chart, tell_not_finite
from replaychart.facts.epochs import Epochs
from replaychart.planes.extents import Limits
from replaychart.run import Run

# Pixels from one label to the next.
_LINE = 13
# How long a layer's name may be.
_NAME = 120
_TITLE = "Standard deviation"
# What a row of a line takes: names of columns, epoch, layer, colour and value.
_BYTES_PER_VALUE = 90


def spread(
    run: Run,
    *,
    kind: str = "gradients",
    layers: Sequence[str] | None = None,
    variable: str = "kernel",
    inputs: bool = False,
    output: bool = True,
    scale: str = "log",
    epochs: Epochs = None,
    epoch: float | alt.Parameter | None = None,
    title: str | None = None,
    width: int = 300,
    height: int = 200,
    max_bytes: float | None = MAX_BYTES,
) -> alt.LayerChart:
    """Draw the standard deviation of each layer's values over the epochs.

    Gradients that vanish or explode from layer to layer show as lines that lie far apart; an
    activation that dies, as one that falls. With a single epoch the layers stand side by side.

    Parameters
    ----------
    run : Run
        The recorded training, or a recorded untrained model.
    kind : {"weights", "gradients", "activations", "pre_activations"}, default "gradients"
        The values.
    layers : sequence of str, optional
        Layers to show. Default: every layer with a kernel.
    variable : {"kernel", "bias"}, default "kernel"
        Which weights, for weights and gradients.
    inputs : bool, default False
        Whether the recorded points come first, for activations and pre-activations.
    output : bool, default True
        Whether the default layers hold the last one.
    scale : {"log", "linear"}, default "log"
        The axis of the standard deviations. A logarithmic one has no place for 0: there a line has
        a gap.
    epochs : float, slice, range or iterable of float, optional
        Only these recorded epochs. Default: all.
    epoch : float or altair.Parameter, optional
        The epoch shown at first, or a parameter from `epoch_param` to share. Default: the last.
    title : str, optional
        ``{epoch}`` in it is the epoch shown. Default: "Spread of ..." and the kind.
    width, height : int, default 300 and 200
        Size in pixels, the names of the layers at the right not included.
    max_bytes : float or None, default 20,000,000
        About what the chart's data may take. Past that it keeps evenly spaced epochs, and warns
        of it. None for no limit.

    Returns
    -------
    altair.LayerChart
        Per layer, from light to dark: the whole line, faint; the part up to the epoch shown; a dot
        at that epoch; the layer's name. Where there are more layers than room for their names, only
        every second, third, ... has its own.

    Raises
    ------
    ArgumentError
        There is no such kind or layer, an epoch was not recorded, or an argument is not allowed.
    EvaluationError
        The model cannot be rebuilt, or has no graph of layers.

    Warns
    -----
    UserWarning
        Epochs were left out to stay within `max_bytes`.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.spread(run, kind="weights")

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks" (2010), https://proceedings.mlr.press/v9/glorot10a.html
    """
    check_chart(run, width, height, max_bytes)
    require_one_of("scale", scale, ["log", "linear"])
    selection = run.value_distributions.select(
        kind, layers=layers, variable=variable, inputs=inputs, output=output
    )
    clock = kept_epochs(
        run,
        Clock.of(run, epochs, epoch),
        max_bytes,
        bytes_per_epoch=_BYTES_PER_VALUE * len(selection.layers),
    )
    frame = run.value_distributions.summary_frame(
        selection, run.snapshots(clock.epochs), clock.epochs
    )
    if scale == "log":
        frame["std"] = frame["std"].where(frame["std"] > 0)
    names = list(frame["layer"].unique())
    axis = _Axis(frame["std"].dropna(), scale, height)
    if len(clock.epochs) == 1:
        parts = _side_by_side(frame, names, axis, width)
    else:
        parts = _over_epochs(clock, frame, names, axis, width)
    heading = chart_title(title, f"Spread of {kind.replace('_', '-')}", clock)
    broken = frame["not_finite"].to_numpy().reshape(len(clock.epochs), -1)
    tell_not_finite(heading, clock, "values", width, np.where(broken > 0, np.nan, 0.0))
    return layered(parts, clock, title=heading, width=width, height=height)


class _Axis:
    """The axis of the standard deviations, and where a value lies on it."""

    def __init__(self, values: pd.Series, scale: str, height: int) -> None:
        self._logarithmic = scale == "log"
        self.height = height
        self._limits = _limits(values, scale)

    def encoding(self) -> alt.Y:
        """Return the encoding of the axis."""
        scale = alt.Scale(
            type="log" if self._logarithmic else "linear",
            domain=list(self._limits),
            nice=False,
            # A logarithmic scale knows none, and a renderer would warn of it.
            zero=alt.Undefined if self._logarithmic else False,
        )
        return alt.Y("value:Q", title=_TITLE, axis=alt.Axis(tickCount=5, format="~g"), scale=scale)

    def pixel(self, value: float) -> float:
        """Return how far below the chart's top a value lies."""
        if not value > 0 and self._logarithmic:
            return self.height
        low, middle, high = (
            math.log(number) if self._logarithmic else number
            for number in (self._limits[0], value, self._limits[1])
        )
        return self.height * (high - middle) / (high - low)


def _limits(values: pd.Series, scale: str) -> Limits:
    if not len(values):
        return (0.1, 1.0)
    low, high = float(values.min()), float(values.max())
    if scale == "linear":
        return 0.0, high * 1.05 if high > 0 else 1.0
    return low / 1.25, high * 1.25


def _over_epochs(
    clock: Clock, frame: pd.DataFrame, names: list[str], axis: _Axis, width: int
) -> list[alt.Chart]:
    tones = dict(zip(names, colors.depth_colors(len(names)), strict=True))
    # What has no place on the axis is None, and a gap in the line.
    rows: list[dict[str, Any]] = [
        {
            "epoch": epoch,
            "layer": displayed(layer),
            "value": packing.shortened(value, 5),
            "color": tones[layer],
        }
        for epoch, layer, value in frame[["epoch", "layer", "std"]].itertuples(index=False)
    ]
    base = alt.Chart(packing.PackedData(rows)).encode(
        x=epoch_axis(clock),
        y=axis.encoding(),
        color=outright("datum.color"),
        detail="layer:N",
        tooltip=[
            alt.Tooltip("layer:N", title="Layer"),
            alt.Tooltip("epoch:Q", title="Epoch"),
            alt.Tooltip("value:Q", title=_TITLE, format=".4~g"),
        ],
    )
    shown = clock.epoch_expression()
    return [
        base.mark_line(strokeOpacity=0.25, strokeWidth=1.5),
        base.transform_filter(f"datum.epoch <= {shown}").mark_line(strokeWidth=2),
        base.transform_filter(f"datum.epoch == {shown}").mark_circle(size=45, opacity=1),
        _names_at_the_end(frame, tones, axis, width),
    ]


def _names_at_the_end(
    frame: pd.DataFrame, tones: dict[str, str], axis: _Axis, width: int
) -> alt.Chart:
    """Return the layers' names where their lines end, moved apart where they would overlap.

    Of more layers than have room, only every second, third, ... is named, as their colours follow
    each other.
    """
    last = frame.groupby("layer")["std"].last()
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
        .mark_text(align="left", baseline="middle", fontSize=11, tooltip=None)
        .encode(
            x=alt.value(width + 8),
            y=alt.Y("place:Q", scale=None),
            text="layer:N",
            color=outright("datum.color"),
        )
    )


def _apart(pixels: list[float], *, lowest: float) -> list[float]:
    """Return rising positions with room for a label between them, near to where they were."""
    # Least squares under the order: what would overlap is pooled around its mean.
    pools: list[tuple[float, int]] = []
    for index, pixel in enumerate(pixels):
        mean, count = pixel - index * _LINE, 1
        while pools and pools[-1][0] > mean:
            above, others = pools.pop()
            mean, count = (above * others + mean * count) / (others + count), others + count
        pools.append((mean, count))
    # What would end below the lowest position moves up, and nothing else.
    last = max(0.0, lowest - (len(pixels) - 1) * _LINE)
    bases = [min(max(mean, 0.0), last) for mean, count in pools for _ in range(count)]
    return [round(base + index * _LINE, 1) for index, base in enumerate(bases)]


def _side_by_side(
    frame: pd.DataFrame, names: list[str], axis: _Axis, width: int
) -> list[alt.Chart]:
    """Return a point for each layer, connected in the layers' order."""
    tones = colors.depth_colors(len(names))
    rows: list[dict[str, Any]] = [
        {
            "at": names.index(layer),
            "layer": displayed(layer),
            "value": packing.shortened(value, 5),
            "color": tones[names.index(layer)],
        }
        for layer, value in frame[["layer", "std"]].itertuples(index=False)
    ]
    base = alt.Chart(packing.PackedData(rows)).encode(
        x=layer_axis("at:Q", names, width), y=axis.encoding()
    )
    return [
        base.mark_line(color=colors.MUTED, strokeWidth=1, tooltip=None),
        base.mark_circle(size=60, opacity=1).encode(
            color=outright("datum.color"),
            tooltip=[
                alt.Tooltip("layer:N", title="Layer"),
                alt.Tooltip("value:Q", title=_TITLE, format=".4~g"),
            ],
        ),
    ]
