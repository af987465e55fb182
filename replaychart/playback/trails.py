"""Picked samples: their trails, their numbers, and their own curves."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive
from replaychart.drawing.clock import Clock
from replaychart.drawing.expressions import literal, outright
from replaychart.drawing.packing import PackedData
from replaychart.drawing.plane import class_labels
from replaychart.drawing.samples import MeanCurve, SamplePositions
from replaychart.playback import selection
from replaychart.playback.linked_views import Unit, View
from replaychart.playback.sample_table import CODE, SampleTable
from replaychart.run import Run

# Up to this many picked samples have labels and strong trails.
_FEW = 10
_LONGEST_LABEL = 24
_MARKERS = ("circle", "point", "square")
_INK = (colors.INK, colors.DARK_BOUNDARY)
_BACKGROUND = (colors.LIGHT_BACKGROUND, colors.DARK_BACKGROUND)

IS_PICKED = selection.is_picked()
_FADED = f"length({selection.PICKED}) > {_FEW} || !({IS_PICKED})"


def evenly_drawn(run: Run) -> list[int]:
    """Return the samples whose trails stand for their class: evenly drawn from each class."""
    drawn: list[int] = []
    for target in range(run.classes):
        own = np.flatnonzero(run.targets == target)
        count = min(len(own), selection.MOST_PICKED)
        drawn += own[np.arange(count) * len(own) // max(count, 1)].tolist()
    return sorted(drawn)


def add_to_plane(view: View, unit: Unit, *, by_class: bool) -> None:
    """Draw the trails of picked samples up to the epoch shown, with rings and labels at their ends.

    Parameters
    ----------
    view : View
        The view.
    unit : Unit
        A layer of the view that shows samples at their positions.
    by_class : bool
        Whether classes can be selected, of which some samples have trails then.
    """
    shows: SamplePositions = unit.shows
    encoding = {name: unit.chart.encoding[name].copy() for name in "xy"}
    ends = alt.Chart(unit.data).transform_filter(IS_PICKED)
    if shows.rulers is not None:
        view.chart.layer += _trails(unit, encoding, by_class=by_class)
        places = {
            name: ruler.expression(packing.entry(name, shows.clock))
            for name, ruler in zip("xy", shows.rulers, strict=True)
        }
        ends = ends.transform_calculate(**places)
    ends = ends.encode(**encoding)
    view.chart.layer += [_ring(ends), *_labels(ends, shows.run)]


def add_ring(unit: Unit) -> None:
    """Draw rings around picked samples in a layer that shows them in its own way."""
    mark = unit.chart.mark
    kind = mark if isinstance(mark, str) else mark._get("type")
    if kind not in _MARKERS:
        return
    ring = unit.chart.copy(deep=True)
    ring.name = alt.Undefined
    ring.params = alt.Undefined
    picked = f"{IS_PICKED} && !({selection.IS_OTHER})"
    ring.transform = [*_listed(ring.transform), alt.FilterTransform(filter=picked)]
    for channel in ("color", "fill", "stroke", "size", "opacity", "shape", "tooltip"):
        if ring.encoding._get(channel) is not None:
            ring.encoding[channel] = alt.Undefined
    unit.holder.layer.append(_ring(ring))


def _trails(unit: Unit, encoding: dict[str, Any], *, by_class: bool) -> list[alt.Chart]:
    shows: SamplePositions = unit.shows
    rulers = shows.rulers
    assert rulers is not None
    has_trail = IS_PICKED
    if by_class:
        of_class = f"indexof({selection.CLASS}.target, datum.target) >= 0"
        drawn = f"indexof({selection.EVENLY}, datum.point) >= 0"
        has_trail += f" || (isValid({selection.CLASS}.target) && {of_class} && {drawn})"
    base = (
        _until_now(alt.Chart(unit.data).transform_filter(has_trail), shows.clock, ["x", "y"])
        .transform_calculate(
            **{
                name: ruler.expression(f"datum.replay_{name}")
                for name, ruler in zip("xy", rulers, strict=True)
            }
        )
        .encode(**encoding, detail=alt.Detail("point:N"), order=alt.Order("step:Q"))
    )
    line: dict[str, Any] = {
        "clip": True,
        "tooltip": None,
        "aria": False,
        "strokeJoin": "round",
        "invalid": "break-paths-show-domains",
    }
    return [
        base.mark_line(color=adaptive(*_BACKGROUND), **line).encode(
            strokeOpacity=outright(alt.StrokeOpacityValue, f"{_FADED} ? 0 : 0.85"),
            strokeWidth=alt.StrokeWidthValue(4),
        ),
        base.mark_line(color=adaptive(*_INK), **line).encode(
            strokeOpacity=outright(alt.StrokeOpacityValue, f"{_FADED} ? 0.3 : 1"),
            strokeWidth=outright(alt.StrokeWidthValue, f"{_FADED} ? 1 : 1.8"),
        ),
    ]


def _until_now(chart: alt.Chart, clock: Clock, columns: Sequence[str]) -> alt.Chart:
    """Return a chart with a row for each epoch up to the one shown."""
    packed = [f"replay_{name}" for name in columns]
    length = f"datum.{packed[0]}.length" if packed else str(len(clock.epochs))
    return (
        chart.transform_calculate(step=f"sequence({length})")
        .transform_flatten([*packed, "step"])
        .transform_filter(f"datum.step <= {clock.position_expression()}")
    )


def _ring(chart: alt.Chart) -> alt.Chart:
    return chart.mark_point(
        shape="circle",
        filled=False,
        size=110,
        strokeWidth=2,
        stroke=adaptive(*_INK),
        opacity=1,
        clip=True,
        tooltip=None,
        aria=False,
    )


def _labels(chart: alt.Chart, run: Run) -> list[alt.Chart]:
    """Return the number and the class of each picked sample, with a background behind the text."""
    label = "'#' + datum.point"
    if run.targets.ndim == 1:
        label += f" + ' \N{MIDDLE DOT} ' + truncate('' + datum.target, {_LONGEST_LABEL})"
    chart = chart.transform_filter(f"length({selection.PICKED}) <= {_FEW}").transform_calculate(
        label=label
    )
    text: dict[str, Any] = {
        "align": "left",
        "baseline": "bottom",
        "dx": 7,
        "dy": -5,
        "fontSize": 12,
        "fontWeight": 600,
        "tooltip": None,
    }
    return [
        chart.mark_text(
            fill=adaptive(*_BACKGROUND), stroke=adaptive(*_BACKGROUND), strokeWidth=3, **text
        ).encode(text=alt.Text("label:N")),
        chart.mark_text(fill=adaptive(*_INK), **text).encode(text=alt.Text("label:N")),
    ]


def add_curves(view: View, table: SampleTable, probability: PackedData | None) -> None:
    """Draw the losses of picked samples, and their probabilities, in a chart of mean curves.

    Parameters
    ----------
    view : View
        The view.
    table : SampleTable
        The samples.
    probability : PackedData, optional
        A dataset with the probabilities of the samples. Default: there is none.
    """
    units = view.showing(MeanCurve)
    losses = [unit for unit in units if unit.shows.is_loss]
    others = [unit for unit in units if not unit.shows.is_loss]
    if losses and table.loss is not None:
        for unit in losses:
            _reach_losses(unit, table)
        view.chart.layer.append(_loss_curve(losses[0], table))
    if others and probability is not None and _is_share(others[0]):
        view.chart.layer.append(_probability_curve(others[0], table.run, probability))


def _loss_curve(unit: Unit, table: SampleTable) -> alt.Chart:
    assert table.loss is not None
    level = table.number(table.loss, f"datum.{CODE}", "datum.step")
    base = (
        _until_now(alt.Chart(table.data).transform_filter(IS_PICKED), table.clock, [])
        .transform_calculate(level=level)
        .transform_filter(f"datum.level < {table.bins[table.loss].size - 1}")
        .transform_calculate(
            value=table.loss_expression("datum.step"), epoch=_epoch_at(table.clock)
        )
    )
    return _curve(base, unit, colors.LOSS, alt.Tooltip("value:Q", title="Loss", format=".3~g"))


def _probability_curve(unit: Unit, run: Run, probability: PackedData) -> alt.Chart:
    clock = unit.shows.clock
    value = "datum.replay_p / 100"
    if run.classes == 2:
        positive = literal(class_labels(run)[1])
        value = f"datum.target === {positive} ? {value} : 1 - {value}"
    base = (
        _until_now(alt.Chart(probability).transform_filter(IS_PICKED), clock, ["p"])
        .transform_filter("isValid(datum.replay_p)")
        .transform_calculate(value=value, epoch=_epoch_at(clock))
    )
    tooltip = alt.Tooltip("value:Q", title="Probability of its class", format=".2f")
    return _curve(base, unit, colors.METRIC, tooltip)


def _curve(base: alt.Chart, unit: Unit, color: str, tooltip: alt.Tooltip) -> alt.Chart:
    y = unit.chart.encoding.y.copy()
    y.axis = None
    return base.mark_line(
        color=adaptive(color), strokeWidth=1, clip=True, aria=False, tooltip=None
    ).encode(
        x=unit.chart.encoding.x.copy(),
        y=y,
        detail=alt.Detail("point:N"),
        order=alt.Order("step:Q"),
        strokeOpacity=outright(
            alt.StrokeOpacityValue,
            f"length({selection.PICKED}) > {_FEW} ? 0.35 : 0.9",
        ),
        tooltip=[
            alt.Tooltip("point:Q", title="Sample"),
            alt.Tooltip("epoch:Q", title="Epoch"),
            tooltip,
        ],
    )


def _reach_losses(unit: Unit, table: SampleTable) -> None:
    """Let the axis of the mean loss reach the losses of single samples while some are picked."""
    assert table.loss is not None
    y = unit.chart.encoding.y.copy()
    scale = y["scale"].to_dict()
    low, high = scale["domain"]
    edges, is_log = table.bins[table.loss].edges, scale.get("type") == "log"
    lowest = float(edges[0]) if not is_log or edges[0] > 0 else low
    any_picked = f"{selection.PICKED}[0] !== ''"
    ends = [(low, min(low, lowest)), (high, max(high, float(edges[-1])))]
    scale["domain"] = [
        {"expr": f"{any_picked} ? {further!r} : {end!r}"} if further != end else end
        for end, further in ends
    ]
    y.scale = alt.Scale.from_dict(scale)
    chart = unit.chart.copy(deep=False)
    chart.encoding = chart.encoding.copy(deep=False)
    chart.encoding.y = y
    unit.replace(chart)


def _is_share(unit: Unit) -> bool:
    """Return whether the axis of a curve is that of fractions, on which probabilities fit."""
    low, high = unit.chart.encoding.y["scale"].to_dict()["domain"]
    return low == 0 and 1 <= high <= 1.1


def _epoch_at(clock: Clock) -> str:
    epochs = clock.epochs
    if len(epochs) > 1 and (np.diff(epochs) == epochs[1] - epochs[0]).all():
        return f"{epochs[0].item()} + {(epochs[1] - epochs[0]).item()} * datum.step"
    return f"{literal(epochs.tolist())}[datum.step]"


def _listed(transforms: Any) -> list[Any]:
    return [] if transforms in (None, alt.Undefined) else list(transforms)
