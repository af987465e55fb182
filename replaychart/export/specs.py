"""The specs behind files: a chart's own, and that of one epoch with no other epoch's data."""

import json
import re
from collections.abc import Collection
from typing import Any

import altair as alt
import vl_convert
from altair.typing import ChartType

from replaychart.drawing import packing
from replaychart.drawing.packing import EpochRows, Rows
from replaychart.drawing.plane import WITHIN_LIMITS
from replaychart.drawing.theme import NAME as THEME
from replaychart.playback import parameter

Spec = dict[str, Any]
Datasets = dict[str, Rows]


def spec_of(chart: ChartType) -> Spec:
    """Return a chart's Vega-Lite spec, with the theme ``replaychart`` unless another is enabled."""
    theme = THEME if alt.theme.active == "default" else alt.theme.active
    # A file holds its data, however many rows: Altair's limit is for notebooks.
    with alt.theme.enable(theme), alt.data_transformers.disable_max_rows():
        return chart.to_dict()


def vega_theme(spec: Spec) -> Any:
    """Return the name of the Vega theme that an Altair theme such as ``dark`` stands for, or None.

    Altair leaves such themes to vega-embed, which does not take part in drawing images.
    """
    return spec.get("usermeta", {}).get("embedOptions", {}).get("theme")


def at_epoch(spec: Spec, epoch: float | None) -> Spec:
    """Return a Vega-Lite spec that shows one epoch and holds only what it shows.

    Parameters
    ----------
    spec : dict
        A chart's spec.
    epoch : float or None
        The epoch; None for the parameter's own value, or for a chart without the parameter.
    """
    spec = _unclipped(spec)
    if parameter.find_parameter(spec) is None:
        return spec
    epoch = parameter.shown_epoch(spec) if epoch is None else epoch
    datasets = {
        name: packing.at_epoch(name, rows, epoch) for name, rows in spec.get("datasets", {}).items()
    }
    return {**parameter.showing(spec, epoch), "datasets": datasets}


def _unclipped(view: Spec) -> Spec:
    """Return a view whose marks are clipped only where something lies outside the limits."""
    view = dict(view)
    for kind in ("layer", "hconcat", "vconcat", "concat"):
        if kind in view:
            view[kind] = [_unclipped(part) for part in view[kind]]
    mark = view.get("mark")
    if isinstance(mark, dict) and mark.get("style") == WITHIN_LIMITS:
        view["mark"] = {**mark, "clip": False}
    return view


class Compiled:
    """A chart compiled to Vega once, and the data of each of its epochs.

    Parameters
    ----------
    spec : dict
        A chart's Vega-Lite spec.
    epoch : float
        Any epoch of it, for which it is compiled.

    Attributes
    ----------
    vega : dict
        The Vega spec of that epoch.
    """

    def __init__(self, spec: Spec, epoch: float) -> None:
        self.vega: Spec = vl_convert.vegalite_to_vega(at_epoch(spec, epoch), theme=vega_theme(spec))
        datasets = {name: EpochRows(name, rows) for name, rows in spec.get("datasets", {}).items()}
        self._changing = {name: rows for name, rows in datasets.items() if rows.changes}

    @property
    def changing(self) -> list[str]:
        """The datasets that are not the same at every epoch."""
        return list(self._changing)

    def rows(self, epoch: float, columns: Collection[str] | None = None) -> Datasets:
        """Return what these datasets hold at an epoch.

        Parameters
        ----------
        epoch : float
            The epoch.
        columns : collection of str, optional
            Only these of the columns that can be left out. Default: all.
        """
        return {name: rows.at(epoch, columns) for name, rows in self._changing.items()}

    def without_data(self, vega: Spec) -> Spec:
        """Return a Vega spec without what its changing datasets hold."""
        return showing(vega, 0, {name: [] for name in self._changing})

    def columns_mentioned(self, vega: Spec) -> set[str]:
        """Return the columns that can not be left out for a Vega spec."""
        text = json.dumps({**vega, "data": [{**data, "values": []} for data in vega["data"]]})
        columns = {column for rows in self._changing.values() for column in rows.columns}
        return {column for column in columns if re.search(rf"\b{re.escape(column)}\b", text)}


def showing(vega: Spec, epoch: float, datasets: Datasets) -> Spec:
    """Return a Vega spec at another epoch.

    Parameters
    ----------
    vega : dict
        The spec at any epoch.
    epoch : float
        The epoch.
    datasets : dict of str to list of dict
        What its changing datasets hold at that epoch.
    """
    values = parameter.signal_settings(vega["signals"], epoch)
    return {
        **vega,
        "data": [
            {**data, "values": datasets[data["name"]]} if data["name"] in datasets else data
            for data in vega.get("data", [])
        ],
        "signals": [
            {**signal, "value": values[signal["name"]]} if signal["name"] in values else signal
            for signal in vega["signals"]
        ],
    }
