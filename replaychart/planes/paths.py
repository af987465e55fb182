"""Many polylines or rings in one table of arrays: grid lines, contours, boundaries."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import shapely


class Piece(NamedTuple):
    """One path; `Paths` describes the fields."""

    snapshot: int
    value: float
    vertices: np.ndarray
    of_class: int = 0


@dataclasses.dataclass(frozen=True)
class Paths:
    """Polylines of different lengths, each for one snapshot.

    Attributes
    ----------
    vertices : numpy.ndarray of float64 or (once thinned) float32, shape (vertices, 2)
        The vertices of all paths, one path after another.
    starts : numpy.ndarray of int64, shape (paths + 1,)
        The position in `vertices` where each path starts, and where the last one ends.
    snapshot : numpy.ndarray of int64, shape (paths,)
        The snapshot of each path, as a position in the recording.
    value : numpy.ndarray of float64, shape (paths,)
        The level of a contour, or the number of a grid line.
    of_class : numpy.ndarray of int64, shape (paths,)
        The class of a contour's surface; 0 for other paths.
    """

    vertices: np.ndarray
    starts: np.ndarray
    snapshot: np.ndarray
    value: np.ndarray
    of_class: np.ndarray

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Paths":
        """Return the paths that `to_arrays` turned into these arrays."""
        return cls(**{field.name: arrays[field.name] for field in dataclasses.fields(cls)})

    @classmethod
    def from_pieces(cls, pieces: Iterable[Piece]) -> "Paths":
        """Return paths that are given one by one."""
        pieces = list(pieces)
        lengths = [len(piece.vertices) for piece in pieces]
        return cls(
            vertices=np.concatenate([np.empty((0, 2)), *(piece.vertices for piece in pieces)]),
            starts=np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64),
            snapshot=np.array([piece.snapshot for piece in pieces], np.int64),
            value=np.array([piece.value for piece in pieces], np.float64),
            of_class=np.array([piece.of_class for piece in pieces], np.int64),
        )

    @classmethod
    def joined(cls, parts: Sequence["Paths"]) -> "Paths":
        """Return all paths of several tables in one table."""
        return cls.from_pieces(piece for part in parts for piece in part.pieces())

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays by name."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def lengths(self) -> np.ndarray:
        """Return the number of vertices of each path."""
        return np.diff(self.starts)

    def pieces(self) -> Iterator[Piece]:
        """Yield the paths one by one."""
        for index, (snapshot, value, of_class) in enumerate(
            zip(self.snapshot, self.value, self.of_class, strict=True)
        ):
            vertices = self.vertices[self.starts[index] : self.starts[index + 1]]
            yield Piece(int(snapshot), float(value), vertices, int(of_class))

    def selected(self, snapshots: Sequence[int]) -> "Paths":
        """Return only the paths of `snapshots`."""
        return self.where(np.isin(self.snapshot, np.asarray(snapshots)))

    def where(self, wanted: np.ndarray) -> "Paths":
        """Return only the paths selected by a boolean array, shape (paths,)."""
        starts = np.concatenate([[0], np.cumsum(self.lengths()[wanted])]).astype(np.int64)
        return Paths(
            vertices=self.vertices[np.repeat(wanted, self.lengths())],
            starts=starts,
            snapshot=self.snapshot[wanted],
            value=self.value[wanted],
            of_class=self.of_class[wanted],
        )

    def simplified(self, tolerance: np.ndarray) -> "Paths":
        """Return the paths without vertices that are close to a straight line.

        Parameters
        ----------
        tolerance : numpy.ndarray of float64, shape (paths, 2)
            How far any part of a path may move in x and in y, both positive or both 0.

        References
        ----------
        D. H. Douglas and T. K. Peucker, "Algorithms for the reduction of the number of points
        required to represent a digitized line or its caricature" (1973), as implemented in Shapely
        """
        path = np.repeat(np.arange(len(self.value)), self.lengths())
        broken = np.unique(path[~np.isfinite(self.vertices).all(axis=1)])
        # Only a line with at least two vertices, all of them finite, can be simplified.
        whole = ~np.isin(path, broken) & (self.lengths()[path] > 1)
        lines, numbers = np.unique(path[whole], return_inverse=True)
        # Shapely has one tolerance for both axes, so y is stretched to the scale of x. The third
        # coordinate is the number of the vertex, because it returns no others.
        vertices = np.column_stack(
            [stretched(self.vertices, tolerance[path]), np.arange(len(path))]
        )
        simple = shapely.simplify(
            shapely.linestrings(vertices[whole], indices=numbers),
            np.asarray(tolerance, np.float64)[lines, 0],
            preserve_topology=False,
        )
        kept = shapely.get_coordinates(simple, include_z=True)[:, 2].astype(np.int64)
        every = np.sort(np.concatenate([kept, np.flatnonzero(~whole)]))
        lengths = np.bincount(path[every], minlength=len(self.value))
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        thinned = self.vertices[every].astype(np.float32)
        return dataclasses.replace(self, vertices=thinned, starts=starts)


def needed_vertices(line: np.ndarray) -> np.ndarray:
    """Return which vertices a line needs to stay within a distance of 1 from itself everywhere.

    Parameters
    ----------
    line : numpy.ndarray of float64, shape (vertices, snapshots, 2)
        One line, which moves. At every snapshot, it stays close.

    Returns
    -------
    numpy.ndarray of bool, shape (vertices,)

    References
    ----------
    D. H. Douglas and T. K. Peucker, "Algorithms for the reduction of the number of points required
    to represent a digitized line or its caricature" (1973)
    """
    known = np.isfinite(line).all(axis=2)
    if (known.any(axis=0) & ~known.all(axis=0)).any():
        return np.ones(len(line), bool)
    needed = np.zeros(len(line), bool)
    needed[[0, -1]] = True
    parts = [(0, len(line) - 1)]
    while parts:
        first, last = parts.pop()
        between = line[first + 1 : last] - line[first]
        if not len(between):
            continue
        chord = line[last] - line[first]
        length = np.where((squared := (chord**2).sum(axis=1)) > 0, squared, 1.0)
        share = np.clip((between * chord).sum(axis=2) / length, 0, 1)
        away = np.linalg.norm(between - share[..., None] * chord, axis=2)
        farthest = np.where(known[0], away, 0).max(axis=1)
        if farthest.max() > 1:
            middle = first + 1 + int(farthest.argmax())
            needed[middle] = True
            parts += [(first, middle), (middle, last)]
    return needed


def stretched(vertices: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """Return vertices with y stretched so that its tolerance is that of x.

    Parameters
    ----------
    vertices : numpy.ndarray, shape (vertices, 2)
    tolerance : numpy.ndarray of float64, shape (vertices, 2) or (2,)
        In x and in y; 0 in y leaves y as it is.
    """
    of_x, of_y = tolerance[..., 0], tolerance[..., 1]
    factor = np.divide(of_x, of_y, out=np.ones_like(of_x), where=of_y > 0)
    return np.stack([vertices[:, 0], vertices[:, 1] * factor], axis=1)


def selected_arrays(
    arrays: Mapping[str, np.ndarray], snapshots: Sequence[int]
) -> dict[str, np.ndarray]:
    """Return the arrays of the paths of `snapshots`, given the arrays of all paths."""
    return Paths.from_arrays(arrays).selected(snapshots).to_arrays()
