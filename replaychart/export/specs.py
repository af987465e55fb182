"""The specs that are saved to files: the whole chart, or one epoch with only its own data."""

import dataclasses
import json
import re
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import altair as alt
import numpy as np
import vl_convert
from altair.typing import ChartType

from replaychart.drawing import packing
from replaychart.drawing.complete_spec import complete_spec
from replaychart.drawing.event_handlers import without_handlers
from replaychart.drawing.gliding import EPOCHS_PER_SECOND, GLIDE, Way
from replaychart.drawing.packing import CutRows, EpochRows, Rows
from replaychart.drawing.plane import WITHIN_LIMITS
from replaychart.drawing.theme import DARK_NAME as DARK_THEME
from replaychart.drawing.theme import NAME as THEME
from replaychart.export.backgrounds import (
    has_background,
    has_dark_background,
    with_known_background,
)
from replaychart.playback.parameter import EpochSlider, FoundParameter, find_parameter, set_to

Spec = dict[str, Any]
Datasets = dict[str, Rows]
_PARTS = ("layer", "hconcat", "vconcat", "concat")


def spec_of(chart: ChartType, *, validate: bool = True) -> Spec:
    """Return a chart's Vega-Lite spec, with the theme ``replaychart`` unless another is enabled.

    On a background of the chart's own, its texts have the colors of the theme, light or dark, with
    which they are readable.
    """
    active = alt.theme.active
    if active not in ("default", THEME, DARK_THEME):
        return complete_spec(chart, validate=validate)
    dark = has_dark_background(chart)
    dark = active == DARK_THEME if dark is None else dark
    with alt.theme.enable(DARK_THEME if dark else THEME):
        return complete_spec(chart, validate=validate)


@dataclasses.dataclass(frozen=True)
class ChartSpec:
    """A chart's Vega-Lite spec with its epoch parameter, which is looked up only once.

    Attributes
    ----------
    spec : dict
        The spec.
    parameter : FoundParameter or None
        The epoch parameter; None if the chart has none.
    """

    spec: Spec
    parameter: FoundParameter | None

    @classmethod
    def of(cls, chart: ChartType) -> "ChartSpec":
        """Return the spec of a chart, with its parameter.

        Raises
        ------
        ArgumentError
            The parameter ``snapshot``, which the slider sets, is missing.
        """
        spec = spec_of(chart)
        return cls(spec, find_parameter(spec))

    @property
    def slider(self) -> EpochSlider | None:
        """The slider of the parameter; None if there is none."""
        return None if self.parameter is None else self.parameter.slider

    @property
    def epochs_per_second(self) -> float | None:
        """The speed of a chart that glides from epoch to epoch; None for others."""
        named = {one["name"]: one for one in self.spec.get("params", [])}
        return named[EPOCHS_PER_SECOND]["value"] if EPOCHS_PER_SECOND in named else None

    def starting_at(self, epoch: float | None) -> Spec:
        """Return the whole spec, which initially shows an epoch, or starts playing there.

        Parameters
        ----------
        epoch : float or None
            The epoch; None for the value of the parameter.
        """
        spec = self.spec if has_background(self.spec) else with_known_background(self.spec)
        if self.parameter is None or epoch is None:
            return spec
        return {**spec, "params": set_to(self.parameter.settings(epoch), spec["params"])}

    def still(self, epoch: float | None) -> Spec:
        """Return a spec that shows one epoch and contains only the data for it.

        Parameters
        ----------
        epoch : float or None
            The epoch; None for the value of the parameter, or for a chart without the parameter.
        """
        spec = _unclipped(with_known_background(self.spec))
        if "params" in spec:
            spec["params"] = [without_handlers(one) for one in spec["params"]]
        if self.parameter is None:
            return spec
        shown = self.parameter.shown if epoch is None else epoch
        datasets = spec.get("datasets", {})
        return {
            **spec,
            "params": set_to(self.parameter.settings(shown), spec["params"]),
            "datasets": {
                name: packing.at_epoch(name, rows, shown) for name, rows in datasets.items()
            },
        }


def vega_theme(spec: Spec) -> Any:
    """Return the name of the Vega theme that an Altair theme such as ``dark`` refers to, or None.

    Altair leaves such themes to vega-embed, which is not involved in drawing images.
    """
    return spec.get("usermeta", {}).get("embedOptions", {}).get("theme")


def _unclipped(view: Spec) -> Spec:
    """Return a view whose marks are clipped only if some extend beyond the limits."""
    view = dict(view)
    for kind in _PARTS:
        if kind in view:
            view[kind] = [_unclipped(part) for part in view[kind]]
    mark = view.get("mark")
    if isinstance(mark, dict) and mark.get("style") == WITHIN_LIMITS:
        view["mark"] = {**mark, "clip": False}
    return view


def _gliding_columns(view: Spec, data: str | None) -> dict[str | None, set[str]]:
    """Return the columns that glide, by dataset, given that of the view which contains this one."""
    data = view.get("data", {}).get("name", data)
    found: dict[str | None, set[str]] = {}
    for step in view.get("transform", []):
        columns = packing.columns_between(step.get("calculate", ""))
        found.setdefault(data, set()).update(columns)
    for kind in _PARTS:
        for part in view.get(kind, []):
            for name, columns in _gliding_columns(part, data).items():
                found.setdefault(name, set()).update(columns)
    return found


class Between(NamedTuple):
    """A moment on the way from one epoch to the next.

    Attributes
    ----------
    epoch : float
        The last epoch at which the slider stops.
    glide : float
        The share of the way to the next one, from 0 to less than 1.
    """

    epoch: float
    glide: float


class Moment(NamedTuple):
    """The settings of a compiled chart for one epoch, or in between.

    Attributes
    ----------
    signals : dict of str to float or None
        The signals that select it, with their values.
    datasets : dict of str to list of dict
        The rows at this epoch of the datasets that differ between epochs.
    """

    signals: dict[str, Any]
    datasets: Datasets


class Compiled:
    """A chart that is compiled to Vega once, and its settings for each epoch.

    Parameters
    ----------
    chart : ChartSpec
        A chart with the epoch parameter.
    epoch : float
        The epoch for which the chart is compiled; any of its epochs.

    Attributes
    ----------
    vega : dict
        The Vega spec of that epoch.
    """

    def __init__(self, chart: ChartSpec, epoch: float) -> None:
        self.vega: Spec = vl_convert.vegalite_to_vega(
            chart.still(epoch), theme=vega_theme(chart.spec)
        )
        self._parameter = chart.parameter
        gliding = _gliding_columns(chart.spec, None)
        datasets = {
            name: EpochRows(name, rows, gliding.get(name, ()))
            for name, rows in chart.spec.get("datasets", {}).items()
        }
        self._changing = {name: rows for name, rows in datasets.items() if rows.changes}

    @property
    def changing(self) -> list[str]:
        """The datasets that differ between epochs."""
        return list(self._changing)

    def at(self, time: float | Between, columns: Collection[str] | None = None) -> Moment:
        """Return the settings of the chart for an epoch, or between two.

        Parameters
        ----------
        time : float or Between
            The epoch.
        columns : collection of str, optional
            The optional columns to keep. Default: all.
        """
        epoch, glide = time if isinstance(time, Between) else (time, None)
        datasets = {
            name: rows.at(epoch, columns, share=self._share(rows, epoch, glide))
            for name, rows in self._changing.items()
        }
        return Moment(self.signals(time), datasets)

    def signals(self, time: float | Between) -> dict[str, Any]:
        """Return the signals that select an epoch, or a moment between two, with their values."""
        epoch, glide = time if isinstance(time, Between) else (time, None)
        settings = {} if self._parameter is None else self._parameter.settings(epoch)
        return {GLIDE: glide, **settings}

    def _share(self, rows: EpochRows, epoch: float, glide: float | None) -> float:
        """Return the share of the way from an epoch of some rows to their next one."""
        slider = None if self._parameter is None else self._parameter.slider
        if glide is None or slider is None or not rows.glides:
            return 0
        way = Way.of(np.array(rows.epochs), np.array(slider.stops))
        stop = slider.position(epoch)
        return way.done[stop] + way.step[stop] * glide

    def without_data(self, vega: Spec) -> Spec:
        """Return a Vega spec without the rows of the datasets that differ between epochs."""
        return showing(vega, Moment({}, {name: [] for name in self._changing}))

    def cut(self, times: Iterable[float | Between], columns: Collection[str]) -> dict[str, CutRows]:
        """Return the rows of a film, by dataset.

        Parameters
        ----------
        times : iterable of float or Between
            The film's frames.
        columns : collection of str
            The optional columns to keep.
        """
        positions: dict[str, set[int]] = {name: set() for name in self._changing}
        for time in times:
            for name, (position, share) in self.places(time).items():
                positions[name] |= {position, position + 1} if share else {position}
        return {
            name: rows.cut(positions[name] & set(range(len(rows.epochs))), columns)
            for name, rows in self._changing.items()
        }

    def places(self, time: float | Between) -> dict[str, tuple[int, float]]:
        """Return what each dataset shows: a position among its epochs, and a share of the way.

        The share is that of the way to the next epoch that lies behind.
        """
        epoch, glide = time if isinstance(time, Between) else (time, None)
        return {
            name: (rows.position(epoch), self._share(rows, epoch, glide))
            for name, rows in self._changing.items()
        }

    def columns_mentioned(self, vega: Spec) -> set[str]:
        """Return the optional columns that a Vega spec needs."""
        text = json.dumps({**vega, "data": [{**data, "values": []} for data in vega["data"]]})
        columns = {column for rows in self._changing.values() for column in rows.columns}
        return {column for column in columns if re.search(rf"\b{re.escape(column)}\b", text)}


def showing(vega: Spec, moment: Moment) -> Spec:
    """Return a Vega spec that shows another epoch.

    Parameters
    ----------
    vega : dict
        The spec at any epoch.
    moment : Moment
        The settings for the new epoch.
    """
    rows = moment.datasets
    return {
        **vega,
        "data": [
            {**data, "values": rows[data["name"]]} if data["name"] in rows else data
            for data in vega.get("data", [])
        ],
        "signals": set_to(moment.signals, vega["signals"]),
    }
