"""The axes of parallel coordinates: where values are on them, and the ticks."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from replaychart.drawing.limits import log_ticks

# Positive numbers that span more than this are on a logarithmic axis.
_DECADES = 30.0
# Up to this many different numbers are ticks themselves.
_FEW = 6
# The share of the room for a string over which its runs are spread.
_SPREAD = 0.6


@dataclasses.dataclass(frozen=True, eq=False)
class ParallelAxis:
    """One axis, on which 0 is at the bottom and 1 at the top.

    Attributes
    ----------
    title : str
        The title.
    ticks : list of tuple of (float, str)
        The position and the label of each tick.
    limits : tuple of float, optional
        The values at the bottom and at the top; None if the values are no numbers.
    log : bool, default False
        Whether it is logarithmic.
    """

    title: str
    ticks: list[tuple[float, str]]
    limits: tuple[float, float] | None = None
    log: bool = False

    @property
    def reach(self) -> float:
        """How far the runs of a string are spread, from its position."""
        return 0.0 if self.limits is not None else _SPREAD / 2 / len(self.ticks)

    @classmethod
    def of_numbers(
        cls, title: str, values: np.ndarray, *, lowest_on_top: bool = False
    ) -> "ParallelAxis":
        """Return an axis for numbers.

        Parameters
        ----------
        title : str
        values : numpy.ndarray of float64
            The numbers; those that are not finite have no place.
        lowest_on_top : bool, default False
            Whether the axis is upside down.
        """
        known = np.unique(values[np.isfinite(values)])
        low, high = (float(known[0]), float(known[-1])) if len(known) else (0.0, 1.0)
        log = low > 0 and high / low > _DECADES
        limits = (high, low) if lowest_on_top else (low, high)
        axis = cls(title, [], limits, log)
        if len(known) <= _FEW:
            numbers = known.tolist()
        else:
            between = log_ticks(low, high) if log else _round_numbers(low, high)
            numbers = sorted({low, *between, high})
        places = axis.places(np.array(numbers, np.float64))
        ticks = [
            (place, f"{one:,.4g}") for place, one in zip(places.tolist(), numbers, strict=True)
        ]
        return dataclasses.replace(axis, ticks=ticks)

    @classmethod
    def of_names(cls, title: str, names: Sequence[str]) -> "ParallelAxis":
        """Return an axis for strings, with the first one on top."""
        count = len(names)
        return cls(title, [(1 - (i + 0.5) / count, name) for i, name in enumerate(names)])

    def places(self, values: np.ndarray) -> np.ndarray:
        """Return the position of each number from 0 to 1, or NaN."""
        assert self.limits is not None
        low, high = self.limits
        if low == high:
            return np.where(np.isfinite(values), 0.5, np.nan)
        known = np.where(np.isfinite(values), values, np.nan)
        if self.log:
            # A number of 0 or less is worse than all that are on the axis, or better.
            known = np.log(np.maximum(known, min(low, high)))
            low, high = math.log(low), math.log(high)
        return np.clip((known - low) / (high - low), 0, 1)

    def places_of_names(self, names: Sequence[str]) -> np.ndarray:
        """Return the position of each string from 0 to 1.

        Equal ones are spread in their order, with the first one on top, so that each is visible.
        """
        found = np.array(names, dtype=object)
        places = np.zeros(len(found))
        for middle, label in self.ticks:
            own = np.flatnonzero(found == label)
            share = np.linspace(1, -1, len(own)) if len(own) > 1 else np.zeros(len(own))
            places[own] = middle + self.reach * share
        return places


def _round_numbers(low: float, high: float) -> list[float]:
    """Return three to six round numbers within the ends."""
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{step * number:.12g}") for number in range(first, last + 1)]
