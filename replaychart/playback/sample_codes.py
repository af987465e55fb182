"""Packs several small whole numbers per sample and epoch into a few characters."""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

# All printable characters that take a single byte in JSON, also within a page.
ALPHABET = "".join(sign for sign in map(chr, range(32, 127)) if sign not in '"\\<>&')
ALPHABET_PARAMETER = "link_alphabet"
_BASE = len(ALPHABET)
# A value is stored at least this finely, in relation to the range that is shown.
_FEWEST_LEVELS = 200


@dataclasses.dataclass(frozen=True)
class Bins:
    """The bins of a value, each of which is divided into equal levels.

    A value that is in none of the bins has the level after the last.

    Attributes
    ----------
    edges : numpy.ndarray, shape (bins + 1,)
        The edges of the bins, in increasing order.
    levels : int, default 1
        The number of levels in each bin. They are equal, except in a first bin that starts at 0:
        there, they are finer towards 0, where most losses end.
    """

    edges: np.ndarray
    levels: int = 1

    @property
    def count(self) -> int:
        """The number of bins."""
        return len(self.edges) - 1

    @property
    def size(self) -> int:
        """The number of different levels, including that of a value in none of the bins."""
        return self.count * self.levels + 1

    def levels_of(self, values: np.ndarray) -> np.ndarray:
        """Return the level of each value. A bin includes its lower edge, the last one both."""
        bins = np.searchsorted(self.edges, values, side="right") - 1
        bins = np.where(values == self.edges[-1], self.count - 1, bins)
        counted = (bins >= 0) & (bins < self.count) & np.isfinite(values)
        bins = np.where(counted, bins, 0)
        low, high = self.edges[bins], self.edges[bins + 1]
        within = (np.where(counted, values, low) - low) / (high - low)
        within = np.where((bins == 0) & (low == 0), np.sqrt(within), within)
        level = np.clip((within * self.levels).astype(np.int64), 0, self.levels - 1)
        return np.where(counted, bins * self.levels + level, self.size - 1)

    def bin_expression(self, level: str) -> str:
        """Return the expression for the bin of a level; `count` for a value in none of them."""
        return level if self.levels == 1 else f"floor(({level}) / {self.levels})"


@dataclasses.dataclass(frozen=True)
class Ranges:
    """The ranges of the values in each level, in which values are stored more finely.

    Attributes
    ----------
    low, span : list of (float or None)
        The lowest value in each level, and how far the values reach from there; None for the level
        of values in none of the bins.
    steps : int
        The number of values that are distinguished in each level.
    """

    low: list[float | None]
    span: list[float | None]
    steps: int

    @classmethod
    def of(cls, size: int, levels: np.ndarray, values: np.ndarray, width: int) -> "Ranges":
        """Return the ranges.

        Parameters
        ----------
        size : int
            The number of levels, the last of which is that of values in none of the bins.
        levels, values : numpy.ndarray, shape (epochs, points)
            The level of each value, and the value.
        width : int
            How many characters tell values in the same level apart.
        """
        inside = levels < size - 1
        low, high = np.full(size - 1, np.inf), np.full(size - 1, -np.inf)
        own = values[inside].astype(np.float64)
        np.minimum.at(low, levels[inside], own)
        np.maximum.at(high, levels[inside], own)
        low = np.where(np.isfinite(low), low, 0.0)
        span = np.maximum(high - low, 0.0)
        if width == 0:  # The middle is closest to all of them.
            low, span = low + span / 2, np.zeros(size - 1)
        return cls(_shortened(low), _shortened(span), _BASE**width)

    def places(self, levels: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the place of each value in the range of its level, from 0 to `steps` - 1."""
        low, span = self._at(levels)
        share = np.divide(values - low, span, out=np.zeros(values.shape), where=span > 0)
        return np.rint(np.clip(np.nan_to_num(share), 0, 1) * (self.steps - 1)).astype(np.int64)

    def values(self, levels: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Return the values that places stand for; NaN for those in none of the bins."""
        low, span = self._at(levels)
        return low + span * places / max(self.steps - 1, 1)

    def _at(self, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        low, span = (np.array(one, np.float64) for one in (self.low, self.span))
        return low[levels], span[levels]


def _shortened(numbers: np.ndarray) -> list[float | None]:
    return [*(float(f"{number:.9g}") for number in numbers), None]


@dataclasses.dataclass(frozen=True)
class SampleCodes:
    """Numbers of every sample and epoch as the digits of one number, each with a size of its own.

    Attributes
    ----------
    sizes : mapping of str to int
        How many different values each of the numbers has, by name.
    """

    sizes: Mapping[str, int]

    @property
    def width(self) -> int:
        """The number of characters for each epoch."""
        return max(1, math.ceil(round(math.log(math.prod(self.sizes.values()), _BASE), 9)))

    def packed(self, numbers: Mapping[str, np.ndarray]) -> list[str]:
        """Return a string per sample, with the characters of all epochs.

        Parameters
        ----------
        numbers : mapping of str to numpy.ndarray
            The numbers, shape (epochs, points), each less than its size.
        """
        total: np.ndarray = np.zeros((1, 1), np.int64)
        for name, size in self.sizes.items():
            total = total * size + numbers[name]
        digits = total[..., None] // _BASE ** np.arange(self.width) % _BASE
        signs = np.frombuffer(ALPHABET.encode("ascii"), np.uint8)
        characters = np.ascontiguousarray(signs[digits].transpose(1, 0, 2))
        return [row.tobytes().decode("ascii") for row in characters]

    def expression(self, name: str, column: str, position: str) -> str:
        """Return the expression for one of the numbers.

        Parameters
        ----------
        name : str
            The name of the number.
        column : str
            The expression for the string of the sample.
        position : str
            The expression for the position of the epoch.
        """
        start = position if self.width == 1 else f"{self.width} * ({position})"
        digits = [
            f"indexof({ALPHABET_PARAMETER}, {column}[{start}{f' + {place}' if place else ''}])"
            f"{f' * {_BASE**place}' if place else ''}"
            for place in range(self.width)
        ]
        names = list(self.sizes)
        below = math.prod(self.sizes[other] for other in names[names.index(name) + 1 :])
        total = " + ".join(digits)
        whole = f"floor(({total}) / {below})" if below > 1 else f"({total})"
        return whole if name == names[0] else f"{whole} % {self.sizes[name]}"


def finest_levels(bins: int, others: int) -> int:
    """Return into how many levels each bin can be divided without a further column.

    Parameters
    ----------
    bins : int
        The number of bins.
    others : int
        The product of the sizes of all other numbers.
    """
    width = 1
    while _BASE**width // others <= _FEWEST_LEVELS:
        width += 1
    return max(1, (_BASE**width // others - 1) // bins)
