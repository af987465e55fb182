"""Finds the epoch parameter in a finished spec."""

import dataclasses
from typing import Any

from replaychart.charts.epoch_parameter import NAME


@dataclasses.dataclass(frozen=True)
class EpochSlider:
    """The epochs that a chart's slider runs over.

    Attributes
    ----------
    first, last, step : int
        The slider's range.
    value : int
        The epoch shown at first.
    """

    first: int
    last: int
    step: int
    value: int

    def epochs(self) -> list[int]:
        """Return every epoch that the slider stops at."""
        return list(range(self.first, self.last + 1, self.step))


def find_parameter(spec: dict[str, Any]) -> dict[str, Any] | None:
    """Return the definition of the epoch parameter in a Vega-Lite spec, None if it has none."""
    for parameter in spec.get("params", []):
        if parameter.get("name") == NAME:
            return parameter
    return None


def find_slider(spec: dict[str, Any]) -> EpochSlider | None:
    """Return the range of the epoch parameter in a Vega-Lite spec, None if it has no slider."""
    parameter = find_parameter(spec)
    bind = parameter.get("bind") if parameter else None
    if parameter is None or not isinstance(bind, dict) or bind.get("input") != "range":
        return None
    first, last = int(bind["min"]), int(bind["max"])
    return EpochSlider(first, last, int(bind.get("step", 1)), int(parameter.get("value", last)))
