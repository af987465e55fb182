"""Limits of axes, fixed over the run or different for each epoch."""

import math
from typing import Any, Literal

import altair as alt

from replaychart.drawing.clock import Clock
from replaychart.drawing.expressions import literal
from replaychart.drawing.packing import Ruler
from replaychart.planes.extents import Limits

# Between these, numbers are written out.
_SMALLEST, _LARGEST = 1e-6, 1e9
_FEWEST_DIGITS = 4
_FEWEST_TICKS, _MOST_TICKS = 3, 5
# The scale of an axis of values.
ScaleType = Literal["linear", "log"]
# Whether limits are those of the whole run, or of each epoch.
LimitsOver = Literal["fixed", "per-epoch"]


def limits_scale(clock: Clock, limits: list[Limits]) -> alt.Scale:
    """Return a scale with these limits.

    Parameters
    ----------
    clock : Clock
        The chart's epochs.
    limits : list of tuple of float
        One pair for the whole run, or one for each of the clock's epochs.
    """
    domain: list[Any] = list(limits[0])
    if len(limits) > 1:
        position = clock.position_expression()
        domain = [
            {"expr": f"{literal([_rounded(pair, end) for pair in limits])}[{position}]"}
            for end in (0, 1)
        ]
    return alt.Scale(domain=domain, nice=False, zero=False)


def tick_format(*ends: float) -> dict[str, Any]:
    """Return the format of an axis or legend with these ends, empty for the usual one.

    Vega writes large and small numbers out, such as 1.5000000000000002e+30 or 0.0000000005.

    Parameters
    ----------
    *ends : float
        The finite ends of its limits, at least two.
    """
    reach, span = max(map(abs, ends)), max(ends) - min(ends)
    if not span > 0 or _SMALLEST <= reach < _LARGEST:
        return {}
    digits = max(_FEWEST_DIGITS, math.ceil(math.log10(reach / span)) + 3)
    return {"format": f".{digits}~g"}


def log_ticks(low: float, high: float) -> list[float]:
    """Return up to five round numbers within the ends of a logarithmic axis, in ascending order.

    They are powers of ten if there are at least three of them; otherwise 3 times powers of ten, or 2
    and 5 times, are added.
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for factors in ((1,), (1, 3), (1, 2, 5)):
        numbers = [float(f"{factor}e{power}") for power in powers for factor in factors]
        ticks = [tick for tick in numbers if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
        if len(ticks) >= _FEWEST_TICKS:
            break
    # Counted from the largest number, because 1 is more familiar than 0.001.
    return ticks[:: -math.ceil(len(ticks) / _MOST_TICKS)][::-1]


def limits_ruler(limits: list[Limits], pixels: int) -> Ruler:
    """Return a ruler over all limits, fine enough for the narrowest of them.

    Parameters
    ----------
    limits : list of tuple of float
        As for `limits_scale`.
    pixels : int
        The length of the axis in the chart.
    """
    low, high = min(low for low, _ in limits), max(high for _, high in limits)
    closest = min(high - low for low, high in limits)
    return Ruler.over(low, high, pixels=pixels * (high - low) / closest)


def _rounded(limits: Limits, end: int) -> float:
    """Return one of two limits, rounded to a hundred-thousandth of their span."""
    digits = 5 - math.floor(math.log10(limits[1] - limits[0]))
    return round(limits[end], digits)
