"""Many polylines or rings in one table of arrays: grid lines, contours, boundaries."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np


class Piece(NamedTuple):
    """One path: see `Paths` for what its fields mean."""

    snapshot: int
    value: float
    vertices: np.ndarray
    of_class: int = 0


@dataclasses.dataclass(frozen=True)
class Paths:
    """Polylines of different lengths, each belonging to a snapshot.

    Attributes
    ----------
    vertices : numpy.ndarray of float64 or (once thinned) float32, shape (vertices, 2)
        The paths' vertices, one path after the other.
    starts : numpy.ndarray of int64, shape (paths + 1,)
        Where each path begins in `vertices`, and where the last one ends.
    snapshot : numpy.ndarray of int64, shape (paths,)
        The position in the recording to which each path belongs.
    value : numpy.ndarray of float64, shape (paths,)
        What each path stands for: a contour's level, a grid line's number.
    of_class : numpy.ndarray of int64, shape (paths,)
        The class whose surface a contour belongs to; 0 for other paths.
    """

    vertices: np.ndarray
    starts: np.ndarray
    snapshot: np.ndarray
    value: np.ndarray
    of_class: np.ndarray

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Paths":
        """Return the paths that `arrays` were made from."""
        return cls(**{field.name: arrays[field.name] for field in dataclasses.fields(cls)})

    @classmethod
    def from_pieces(cls, pieces: Iterable[Piece]) -> "Paths":
        """Return the paths given one by one."""
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
        """Return the paths of all parts in one table."""
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
        wanted = np.isin(self.snapshot, np.asarray(snapshots))
        starts = np.concatenate([[0], np.cumsum(self.lengths()[wanted])]).astype(np.int64)
        return Paths(
            vertices=self.vertices[np.repeat(wanted, self.lengths())],
            starts=starts,
            snapshot=self.snapshot[wanted],
            value=self.value[wanted],
            of_class=self.of_class[wanted],
        )

    def simplified(self, tolerance: np.ndarray) -> "Paths":
        """Return the paths without the vertices that lie close to a straight line.

        Parameters
        ----------
        tolerance : numpy.ndarray of float64, shape (paths,)
            How far any part of a path may move.

        Notes
        -----
        All paths are thinned together, in passes. Each pass takes out vertices, no two of them
        neighbours, whose removal keeps the accumulated displacement of the new segment under the
        tolerance: that of the two segments which it replaces, plus the vertex' own distance.
        """
        path = np.repeat(np.arange(len(self.value)), self.lengths())
        limit = np.asarray(tolerance, np.float64)[path]
        kept = np.arange(len(self.vertices))
        # displacement[i]: the bound for the segment from kept vertex i to the next one.
        displacement = np.zeros(len(kept))
        while True:
            dropped, grown = _droppable(self.vertices, kept, path, displacement, limit)
            if not dropped.any():
                break
            displacement[np.flatnonzero(dropped) - 1] = grown[dropped]
            kept, displacement = kept[~dropped], displacement[~dropped]
        lengths = np.bincount(path[kept], minlength=len(self.value))
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        thinned = self.vertices[kept].astype(np.float32)
        return dataclasses.replace(self, vertices=thinned, starts=starts)


def _droppable(
    vertices: np.ndarray,
    kept: np.ndarray,
    path: np.ndarray,
    displacement: np.ndarray,
    limit: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return which of the kept vertices go in this pass, and their new segments' displacement."""
    dropped = np.zeros(len(kept), bool)
    grown = np.zeros(len(kept))
    if len(kept) < 3:
        return dropped, grown
    before, here, after = (vertices[kept[i : len(kept) - 2 + i]].astype(float) for i in range(3))
    inner = (path[kept[:-2]] == path[kept[1:-1]]) & (path[kept[1:-1]] == path[kept[2:]])
    grown[1:-1] = _distance_to_segment(here, before, after) + np.maximum(
        displacement[:-2], displacement[1:-1]
    )
    possible = np.zeros(len(kept), bool)
    possible[1:-1] = inner & (grown[1:-1] <= limit[kept[1:-1]])
    # Of neighbours that could both go, the one that moves the path clearly less goes first; among
    # equals a fixed shuffle decides, so that along a straight line many go in one pass.
    with np.errstate(divide="ignore", invalid="ignore"):
        quarter = np.ceil(4 * np.nan_to_num(grown / limit[kept]))
    priority = np.where(possible, quarter + (kept * 2654435761 % 2**32) / 2**32, np.inf)
    dropped[1:-1] = (
        possible[1:-1] & (priority[1:-1] < priority[:-2]) & (priority[1:-1] < priority[2:])
    )
    return dropped, grown


def _distance_to_segment(point: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    along = end - begin
    squared = np.einsum("ij,ij->i", along, along)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.einsum("ij,ij->i", point - begin, along) / squared
    share = np.clip(np.nan_to_num(share), 0, 1)
    return np.linalg.norm(point - begin - share[:, None] * along, axis=1)
