"""What a layer gives over the whole run, as rows that a projection is fitted to."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from replaychart.errors import ArgumentError
from replaychart.planes.projections import LinearProjection, flattened

# Numbers that are fitted at once; more are fitted piece by piece.
_LARGEST_FIT = 100_000_000


class LayerSpace(NamedTuple):
    """A layer's outputs by snapshot, and what the shape of one was."""

    layer: str
    outputs: Callable[[], Iterator[np.ndarray]]
    shape: tuple[int, ...]
    units: int
    averaged: bool

    @classmethod
    def of(
        cls, layer: str, outputs: Callable[[], Iterator[np.ndarray]], *, averaged: bool
    ) -> "LayerSpace":
        """Return the space of a layer.

        Parameters
        ----------
        layer : str
            The layer's name.
        outputs : callable
            Yields its outputs for each snapshot of the whole run, shape (points, ...).
        averaged : bool
            Whether outputs of several axes are averaged over all but the last one.
        """
        first = next(outputs())
        units = flattened(first, averaged=averaged).shape[1]
        return cls(layer, outputs, first.shape[1:], units, averaged)

    def by_snapshot(self) -> Iterator[np.ndarray]:
        """Yield the outputs of each snapshot, shape (points, units)."""
        return (flattened(values, averaged=self.averaged) for values in self.outputs())

    def pieces(self) -> Iterator[np.ndarray]:
        """Yield finite outputs of as many snapshots as are held at once, shape (rows, units)."""
        held: list[np.ndarray] = []
        for values in self.by_snapshot():
            held.append(values[np.isfinite(values).all(axis=1)])
            if sum(one.size for one in held) > _LARGEST_FIT:
                yield np.concatenate(held)
                held = []
        if held:
            yield np.concatenate(held)

    def enough(self, rows: np.ndarray) -> np.ndarray:
        """Return finite outputs as they are; raise `ArgumentError` if there are fewer than two."""
        if len(rows) < 2:
            message = (
                f"layer {self.layer!r} gives fewer than two points without NaN or infinity, so "
                "there is nothing to project."
            )
            raise ArgumentError(message)
        return rows

    def together(self) -> np.ndarray:
        """Return the finite outputs of all snapshots, shape (rows, units)."""
        return self.enough(np.concatenate(list(self.pieces())))

    def repeated(self, targets: np.ndarray) -> np.ndarray:
        """Return the targets of the rows that `together` returns."""
        rows = (np.isfinite(values).all(axis=1) for values in self.by_snapshot())
        return np.concatenate([targets[finite] for finite in rows])

    def mean(self) -> np.ndarray:
        """Return the mean of the finite outputs of all snapshots."""
        total, count = np.zeros(self.units), 0
        for rows in self.pieces():
            total += rows.sum(axis=0, dtype=np.float64)
            count += len(rows)
        return total / max(count, 1)

    def linear(
        self,
        titles: tuple[str, str],
        key: str | None,
        origins: np.ndarray,
        bases: np.ndarray,
        through: str,
    ) -> LinearProjection:
        """Return a linear projection of this space; see `LinearProjection`.

        Parameters
        ----------
        titles, origins, bases, through
            As `LinearProjection` has them.
        key : str or None
            What tells it from others, apart from how several axes become units.
        """
        key = None if key is None else f"{key}, {'averaged' if self.averaged else 'flattened'}"
        return LinearProjection(titles, self.averaged, key, origins, bases, through, self.shape)
