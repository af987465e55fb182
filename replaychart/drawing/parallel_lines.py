"""Parallel coordinates: a line for each row through its places on the axes."""

import dataclasses
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from replaychart.drawing import colors, packing
from replaychart.drawing.axis_brushes import AXIS, RANGES, is_selected
from replaychart.drawing.backgrounds import adaptive, adaptive_range
from replaychart.drawing.clock import Clock
from replaychart.drawing.expressions import outright
from replaychart.drawing.packing import PackedData, Ruler
from replaychart.drawing.parallel_axes import ParallelAxis
from replaychart.drawing.texts import displayed, fitted, width_of

_STEPS = Ruler(0.0, 0.001)
_FADED, _OPACITY = 0.06, 0.75
# The room beside the axes, in distances between them.
_BEFORE, _AFTER = 0.35, 0.6
# Pixels above an axis, between a label and the next axis, and between two labels.
_ABOVE, _GAP, _LINE = 12, 14, 14
# The size of a title, and the distance of two rows of them.
_SIZE, _ROW = 12, 15


@dataclasses.dataclass(frozen=True, eq=False)
class ParallelLines:
    """The runs on the axes.

    Attributes
    ----------
    clock : Clock
        The epochs of the last axis.
    axes : list of ParallelAxis
        All axes.
    labels : list of str
        What to call the runs, the best one first.
    values : pandas.DataFrame
        Their settings.
    places : numpy.ndarray of float64, shape (runs, axes - 1)
        Where they are on all axes but the last.
    reached : numpy.ndarray of float64, shape (runs, epochs)
        The values on the last axis.
    width, height : int
        The size in pixels.
    """

    clock: Clock
    axes: list[ParallelAxis]
    labels: list[str]
    values: pd.DataFrame
    places: np.ndarray
    reached: np.ndarray
    width: int
    height: int

    @property
    def _x(self) -> alt.X:
        ends = [-_BEFORE, len(self.axes) - 1 + _AFTER]
        return alt.X("axis:Q", axis=None, scale=alt.Scale(domain=ends, nice=False))

    @property
    def _y(self) -> alt.Y:
        return alt.Y("place:Q", axis=None, scale=alt.Scale(domain=[0, 1], nice=False))

    @property
    def _distance(self) -> float:
        """The distance between two axes, in pixels."""
        return self.width / (len(self.axes) - 1 + _BEFORE + _AFTER)

    def lines(self) -> alt.Chart:
        """Return a line for each run, the best ones on top."""
        last = len(self.axes) - 1
        columns = {f"value{i}": column for i, column in enumerate(self.values)}
        constant: dict[str, list[Any]] = {
            "run": self.labels[::-1],
            "places": [_STEPS.rounded(row) for row in self.places[::-1]],
        }
        for field, column in columns.items():
            constant[field] = [_written(one) for one in self.values[column]][::-1]
        changing = {
            "end": _STEPS.measured(self.axes[-1].places(self.reached)[::-1]),
            "value": [[packing.shortened(one, 4) for one in row] for row in self.reached[::-1]],
        }
        places = [*(f"datum.places[{axis}]" for axis in range(last)), "datum.end"]
        return (
            alt.Chart(PackedData(packing.by_epoch(self.clock, constant, changing)))
            .transform_calculate(
                end=_STEPS.expression(packing.entry("end", self.clock)),
                value=packing.entry("value", self.clock),
            )
            .transform_calculate(
                selected=is_selected(places),
                # While nothing is reached, a line ends at the axis before.
                merit="isValid(datum.end) ? datum.end : 0",
                axis=f"sequence({last + 1})",
            )
            .transform_flatten(["axis"])
            .transform_calculate(
                place=f"datum.axis < {last} ? datum.places[datum.axis] : datum.end"
            )
            .mark_line(
                strokeWidth=1.6, strokeJoin="round", invalid="break-paths-show-domains", aria=False
            )
            .encode(
                x=self._x,
                y=self._y,
                detail=alt.Detail("run:N"),
                order=alt.Order("axis:Q"),
                color=alt.Color(
                    "merit:Q",
                    legend=None,
                    scale=alt.Scale(
                        domain=[0, 1 / 3, 2 / 3, 1],
                        range=adaptive_range(colors.DEPTH, colors.DARK_DEPTH),
                        interpolate="rgb",
                    ),
                ),
                opacity=outright(alt.OpacityValue, f"datum.selected ? {_OPACITY} : {_FADED}"),
                tooltip=[
                    alt.Tooltip("run:N", title="Run"),
                    *(
                        alt.Tooltip(f"{field}:N", title=axis.title)
                        for field, axis in zip(columns, self.axes, strict=False)
                    ),
                    alt.Tooltip("value:Q", title=self.axes[-1].title, format=".4~g"),
                ],
            )
        )

    def axis_layers(self) -> list[alt.Chart]:
        """Return the axes, with their titles and labels."""
        ink, muted = adaptive(colors.INK), adaptive(colors.MUTED)
        still: dict[str, Any] = {"tooltip": None, "aria": False}
        rows: packing.Rows = [
            {"axis": i, "place": 0, "end": 1, "title": title, "above": above}
            for i, (title, above) in enumerate(self._titles())
        ]
        ends = alt.Chart(PackedData(rows))
        ticks: packing.Rows = [
            {"axis": i, "place": round(place, 4), "label": fitted(label, self._distance - _GAP)}
            for i, axis in enumerate(self.axes)
            for place, label in _apart(axis.ticks, self.height)
        ]
        bands: packing.Rows = [
            {"axis": i, "place": place - axis.reach, "end": place + axis.reach}
            for i, axis in enumerate(self.axes)
            if axis.reach
            for place, _ in axis.ticks
        ]
        labels = alt.Chart(PackedData(ticks)).encode(x=self._x, y=self._y, text=alt.Text("label:N"))
        text: dict[str, Any] = {"align": "left", "dx": 7, "baseline": "middle", "fontSize": 11}
        background = adaptive(colors.LIGHT_BACKGROUND, colors.DARK_BACKGROUND)
        layers = []
        if bands:
            band = alt.Chart(PackedData(bands)).mark_rule(strokeWidth=5, color=muted, **still)
            layers = [band.encode(x=self._x, y=self._y, y2=alt.Y2("end:Q"))]
        return [
            *layers,
            ends.mark_rule(color=muted, **still).encode(x=self._x, y=self._y, y2=alt.Y2("end:Q")),
            alt.Chart(PackedData(ticks))
            .mark_tick(color=muted, thickness=1, size=7, orient="horizontal", **still)
            .encode(x=self._x, y=self._y),
            labels.mark_text(
                fill=background,
                stroke=background,
                strokeWidth=3,
                strokeOpacity=0.9,
                **text,
                **still,
            ),
            labels.mark_text(color=ink, **text, **still),
            ends.mark_text(
                color=ink, fontWeight="bold", fontSize=_SIZE, baseline="bottom", **still
            ).encode(
                x=self._x,
                y=outright(alt.YValue, "datum.above"),
                text=alt.Text("title:N"),
            ),
        ]

    def _titles(self) -> list[tuple[str, int]]:
        """Return the titles, and where they are above the axes: in two rows if there is no room."""
        room = self._distance - _GAP
        titles = [displayed(axis.title) for axis in self.axes]
        if all(width_of(title, size=_SIZE, bold=True) <= room for title in titles):
            return [(title, -_ABOVE) for title in titles]
        room = 2 * self._distance - _GAP
        return [
            (fitted(title, room, size=_SIZE, bold=True), -_ABOVE - _ROW * (i % 2))
            for i, title in enumerate(titles)
        ]

    def brushes(self) -> list[alt.Chart]:
        """Return the selected ranges, and invisible lines along the axes that can be dragged."""
        rows: packing.Rows = [
            {AXIS: i, "axis": i, "place": 0, "end": 1} for i in range(len(self.axes))
        ]
        own = f"{RANGES}[datum.{AXIS}]"
        handles = alt.Chart(PackedData(rows))
        return [
            handles.transform_filter(f"isValid({own})")
            .transform_calculate(place=f"{own}[0]", end=f"{own}[1]")
            .mark_rule(
                strokeWidth=14, strokeOpacity=0.35, color="#808080", tooltip=None, aria=False
            )
            .encode(x=self._x, y=self._y, y2=alt.Y2("end:Q")),
            # A line that is not drawn at all is not found by the pointer.
            handles.mark_rule(
                strokeWidth=18, strokeOpacity=0.001, cursor="ns-resize", tooltip=None, aria=False
            ).encode(x=self._x, y=self._y, y2=alt.Y2("end:Q")),
        ]


def _written(value: Any) -> str:
    """Return a setting as it is shown in tooltips."""
    if pd.isna(value):
        return "\N{EN DASH}"
    return displayed(value) if isinstance(value, str) else f"{value:,.4g}"


def _apart(ticks: list[tuple[float, str]], height: int) -> list[tuple[float, str]]:
    """Return the ticks whose labels do not overlap, from the top."""
    kept: list[tuple[float, str]] = []
    for place, label in sorted(ticks, reverse=True):
        if not kept or (kept[-1][0] - place) * height >= _LINE:
            kept.append((place, label))
    return kept
