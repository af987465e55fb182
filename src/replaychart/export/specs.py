"""The specs behind files: a chart's own, and that of one epoch with no other epoch's data."""

import copy
from typing import Any

import altair as alt
import vl_convert
from altair.typing import ChartType

from replaychart.charts import packing
from replaychart.charts.epoch_parameter import NAME
from replaychart.charts.plane import WITHIN_LIMITS
from replaychart.charts.theme import NAME as THEME
from replaychart.playback.parameter import find_parameter

Spec = dict[str, Any]


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


def at_epoch(spec: Spec, epoch: int | None) -> Spec:
    """Return a Vega-Lite spec that shows one epoch and holds only what it shows.

    Parameters
    ----------
    spec : dict
        A chart's spec.
    epoch : int or None
        The epoch; None for the parameter's own value, or for a chart without the parameter.
    """
    spec = _unclipped(spec)
    parameter = find_parameter(spec)
    if parameter is None:
        return spec
    epoch = parameter.get("value", 0) if epoch is None else epoch
    params = [{**p, "value": epoch} if p is parameter else p for p in spec["params"]]
    datasets = {
        name: packing.at_epoch(name, rows, epoch) for name, rows in spec.get("datasets", {}).items()
    }
    return {**spec, "params": params, "datasets": datasets}


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


class Frames:
    """Vega specs of single epochs, compiled once.

    Parameters
    ----------
    spec : dict
        A chart's Vega-Lite spec.
    epoch : int
        Any epoch of it, for which it is compiled.
    """

    def __init__(self, spec: Spec, epoch: int) -> None:
        self._datasets = spec.get("datasets", {})
        self._compiled = vl_convert.vegalite_to_vega(at_epoch(spec, epoch), theme=vega_theme(spec))

    def vega(self, epoch: int) -> Spec:
        """Return the Vega spec of one epoch, with that epoch's data."""
        frame = copy.copy(self._compiled)
        frame["data"] = [self._data_at(data, epoch) for data in frame["data"]]
        frame["signals"] = [
            {**signal, "value": epoch} if signal["name"] == NAME else signal
            for signal in frame["signals"]
        ]
        return frame

    def _data_at(self, data: Spec, epoch: int) -> Spec:
        rows = self._datasets.get(data["name"])
        if rows is None:
            return data
        return {**data, "values": packing.at_epoch(data["name"], rows, epoch)}
