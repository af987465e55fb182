"""Projections of a space to the plane, and planes through a space."""

import dataclasses
import hashlib
import math

import numpy as np


@dataclasses.dataclass(frozen=True)
class Projection:
    """A projection to the plane.

    Attributes
    ----------
    titles : tuple of str
        What the two axes are.
    averaged : bool
        Whether outputs of several axes are averaged over all but the last one (the positions of a
        convolution or a sequence), and not flattened.
    key : str or None
        What tells this projection from others of the same layer, None if no text can.
    """

    titles: tuple[str, str]
    averaged: bool
    key: str | None

    @property
    def identity(self) -> str | int:
        """What tells this projection from others in this session: `key`, if there is one."""
        return id(self) if self.key is None else self.key

    @property
    def slice(self) -> str | None:
        """What the plane is a slice of, None if the projection has no way back."""
        return None

    def coordinates(self, values: np.ndarray, snapshot: int) -> np.ndarray:
        """Return where values are shown.

        Parameters
        ----------
        values : numpy.ndarray, shape (points, ...)
            Outputs of the layer at a snapshot.
        snapshot : int
            Its position in the recording.

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
    """A linear projection, which has a way back.

    Attributes
    ----------
    origins : numpy.ndarray, shape (1 or snapshots, units)
        The point of the space that is shown at (0, 0).
    bases : numpy.ndarray, shape (1 or snapshots, units, 2)
        What is multiplied with values less the origin.
    through : str
        What the plane goes through, for the text.
    shape : tuple of int
        The shape of one point of the space.
    dtype : numpy dtype, default float32
        Of points of the space.
    """

    origins: np.ndarray
    bases: np.ndarray
    through: str
    shape: tuple[int, ...]
    dtype: type[np.floating] = np.float32

    @property
    def slice(self) -> str | None:
        """What the plane goes through; None if positions were averaged, which has no way back."""
        return None if self.averaged else self.through

    def coordinates(self, values: np.ndarray, snapshot: int) -> np.ndarray:
        """Return where values are shown; see `Projection`."""
        place = snapshot if len(self.bases) > 1 else 0
        return ((self.flat(values) - self.origins[place]) @ self.bases[place]).astype(np.float32)

    def values(self, coordinates: np.ndarray, snapshot: int) -> np.ndarray:
        """Return the points of the plane in its space, shape (points, ...)."""
        place = snapshot if len(self.bases) > 1 else 0
        flat = self.origins[place] + coordinates @ np.linalg.pinv(self.bases[place])
        return flat.reshape(len(coordinates), *self.shape).astype(self.dtype)


def flattened(values: np.ndarray, *, averaged: bool) -> np.ndarray:
    """Return outputs as rows of units.

    Parameters
    ----------
    values : numpy.ndarray, shape (points, ..., channels)
    averaged : bool
        Whether to average over the axes in between; they are flattened otherwise.
    """
    if averaged and values.ndim > 2:
        return values.mean(axis=tuple(range(1, values.ndim - 1)))
    # Not -1: nothing is seen at an epoch whose weights are not finite, and reshaped to nothing.
    return values.reshape(len(values), math.prod(values.shape[1:]))


def hashed(array: np.ndarray) -> str:
    """Return a text that tells an array of numbers from others."""
    return hashlib.sha256(np.ascontiguousarray(array, np.float64).tobytes()).hexdigest()[:32]
