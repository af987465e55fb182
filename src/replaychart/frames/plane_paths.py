"""Traces grid lines, surfaces and boundaries in a plane, and carries them through layers."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from replaychart.frames import contours
from replaychart.frames.extents import Limits
from replaychart.frames.paths import Paths, Piece
from replaychart.network.task import Task

if TYPE_CHECKING:
    from replaychart.network.evaluation import Network

# A vertex that would move a path by less than this share of the picture is left out: a quarter of
# a pixel in a chart 500 pixels wide.
_INVISIBLE = 1 / 2000
_VERTICES_PER_GRID_LINE = 101
# In numbers: 200 MB.
_LARGEST_KEPT_LATTICE = 50_000_000
_UNDERLAY = -0.1


@dataclasses.dataclass(frozen=True)
class Rectangle:
    """A rectangle of a plane, and how closely it is looked at.

    Attributes
    ----------
    layer : str or None
        The layer in whose plane the paths shall lie; None for the inputs' own plane.
    plane : {"inputs", "layer"}
        Where the rectangle lies: in the inputs' plane, from which paths are carried through the
        layer, or in the layer's own.
    xlim, ylim : tuple of float
        The rectangle.
    resolution : int
        Lattice points along each side.
    bands : int
        Number of the surface's levels, see `surface_levels`.
    """

    layer: str | None
    plane: str
    xlim: Limits
    ylim: Limits
    resolution: int
    bands: int

    def carries_through(self) -> str | None:
        """Return the layer that paths are carried through, None if they stay where they are."""
        return self.layer if self.plane == "inputs" else None

    def plane_of(self) -> str | None:
        """Return the layer in whose plane the rectangle lies, None for the inputs' plane."""
        return self.layer if self.plane == "layer" else None


class Lattice(NamedTuple):
    """Surfaces over a lattice: x (columns,), y (rows,), heights (rows, columns, surfaces)."""

    x: np.ndarray
    y: np.ndarray
    heights: np.ndarray


class PlaneTracer:
    """Traces paths in the planes of one network.

    Parameters
    ----------
    network : Network
        The recorded network.
    task : Task
        How its outputs become probabilities.
    """

    def __init__(self, network: "Network", task: Task) -> None:
        self._network = network
        self._task = task
        self._kept_lattice: tuple[Any, list[np.ndarray]] | None = None

    def contours(self, rectangle: Rectangle, snapshots: Sequence[int]) -> tuple[Paths, Paths]:
        """Return surface and boundary.

        Where there are two classes, the surface is the probability of class 1. Where there are
        more, each class has a surface of its own: the margin by which it wins, its probability
        less the greatest of the others.

        Parameters
        ----------
        rectangle : Rectangle
        snapshots : sequence of int
            Positions in the recording.

        Returns
        -------
        surface : Paths
            Rings around the regions where a class' surface is at least at a level.
        boundary : Paths
            The lines where the two most probable classes are equally probable.
        """
        x, y, points = contours.lattice(rectangle.xlim, rectangle.ylim, rectangle.resolution)
        heights = self._lattice_heights(rectangle.plane_of(), points, snapshots)
        images = self._images(rectangle.carries_through(), points, snapshots)
        rings: list[Paths] = []
        lines: list[Paths] = []
        for snapshot, height, image in zip(snapshots, heights, images, strict=True):
            lattice = Lattice(x, y, height.reshape(len(y), len(x), -1))
            folded = None if image is None else image.reshape(len(y), len(x), 2)
            of_surface = list(self._rings(lattice, folded, rectangle, snapshot))
            of_boundary = list(self._lines(lattice, snapshot))
            both = Paths.from_pieces(of_surface + of_boundary)
            both = self._refined(both, lattice, snapshot, rectangle.plane_of())
            if rectangle.carries_through() is not None:
                both = self._carried(both, rectangle.carries_through(), snapshot)
            pieces = list(both.pieces())
            rings.append(Paths.from_pieces(pieces[: len(of_surface)]))
            lines.append(Paths.from_pieces(pieces[len(of_surface) :]))
        return thinned(Paths.joined(rings)), thinned(Paths.joined(lines))

    def _rings(
        self, lattice: Lattice, image: np.ndarray | None, rectangle: Rectangle, snapshot: int
    ) -> Iterator[Piece]:
        levels = surface_levels(self._task.classes, rectangle.bands)
        for position, of_class in enumerate(self._surface_classes()):
            z = lattice.heights[:, :, position]
            for level, ring in contours.filled_contours(lattice.x, lattice.y, z, levels, image):
                yield Piece(snapshot, level, ring, of_class)

    def _lines(self, lattice: Lattice, snapshot: int) -> Iterator[Piece]:
        even = 0.5 if self._task.classes == 2 else 0.0
        for position, of_class in enumerate(self._surface_classes()):
            z = lattice.heights[:, :, position]
            for line in contours.contour_lines(lattice.x, lattice.y, z, even):
                yield Piece(snapshot, even, line, of_class)

    def _surface_classes(self) -> list[int]:
        """Return the classes that have a surface: class 1 of two, else all."""
        return [1] if self._task.classes == 2 else list(range(self._task.classes))

    def grid(
        self,
        layer: str | None,
        snapshots: Sequence[int],
        *,
        xlim: Limits,
        ylim: Limits,
        lines: int,
    ) -> Paths:
        """Return grid lines of the inputs' plane as a layer bends them.

        The first `lines` paths of a snapshot have a constant first input, the others a constant
        second input; `Paths.value` numbers them.
        """
        straight = _grid_lines(xlim, ylim, lines)
        flat = straight.reshape(-1, 2)
        images = self._images(layer, flat, snapshots)
        pieces = (
            Piece(snapshot, number, line)
            for snapshot, image in zip(snapshots, images, strict=True)
            for number, line in enumerate(
                (flat if image is None else image).reshape(straight.shape)
            )
        )
        return thinned(Paths.from_pieces(pieces))

    def _refined(
        self, paths: Paths, lattice: Lattice, snapshot: int, plane_of: str | None
    ) -> Paths:
        levels = np.repeat(paths.value, paths.lengths())
        of_class = np.repeat(paths.of_class, paths.lengths())
        vertices = paths.vertices.copy()
        for position, number in enumerate(self._surface_classes()):
            own = of_class == number
            if not own.any():
                continue

            def height(points: np.ndarray, position: int = position) -> np.ndarray:
                return next(self._heights(plane_of, iter([points]), [snapshot]))[:, position]

            vertices[own] = contours.refined(
                vertices[own],
                levels[own],
                lattice.x,
                lattice.y,
                lattice.heights[:, :, position],
                height,
            )
        return dataclasses.replace(paths, vertices=vertices)

    def _carried(self, paths: Paths, layer: str | None, snapshot: int) -> Paths:
        carried = self._network.outputs_by_snapshot(layer, iter([paths.vertices]), [snapshot])
        return dataclasses.replace(paths, vertices=next(carried))

    def _images(
        self, layer: str | None, points: np.ndarray, snapshots: Sequence[int]
    ) -> Iterator[np.ndarray | None]:
        """Yield where a layer carries points, None if there is no layer to carry them."""
        if layer is None:
            yield from (None for _ in snapshots)
            return
        yield from self._network.outputs_by_snapshot(layer, (points for _ in snapshots), snapshots)

    def _lattice_heights(
        self, plane_of: str | None, points: np.ndarray, snapshots: Sequence[int]
    ) -> Iterable[np.ndarray]:
        """Return the heights over a lattice, kept for the next chart that asks for the same."""
        if len(points) * len(snapshots) * max(self._task.classes, 1) > _LARGEST_KEPT_LATTICE:
            return self._heights(plane_of, (points for _ in snapshots), snapshots)
        key = (plane_of, points.tobytes(), tuple(snapshots))
        if self._kept_lattice is None or self._kept_lattice[0] != key:
            heights = list(self._heights(plane_of, (points for _ in snapshots), snapshots))
            self._kept_lattice = (key, heights)
        return self._kept_lattice[1]

    def _heights(
        self, plane_of: str | None, points: Iterator[np.ndarray], snapshots: Sequence[int]
    ) -> Iterator[np.ndarray]:
        """Yield each surface's height at points of a plane, shape (points, surfaces)."""
        outputs = self._network.outputs_by_snapshot(None, points, snapshots, plane_of=plane_of)
        for values in outputs:
            probabilities = self._task.probabilities(values)
            yield probabilities[:, 1:] if self._task.classes == 2 else _margins(probabilities)


def surface_levels(classes: int, bands: int) -> np.ndarray:
    """Return the levels of a decision surface, rising.

    Parameters
    ----------
    classes : int
        Two: levels of the probability of class 1, from 0. More: levels of the margin by which a
        class wins, from 0, half as many; and one below 0, for the gaps that straight contours
        leave where three classes meet.
    bands : int
        Number of levels for two classes.
    """
    if classes == 2:
        return np.arange(bands) / bands
    count = (bands + 1) // 2
    return np.concatenate([[_UNDERLAY], np.arange(count) / count])


def _margins(probabilities: np.ndarray) -> np.ndarray:
    """Return each class' probability less the greatest of the others, shape (points, classes)."""
    ranked = np.sort(probabilities, axis=-1)
    first, second = ranked[:, -1:], ranked[:, -2:-1]
    wins = probabilities == first
    return np.where(wins, probabilities - second, probabilities - first)


def thinned(paths: Paths) -> Paths:
    """Return the paths without vertices that no chart would show at the snapshot's extent."""
    tolerance = np.zeros(len(paths.value))
    of_vertex = np.repeat(paths.snapshot, paths.lengths())
    for snapshot in np.unique(paths.snapshot):
        vertices = paths.vertices[of_vertex == snapshot]
        finite = vertices[np.isfinite(vertices).all(axis=1)]
        extent = np.ptp(finite, axis=0).max() if len(finite) else 0.0
        tolerance[paths.snapshot == snapshot] = extent * _INVISIBLE
    return paths.simplified(tolerance)


def _grid_lines(xlim: Limits, ylim: Limits, lines: int) -> np.ndarray:
    """Return straight grid lines, shape (2 * lines, vertices, 2)."""
    along_x = np.linspace(*xlim, _VERTICES_PER_GRID_LINE)
    along_y = np.linspace(*ylim, _VERTICES_PER_GRID_LINE)
    upright = [
        np.stack(np.broadcast_arrays(x, along_y), axis=-1) for x in np.linspace(*xlim, lines)
    ]
    level = [np.stack(np.broadcast_arrays(along_x, y), axis=-1) for y in np.linspace(*ylim, lines)]
    return np.array([*upright, *level])
