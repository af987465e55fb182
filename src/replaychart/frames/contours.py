"""Filled contours and contour lines of a surface over a lattice.

The lattice may be carried elsewhere (through a layer) afterwards, vertex by vertex. A filled
polygon survives that only where the map does not fold the plane: under a fold, the two sides of
the folded part cancel each other, and it would stay empty. `filled_contours` therefore takes the
lattice's image and, where it is folded, traces each side on its own, with the same orientation.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache

import contourpy
import numpy as np

# A map counts as folding if this share of the image's area lies on the other side: less is
# rounding in a saturated layer, and smaller than a pixel.
_FOLDED_SHARE = 1e-4


def lattice(
    xlim: tuple[float, float], ylim: tuple[float, float], resolution: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the points of a lattice over a rectangle.

    Returns
    -------
    x, y : numpy.ndarray of float64, shape (resolution,)
        The lattice's coordinates.
    points : numpy.ndarray of float64, shape (resolution * resolution, 2)
        Its points, row by row: y is constant along a row.
    """
    x, y = np.linspace(*xlim, resolution), np.linspace(*ylim, resolution)
    return x, y, np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def filled_contours(
    x: np.ndarray,
    y: np.ndarray,
    z: np.ndarray,
    levels: np.ndarray,
    image: np.ndarray | None = None,
) -> Iterator[tuple[float, np.ndarray]]:
    """Yield the rings around the regions where a surface is at least at a level.

    Painted one over the other, from low to high, the regions show the surface.

    Parameters
    ----------
    x, y : numpy.ndarray, shape (columns,) and (rows,)
        The lattice.
    z : numpy.ndarray, shape (rows, columns)
        The surface; NaN where there is none.
    levels : numpy.ndarray, shape (levels,)
        Rising. Of the levels that the whole surface exceeds only the highest is drawn.
    image : numpy.ndarray, shape (rows, columns, 2), optional
        Where the lattice will be carried.

    Yields
    ------
    level : float
    ring : numpy.ndarray of float64, shape (vertices, 2)
        In lattice coordinates. Holes run against the ring around them.
    """
    if not np.isfinite(z).any():
        return
    covered = np.flatnonzero(levels <= np.nanmin(z))
    first = covered[-1] if len(covered) else 0
    sides = None if image is None else _sides(image, z)
    if sides is not None:
        folds = _folds(z.shape, sides)
        points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        for level in levels[first:]:
            edges = _ring_edges(_mesh(z.shape)[0], sides, folds, z.ravel() >= level)
            nodes, numbers = np.unique(edges, return_inverse=True)
            positions = _positions(nodes, points, z.ravel(), level)
            for ring in _cycles(numbers.reshape(edges.shape)):
                yield float(level), positions[ring]
        return
    generator = contourpy.contour_generator(
        x, y, np.ma.masked_invalid(z), fill_type=contourpy.FillType.ChunkCombinedOffset
    )
    for level in levels[first:]:
        # contourpy leaves out what lies exactly at the lower level: a probability of 0, say.
        (points,), (offsets,) = generator.filled(float(np.nextafter(level, -np.inf)), np.inf)
        if points is not None:
            yield from ((float(level), ring) for ring in np.split(points, offsets[1:-1]))


def contour_lines(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, level: float
) -> Iterator[np.ndarray]:
    """Yield the lines along which a surface is at a level, each of shape (vertices, 2)."""
    generator = contourpy.contour_generator(
        x, y, np.ma.masked_invalid(z), line_type=contourpy.LineType.ChunkCombinedOffset
    )
    (points,), (offsets,) = generator.lines(float(level))
    if points is not None:
        yield from np.split(points, offsets[1:-1])


def refined(
    vertices: np.ndarray,
    levels: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    z: np.ndarray,
    place: tuple[np.ndarray, np.ndarray],
    surface: Callable[[np.ndarray], np.ndarray],
    *,
    steps: int = 3,
) -> np.ndarray:
    """Move contour vertices along their lattice edges to where the surface is at the level.

    A contour is traced as if the surface were straight between lattice points. Carried through a
    layer that stretches the plane, the difference would show as ripples.

    Parameters
    ----------
    vertices : numpy.ndarray, shape (vertices, 2)
        On edges (or diagonals) of the lattice; lattice points themselves stay where they are.
    levels : numpy.ndarray, shape (vertices,)
        The level of the contour that each belongs to.
    x, y : numpy.ndarray, shape (columns,) and (rows,)
        The lattice.
    z : numpy.ndarray, shape (snapshots, rows, columns, surfaces)
        The surfaces on the lattice.
    place : tuple of numpy.ndarray of int, shape (vertices,)
        The snapshot and the surface that each vertex belongs to, as positions in `z`.
    surface : callable
        Evaluates each vertex' own surface at points of shape (vertices, 2).
    steps : int, default 3
        How many times the surface is evaluated (the Illinois variant of false position).
    """
    (left, right), (below, above) = _neighbours(vertices[:, 0], x), _neighbours(vertices[:, 1], y)
    begin, end = np.stack([x[left], y[below]], axis=1), np.stack([x[right], y[above]], axis=1)
    snapshot, own = place
    f_begin = z[snapshot, below, left, own] - levels
    f_end = z[snapshot, above, right, own] - levels
    # Only what lies between lattice points, with the level in between, can and need move.
    movable = f_begin * f_end < 0
    low, high = np.zeros(len(vertices)), np.ones(len(vertices))
    with np.errstate(invalid="ignore"):  # the level below everything is minus infinity
        share = np.where(movable, f_begin / np.where(movable, f_begin - f_end, 1), 0)
    for _ in range(steps):
        f = surface(begin + share[:, None] * (end - begin)) - levels
        same = f * f_begin > 0
        f_end, f_begin = np.where(same, f_end / 2, f), np.where(same, f, f_begin / 2)
        low, high = np.where(same, share, low), np.where(same, high, share)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = low + (high - low) * f_begin / (f_begin - f_end)
        share = np.clip(np.nan_to_num(share), 0, 1)
    return np.where(movable[:, None], begin + share[:, None] * (end - begin), vertices)


def _neighbours(values: np.ndarray, lattice: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lattice positions around each value; the same one twice for a value on it."""
    place = (values - lattice[0]) / (lattice[-1] - lattice[0]) * (len(lattice) - 1)
    nearest = np.rint(place)
    on = np.abs(place - nearest) < 1e-9 * len(lattice)
    low = np.where(on, nearest, np.floor(place)).astype(np.int64)
    high = np.where(on, nearest, np.floor(place) + 1).astype(np.int64)
    return np.clip(low, 0, len(lattice) - 1), np.clip(high, 0, len(lattice) - 1)


def _sides(image: np.ndarray, z: np.ndarray) -> np.ndarray | None:
    """Return +1, -1 or 0 for each triangle of a folded image, None if it is not folded."""
    corner = image.astype(np.float64)
    diagonal = corner[1:, 1:] - corner[:-1, :-1]
    areas = np.concatenate(
        [
            _areas(corner[:-1, 1:] - corner[:-1, :-1], diagonal),
            _areas(diagonal, corner[1:, :-1] - corner[:-1, :-1]),
        ]
    )
    upwards, downwards = areas[areas > 0].sum(), -areas[areas < 0].sum()
    if not min(upwards, downwards) > _FOLDED_SHARE * (upwards + downwards):
        return None
    # Triangles that the layer has pressed flat have no inside to fill, and no side to be sure of.
    known = np.isfinite(areas) & np.isfinite(z.ravel()[_mesh(z.shape)[0]]).all(axis=1)
    flat = np.abs(areas) < 1e-6 * (upwards + downwards) / len(areas)
    return np.where(known & ~flat, np.sign(areas), 0).astype(np.int8)


def _areas(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return twice the signed areas of the triangles that pairs of sides span, in one row."""
    return (first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]).ravel()


@lru_cache(maxsize=8)
def _mesh(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a lattice's triangles and edges.

    Returns
    -------
    triangles : numpy.ndarray of int64, shape (triangles, 3)
        Corner numbers, anticlockwise.
    edges : numpy.ndarray of int64, shape (edges, 2)
        Corner numbers, the lower first.
    beside : numpy.ndarray of int64, shape (edges, 2)
        The triangle on the left of each edge and that on its right, -1 for none.
    """
    corner = np.arange(shape[0] * shape[1]).reshape(shape)
    lower_left, lower_right = corner[:-1, :-1].ravel(), corner[:-1, 1:].ravel()
    upper_left, upper_right = corner[1:, :-1].ravel(), corner[1:, 1:].ravel()
    triangles = np.concatenate(
        [
            np.stack([lower_left, lower_right, upper_right], axis=1),
            np.stack([lower_left, upper_right, upper_left], axis=1),
        ]
    )
    directed = np.concatenate([triangles[:, [i, (i + 1) % 3]] for i in range(3)])
    of_triangle = np.tile(np.arange(len(triangles)), 3)
    edges, number = np.unique(np.sort(directed, axis=1), axis=0, return_inverse=True)
    beside = np.full((len(edges), 2), -1)
    # A triangle lies on the left of the edges that it runs through upwards.
    beside[number.ravel(), (directed[:, 0] > directed[:, 1]).astype(int)] = of_triangle
    return triangles, edges, beside


def _folds(shape: tuple[int, int], sides: np.ndarray) -> np.ndarray:
    """Return the directed edges at which a side of the image ends, shape (edges, 2).

    Each triangle is run around anticlockwise in the image. Neighbours of one side run through
    their common edge against each other, which leaves nothing; at a fold both run the same way.
    """
    _, edges, beside = _mesh(shape)
    of_triangle = np.append(sides, 0)
    net = of_triangle[beside[:, 0]] - of_triangle[beside[:, 1]]
    turned = np.where((net < 0)[:, None], edges[:, ::-1], edges)
    return np.repeat(turned, np.abs(net), axis=0)


def _ring_edges(
    triangles: np.ndarray, sides: np.ndarray, folds: np.ndarray, inside: np.ndarray
) -> np.ndarray:
    """Return the directed edges around the triangles' parts inside, shape (edges, 2).

    A node below ``corners`` is a lattice corner; any other, ``corners * (a + 1) + b``, is the
    place between corners ``a < b`` where the surface crosses the level.
    """
    corners = len(inside)

    def crossing(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return corners * (np.minimum(a, b) + 1) + np.maximum(a, b)

    begin, end = folds.T
    cut = crossing(begin, end)
    touched = inside[begin] | inside[end]
    along = np.stack([np.where(inside[begin], begin, cut), np.where(inside[end], end, cut)], axis=1)
    pieces = [along[touched]]
    crossed = (sides != 0) & ~np.isin(inside[triangles].sum(axis=1), (0, 3))
    for corner in range(3):
        # Turned so that the corner which is alone on its side comes first.
        a, b, c = np.roll(triangles[crossed], -corner, axis=1).T
        alone = (inside[a] != inside[b]) & (inside[b] == inside[c])
        across = np.stack([crossing(a, b), crossing(c, a)], axis=1)
        backwards = inside[a] != (sides[crossed] > 0)
        pieces.append(np.where(backwards[:, None], across[:, ::-1], across)[alone])
    return np.concatenate(pieces)


def _positions(nodes: np.ndarray, points: np.ndarray, z: np.ndarray, level: float) -> np.ndarray:
    corners = len(points)
    a = np.where(nodes < corners, nodes, nodes // corners - 1)
    b = np.where(nodes < corners, nodes, nodes % corners)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(a == b, 0.0, (level - z[a]) / (z[b] - z[a]))
    return points[a] + share[:, None] * (points[b] - points[a])


def _cycles(edges: np.ndarray) -> Iterator[list[int]]:
    """Yield closed walks that together run through every edge once."""
    onwards: dict[int, list[int]] = {}
    for begin, end in edges.tolist():
        onwards.setdefault(begin, []).append(end)
    for start in list(onwards):
        while onwards[start]:
            ring = [start]
            while True:
                ring.append(onwards[ring[-1]].pop())
                if ring[-1] == start:
                    break
            yield ring
