"""Lets the points and grid lines of a finished chart glide from one epoch to the next."""

from typing import Any

import altair as alt
import numpy as np

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive
from replaychart.drawing.clock import Clock
from replaychart.drawing.event_handlers import Definition
from replaychart.drawing.expressions import literal, outright
from replaychart.drawing.gliding import GLIDE, Way
from replaychart.drawing.packing import PREFIX, Moving, PackedData
from replaychart.drawing.texts import SMALL_SIZE
from replaychart.playback.linked_views import CONCATENATED, Unit, units_of, with_layers
from replaychart.playback.parameter import EpochSlider

_LABEL = "between epochs: interpolated"
# So close to the edge, where planes have a margin, the label hardly covers any points.
_FROM_LEFT, _FROM_TOP = 4, 1


def glides(chart: Any) -> bool:
    """Return whether anything in a chart glides already."""
    parts = [part for kind in (*CONCATENATED, "layer") for part in chart._kwds.get(kind) or []]
    return _is_gliding(chart) or any(map(glides, parts))


def let_glide(chart: Any, slider: EpochSlider) -> list[Definition]:
    """Let what moves in a chart glide, and return the definitions of the parameters for it.

    Only points, grid lines and names of classes glide: their positions at two epochs belong to each
    other. Surfaces, boundaries, colors and everything counted stay those of the last whole epoch.

    Parameters
    ----------
    chart : altair chart
        The chart, which is changed.
    slider : EpochSlider
        Its slider.
    """
    gliding = _Gliding(slider)
    gliding.search(chart, alt.Undefined)
    return gliding.parameters


class _Gliding:
    """Changes the views of a chart.

    Attributes
    ----------
    parameters : list of dict
        The definitions of the shares of charts that do not have an epoch at every stop.
    """

    def __init__(self, slider: EpochSlider) -> None:
        self.parameters: list[Definition] = []
        self._slider = slider
        self._shares: dict[Any, str] = {}
        self._fixed: dict[str, tuple[PackedData, list[Any]] | None] = {}

    def search(self, chart: Any, data: Any) -> None:
        """Change all views of a chart, given the data of the chart that contains it."""
        if isinstance(chart, alt.LayerChart):
            self._change(chart, data)
            return
        data = data if chart._get("data") is alt.Undefined else chart.data
        for kind in CONCATENATED:
            for place, part in enumerate(chart._kwds.get(kind) or []):
                if isinstance(part, alt.Chart):
                    view = with_layers(part.copy(deep=False))
                    if self._change(view, data):
                        chart[kind][place] = view
                else:
                    self.search(part, data)

    def _change(self, view: alt.LayerChart, data: Any) -> bool:
        """Return whether a view was changed, because something in it glides."""
        # All of them, because a view with points may have a grid as well.
        changed = [self._let_glide(unit) for unit in list(units_of(view, data))]
        if any(changed):
            view.layer += _label()
        return any(changed)

    def _let_glide(self, unit: Unit) -> bool:
        """Return whether a layer was changed."""
        moving = unit.data.moving if isinstance(unit.data, PackedData) else None
        if moving is None or not moving.columns:
            return False
        share = self._share(moving.clock)
        made = self._placed(unit, moving)
        if made is None or _is_gliding(unit.chart):
            return False
        data, transforms = made
        gaps = packing.has_gaps(data.rows, [PREFIX + name for name in moving.columns])
        between = [_between(step, moving, share, gaps=gaps) for step in transforms]
        if between == transforms:
            return False
        chart = unit.chart.copy(deep=False)
        chart.data, chart.transform = data, between
        unit.replace(chart)
        return True

    def _placed(self, unit: Unit, moving: Moving) -> tuple[PackedData, list[Any]] | None:
        """Return rows that are the same at all epochs, and the transforms that place them."""
        if moving.fixed is None:
            own = unit.chart.transform
            return unit.data, [] if own is alt.Undefined else list(own)
        name = unit.data.name
        if name not in self._fixed:
            made = moving.fixed()
            self._fixed[name] = None
            if made is not None:
                rows, calculated = made
                data = PackedData(rows, moving=Moving(moving.clock, moving.columns))
                steps = alt.Chart().transform_calculate(**calculated).transform
                self._fixed[name] = data, steps
        return self._fixed[name]

    def _share(self, clock: Clock) -> str:
        """Return the expression for the share of the way to the next epoch of a chart."""
        way = Way.of(clock.epochs, np.array(self._slider.stops))
        if way.is_step:
            return GLIDE
        key = (tuple(way.done), tuple(way.step))
        if key not in self._shares:
            name = f"{GLIDE}_{len(self._shares)}"
            stop = self._slider.position_expression()
            done, step = (f"{literal(part)}[{stop}]" for part in way)
            share = f"isValid({GLIDE}) ? {done} + {step} * {GLIDE} : 0"
            self._shares[key] = name
            self.parameters.append({"name": name, "expr": share})
        return self._shares[key]


def _is_gliding(chart: Any) -> bool:
    steps = chart._kwds.get("transform", alt.Undefined)
    return steps is not alt.Undefined and any(
        packing.columns_between(str(step["calculate"]))
        for step in steps
        if isinstance(step, alt.CalculateTransform)
    )


def _between(step: Any, moving: Moving, share: str, *, gaps: bool) -> Any:
    """Return a transform that calculates with entries on the way to the next epoch."""
    if not isinstance(step, alt.CalculateTransform):
        return step
    expression = str(step["calculate"])
    for name in moving.columns:
        now = packing.entry(name, moving.clock)
        if now in expression:
            between = packing.entry_between(name, moving.clock, share, gaps=gaps)
            expression = expression.replace(now, between)
    if expression == step["calculate"]:
        return step
    return alt.CalculateTransform(calculate=expression, **{"as": step["as"]})


def _label() -> list[alt.Chart]:
    """Return the text that says while a chart plays that what it shows is in between."""
    background = adaptive(colors.LIGHT_BACKGROUND, colors.DARK_BACKGROUND)
    text: dict[str, Any] = {
        "align": "left",
        "baseline": "top",
        "fontSize": SMALL_SIZE,
        "tooltip": None,
        "aria": False,
    }
    base = alt.Chart(PackedData([{"label": _LABEL}])).encode(
        text=alt.Text("label:N"),
        x=alt.XValue(_FROM_LEFT),
        y=alt.YValue(_FROM_TOP),
        opacity=outright(alt.OpacityValue, f"isValid({GLIDE}) ? 1 : 0"),
    )
    return [
        base.mark_text(
            color=background, stroke=background, strokeWidth=3, strokeJoin="round", **text
        ),
        base.mark_text(color=adaptive(colors.MUTED), **text),
    ]
