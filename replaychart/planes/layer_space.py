"""The outputs of a layer over the whole run, as rows that a projection can be fitted to."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from replaychart.errors import ArgumentError
from replaychart.planes.projections import LinearProjection, flattened

# The number of values that are fitted at once; more are fitted in batches.
_LARGEST_FIT = 100_000_000


class LastOutputs(NamedTuple):
    """The finite outputs of a layer at the end of the run.

    Attributes
    ----------
    rows : numpy.ndarray, shape (rows, units)
        The outputs.
    finite : numpy.ndarray of bool, shape (points,)
        The points that they belong to.
    snapshot : int
        The position of the snapshot in the recording.
    """

    rows: np.ndarray
    finite: np.ndarray
    snapshot: int


class LayerSpace(NamedTuple):
    """The space of a layer's outputs.

    Attributes
    ----------
    layer : str
        The layer's name.
    outputs : callable
        Takes a sequence of snapshots and yields its outputs for each, shape (points, ...).
    snapshots : int
        The number of snapshots of the whole run.
    shape : tuple of int
        The shape of the output for one point.
    units : int
        The number of columns after averaging or flattening.
    averaged : bool
        Whether outputs with several axes are averaged over all axes but the last.
    """

    layer: str
    outputs: Callable[[Sequence[int]], Iterator[np.ndarray]]
    snapshots: int
    shape: tuple[int, ...]
    units: int
    averaged: bool

    @classmethod
    def of(
        cls,
        layer: str,
        outputs: Callable[[Sequence[int]], Iterator[np.ndarray]],
        *,
        snapshots: int,
        averaged: bool,
    ) -> "LayerSpace":
        """Return the space of a layer; the arguments are the attributes of the same names."""
        first = next(outputs([0]))
        units = flattened(first, averaged=averaged).shape[1]
        return cls(layer, outputs, snapshots, first.shape[1:], units, averaged)

    def by_snapshot(self) -> Iterator[np.ndarray]:
        """Yield the outputs of each snapshot, shape (points, units)."""
        every = self.outputs(range(self.snapshots))
        return (flattened(values, averaged=self.averaged) for values in every)

    def finite(self) -> Iterator[np.ndarray]:
        """Yield the finite outputs of each snapshot, shape (rows, units)."""
        for values in self.by_snapshot():
            finite = np.isfinite(values).all(axis=1)
            yield values if finite.all() else values[finite]

    def batches(self, *, centered: bool = False) -> Iterator[np.ndarray]:
        """Yield the finite outputs of several snapshots at a time, shape (rows, units).

        Parameters
        ----------
        centered : bool, default False
            Whether to subtract the mean of the snapshot.
        """
        batch: list[np.ndarray] = []
        for values in self.finite():
            rows = values
            if centered and len(rows):
                rows = (rows - rows.mean(axis=0, dtype=np.float64)).astype(values.dtype)
            batch.append(rows)
            if sum(rows.size for rows in batch) > _LARGEST_FIT:
                yield np.concatenate(batch)
                batch = []
        if batch:
            yield np.concatenate(batch)

    def enough(self, rows: np.ndarray) -> np.ndarray:
        """Return finite outputs unchanged; raise `ArgumentError` if there are fewer than two."""
        self.require_enough(len(rows))
        return rows

    def require_enough(self, points: int) -> None:
        """Raise `ArgumentError` if there are fewer than two points with finite outputs."""
        if points < 2:
            message = (
                "layer must have at least two points without NaN or infinity to be projected. Got "
                f"{self.layer!r}, which has {points}."
            )
            raise ArgumentError(message)

    def last(self) -> "LastOutputs":
        """Return the outputs of the last snapshot with at least two finite points."""
        for snapshot in reversed(range(self.snapshots)):
            values = flattened(next(self.outputs([snapshot])), averaged=self.averaged)
            finite = np.isfinite(values).all(axis=1)
            if finite.sum() >= 2:
                return LastOutputs(values[finite], finite, snapshot)
        none = self.enough(np.empty((0, self.units)))  # raises
        return LastOutputs(none, np.zeros(0, bool), 0)

    def together(self) -> np.ndarray:
        """Return the finite outputs of all snapshots, shape (rows, units)."""
        return self.enough(np.concatenate(list(self.batches())))

    def repeated(self, targets: np.ndarray) -> np.ndarray:
        """Return the target of each row of `together`."""
        rows = (np.isfinite(values).all(axis=1) for values in self.by_snapshot())
        return np.concatenate([targets[finite] for finite in rows])

    def mean(self) -> np.ndarray:
        """Return the mean of the finite outputs of all snapshots."""
        total, count = np.zeros(self.units), 0
        for rows in self.finite():
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
            Attributes of the projection.
        key : str or None
            Its key; whether outputs are averaged or flattened is appended.
        """
        key = None if key is None else f"{key}, {'averaged' if self.averaged else 'flattened'}"
        return LinearProjection(titles, self.averaged, key, origins, bases, through, self.shape)
