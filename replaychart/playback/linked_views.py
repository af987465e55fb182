"""Finds the views of a finished chart, and what their layers show of the samples."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import altair as alt
from altair.typing import ChartType

from replaychart.drawing.packing import PackedData
from replaychart.drawing.samples import MeanCurve, SampleCounts, SamplePositions

POINT, VALIDATION_POINT = "point", "validation_point"
CONCATENATED = ("hconcat", "vconcat", "concat")
# What belongs to a view, and not to one of its layers.
_OF_VIEW = ("title", "name", "bounds")
_OF_CHART = ("config", "background", "padding", "autosize", "usermeta", "datasets")
# Altair renames layers with selections when it copies a chart of charts, after their place in it. A
# name that ends so already stays.
_LAYER_NAME = "linked{number}_{place}"


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
            known = self.shows is None and bool(self.data.rows) and POINT in self.data.rows[0]
            return known or isinstance(self.shows, SamplePositions)
        columns = getattr(self.data, "columns", None)
        if columns is not None:
            return POINT in columns
        values = getattr(self.data, "values", None)
        return isinstance(values, list) and bool(values) and POINT in values[0]

    @property
    def has_validation_points(self) -> bool:
        """Whether the rows are points of another set, which are no samples."""
        rows = self.data.rows if isinstance(self.data, PackedData) else []
        return bool(rows) and VALIDATION_POINT in rows[0]

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
    place : int or None
        Its place in the chart of charts that directly contains it; None if there is none.
    """

    chart: alt.LayerChart
    units: list[Unit]
    number: int
    place: int | None

    @property
    def group(self) -> str:
        """The name of its group in the compiled chart."""
        return "root" if self.place is None else f"{self.chart.name}_group"

    @property
    def layer_name(self) -> str:
        """A name for one of its layers, to which a selection of Vega-Lite is added."""
        return _LAYER_NAME.format(number=self.number, place=self.place or 0)

    def scale(self, channel: str) -> str:
        """Return the name of a scale in the compiled chart."""
        return f"{self.chart.name}_{channel}"

    def showing(self, kind: type) -> list[Unit]:
        """Return the layers that show the samples in a certain way."""
        return [unit for unit in self.units if isinstance(unit.shows, kind)]


def layered_views(chart: ChartType) -> tuple[alt.LayerChart | alt.VConcatChart, list[View]]:
    """Return a copy of a chart whose views have layers and names, and those with samples.

    The copy is below a view that is still empty, unless it fills the element around it: then,
    Vega-Lite allows nothing else.

    Parameters
    ----------
    chart : altair chart
        Any chart.
    """
    copied: Any = chart.copy(deep=True)
    views: list[View] = []
    if isinstance(copied, alt.Chart):
        copied = with_layers(copied)
    if copied._get("width") == "container":
        _add_view(views, copied, alt.Undefined, place=None)
        return copied, views
    whole = alt.VConcatChart(vconcat=[])
    for key in (*_OF_CHART, "params"):
        value = copied._get(key)
        if value is not None and value is not alt.Undefined:
            whole[key] = value
            copied[key] = alt.Undefined
    # Altair would rename and copy the parts that are given to the constructor.
    whole.vconcat = [alt.LayerChart(), copied]
    whole.spacing = 8
    _search(views, whole, alt.Undefined)
    return whole, views


def packed_datasets(chart: Any) -> Iterator[PackedData]:
    """Yield the packed data of all layers of a chart."""
    own = chart._get("data")
    if isinstance(own, PackedData):
        yield own
    for kind in (*CONCATENATED, "layer"):
        for part in getattr(chart, "_kwds", {}).get(kind) or []:
            yield from packed_datasets(part)


def _search(views: list[View], chart: Any, data: Any) -> None:
    data = data if chart._get("data") is alt.Undefined else chart.data
    for kind in CONCATENATED:
        parts = getattr(chart, "_kwds", {}).get(kind, alt.Undefined)
        if parts is alt.Undefined:
            continue
        for place, part in enumerate(parts):
            if isinstance(part, alt.Chart) and _has_samples(part, data):
                parts[place] = with_layers(part)
            if isinstance(parts[place], alt.LayerChart):
                _add_view(views, parts[place], data, place=place)
            else:
                _search(views, parts[place], data)


def _has_samples(chart: alt.Chart, data: Any) -> bool:
    own = data if chart.data is alt.Undefined else chart.data
    unit = Unit(chart, own, alt.LayerChart())
    return unit.has_points or isinstance(unit.shows, SampleCounts | MeanCurve)


def with_layers(chart: alt.Chart) -> alt.LayerChart:
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


def _add_view(views: list[View], chart: alt.LayerChart, data: Any, *, place: int | None) -> None:
    units = list(units_of(chart, data))
    if not any(unit.has_points or unit.shows is not None for unit in units):
        return
    number = len(views)
    if chart.name is alt.Undefined:
        chart.name = f"linked_{number}"
    views.append(View(chart, units, number, place))


def units_of(chart: alt.LayerChart, data: Any) -> Iterator[Unit]:
    """Yield the layers of a view, given the data of the chart that contains it."""
    data = data if chart.data is alt.Undefined else chart.data
    for layer in chart.layer:
        if isinstance(layer, alt.LayerChart):
            yield from units_of(layer, data)
        elif isinstance(layer, alt.Chart):
            yield Unit(layer, data if layer.data is alt.Undefined else layer.data, chart)
