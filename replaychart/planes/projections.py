"""Projections of a space to a plane, and planes through a space."""

import dataclasses
import hashlib
import math

import numpy as np

# Rows are projected in blocks that fit into a processor's cache in 64 bits.
_ROWS_AT_ONCE = 2048


@dataclasses.dataclass(frozen=True)
class Projection:
    """A projection to a plane.

    Attributes
    ----------
    titles : tuple of str
        The titles of the two axes.
    averaged : bool
        Whether outputs with several axes are averaged over all axes but the last (the positions of
        a convolution or a sequence). They are flattened otherwise.
    key : str or None
        A string that identifies this projection among others of the same layer, also in another
        session. None if there is no such string.
    """

    titles: tuple[str, str]
    averaged: bool
    key: str | None

    @property
    def identity(self) -> str | int:
        """Identifies this projection within this session; it is the `key` if there is one."""
        return id(self) if self.key is None else self.key

    @property
    def slice(self) -> str | None:
        """What the plane is a slice through, in words; None if the projection has no inverse."""
        return None

    def coordinates(self, values: np.ndarray, snapshot: int) -> np.ndarray:
        """Return the coordinates of values in the plane.

        Parameters
        ----------
        values : numpy.ndarray, shape (points, ...)
            Outputs of the layer at a snapshot.
        snapshot : int
            The position of the snapshot in the recording.

        Returns
        -------
        numpy.ndarray of float32, shape (points, 2)
        """
        raise NotImplementedError

    def flat(self, values: np.ndarray) -> np.ndarray:
        """Return values as rows of units, shape (points, units)."""
        return flattened(values, averaged=self.averaged)


@dataclasses.dataclass(frozen=True, eq=False)
class LinearProjection(Projection):
    """A linear projection, with an inverse from the plane back to the space.

    Attributes
    ----------
    origins : numpy.ndarray, shape (1 or snapshots, units)
        The point of the space that is projected to (0, 0).
    bases : numpy.ndarray, shape (1 or snapshots, units, 2)
        The matrices that values are multiplied by, after the origin is subtracted.
    through : str
        What the plane passes through, in words.
    shape : tuple of int
        The shape of one point of the space.
    dtype : numpy dtype, default float32
        The dtype of points of the space.
    """

    origins: np.ndarray
    bases: np.ndarray
    through: str
    shape: tuple[int, ...]
    dtype: type[np.floating] = np.float32

    @property
    def slice(self) -> str | None:
        """What the plane passes through; None if positions were averaged: that has no inverse."""
        return None if self.averaged else self.through

    def coordinates(self, values: np.ndarray, snapshot: int) -> np.ndarray:
        """Return the coordinates of values in the plane; see `Projection`."""
        place = snapshot if len(self.bases) > 1 else 0
        rows, origin, base = self.flat(values), self.origins[place], self.bases[place]
        projected = np.empty((len(rows), base.shape[1]), np.float32)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            some = slice(start, start + _ROWS_AT_ONCE)
            projected[some] = (rows[some] - origin) @ base
        return projected

    def values(self, coordinates: np.ndarray, snapshot: int) -> np.ndarray:
        """Return the points of the space at coordinates in the plane, shape (points, ...)."""
        place = snapshot if len(self.bases) > 1 else 0
        flat = self.origins[place] + coordinates @ np.linalg.pinv(self.bases[place])
        return flat.reshape(len(coordinates), *self.shape).astype(self.dtype)


def flattened(values: np.ndarray, *, averaged: bool) -> np.ndarray:
    """Return outputs as rows of units.

    Parameters
    ----------
    values : numpy.ndarray, shape (points, ..., channels)
    averaged : bool
        Whether to average over the axes in between instead of flattening them.
    """
    if averaged and values.ndim > 2:
        return values.mean(axis=tuple(range(1, values.ndim - 1)))
    # Not -1, because there may be no points: those that are not finite are left out.
    return values.reshape(len(values), math.prod(values.shape[1:]))


def hashed(array: np.ndarray) -> str:
    """Return a hash of an array's values, 32 hexadecimal digits."""
    return hashlib.sha256(np.ascontiguousarray(array, np.float64).tobytes()).hexdigest()[:32]
