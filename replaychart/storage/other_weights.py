"""A run with other weights than the recorded ones, on a plane through the space of all weights."""

import dataclasses
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from replaychart.storage.reader import StoredRun
from replaychart.storage.weights import Weight


class WeightOnPlane:
    """One variable at many places of a plane, which reads like an array of shape (places, ...).

    Its values are computed when they are needed: all together would need a lot of memory.

    Parameters
    ----------
    center : numpy.ndarray
        The variable where both coordinates are 0.
    directions : sequence of numpy.ndarray, or None
        What one unit along each axis adds; None for a variable that is the same everywhere.
    places : numpy.ndarray, shape (places, 2)
        The coordinates.
    """

    def __init__(
        self, center: np.ndarray, directions: list[np.ndarray] | None, places: np.ndarray
    ) -> None:
        self._center = center
        self._directions = directions
        self._places = places
        self.dtype = center.dtype
        self.shape = (len(places), *center.shape)

    def __len__(self) -> int:
        """Return the number of places."""
        return len(self._places)

    def __getitem__(self, place: Any) -> np.ndarray:
        """Return the values at one place or at several."""
        if self._directions is None:
            chosen = np.arange(len(self))[place]
            return np.broadcast_to(self._center, (*np.shape(chosen), *self._center.shape))
        along = np.tensordot(self._places[place], np.stack(self._directions), axes=1)
        return np.asarray(self._center + along, self.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return all values as an array."""
        return np.asarray(self[:], dtype=dtype)


@dataclasses.dataclass(frozen=True)
class RunWithOtherWeights(StoredRun):
    """A run whose snapshots are the places of a plane.

    Attributes
    ----------
    places : tuple of WeightOnPlane
        Its variables, in the order of ``model.weights``.
    """

    places: tuple[WeightOnPlane, ...] = dataclasses.field(default=(), kw_only=True)

    @classmethod
    def of(cls, stored: StoredRun, places: list[WeightOnPlane]) -> "RunWithOtherWeights":
        """Return a run that is the same, apart from its weights."""
        own = {field.name: getattr(stored, field.name) for field in dataclasses.fields(StoredRun)}
        return cls(**own, places=tuple(places))

    def weights(self, positions: Sequence[int] | None = None) -> list[Weight]:
        """Return variables at all places; see `StoredRun.weights`."""
        chosen = range(len(self.places)) if positions is None else positions
        return cast("list[Weight]", [self.places[position] for position in chosen])

    def weight(self, position: int) -> Weight:
        """Return one variable at all places; see `StoredRun.weight`."""
        return self.weights([position])[0]
