"""Traces grid lines, surfaces and boundaries in a plane, and carries them through layers."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from replaychart.frames import contours
from replaychart.frames.extents import Limits
from replaychart.frames.paths import Paths, Piece
from replaychart.frames.projections import LinearProjection, Projection
from replaychart.frames.surfaces import Surfaces

if TYPE_CHECKING:
    from replaychart.network.evaluation import Network

# A vertex that would move a path by less than this share of the picture is left out: a quarter of
# a pixel in a chart 500 pixels wide.
_INVISIBLE = 1 / 2000
_VERTICES_PER_GRID_LINE = 101
# Fewer where no vertex is left out afterwards.
_VERTICES_PER_LINE_IN_SPACE = 25
# Numbers of a lattice that is evaluated for many snapshots at once: 100 MB.
_LARGEST_LATTICE = 25_000_000


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
        Number of the surface's levels, see `Surfaces.levels`.
    view : Projection or None
        From the layer's space, or the inputs', to the plane; None where that is a plane itself.
    """

    layer: str | None
    plane: str
    xlim: Limits
    ylim: Limits
    resolution: int
    bands: int
    view: Projection | None = None

    def key(self) -> dict[str, Any]:
        """Return what tells this rectangle from others, as JSON values."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return own | {"view": None if self.view is None else self.view.identity}

    def slice(self) -> LinearProjection | None:
        """Return the way from the rectangle's plane back to the space, if it is not a plane."""
        through = self.plane == "layer" or self.layer is None
        return self.view if through and isinstance(self.view, LinearProjection) else None

    def carries_through(self) -> str | None:
        """Return the layer that paths are carried through, None if they stay where they are."""
        return self.layer if self.plane == "inputs" else None

    def plane_of(self) -> str | None:
        """Return the layer in whose plane the rectangle lies, None for the inputs' plane."""
        return self.layer if self.plane == "layer" else None


class Lattice(NamedTuple):
    """Points over a rectangle: x (columns,), y (rows,), points (rows * columns, 2)."""

    x: np.ndarray
    y: np.ndarray
    points: np.ndarray


class PlaneTracer:
    """Traces paths in the planes of one network.

    Parameters
    ----------
    network : Network
        The recorded network.
    surfaces : callable
        Returns what its outputs span over a plane; it is called for contours only, because grid
        lines can be traced for any network.
    """

    def __init__(self, network: "Network", surfaces: Callable[[], Surfaces]) -> None:
        self._network = network
        self._find_surfaces = surfaces
        self._kept_lattice: tuple[Any, np.ndarray] | None = None

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
            Rings around the regions where a surface is at least at a level.
        boundary : Paths
            The lines where a surface meets the boundary; none for a prediction.
        """
        lattice = Lattice(*contours.lattice(rectangle.xlim, rectangle.ylim, rectangle.resolution))
        rings: list[Paths] = []
        lines: list[Paths] = []
        for chunk in self._chunks(rectangle, len(lattice.points), snapshots):
            of_surface, of_boundary = self._contours_of(rectangle, lattice, chunk)
            rings.append(thinned(of_surface))
            lines.append(thinned(of_boundary))
        return Paths.joined(rings), Paths.joined(lines)

    def _chunks(
        self, rectangle: Rectangle, points: int, snapshots: Sequence[int]
    ) -> Iterator[tuple[int, ...]]:
        """Yield as many snapshots as are traced at once."""
        through = rectangle.slice()
        numbers = len(self._surfaces.classes) if through is None else math.prod(through.shape)
        together = max(1, _LARGEST_LATTICE // (points * max(numbers, 2)))
        for start in range(0, len(snapshots), together):
            yield tuple(snapshots[start : start + together])

    def _contours_of(
        self, rectangle: Rectangle, lattice: Lattice, snapshots: tuple[int, ...]
    ) -> tuple[Paths, Paths]:
        heights = self._lattice_heights(rectangle, lattice, snapshots)
        layer = rectangle.carries_through()
        images = self._images(layer, rectangle.view, lattice.points, snapshots)
        pieces: list[Piece] = []
        filled: list[bool] = []
        for snapshot, height, image in zip(snapshots, heights, images, strict=True):
            folded = None if image is None else image.reshape(*height.shape[:2], 2)
            of_surface = list(self._rings(lattice, height, folded, rectangle, snapshot))
            of_boundary = list(self._lines(lattice, height, snapshot))
            pieces += of_surface + of_boundary
            filled += [True] * len(of_surface) + [False] * len(of_boundary)
        both = self._refined(Paths.from_pieces(pieces), lattice, heights, rectangle, snapshots)
        if layer is not None:
            own = _by_snapshot(both, snapshots)
            carried = list(self._images(layer, rectangle.view, own, snapshots))
            both = dataclasses.replace(both, vertices=np.concatenate(carried))
        return both.where(np.array(filled, bool)), both.where(~np.array(filled, bool))

    @cached_property
    def _surfaces(self) -> Surfaces:
        return self._find_surfaces()

    def _rings(
        self,
        lattice: Lattice,
        height: np.ndarray,
        image: np.ndarray | None,
        rectangle: Rectangle,
        snapshot: int,
    ) -> Iterator[Piece]:
        levels = self._surfaces.levels(rectangle.bands)
        for position, of_class in enumerate(self._surfaces.classes):
            z = height[:, :, position]
            for level, ring in contours.filled_contours(lattice.x, lattice.y, z, levels, image):
                yield Piece(snapshot, level, ring, of_class)

    def _lines(self, lattice: Lattice, height: np.ndarray, snapshot: int) -> Iterator[Piece]:
        even = self._surfaces.boundary
        if even is None:
            return
        for position, of_class in enumerate(self._surfaces.classes):
            z = height[:, :, position]
            for line in contours.contour_lines(lattice.x, lattice.y, z, even):
                yield Piece(snapshot, even, line, of_class)

    def grid(
        self,
        layer: str | None,
        snapshots: Sequence[int],
        *,
        xlim: Limits,
        ylim: Limits,
        lines: int,
        view: Projection | None,
    ) -> Paths:
        """Return grid lines of the inputs' plane as a layer bends them.

        The first `lines` paths of a snapshot have a constant first input, the others a constant
        second input; `Paths.value` numbers them.
        """
        straight = _grid_lines(xlim, ylim, lines, vertices=_VERTICES_PER_GRID_LINE)
        flat = straight.reshape(-1, 2)
        images = self._images(layer, view, flat, snapshots)
        pieces = (
            Piece(snapshot, number, line)
            for snapshot, image in zip(snapshots, images, strict=True)
            for number, line in enumerate(
                (flat if image is None else image).reshape(straight.shape)
            )
        )
        return thinned(Paths.from_pieces(pieces))

    def grid_in_space(
        self, layer: str, snapshots: Sequence[int], *, xlim: Limits, ylim: Limits, lines: int
    ) -> np.ndarray:
        """Return grid lines in a layer's space, (snapshots, lines, vertices, units)."""
        straight = _grid_lines(xlim, ylim, lines, vertices=_VERTICES_PER_LINE_IN_SPACE)
        images = self._images(layer, None, straight.reshape(-1, 2), snapshots)
        return np.stack([image.reshape(*straight.shape[:2], -1) for image in images])

    def _refined(
        self,
        paths: Paths,
        lattice: Lattice,
        heights: np.ndarray,
        rectangle: Rectangle,
        snapshots: tuple[int, ...],
    ) -> Paths:
        """Return contours whose vertices lie where the network is at their level."""
        of_path = np.searchsorted(snapshots, paths.snapshot)
        classes = np.array(self._surfaces.classes)
        own = _by_snapshot(paths, snapshots)
        ends = np.cumsum([len(vertices) for vertices in own])[:-1]
        position = np.repeat(np.searchsorted(classes, paths.of_class), paths.lengths())

        def height(points: np.ndarray) -> np.ndarray:
            every = self._heights(rectangle, np.split(points, ends), snapshots)
            return np.concatenate(list(every))[np.arange(len(points)), position]

        vertices = contours.refined(
            paths.vertices,
            np.repeat(paths.value, paths.lengths()),
            lattice.x,
            lattice.y,
            heights,
            (np.repeat(of_path, paths.lengths()), position),
            height,
        )
        return dataclasses.replace(paths, vertices=vertices)

    def _images(
        self,
        layer: str | None,
        view: Projection | None,
        points: np.ndarray | list[np.ndarray],
        snapshots: Sequence[int],
    ) -> Iterator[Any]:
        """Yield where a layer carries points, None if there is no layer to carry them.

        The points are the same for all snapshots, or each has its own.
        """
        if layer is None:
            yield from (None for _ in snapshots)
            return
        images = self._network.outputs_by_snapshot(layer, points, snapshots)
        for snapshot, image in zip(snapshots, images, strict=True):
            yield image if view is None else view.coordinates(image, snapshot)

    def _lattice_heights(
        self, rectangle: Rectangle, lattice: Lattice, snapshots: tuple[int, ...]
    ) -> np.ndarray:
        """Return the heights over a lattice, shape (snapshots, rows, columns, surfaces).

        They are kept for the next chart that asks for the same.
        """
        through = rectangle.slice()
        key = (
            rectangle.plane_of(),
            through and through.identity,
            lattice.points.tobytes(),
            snapshots,
        )
        if self._kept_lattice is None or self._kept_lattice[0] != key:
            heights = np.stack(list(self._heights(rectangle, lattice.points, snapshots)))
            shape = (len(snapshots), len(lattice.y), len(lattice.x), -1)
            self._kept_lattice = (key, heights.reshape(shape))
        return self._kept_lattice[1]

    def _heights(
        self,
        rectangle: Rectangle,
        points: np.ndarray | list[np.ndarray],
        snapshots: Sequence[int],
    ) -> Iterator[np.ndarray]:
        """Yield each surface's height at points of the rectangle, shape (points, surfaces)."""
        through = rectangle.slice()
        places: np.ndarray | list[np.ndarray] = points
        if through is not None and isinstance(points, np.ndarray) and len(through.bases) == 1:
            places = through.values(points, 0)
        elif through is not None:
            each = [points] * len(snapshots) if isinstance(points, np.ndarray) else points
            places = [
                through.values(own, snapshot) for own, snapshot in zip(each, snapshots, strict=True)
            ]
        outputs = self._network.outputs_by_snapshot(
            None, places, snapshots, plane_of=rectangle.plane_of()
        )
        return (self._surfaces.heights(values) for values in outputs)


def _by_snapshot(paths: Paths, snapshots: Sequence[int] | np.ndarray) -> list[np.ndarray]:
    """Return the vertices of each snapshot; the paths are sorted by snapshot."""
    of_vertex = np.repeat(paths.snapshot, paths.lengths())
    return np.split(paths.vertices, np.searchsorted(of_vertex, snapshots[1:]))


def thinned(paths: Paths) -> Paths:
    """Return the paths without vertices that no chart would show at the snapshot's extent."""
    snapshots, of_path = np.unique(paths.snapshot, return_inverse=True)
    extents = np.zeros(len(snapshots))
    for place, vertices in zip(range(len(snapshots)), _by_snapshot(paths, snapshots), strict=False):
        finite = vertices[np.isfinite(vertices).all(axis=1)]
        extents[place] = np.ptp(finite, axis=0).max() if len(finite) else 0.0
    return paths.simplified(extents[of_path] * _INVISIBLE)


def _grid_lines(xlim: Limits, ylim: Limits, lines: int, *, vertices: int) -> np.ndarray:
    """Return straight grid lines, shape (2 * lines, vertices, 2)."""
    along_x = np.linspace(*xlim, vertices)
    along_y = np.linspace(*ylim, vertices)
    upright = [
        np.stack(np.broadcast_arrays(x, along_y), axis=-1) for x in np.linspace(*xlim, lines)
    ]
    level = [np.stack(np.broadcast_arrays(along_x, y), axis=-1) for y in np.linspace(*ylim, lines)]
    return np.array([*upright, *level])
