"""Finds the epoch parameter in a finished spec, and sets it."""

import dataclasses
from bisect import bisect_right
from typing import Any

from replaychart.drawing.epoch_parameter import NAME, POSITION, listed_epochs
from replaychart.errors import ArgumentError

Spec = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class EpochSlider:
    """The epochs that a chart's slider runs over.

    Attributes
    ----------
    signal : str
        The parameter that the slider sets: ``epoch``, or ``snapshot``, a position in `epochs`.
    low, high, step : int
        The slider's range.
    stops : list of float
        Every epoch that it stops at, rising.
    """

    signal: str
    low: int
    high: int
    step: int
    stops: list[float]

    @property
    def first(self) -> float:
        """The first epoch."""
        return self.stops[0]

    @property
    def last(self) -> float:
        """The last epoch."""
        return self.stops[-1]

    def epochs(self) -> list[float]:
        """Return every epoch that the slider stops at."""
        return self.stops

    def setting(self, epoch: float) -> float:
        """Return what the slider is set to for an epoch: the last stop not after it."""
        position = max(bisect_right(self.stops, epoch) - 1, 0)
        return self.stops[position] if self.signal == NAME else position


def find_parameter(spec: Spec) -> dict[str, Any] | None:
    """Return the definition of the epoch parameter in a Vega-Lite spec, None if it has none."""
    return _parameter(spec, NAME)


def find_slider(spec: Spec) -> EpochSlider | None:
    """Return the slider of the epoch parameter in a Vega-Lite spec, None if it has none.

    Raises
    ------
    ArgumentError
        The chart has the parameter without the one that its slider sets.
    """
    parameter = find_parameter(spec)
    if parameter is None:
        return None
    if str(parameter.get("expr")).endswith(f"[{POSITION}]"):
        if _parameter(spec, POSITION) is None:
            message = (
                f"chart has the parameter {NAME!r} without {POSITION!r}, which its slider sets. "
                "Add both: chart.add_params(*epoch)."
            )
            raise ArgumentError(message)
        stops = listed_epochs(parameter["expr"])
        return EpochSlider(POSITION, 0, len(stops) - 1, 1, stops)
    bind = parameter.get("bind")
    if not isinstance(bind, dict) or bind.get("input") != "range":
        return None
    first, last, step = int(bind["min"]), int(bind["max"]), int(bind.get("step", 1))
    return EpochSlider(NAME, first, last, step, list(range(first, last + 1, step)))


def shown_epoch(spec: Spec) -> float:
    """Return the epoch that a spec with the epoch parameter shows at first."""
    slider, parameter = find_slider(spec), find_parameter(spec) or {}
    if slider is not None and slider.signal == POSITION:
        position = (_parameter(spec, POSITION) or {}).get("value", slider.high)
        return slider.stops[int(position)]
    return parameter.get("value", 0)


def settings(spec: Spec, epoch: float) -> dict[str, float]:
    """Return the value that each parameter, by name, has to have for an epoch to be shown."""
    slider = find_slider(spec)
    return {NAME: epoch} if slider is None else {slider.signal: slider.setting(epoch)}


def signal_settings(signals: list[dict[str, Any]], epoch: float) -> dict[str, float]:
    """Return the same for the signals of a compiled chart."""
    params = [{**one, "expr": one.get("update")} for one in signals]
    return settings({"params": params}, epoch)


def showing(spec: Spec, epoch: float) -> Spec:
    """Return a spec that shows an epoch at first."""
    values = settings(spec, epoch)
    params = [
        {**one, "value": values[one["name"]]} if one["name"] in values else one
        for one in spec["params"]
    ]
    return {**spec, "params": params}


def _parameter(spec: Spec, name: str) -> dict[str, Any] | None:
    return next((one for one in spec.get("params", []) if one.get("name") == name), None)
