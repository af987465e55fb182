"""Traces grid lines, surfaces and boundaries in a plane, and carries them through layers."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from replaychart.frames import contours
from replaychart.frames.extents import Limits
from replaychart.frames.paths import Paths
from replaychart.network.task import Task

if TYPE_CHECKING:
    from replaychart.network.evaluation import Network

# A vertex that would move a path by less than this share of the picture is left out: a quarter of
# a pixel in a chart 500 pixels wide.
_INVISIBLE = 1 / 2000
_VERTICES_PER_GRID_LINE = 101
# In numbers: 200 MB.
_LARGEST_KEPT_LATTICE = 50_000_000
_EVEN = 0.5


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
        Number of the surface's levels, evenly spaced from 0.
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

        Parameters
        ----------
        rectangle : Rectangle
        snapshots : sequence of int
            Positions in the recording.

        Returns
        -------
        surface : Paths
            Rings around the regions where the probability of class 1 is at least a level, the
            paths' value.
        boundary : Paths
            The lines where both classes are equally probable.
        """
        x, y, points = contours.lattice(rectangle.xlim, rectangle.ylim, rectangle.resolution)
        levels = np.arange(rectangle.bands) / rectangle.bands
        heights = self._lattice_heights(rectangle.plane_of(), points, snapshots)
        images = self._images(rectangle.carries_through(), points, snapshots)
        rings: list[Paths] = []
        lines: list[Paths] = []
        for snapshot, flat, image in zip(snapshots, heights, images, strict=True):
            z = flat.reshape(len(y), len(x))
            folded = None if image is None else image.reshape(*z.shape, 2)
            traced_rings = [
                (snapshot, level, ring)
                for level, ring in contours.filled_contours(x, y, z, levels, folded)
            ]
            traced_lines = [
                (snapshot, _EVEN, line) for line in contours.contour_lines(x, y, z, _EVEN)
            ]
            both = Paths.from_pieces(traced_rings + traced_lines)
            both = self._refined(both, (x, y, z), snapshot, rectangle.plane_of())
            if rectangle.carries_through() is not None:
                both = self._carried(both, rectangle.carries_through(), snapshot)
            pieces = list(both.pieces())
            rings.append(Paths.from_pieces(pieces[: len(traced_rings)]))
            lines.append(Paths.from_pieces(pieces[len(traced_rings) :]))
        return thinned(Paths.joined(rings)), thinned(Paths.joined(lines))

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
            (snapshot, number, line)
            for snapshot, image in zip(snapshots, images, strict=True)
            for number, line in enumerate(
                (flat if image is None else image).reshape(straight.shape)
            )
        )
        return thinned(Paths.from_pieces(pieces))

    def _refined(
        self,
        paths: Paths,
        surface: tuple[np.ndarray, np.ndarray, np.ndarray],
        snapshot: int,
        plane_of: str | None,
    ) -> Paths:
        def height(points: np.ndarray) -> np.ndarray:
            return next(self._heights(plane_of, iter([points]), [snapshot]))

        if not len(paths.vertices):
            return paths
        levels = np.repeat(paths.value, paths.lengths())
        vertices = contours.refined(paths.vertices, levels, *surface, height)
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
        if points.shape[0] * len(snapshots) > _LARGEST_KEPT_LATTICE:
            return self._heights(plane_of, (points for _ in snapshots), snapshots)
        key = (plane_of, points.tobytes(), tuple(snapshots))
        if self._kept_lattice is None or self._kept_lattice[0] != key:
            heights = list(self._heights(plane_of, (points for _ in snapshots), snapshots))
            self._kept_lattice = (key, heights)
        return self._kept_lattice[1]

    def _heights(
        self, plane_of: str | None, points: Iterator[np.ndarray], snapshots: Sequence[int]
    ) -> Iterator[np.ndarray]:
        """Yield the probability of class 1 at points of a plane, shape (points,)."""
        outputs = self._network.outputs_by_snapshot(None, points, snapshots, plane_of=plane_of)
        for values in outputs:
            yield self._task.probabilities(values)[:, 1]


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
