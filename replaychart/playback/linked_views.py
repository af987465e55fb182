"""Finds the views of a finished chart, and what their layers show of the samples."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import altair as alt
from altair.typing import ChartType

from replaychart.drawing.packing import PackedData
from replaychart.drawing.samples import MeanCurve, SampleCounts, SamplePositions

POINT = "point"
_CONCATENATED = ("hconcat", "vconcat", "concat")
# What belongs to a view, and not to one of its layers.
_OF_VIEW = ("title", "name", "bounds")
_OF_CHART = ("config", "background", "padding", "autosize", "usermeta", "datasets")


@dataclasses.dataclass
class Unit:
    """One layer of a view.

    Attributes
    ----------
    chart : altair.Chart
        The layer.
    data : object
        Its data, which may be those of a chart that contains it.
    holder : altair.LayerChart
        The chart that directly contains it.
    """

    chart: alt.Chart
    data: Any
    holder: alt.LayerChart

    @property
    def shows(self) -> Any:
        """What the rows show of the samples, see `drawing.samples`; None if it is not known."""
        return self.data.shows if isinstance(self.data, PackedData) else None

    @property
    def has_points(self) -> bool:
        """Whether the rows are samples, or say which sample they belong to."""
        if isinstance(self.data, PackedData):
            return isinstance(self.shows, SamplePositions)
        columns = getattr(self.data, "columns", None)
        if columns is not None:
            return POINT in columns
        values = getattr(self.data, "values", None)
        return isinstance(values, list) and bool(values) and POINT in values[0]

    def replace(self, chart: alt.Chart) -> None:
        """Put another layer in its place."""
        # The data may be those of the containing chart, which applies to each of its layers.
        layers = self.holder.layer
        layers[next(i for i, layer in enumerate(layers) if layer is self.chart)] = chart
        self.chart = chart


@dataclasses.dataclass
class View:
    """A view: everything that is drawn on the same axes.

    Attributes
    ----------
    chart : altair.LayerChart
        The view.
    units : list of Unit
        Its layers.
    number : int
        Its number, in the order of the views.
    group : str
        The name of its group in the compiled chart.
    """

    chart: alt.LayerChart
    units: list[Unit]
    number: int
    group: str

    def scale(self, channel: str) -> str:
        """Return the name of a scale in the compiled chart."""
        return f"{self.chart.name}_{channel}"

    def showing(self, kind: type) -> list[Unit]:
        """Return the layers that show the samples in a certain way."""
        return [unit for unit in self.units if isinstance(unit.shows, kind)]


def layered_views(chart: ChartType) -> tuple[ChartType, list[View]]:
    """Return a copy of a chart whose views have layers and names, and those with samples.

    Parameters
    ----------
    chart : altair chart
        Any chart.
    """
    copied = chart.copy(deep=True)
    views: list[View] = []
    if isinstance(copied, alt.Chart):
        copied = _with_layers(copied)
    if isinstance(copied, alt.LayerChart):
        _add_view(views, copied, alt.Undefined, single=True)
    else:
        _search(views, copied, alt.Undefined)
    return copied, views


def _search(views: list[View], chart: Any, data: Any) -> None:
    data = data if chart._get("data") is alt.Undefined else chart.data
    for kind in _CONCATENATED:
        parts = getattr(chart, "_kwds", {}).get(kind, alt.Undefined)
        if parts is alt.Undefined:
            continue
        for place, part in enumerate(parts):
            if isinstance(part, alt.Chart) and _has_samples(part, data):
                parts[place] = _with_layers(part)
            if isinstance(parts[place], alt.LayerChart):
                _add_view(views, parts[place], data, single=False)
            else:
                _search(views, parts[place], data)


def _has_samples(chart: alt.Chart, data: Any) -> bool:
    own = data if chart.data is alt.Undefined else chart.data
    unit = Unit(chart, own, alt.LayerChart())
    return unit.has_points or isinstance(unit.shows, SampleCounts | MeanCurve)


def _with_layers(chart: alt.Chart) -> alt.LayerChart:
    """Return a view of one layer, to which others can be added."""
    moved = {}
    for key in (*_OF_VIEW, *_OF_CHART):
        value = chart._get(key)
        if value is not None and value is not alt.Undefined:
            moved[key] = value
            chart[key] = alt.Undefined
    view = alt.LayerChart(layer=[chart])
    for key, value in moved.items():
        view[key] = value
    return view


def _add_view(views: list[View], chart: alt.LayerChart, data: Any, *, single: bool) -> None:
    units = list(_units(chart, data))
    if not any(unit.has_points or unit.shows is not None for unit in units):
        return
    number = len(views)
    if chart.name is alt.Undefined:
        chart.name = f"linked_{number}"
    views.append(View(chart, units, number, "root" if single else f"{chart.name}_group"))


def _units(chart: alt.LayerChart, data: Any) -> Iterator[Unit]:
    data = data if chart.data is alt.Undefined else chart.data
    for layer in chart.layer:
        if isinstance(layer, alt.LayerChart):
            yield from _units(layer, data)
        elif isinstance(layer, alt.Chart):
            yield Unit(layer, data if layer.data is alt.Undefined else layer.data, chart)
