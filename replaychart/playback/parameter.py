"""Finds and sets the epoch parameter in a finished spec."""

import dataclasses
from bisect import bisect_right
from typing import Any

from replaychart.arguments import is_number
from replaychart.drawing.epoch_parameter import NAME, POSITION, listed_epochs
from replaychart.drawing.event_handlers import without_handlers
from replaychart.drawing.expressions import literal
from replaychart.errors import ArgumentError
from replaychart.facts.epochs import epoch_numbers

Spec = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class EpochSlider:
    """The slider of a chart's epochs.

    Attributes
    ----------
    signal : str
        The parameter that the slider sets: ``epoch``, or ``snapshot``, a position in `stops`.
    low, high, step : int
        Range and step of the slider.
    stops : list of float
        The epochs at which the slider stops, in ascending order.
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
        """Return the epochs at which the slider stops."""
        return self.stops

    def position(self, epoch: float) -> int:
        """Return the position among the stops of the last one that is not after an epoch."""
        return max(bisect_right(self.stops, epoch) - 1, 0)

    def position_expression(self) -> str:
        """Return the expression for the position among the stops of the one that is shown."""
        if self.signal == POSITION:
            return POSITION
        return f"(({NAME} - {literal(self.low)}) / {literal(self.step)})"

    def setting(self, epoch: float) -> float:
        """Return the value of the slider for an epoch: that of the last stop not after it."""
        position = self.position(epoch)
        return self.stops[position] if self.signal == NAME else position


@dataclasses.dataclass(frozen=True)
class FoundParameter:
    """The epoch parameter of a finished chart.

    Attributes
    ----------
    shown : float
        The epoch that the chart shows initially.
    slider : EpochSlider or None
        The slider of the parameter; None if there is none, as for a single epoch.
    """

    shown: float
    slider: EpochSlider | None

    def settings(self, epoch: float) -> dict[str, float]:
        """Return the values of the parameters that show an epoch, by name.

        In a compiled chart, the signals have the same names.
        """
        if self.slider is None:
            return {NAME: epoch_numbers("epoch", epoch)[0]}  # a plain number, not NumPy's
        setting = self.slider.setting(epoch)
        if self.slider.signal == NAME:
            return {NAME: setting}
        return {self.slider.signal: setting, NAME: self.slider.stops[int(setting)]}


def set_to(settings: dict[str, Any], definitions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return definitions of parameters, or of a compiled chart's signals, with new values.

    Parameters
    ----------
    settings : dict of str to float or None
        The new values, by name.
    definitions : list of dict
        The definitions. Those with other names are not changed.
    """
    return [
        {**one, "value": settings[one["name"]]} if one.get("name") in settings else one
        for one in definitions
    ]


def find_parameter(spec: Spec) -> FoundParameter | None:
    """Return the epoch parameter of a Vega-Lite spec, None if it has none.

    Raises
    ------
    ArgumentError
        The parameter ``snapshot``, which the slider sets, is missing.
    """
    parameter = _definition(spec, NAME)
    if parameter is None:
        return None
    if not str(parameter.get("expr")).endswith(f"[{POSITION}]"):
        return FoundParameter(parameter.get("value", 0), _slider(parameter.get("bind")))
    position = _definition(spec, POSITION)
    if position is None:
        message = (
            f"chart has the parameter {NAME!r} without {POSITION!r}, which its slider sets. "
            "Add both: chart.add_params(*epoch)."
        )
        raise ArgumentError(message)
    stops = listed_epochs(parameter["expr"])
    slider = EpochSlider(POSITION, 0, len(stops) - 1, 1, stops)
    return FoundParameter(stops[int(position.get("value", slider.high))], slider)


def find_slider(spec: Spec) -> EpochSlider | None:
    """Return the slider of the epoch parameter in a Vega-Lite spec, None if it has none.

    Raises
    ------
    ArgumentError
        As in `find_parameter`.
    """
    parameter = find_parameter(spec)
    return None if parameter is None else parameter.slider


def _slider(bind: object) -> EpochSlider | None:
    """Return the slider of a binding if it moves over whole epochs, None otherwise."""
    if not isinstance(bind, dict) or bind.get("input") != "range":
        return None
    limits = [bind.get("min"), bind.get("max"), bind.get("step", 1)]
    if not all(is_number(number) and float(number).is_integer() for number in limits):
        return None
    first, last, step = map(int, limits)
    if step < 1 or first > last:
        return None
    return EpochSlider(NAME, first, last, step, list(range(first, last + 1, step)))


def _definition(spec: Spec, name: str) -> dict[str, Any] | None:
    named = (one for one in spec.get("params", []) if one.get("name") == name)
    return next(map(without_handlers, named), None)
