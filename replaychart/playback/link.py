"""`link`: connects the views of a chart, so that a selection in one of them shows in all."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import altair as alt
import numpy as np
from altair.typing import ChartType, is_chart_type

from replaychart.arguments import is_number
from replaychart.drawing import packing
from replaychart.drawing.budget import MAX_BYTES, check_max_bytes
from replaychart.drawing.expressions import literal, outright
from replaychart.drawing.legend_line import CLASS_NUMBER
from replaychart.drawing.packing import PREFIX, WHOLE, PackedData
from replaychart.drawing.plane import class_labels
from replaychart.drawing.samples import MeanCurve, SampleCounts, SamplePositions, Shown
from replaychart.drawing.threshold import NAME as THRESHOLD
from replaychart.errors import ArgumentError
from replaychart.playback import selection, trails
from replaychart.playback.linked_views import Unit, View, layered_views, packed_datasets
from replaychart.playback.sample_codes import Bins
from replaychart.playback.sample_table import CODE, WRONG, SampleTable, bins_name, sample_table
from replaychart.playback.selection import Brushable
from replaychart.playback.selection_readout import selection_readout
from replaychart.run import Run

if TYPE_CHECKING:
    from replaychart.drawing.clock import Clock

# How visible samples and bars that are not selected remain.
_FADED, _FADED_BARS = 0.08, 0.3
_FADED_VALIDATION = 0.15


def link(
    chart: ChartType, *, find: Iterable[int] | None = None, max_bytes: float | None = MAX_BYTES
) -> alt.VConcatChart | alt.LayerChart:
    """Return the same chart with linked views: a selection in one of them shows in all.

    - **Drag** over points, or click or drag over bars: the samples there are selected. They stay
      selected while the epoch changes, wherever they go. Histograms show their share of every bar.
      With shift, a region is added (up to four count); a double click clears the selection.
    - **Click** a sample: its trail, its number and its class appear, up to the epoch shown. With
      shift, up to 50 samples; a click on a sample that is picked removes it. The text box finds
      samples by their numbers.
    - **Click a class** in the legend to single it out; with shift, several.

    The selection is part of the spec, so it works without a kernel: in a notebook, a saved page or
    documentation. Compose charts first, link the result, and animate it last.

    Parameters
    ----------
    chart : altair chart
        Any chart that contains at least one of `feature_space`, `decision_boundary`, `difference`,
        `data_map`, `probability_histogram`, `loss_histogram` and `residual_histogram`, single or
        composed. In your own charts, marks of rows with a column ``point`` (a row of `Run.inputs`)
        join the selection.
    find : iterable of int, optional
        Numbers of samples that are picked at first, at most 50. Default: none.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of what is added for each run, in bytes. If a run has too many
        samples, only those that are drawn as points are known, with a warning. None means no limit.

    Returns
    -------
    altair.VConcatChart or altair.LayerChart
        A readout above the chart: how many samples are selected, their accuracy and their mean
        loss. A chart of the width ``"container"`` has no readout, because Vega-Lite allows nothing
        above it.

    Raises
    ------
    ArgumentError
        The chart has no samples, is linked already, or shows runs with different inputs; or another
        argument is invalid.
    EvaluationError
        The values of samples cannot be computed.

    Warns
    -----
    UserWarning
        Samples are left out to stay within `max_bytes`.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.feature_space(run) | rc.loss_histogram(run)
    >>> chart = rc.animate(rc.link(chart, find=[12, 305]))
    """
    if not is_chart_type(chart):
        message = f"chart must be an Altair chart. Got {type(chart).__name__}."
        raise ArgumentError(message)
    check_max_bytes(max_bytes)
    _require_unlinked(chart)
    linked, views = layered_views(chart)
    shown = [
        unit.shows
        for view in views
        for unit in view.showing(SamplePositions | SampleCounts)  # type: ignore[arg-type]
    ]
    if not shown:
        message = (
            "chart must contain a chart of samples: feature_space, decision_boundary, difference, "
            "data_map, probability_histogram, loss_histogram or residual_histogram. Got a chart "
            "without them."
        )
        raise ArgumentError(message)
    _require_same_samples(shown)
    samples = _checked_samples(find, shown[0].run)
    _Linking(linked, views, np.inf if max_bytes is None else max_bytes).link(samples)
    return linked


def _require_unlinked(chart: Any) -> None:
    """Raise `ArgumentError` if a chart is linked already."""
    params = chart._get("params")
    names = [] if params in (None, alt.Undefined) else [str(param["name"]) for param in params]
    if selection.REGIONS in names:
        message = "chart must not be linked yet. Got a chart that link returned."
        raise ArgumentError(message)


def _require_same_samples(shown: Sequence[Shown]) -> None:
    """Raise `ArgumentError` unless all runs have the same inputs and targets."""
    first = shown[0].run
    for run in {id(one.run): one.run for one in shown[1:]}.values():
        if run is not first and not _has_same_samples(run, first):
            counts = [f"{one.name!r} with {len(one.targets):,} samples" for one in (first, run)]
            message = (
                "chart must show runs of the same samples to be linked: their recorded inputs must "
                f"be equal. Got {counts[0]} and {counts[1]}, which differ. Link and save a chart "
                "of each."
            )
            raise ArgumentError(message)


def _has_same_samples(run: Run, other: Run) -> bool:
    inputs, others = (
        one.inputs if isinstance(one.inputs, dict) else {"": one.inputs} for one in (run, other)
    )
    return list(inputs) == list(others) and all(
        np.array_equal(inputs[name], others[name]) for name in inputs
    )


def _checked_samples(find: Iterable[int] | None, run: Run) -> list[int]:
    if find is None:
        return []
    samples = list(find) if isinstance(find, Iterable) and not isinstance(find, str) else [find]
    last = len(run.targets) - 1
    for sample in samples:
        if not is_number(sample) or not float(sample).is_integer() or not 0 <= sample <= last:
            message = f"find must contain numbers of samples from 0 to {last:,}. Got {sample!r}."
            raise ArgumentError(message)
    if len(samples) > selection.MOST_PICKED:
        message = f"find must contain at most {selection.MOST_PICKED} samples. Got {len(samples)}."
        raise ArgumentError(message)
    return [int(sample) for sample in samples]


class _Linking:
    """Adds the selection to the views of a chart, which it changes.

    Parameters
    ----------
    chart : altair chart
        The chart.
    views : list of View
        Its views.
    most : float
        The greatest size of what is added for each run, in bytes.
    """

    def __init__(self, chart: Any, views: list[View], most: float) -> None:
        self._chart = chart
        self._views = views
        self._runs: list[Run] = []
        self._tables = self._sample_tables(most)
        self._run_of_classes = self._find_run_of_classes()
        self._by_class = False
        self._brushables: list[Brushable] = []
        self._tests: list[_Test] = []

    def link(self, find: list[int]) -> None:
        """Add everything."""
        classes = self._class_selection()
        self._by_class = classes is not None
        self._keep_whole(find)
        for view in self._views:
            self._make_brushable(view)
        for view in self._views:
            for unit in view.units:
                if unit.has_points:
                    self._fade_points(unit)
                elif unit.has_validation_points:
                    self._fade_validation_points(unit)
            for unit in view.showing(SampleCounts):
                self._share_bars(unit)
            self._show_picked(view)
        constants: dict[str, Any] = {
            selection.LOSSES: [
                {} if table.ranges is None else {"low": table.ranges.low, "span": table.ranges.span}
                for table in self._tables
            ],
        }
        if self._run_of_classes is not None:
            constants[selection.EVENLY] = trails.evenly_drawn(self._run_of_classes)
        added: list[Any] = selection.parameters(self._brushables, find, constants)
        if classes is not None:
            added.append(classes)
        if isinstance(self._chart, alt.VConcatChart):
            self._chart.vconcat[0] = self._readout()
        own = self._chart._get("params")
        self._chart.params = [*([] if own in (None, alt.Undefined) else own), *added]

    def _sample_tables(self, most: float) -> list[SampleTable]:
        """Return the samples of every run, at the epochs of its charts."""
        units = [unit for view in self._views for unit in view.units if unit.shows is not None]
        groups: dict[Any, list[Unit]] = {}
        for unit in units:
            clock: Clock = unit.shows.clock
            number = self._number(unit.shows.run)
            groups.setdefault((number, clock.epochs.tobytes()), []).append(unit)
        tables = []
        for group in groups.values():
            shown = [unit.shows for unit in group]
            if all(not isinstance(one, SamplePositions | SampleCounts) for one in shown):
                continue
            data = [unit.data for unit in group]
            table = sample_table(shown[0].run, shown[0].clock, shown, data, most)
            tables.append(table)
            for unit in group:
                if table.data.shows is not None and unit.shows is table.data.shows:
                    unit.data = table.data
                    unit.chart.data = table.data
        for place, table in enumerate(tables):
            table.place = place
        return tables

    def _keep_whole(self, find: list[int]) -> None:
        """Keep all epochs of some samples in still images, in which they have trails."""
        if not find:
            return
        whole: dict[str, PackedData] = {}

        def with_whole(data: PackedData) -> PackedData:
            if data.name not in whole:
                rows = [row | {WHOLE: True} if row["point"] in find else row for row in data.rows]
                whole[data.name] = data.with_rows(rows)
            return whole[data.name]

        for view in self._views:
            for unit in view.showing(SamplePositions):
                unit.data = with_whole(unit.data)
                unit.chart.data = unit.data
        for table in self._tables:
            table.data = with_whole(table.data)

    def _table(self, shows: Shown | MeanCurve) -> SampleTable | None:
        return next(
            (
                table
                for table in self._tables
                if table.run.is_same_as(shows.run)
                and np.array_equal(table.clock.epochs, shows.clock.epochs)
            ),
            None,
        )

    def _class_selection(self) -> Any:
        """Return the parameter of the selection of classes by a legend; None if there is none."""
        run = self._run_of_classes
        if run is None:
            return None
        for view in self._views:
            for unit in view.showing(SamplePositions):
                if not self._has_those_classes(unit.shows.run):
                    continue
                color = unit.chart.encoding._get("color")
                if _has_legend_of_classes(color):
                    unit.chart.name = view.layer_name
                    return selection.class_selection(view.layer_name)
        if any(CLASS_NUMBER in data.rows[0] for data in packed_datasets(self._chart)):
            return selection.class_parameter(class_labels(run))
        return None

    def _make_brushable(self, view: View) -> None:
        flat = [unit for unit in view.showing(SamplePositions) if unit.shows.flat]
        bars = view.showing(SampleCounts)
        if flat:
            self._make_plane_brushable(view, flat[0])
        elif bars:
            self._make_bars_brushable(view, bars)
        if flat or bars:
            view.chart.view = alt.ViewBackground(
                **{
                    **_as_dict(view.chart._get("view")),
                    "fill": "transparent",
                    "cursor": "crosshair",
                }
            )

    def _make_plane_brushable(self, view: View, unit: Unit) -> None:
        shows: SamplePositions = unit.shows
        packed = shows.rulers is not None
        names = [f"replay_{name}" if packed else name for name in "xy"]
        # A position that is not finite is missing, which is less than any number but not than 0.
        gap = "isValid({}) && " if packing.has_gaps(unit.data.rows, names) else ""

        def is_within(columns: Sequence[str], _: str | None, region: str) -> str:
            entry = f"[{region}.at]" if packed else ""
            return " && ".join(
                [f"{region}.view === {view.number}"]
                + [
                    f"{gap}inrange({column}{entry}, {region}.{name})".format(column + entry)
                    for name, column in zip("xy", columns, strict=True)
                ]
            )

        ranges = {}
        for axis, name in enumerate("xy"):
            place = f"invert({literal(view.scale(name))}, {{{{}}}})"
            if shows.rulers is not None:
                ruler = shows.rulers[axis]
                place = f"({place} - {ruler.origin!r}) / {ruler.step!r}"
            first, last = place.format("{0}"), place.format("{1}")
            ranges[name] = f"extent([{first}, {last}])"
        self._tests.append(_Test(unit.data, names, is_within))
        position = shows.clock.position_expression() if packed else "0"
        self._brushables.append(Brushable(view.number, view.group, position, ranges, at_once=False))
        self._draw_regions(view, unit)

    def _draw_regions(self, view: View, unit: Unit) -> None:
        """Draw the regions of a plane, faint at other epochs than that in which they were drawn."""
        shows: SamplePositions = unit.shows
        encoding = unit.chart.encoding
        region = f"{selection.REGIONS}[datum.slot]"
        places = {}
        for axis, name in enumerate("xy"):
            for end, column in enumerate((name, f"{name}2")):
                places[column] = f"{region}.{name}[{end}]"
                if shows.rulers is not None:
                    ruler = shows.rulers[axis]
                    places[column] = f"{ruler.origin!r} + {ruler.step!r} * {places[column]}"
        position = shows.clock.position_expression() if shows.rulers is not None else "0"
        drawn = (
            alt.Chart(PackedData([{"slot": slot} for slot in range(selection.SLOTS)]))
            .transform_filter(f"isValid({region}) && {region}.view === {view.number}")
            .transform_calculate(**places, now=f"{region}.at === {position}")
            .mark_rect(
                fill="#808080",
                stroke="#808080",
                strokeWidth=1.2,
                tooltip=None,
                aria=False,
                clip=True,
            )
            .encode(
                x=encoding.x.copy(),
                y=encoding.y.copy(),
                x2=alt.X2("x2:Q"),
                y2=alt.Y2("y2:Q"),
                fillOpacity=outright(alt.FillOpacityValue, "datum.now ? 0.12 : 0"),
                strokeOpacity=outright(alt.StrokeOpacityValue, "datum.now ? 0.9 : 0.35"),
            )
        )
        view.chart.layer.append(drawn)

    def _make_bars_brushable(self, view: View, bars: list[Unit]) -> None:
        shows: SampleCounts = bars[0].shows
        table = cast("SampleTable", self._table(shows))
        name = bins_name(shows)
        bins = table.bins[name]
        first, last = _bin_at(view, bins, "{0}"), _bin_at(view, bins, "{1}")
        low, high = (f"{bins.levels} * {end}({first}, {last})" for end in ("min", "max"))
        ranges = {"x": f"[{low}, {high} + {bins.levels - 1}]"}
        for unit in bars:
            label = _label(unit.shows)
            columns_needed = [CODE] if label is None else [CODE, "target"]

            def is_within(
                columns: Sequence[str], _: str | None, region: str, label: Any = label
            ) -> str:
                level = table.number(name, columns[0], f"{region}.at")
                of_class = [] if label is None else [f"{columns[1]} === {literal(label)}"]
                return " && ".join(
                    [
                        f"{region}.view === {view.number}",
                        *of_class,
                        f"inrange({level}, {region}.x)",
                    ]
                )

            self._tests.append(_Test(table.data, columns_needed, is_within))
        position = shows.clock.position_expression()
        self._brushables.append(Brushable(view.number, view.group, position, ranges, at_once=True))

    def _with_selection(self, chart: alt.Chart, data: Any) -> alt.Chart:
        """Return a chart without transforms, whose rows know whether they are selected."""
        aliases: dict[tuple[str, str], str] = {}
        lookups: dict[str, tuple[PackedData, list[str], list[str]]] = {}

        def column(source: PackedData, name: str) -> str:
            if isinstance(data, PackedData) and source.name == data.name:
                return f"datum.{name}"
            key = (source.name, name)
            if key not in aliases:
                aliases[key] = f"linked_{len(aliases)}"
                _, names, others = lookups.setdefault(source.name, (source, [], []))
                names.append(name)
                others.append(aliases[key])
            return f"datum.{aliases[key]}"

        target = None
        if self._by_class:
            target = "datum.target" if self._tells_class(data) else column(self._classes, "target")
        tests = [
            partial(test.expression, [column(test.data, name) for name in test.columns], target)
            for test in self._tests
        ]
        for source, names, others in lookups.values():
            chart = chart.transform_lookup(
                lookup="point",
                from_=alt.LookupData(data=source, key="point", fields=names),
                as_=cast("Any", others),
                default=cast("Any", []),
            )
        selected = selection.is_selected(tests, target)
        if not isinstance(data, PackedData):
            # The user's rows may be validation points, which have numbers of their own.
            anything = selection.is_anything_selected(by_class=self._by_class)
            selected = f"{selection.IS_OTHER} ? !{anything} : ({selected})"
        return chart.transform_calculate(linked=selected)

    def _number(self, run: Run) -> int:
        """Return the number of a run; that of the same recording, opened again, is the same."""
        for number, known in enumerate(self._runs):
            if known.is_same_as(run):
                return number
        self._runs.append(run)
        return len(self._runs) - 1

    def _find_run_of_classes(self) -> Run | None:
        """Return the first run with classes, which are those that can be selected."""
        runs = (table.run for table in self._tables)
        return next((run for run in runs if run.classes and run.targets.ndim == 1), None)

    def _has_those_classes(self, run: Run) -> bool:
        """Return whether the targets of a run are those of the classes that can be selected."""
        own = self._run_of_classes
        return own is not None and (run is own or np.array_equal(run.targets, own.targets))

    @property
    def _classes(self) -> PackedData:
        """The samples with the class that can be selected."""
        return next(table.data for table in self._tables if table.run is self._run_of_classes)

    def _tells_class(self, data: Any) -> bool:
        """Return whether rows have the class that can be selected."""
        if not isinstance(data, PackedData) or "target" not in data.rows[0]:
            return False
        tables = (table.run for table in self._tables if table.data.name == data.name)
        run = next(tables, getattr(data.shows, "run", None))
        return run is not None and self._has_those_classes(run)

    def _fade_points(self, unit: Unit) -> None:
        first = self._with_selection(alt.Chart(), unit.data).transform
        chart = unit.chart.encode(
            opacity=outright(alt.OpacityValue, f"datum.linked === false ? {_FADED} : 1")
        )
        chart.transform = [*first, *_listed(chart.transform)]
        unit.replace(chart)

    def _fade_validation_points(self, unit: Unit) -> None:
        """Fade points that are no samples while samples are selected; of a class, all are."""
        shown = [f"!{selection.IS_DRAWN}"]
        if self._by_class:
            of_class = f"indexof({selection.CLASS}.target, datum.target) >= 0"
            shown.append(f"(!isValid({selection.CLASS}.target) || {of_class})")
        opacity = outright(alt.OpacityValue, f"{' && '.join(shown)} ? 1 : {_FADED_VALIDATION}")
        unit.replace(unit.chart.encode(opacity=opacity))

    def _readout(self) -> alt.LayerChart:
        """Return the line that counts the selected samples."""
        numbered = {self._number(table.run): table for table in reversed(self._tables)}
        tables = [numbered[number] for number in sorted(numbered)]
        anything = selection.is_anything_selected(by_class=self._by_class)
        samples = [
            self._with_selection(alt.Chart(table.data), table.data).transform_filter(anything)
            for table in tables
        ]
        own = self._chart._get("params")
        names = [] if own in (None, alt.Undefined) else [str(one["name"]) for one in own]
        compared = any(
            unit.shows.compared for view in self._views for unit in view.showing(SamplePositions)
        )
        return selection_readout(
            tables,
            samples,
            anything,
            named=compared or len(tables) > 1,
            threshold=THRESHOLD in names,
        )

    def _show_picked(self, view: View) -> None:
        """Show what is picked: trails, rings and labels, and curves."""
        planes = view.showing(SamplePositions)
        if planes and planes[0].shows.flat:
            by_class = self._by_class and self._has_those_classes(planes[0].shows.run)
            trails.add_to_plane(view, planes[0], by_class=by_class)
        else:
            for unit in view.units:
                if unit.has_points:
                    trails.add_ring(unit)
        curves = view.showing(MeanCurve)
        if curves:
            shows = curves[0].shows
            table = self._table(shows)
            if table is not None:
                trails.add_curves(view, table, self._probabilities(shows))

    def _probabilities(self, shows: MeanCurve) -> PackedData | None:
        """Return a dataset with the probabilities of the samples at the epochs of a chart."""
        for view in self._views:
            for unit in view.showing(SamplePositions):
                own: SamplePositions = unit.shows
                same = own.run.is_same_as(shows.run)
                same &= np.array_equal(own.clock.epochs, shows.clock.epochs)
                if same and f"{PREFIX}p" in unit.data.rows[0]:
                    return unit.data
        return None

    def _share_bars(self, unit: Unit) -> None:
        """Show the share of the selected samples on top of every bar."""
        shows: SampleCounts = unit.shows
        table = cast("SampleTable", self._table(shows))
        anything = selection.is_anything_selected(by_class=self._by_class)
        code = f"datum.{CODE}"
        bins = table.bins[bins_name(shows)]
        place = bins.bin_expression(table.number(bins_name(shows), code))
        counted = self._with_selection(alt.Chart(table.data), table.data)
        counted = counted.transform_filter(f"{anything} && datum.linked")
        target = _label(shows)
        if target is not None:
            counted = counted.transform_filter(f"datum.target === {literal(target)}")
        # The order has a name of its own: Vega calculates again when rows change, and one that was
        # calculated from itself would then grow.
        order = "datum.linked_bin"
        if shows.by_correctness:
            order += f" + {bins.count} * ({table.number(WRONG, code)})"
        if shows.by_target:
            number = f"indexof({literal(class_labels(shows.run))}, datum.target)"
            order += f" + {2 * bins.count} * {number}"
        counted = (
            counted.transform_calculate(linked_bin=place)
            .transform_filter(f"datum.linked_bin < {bins.count}")
            .transform_calculate(order=order)
        )
        constant = [
            name for name in unit.data.rows[0] if not name.startswith("replay_") and name != "order"
        ]
        counted = (
            counted.transform_aggregate(selected="count()", groupby=["order"])
            .transform_lookup(
                lookup="order",
                from_=alt.LookupData(data=unit.data, key="order", fields=constant),
            )
            .transform_calculate(replay_count="[datum.selected]")
        )
        share = unit.chart.copy(deep=True)
        share.data = table.data
        share.transform = [*counted.transform, *_listed(share.transform)]
        share.name = alt.Undefined
        unit.replace(
            unit.chart.encode(opacity=outright(alt.OpacityValue, f"{anything} ? {_FADED_BARS} : 1"))
        )
        layers = unit.holder.layer
        place_of = next(i for i, layer in enumerate(layers) if layer is unit.chart)
        layers.insert(place_of + 1, share)


class _Test(NamedTuple):
    """How to find out whether a sample is in a region of a view.

    Attributes
    ----------
    data : PackedData
        The dataset with the columns that it takes.
    columns : sequence of str
        The columns.
    expression : callable
        Returns the expression, given those for the columns, for the class and for the region.
    """

    data: PackedData
    columns: Sequence[str]
    expression: Callable[[Sequence[str], str | None, str], str]


def _bin_at(view: View, bins: Bins, pixel: str) -> str:
    """Return the expression for the bin at a position of the pointer."""
    edges = bins.edges
    for scaled in (edges, np.log(edges) if edges[0] > 0 else edges):
        if np.allclose(np.diff(scaled), np.diff(scaled).mean(), rtol=1e-6):
            share = f"{pixel} / {selection.PRESS}.size[0]"
            return f"clamp(floor({bins.count} * {share}), 0, {bins.count - 1})"
    value = f"invert({literal(view.scale('x'))}, {pixel})"
    return "(" + " + ".join(f"({value} >= {edge!r})" for edge in edges[1:-1].tolist()) + " + 0)"


def _has_legend_of_classes(color: Any) -> bool:
    shown = isinstance(color, alt.Color) and color._kwds.get("legend") is not None
    return shown and str(color._get("shorthand")).partition(":")[0] == "target"


def _label(shows: SampleCounts) -> Any:
    """Return the label of the class whose samples are counted; None if it is not a single one."""
    return None if shows.target is None else class_labels(shows.run)[shows.target]


def _listed(transforms: Any) -> list[Any]:
    return [] if transforms in (None, alt.Undefined) else list(transforms)


def _as_dict(options: Any) -> dict[str, Any]:
    if options in (None, alt.Undefined):
        return {}
    return options if isinstance(options, dict) else options.to_dict()
