"""`spread`: the standard deviation of each layer's values over the epochs."""

import math
from collections.abc import Sequence
from typing import Any, get_args

import altair as alt
import numpy as np
import pandas as pd

from replaychart.arguments import require_one_of
from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive, adaptive_column
from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.epoch_axis import epoch_axis
from replaychart.drawing.expressions import outright
from replaychart.drawing.layer_axis import layer_axis
from replaychart.drawing.limits import ScaleType, log_ticks, ticks
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.sizes import Width, from_left, width_for_texts
from replaychart.drawing.texts import SMALL_SIZE, displayed, fitted
from replaychart.drawing.titles import Title, chart_title, check_chart, note_not_finite
from replaychart.evaluation.distributions import Kind, Variable
from replaychart.facts.epochs import Epochs
from replaychart.planes.extents import Limits
from replaychart.run import Run

# Minimum distance between labels, in pixels.
_LINE = 13
# Maximum width of a layer's name, in pixels.
_NAME = 120
_TITLE = "Standard deviation"
# Bytes per row of a line: column names, epoch, layer, colour and value.
_BYTES_PER_VALUE = 90


def spread(
    run: Run,
    *,
    kind: Kind = "gradients",
    layers: Sequence[str] | None = None,
    variable: Variable = "kernel",
    inputs: bool = False,
    output: bool = True,
    scale: ScaleType = "log",
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: Width = 300,
    height: int = 200,
    max_bytes: float | None = MAX_BYTES,
) -> alt.LayerChart:
    """Plot the standard deviation of each layer's values against the epochs.

    Gradients that vanish or explode from layer to layer appear as lines that are far apart; a layer
    whose activations die out, as a falling line. With a single epoch, the layers are placed side by
    side instead.

    Parameters
    ----------
    run : Run
        The recorded training run or untrained model.
    kind : {"weights", "gradients", "activations", "pre_activations"}, default "gradients"
        The values whose standard deviation is shown.
    layers : sequence of str, optional
        Layers to show. Default: all layers with a kernel.
    variable : {"kernel", "bias"}, default "kernel"
        Which of the layers' weights to use. For weights and gradients only.
    inputs : bool, default False
        Whether to show the recorded points themselves, before the layers. For activations and
        pre-activations only.
    output : bool, default True
        Whether the default layers include the last one.
    scale : {"log", "linear"}, default "log"
        The scale of the axis of standard deviations. A logarithmic axis cannot show 0, so a line
        has a gap there.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown. Default: "Spread of
        ..." with the kind of values.
    width, height : int or "container", default 300 and 200
        Size in pixels, without the names of the layers at the right. A width of ``"container"``
        fills the page or element around the chart.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned to
        evenly spaced epochs, with a warning. None means no limit.

    Returns
    -------
    altair.LayerChart
        For each layer, coloured with rising contrast: a faint line over all epochs, a strong line
        up to the epoch shown, a dot at that epoch, and the layer's name. If there is not enough
        room for all names, only every second, third, ... layer is labelled.

    Raises
    ------
    ArgumentError
        The kind or a layer does not exist, an epoch was not recorded, or another argument is
        invalid.
    EvaluationError
        The model cannot be rebuilt or has no graph of layers.

    Warns
    -----
    UserWarning
        Epochs are left out to stay within `max_bytes`.

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
    require_one_of("scale", scale, get_args(ScaleType))
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
    note_not_finite(
        heading, clock, "values", width_for_texts(width), np.where(broken > 0, np.nan, 0.0)
    )
    return layered(parts, clock, title=heading, width=width, height=height)


# With fewer round numbers on a logarithmic axis, Vega chooses others.
_FEWEST = 3


class _Axis:
    """The axis of the standard deviations, and the positions of values on it."""

    def __init__(self, values: pd.Series, scale: ScaleType, height: int) -> None:
        self._logarithmic = scale == "log"
        self.height = height
        self._limits = _limits(values, scale)

    def encoding(self) -> alt.Y:
        """Return the encoding of the axis."""
        scale = alt.Scale(
            type="log" if self._logarithmic else "linear",
            domain=list(self._limits),
            nice=False,
            # A logarithmic scale has no zero, and a renderer would warn about it.
            zero=alt.Undefined if self._logarithmic else False,
        )
        return alt.Y("value:Q", title=_TITLE, axis=self._numbered(), scale=scale)

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
    clock: Clock, frame: pd.DataFrame, names: list[str], axis: _Axis, width: Width
) -> list[alt.Chart]:
    tones = dict(zip(names, colors.depth_colors(len(names)), strict=True))
    color = _color_of_layers(len(names))
    # A value that the axis cannot show is None, which leaves a gap in the line.
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
        color=color,
        detail=alt.Detail("layer:N"),
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


def _color_of_layers(layers: int) -> alt.ColorValue:
    """Return the encoding of the column ``color``, which holds the colours of `layers` layers."""
    light, dark = colors.depth_colors(layers), colors.depth_colors(layers, dark=True)
    return outright(
        alt.ColorValue, adaptive_column("datum.color", dict(zip(light, dark, strict=True)))
    )


def _names_at_the_end(
    frame: pd.DataFrame, tones: dict[str, str], axis: _Axis, width: Width
) -> alt.Chart:
    """Return the layers' names at the ends of their lines, moved apart if they would overlap.

    If there is not enough room, only every second, third, ... layer is labelled. The colours of the
    others can be inferred, because they follow the order of the layers.
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
    frame: pd.DataFrame, names: list[str], axis: _Axis, width: Width
) -> list[alt.Chart]:
    """Return one point per layer, connected in the order of the layers."""
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
        x=layer_axis("at:Q", names, width_for_texts(width)), y=axis.encoding()
    )
    return [
        base.mark_line(color=adaptive(colors.MUTED), strokeWidth=1, tooltip=None),
        base.mark_circle(size=60, opacity=1).encode(
            color=_color_of_layers(len(names)),
            tooltip=[
                alt.Tooltip("layer:N", title="Layer"),
                alt.Tooltip("value:Q", title=_TITLE, format=".4~g"),
            ],
        ),
    ]
