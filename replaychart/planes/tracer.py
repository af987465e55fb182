"""Traces grid lines, surfaces and boundaries in a plane, and maps them through layers."""

import dataclasses
import math
from collections.abc import Callable, Container, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from replaychart.network.batches import whole
from replaychart.network.protocol import RecordedNetwork
from replaychart.planes import contours, folds, regions
from replaychart.planes.extents import Limits, shared_spans
from replaychart.planes.paths import Paths, Piece, needed_vertices, stretched
from replaychart.planes.projections import Projection
from replaychart.planes.rectangle import Rectangle
from replaychart.planes.surfaces import Surfaces
from replaychart.planes.tracings import Kind, Lattice, Tracing, assembled, grouped, traced

# A vertex is left out if that moves the path by less than this share of the picture: a quarter of a
# pixel in a chart 500 pixels wide.
_INVISIBLE = 1 / 2000
# The same for lines at many levels, only one of which is shown: half a pixel at 400 pixels.
_HARDLY_VISIBLE = 1 / 800
# The images of a folded layer's sheets are united on a grid that is this many times finer.
_GRIDS_PER_INVISIBLE = 4
# How many times the determinant is evaluated at a vertex of a fold. It may jump there, so each
# evaluation only halves the uncertainty.
_STEPS_TO_A_FOLD = 4
_VERTICES_PER_GRID_LINE = 101
# Values of the only feature of the inputs at which units are evaluated.
_CELLS_OF_A_LINE = 48
# Fewer, because here no vertices are left out afterwards.
_VERTICES_PER_LINE_IN_SPACE = 25
# The number of lattice values that are evaluated at once, for several snapshots: 100 MB.
_LARGEST_LATTICE = 25_000_000


class PlaneTracer:
    """Traces paths in the planes of one network.

    Parameters
    ----------
    network : RecordedNetwork
        The recorded network.
    surfaces : callable
        Returns the surfaces of the network's outputs. It is called only for contours, because grid
        lines can be traced for any network.
    """

    def __init__(self, network: RecordedNetwork, surfaces: Callable[[], Surfaces]) -> None:
        self._network = network
        self._find_surfaces = surfaces
        self._kept_lattice: tuple[Any, np.ndarray] | None = None

    def contours(self, rectangle: Rectangle, snapshots: Sequence[int]) -> tuple[Paths, Paths]:
        """Return the surface and the decision boundary.

        Parameters
        ----------
        rectangle : Rectangle
        snapshots : sequence of int
            Positions in the recording.

        Returns
        -------
        surface : Paths
            Rings around the regions where a surface is at or above a level.
        boundary : Paths
            The lines where a surface is at the level of the boundary; none for a prediction.
        """
        lattice = Lattice(*contours.lattice(rectangle.xlim, rectangle.ylim, rectangle.resolution))
        rings: list[Paths] = []
        lines: list[Paths] = []
        for chunk in self._chunks(rectangle, len(lattice.points), snapshots):
            of_surface, of_boundary = self._contours_of(rectangle, lattice, chunk)
            rings.append(thinned(of_surface))
            lines.append(thinned(of_boundary))
        return Paths.joined(rings), Paths.joined(lines)

    def level_lines(
        self, rectangle: Rectangle, levels: Sequence[float], snapshots: Sequence[int]
    ) -> Paths:
        """Return the lines where the only surface is at each of several levels, as their value."""
        lattice = Lattice(*contours.lattice(rectangle.xlim, rectangle.ylim, rectangle.resolution))
        (of_class,) = self._surfaces.classes
        found: list[Paths] = []
        for chunk in self._chunks(rectangle, len(lattice.points), snapshots):
            scores = self._lattice_scores(rectangle, lattice, chunk)
            tracings = [
                Tracing(Kind.LINE, Piece(snapshot, level, line, of_class), 0)
                for snapshot, score in zip(chunk, scores, strict=True)
                for surface in [contours.Contours(lattice.x, lattice.y, score[:, :, 0])]
                for level in levels
                for line in surface.lines(level)
            ]
            tracings = self._refined(tracings, lattice, scores, rectangle, chunk)
            lines = [tracing.piece for tracing in tracings]
            layer = rectangle.carries_through()
            if layer is not None:
                (lines,) = self._carried([lines], layer, rectangle.view, chunk)
            paths = Paths.from_pieces(lines)
            found.append(paths.simplified(_extents(paths) * _HARDLY_VISIBLE))
        return Paths.joined(found)

    def _chunks(
        self, rectangle: Rectangle, points: int, snapshots: Sequence[int]
    ) -> Iterator[tuple[int, ...]]:
        """Yield groups of snapshots that are traced together."""
        through = rectangle.slice()
        numbers = len(self._surfaces.classes) if through is None else math.prod(through.shape)
        together = max(1, _LARGEST_LATTICE // (points * max(numbers, 2)))
        for start in range(0, len(snapshots), together):
            yield tuple(snapshots[start : start + together])

    def _contours_of(
        self, rectangle: Rectangle, lattice: Lattice, snapshots: tuple[int, ...]
    ) -> tuple[Paths, Paths]:
        scores = self._lattice_scores(rectangle, lattice, snapshots)
        layer = rectangle.carries_through()
        images = self._images(layer, rectangle.view, lattice.points, snapshots)
        tracings: list[Tracing] = []
        determinants: dict[int, np.ndarray] = {}
        for snapshot, score, image in zip(snapshots, scores, images, strict=True):
            tracings += traced(lattice, score, self._surfaces, rectangle.bands, snapshot)
            if image is not None:
                square = image.reshape(*score.shape[:2], 2)
                if folds.folds(square):
                    determinants[snapshot] = folds.determinants(square)
        tracings = self._refined(tracings, lattice, scores, rectangle, snapshots)
        surface, boundary = assembled(tracings)
        if layer is not None:
            cut = self._cut_at_folds(surface, lattice, determinants, rectangle)
            cut, boundary = self._carried([cut, boundary], layer, rectangle.view, snapshots)
            surface = united_sheets(cut, determinants)
        return Paths.from_pieces(surface), Paths.from_pieces(boundary)

    @cached_property
    def _surfaces(self) -> Surfaces:
        return self._find_surfaces()

    def _cut_at_folds(
        self,
        pieces: list[Piece],
        lattice: Lattice,
        determinants: dict[int, np.ndarray],
        rectangle: Rectangle,
    ) -> list[Piece]:
        """Return regions cut into parts on one sheet each, whose images are anticlockwise."""
        if not determinants:
            return pieces
        found = [piece for piece in pieces if piece.snapshot not in determinants]
        folded = [piece for piece in pieces if piece.snapshot in determinants]
        firsts, group = grouped(folded)
        whole = regions.united([piece.vertices for piece in folded], group, len(firsts))
        sheets = self._sheets(lattice, determinants, rectangle)
        for side in (1, -1):
            own = np.array([sheets[first.snapshot, side] for first in firsts], object)
            found += [
                firsts[number]._replace(vertices=ring[::side])
                for number, ring in regions.outlines(regions.common(whole, own))
            ]
        return sorted(found, key=lambda piece: piece.snapshot)

    def _sheets(
        self, lattice: Lattice, determinants: dict[int, np.ndarray], rectangle: Rectangle
    ) -> dict[tuple[int, int], Any]:
        """Return the sheets of a layer, by snapshot and orientation."""
        snapshots = sorted(determinants)
        pieces = [
            Piece(snapshot, side, ring)
            for snapshot in snapshots
            for side, ring in folds.sheets(lattice.x, lattice.y, determinants[snapshot])
        ]
        paths = Paths.from_pieces(pieces)
        of_vertex = np.repeat(paths.snapshot, paths.lengths())
        of_snapshot = np.searchsorted(snapshots, of_vertex)
        every = np.stack([determinants[snapshot] for snapshot in snapshots])
        steps = folds.steps(lattice.x, lattice.y)

        def determinant(points: np.ndarray, which: np.ndarray) -> np.ndarray:
            around = (points[:, None] + steps).reshape(-1, 2)
            of_point = np.repeat(of_vertex[which], len(steps))
            split = np.split(around, np.searchsorted(of_point, snapshots[1:]))
            images = self._images(rectangle.layer, rectangle.view, split, snapshots)
            return folds.determinant_of_steps(np.concatenate(list(images)).reshape(-1, 3, 2))

        vertices = contours.refined(
            paths.vertices,
            np.zeros(len(paths.vertices)),
            lattice.x,
            lattice.y,
            lambda row, column: every[of_snapshot, row, column],
            determinant,
            steps=_STEPS_TO_A_FOLD,
        )
        paths = self._bent(dataclasses.replace(paths, vertices=vertices), rectangle, snapshots)
        keys = [(snapshot, side) for snapshot in snapshots for side in (1, -1)]
        group = [keys.index((piece.snapshot, int(piece.value))) for piece in pieces]
        rings = [piece.vertices for piece in paths.pieces()]
        return dict(zip(keys, regions.united(rings, np.array(group), len(keys)), strict=True))

    def _bent(self, paths: Paths, rectangle: Rectangle, snapshots: Sequence[int]) -> Paths:
        """Return paths with additional vertices on segments that the layer bends."""
        dense = Paths.from_pieces(
            piece._replace(vertices=folds.divided(piece.vertices)) for piece in paths.pieces()
        )
        images = self._images(
            rectangle.layer, rectangle.view, _by_snapshot(dense, snapshots), snapshots
        )
        carried = dataclasses.replace(dense, vertices=np.concatenate(list(images)))
        tolerance = _extents(carried) * _INVISIBLE / _GRIDS_PER_INVISIBLE
        return Paths.from_pieces(
            piece._replace(vertices=piece.vertices[folds.bent(image.vertices, least)])
            for piece, image, least in zip(dense.pieces(), carried.pieces(), tolerance, strict=True)
        )

    def _carried(
        self,
        parts: list[list[Piece]],
        layer: str,
        view: Projection | None,
        snapshots: tuple[int, ...],
    ) -> list[list[Piece]]:
        """Return the images of several lists of paths under a layer, in a single evaluation."""
        pieces = [(piece, part) for part, own in enumerate(parts) for piece in own]
        pieces.sort(key=lambda item: item[0].snapshot)
        paths = Paths.from_pieces(piece for piece, _ in pieces)
        images = list(self._images(layer, view, _by_snapshot(paths, snapshots), snapshots))
        paths = dataclasses.replace(paths, vertices=np.concatenate(images))
        carried: list[list[Piece]] = [[] for _ in parts]
        for piece, (_, part) in zip(paths.pieces(), pieces, strict=True):
            carried[part].append(piece)
        return carried

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
        """Return grid lines of the input plane as a layer bends them.

        Along the first `lines` paths of a snapshot, the first input is constant; along the others,
        the second input is. `Paths.value` is the number of the line.
        """
        straight = straight_grid(xlim, ylim, lines)
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
        straight = straight_grid(xlim, ylim, lines, vertices=_VERTICES_PER_LINE_IN_SPACE)
        images = self._images(layer, None, straight.reshape(-1, 2), snapshots)
        return np.stack([image.reshape(*straight.shape[:2], -1) for image in images])

    def units(self, layer: str, rectangle: Rectangle, snapshots: Sequence[int]) -> np.ndarray:
        """Return a layer's outputs in the cells of a rectangle of the input plane.

        Returns
        -------
        numpy.ndarray of float32, shape (snapshots, rows, columns, units)
            At the centers of the cells. The first row has the lowest y.
        """
        count = rectangle.resolution
        outputs = self._network.outputs_by_snapshot(layer, rectangle.cell_inputs(), snapshots)
        return np.stack([values.reshape(count, count, -1) for values in outputs])

    def unit_values(
        self,
        layers: Sequence[str],
        where: Rectangle | Limits,
        snapshots: Sequence[int],
        *,
        before: bool,
    ) -> list[np.ndarray]:
        """Return activations of layers, or what comes before, as `units` returns outputs.

        Parameters
        ----------
        layers : sequence of str
        where : Rectangle or tuple of float
            A rectangle of the input plane, or the limits of the only feature.
        snapshots : sequence of int
        before : bool
            Whether to return pre-activations.
        """
        if isinstance(where, Rectangle):
            places, shape = where.cell_inputs(), (where.resolution, where.resolution)
        else:
            places, shape = _centers_along(where), (1, _CELLS_OF_A_LINE)
        every = self._network.layers_by_snapshot(
            layers, places, snapshots, before_activation=before
        )
        columns = zip(*every, strict=True)
        return [np.stack([whole(own).reshape(*shape, -1) for own in column]) for column in columns]

    def unit_boundaries(self, layer: str, rectangle: Rectangle, snapshots: Sequence[int]) -> Paths:
        """Return the lines where the pre-activation of each unit of a layer is 0.

        Returns
        -------
        Paths
            In a rectangle of the input plane. `Paths.value` is the number of the unit, from 0.
        """
        lattice = Lattice(*contours.lattice(rectangle.xlim, rectangle.ylim, rectangle.resolution))
        return Paths.joined(
            [
                thinned(self._unit_boundaries(layer, rectangle, lattice, chunk))
                for chunk in self._chunks_of_units(layer, rectangle, lattice, snapshots)
            ]
        )

    def _chunks_of_units(
        self, layer: str, rectangle: Rectangle, lattice: Lattice, snapshots: Sequence[int]
    ) -> Iterator[tuple[int, ...]]:
        """Yield groups of snapshots whose pre-activations fit into memory."""
        (few,) = self._pre_activations(layer, rectangle, lattice.points[:1], snapshots[:1])
        together = max(1, _LARGEST_LATTICE // (len(lattice.points) * few.shape[1]))
        for start in range(0, len(snapshots), together):
            yield tuple(snapshots[start : start + together])

    def _unit_boundaries(
        self, layer: str, rectangle: Rectangle, lattice: Lattice, snapshots: Sequence[int]
    ) -> Paths:
        each = self._pre_activations(layer, rectangle, lattice.points, snapshots)
        shape = (len(lattice.y), len(lattice.x), -1)
        values = np.stack([own.reshape(shape) for own in each])
        paths = Paths.from_pieces(
            Piece(snapshot, float(unit), line)
            for snapshot, own in zip(snapshots, values, strict=True)
            for unit in range(own.shape[-1])
            for line in contours.Contours(lattice.x, lattice.y, own[..., unit]).lines(0)
        )
        lengths = paths.lengths()
        of_snapshot = np.repeat(np.searchsorted(snapshots, paths.snapshot), lengths)
        of_unit = np.repeat(paths.value.astype(np.int64), lengths)

        def on_lattice(row: np.ndarray, column: np.ndarray) -> np.ndarray:
            return values[of_snapshot, row, column, of_unit].astype(np.float64)

        def at(points: np.ndarray, which: np.ndarray) -> np.ndarray:
            ends = np.searchsorted(of_snapshot[which], np.arange(1, len(snapshots)))
            split = np.split(points, ends)
            every = np.concatenate(list(self._pre_activations(layer, rectangle, split, snapshots)))
            return every[np.arange(len(every)), of_unit[which]].astype(np.float64)

        vertices = contours.refined(
            paths.vertices, np.zeros(len(of_unit)), lattice.x, lattice.y, on_lattice, at
        )
        return dataclasses.replace(paths, vertices=vertices)

    def _pre_activations(
        self,
        layer: str,
        rectangle: Rectangle,
        points: np.ndarray | list[np.ndarray],
        snapshots: Sequence[int],
    ) -> Iterator[np.ndarray]:
        """Yield the pre-activations of a layer at points of a rectangle, shape (points, units)."""
        through = rectangle.slice()
        places: np.ndarray | list[np.ndarray] = points
        if through is not None:
            every = points if isinstance(points, list) else [points]
            own = [through.values(some, 0) for some in every]
            places = own if isinstance(points, list) else own[0]
        for (batches,) in self._network.layers_by_snapshot(
            [layer], places, snapshots, before_activation=True
        ):
            values = whole(batches)
            yield values.reshape(len(values), -1)

    def _refined(
        self,
        tracings: list[Tracing],
        lattice: Lattice,
        scores: np.ndarray,
        rectangle: Rectangle,
        snapshots: tuple[int, ...],
    ) -> list[Tracing]:
        """Return tracings with their vertices moved to where the network is at their level."""
        paths = Paths.from_pieces(tracing.piece for tracing in tracings)
        lengths = paths.lengths()
        of_snapshot = np.repeat(np.searchsorted(snapshots, paths.snapshot), lengths)
        own = np.repeat(np.array([tracing.own for tracing in tracings], np.int64), lengths)
        rival = np.repeat(np.array([tracing.rival for tracing in tracings], np.int64), lengths)
        shape = scores.shape[:3]
        flat = scores.reshape(-1, scores.shape[3])

        def on_lattice(row: np.ndarray, column: np.ndarray) -> np.ndarray:
            place = np.ravel_multi_index((of_snapshot, row, column), shape)
            return self._surfaces.leads(flat, place, own, rival)

        def at(points: np.ndarray, which: np.ndarray) -> np.ndarray:
            split = np.split(points, np.searchsorted(of_snapshot[which], places[1:]))
            every = np.concatenate(list(self._scores(rectangle, split, snapshots)))
            return self._surfaces.leads(every, np.arange(len(every)), own[which], rival[which])

        places = np.arange(len(snapshots))
        vertices = contours.refined(
            paths.vertices, np.repeat(paths.value, lengths), lattice.x, lattice.y, on_lattice, at
        )
        paths = dataclasses.replace(paths, vertices=vertices)
        return [
            tracing._replace(piece=piece)
            for tracing, piece in zip(tracings, paths.pieces(), strict=True)
        ]

    def _images(
        self,
        layer: str | None,
        view: Projection | None,
        points: np.ndarray | list[np.ndarray],
        snapshots: Sequence[int],
    ) -> Iterator[Any]:
        """Yield the images of points under a layer at each snapshot; None if there is no layer.

        The points are the same for all snapshots, or a list with an array for each.
        """
        if layer is None:
            yield from (None for _ in snapshots)
            return
        images = self._network.outputs_by_snapshot(layer, points, snapshots)
        for snapshot, image in zip(snapshots, images, strict=True):
            if view is None:
                yield image
            else:  # A user's projection may reject an empty array.
                yield view.coordinates(image, snapshot) if len(image) else np.empty((0, 2))

    def _lattice_scores(
        self, rectangle: Rectangle, lattice: Lattice, snapshots: tuple[int, ...]
    ) -> np.ndarray:
        """Return the scores over a lattice, shape (snapshots, rows, columns, surfaces).

        They are kept, because another chart may need the same ones next.
        """
        through = rectangle.slice()
        key = (
            rectangle.plane_of(),
            through and through.identity,
            lattice.points.tobytes(),
            snapshots,
        )
        if self._kept_lattice is None or self._kept_lattice[0] != key:
            scores = np.stack(list(self._scores(rectangle, lattice.points, snapshots)))
            shape = (len(snapshots), len(lattice.y), len(lattice.x), -1)
            self._kept_lattice = (key, scores.reshape(shape))
        return self._kept_lattice[1]

    def _scores(
        self,
        rectangle: Rectangle,
        points: np.ndarray | list[np.ndarray],
        snapshots: Sequence[int],
    ) -> Iterator[np.ndarray]:
        """Yield the surfaces' scores at points of the rectangle, shape (points, surfaces)."""
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
        return (self._surfaces.scores(values) for values in outputs)


def _by_snapshot(paths: Paths, snapshots: Sequence[int] | np.ndarray) -> list[np.ndarray]:
    """Return the vertices of each snapshot, given paths that are sorted by snapshot."""
    of_vertex = np.repeat(paths.snapshot, paths.lengths())
    return np.split(paths.vertices, np.searchsorted(of_vertex, snapshots[1:]))


def united_sheets(pieces: list[Piece], folded: Container[int]) -> list[Piece]:
    """Return regions in which, at folded snapshots, the images of several sheets are united."""
    found = [piece for piece in pieces if piece.snapshot not in folded]
    pieces = [piece for piece in pieces if piece.snapshot in folded]
    firsts, group = grouped(pieces)
    # Rounded to a grid, parts that the layer flattens become points and lines, and vanish.
    grid = _extents(Paths.from_pieces(pieces)) * _INVISIBLE / _GRIDS_PER_INVISIBLE
    thin = Paths.from_pieces(pieces).simplified(grid).pieces()
    rounded = [
        np.rint(piece.vertices.astype(np.float64) / step) * step if step.all() else piece.vertices
        for piece, step in zip(thin, grid, strict=True)
    ]
    whole = regions.united(rounded, group, len(firsts))
    united = [firsts[number]._replace(vertices=ring) for number, ring in regions.outlines(whole)]
    least = dict(zip((piece.snapshot for piece in pieces), grid, strict=True))
    wide = regions.widths([stretched(one.vertices, least[one.snapshot]) for one in united])
    found += [
        piece for piece, width in zip(united, wide, strict=True) if width > least[piece.snapshot][0]
    ]
    return sorted(found, key=lambda piece: piece.snapshot)


def thinned(paths: Paths) -> Paths:
    """Return the paths without vertices that make no visible difference in a chart."""
    return paths.simplified(_extents(paths) * _INVISIBLE)


def visible_vertices(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return lines without the vertices that make no visible difference at any snapshot.

    Parameters
    ----------
    lines : numpy.ndarray of float64, shape (lines, vertices, snapshots, 2)

    Returns
    -------
    vertices : numpy.ndarray of float64, shape (kept, snapshots, 2)
    line : numpy.ndarray of int64, shape (kept,)
        The number of the line of each.
    """
    every = lines.reshape(-1, *lines.shape[2:])
    finite = np.isfinite(every).all(axis=2, keepdims=True)
    low, high = (
        edge(np.where(finite, every, replaced), axis=0)
        for edge, replaced in ((np.min, np.inf), (np.max, -np.inf))
    )
    tolerance = shared_spans(np.where(high > low, high - low, 1.0)) * _HARDLY_VISIBLE
    kept = np.stack([needed_vertices(one / tolerance) for one in lines])
    return lines[kept], np.nonzero(kept)[0]


def _extents(paths: Paths) -> np.ndarray:
    """Return, for each path, what a picture of all paths of its snapshot extends over, (paths, 2).

    In x and in y; the larger of the two for both, where they share a scale.
    """
    snapshots, of_path = np.unique(paths.snapshot, return_inverse=True)
    extents = np.zeros((len(snapshots), 2))
    for place, vertices in zip(range(len(snapshots)), _by_snapshot(paths, snapshots), strict=False):
        finite = vertices[np.isfinite(vertices).all(axis=1)]
        if len(finite):
            extents[place] = np.ptp(finite, axis=0)
    return shared_spans(extents)[of_path]


def straight_grid(
    xlim: Limits, ylim: Limits, lines: int, *, vertices: int = _VERTICES_PER_GRID_LINE
) -> np.ndarray:
    """Return the grid lines of the input plane, shape (2 * lines, vertices, 2)."""
    along_x = np.linspace(*xlim, vertices)
    along_y = np.linspace(*ylim, vertices)
    upright = [
        np.stack(np.broadcast_arrays(x, along_y), axis=-1) for x in np.linspace(*xlim, lines)
    ]
    level = [np.stack(np.broadcast_arrays(along_x, y), axis=-1) for y in np.linspace(*ylim, lines)]
    return np.array([*upright, *level])


def _centers_along(limits: Limits) -> np.ndarray:
    """Return evenly spaced values of the only feature of the inputs, shape (cells, 1)."""
    low, high = limits
    half = (high - low) / _CELLS_OF_A_LINE / 2
    return np.linspace(low + half, high - half, _CELLS_OF_A_LINE)[:, None]
