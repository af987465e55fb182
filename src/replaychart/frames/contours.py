"""Filled contours and contour lines of a surface over a lattice.

The lattice may be carried elsewhere (through a layer) afterwards, vertex by vertex. A filled
polygon survives that only where the map does not fold the plane: under a fold, the two sides of
the folded part cancel each other, and it would stay empty. `filled_contours` therefore takes the
lattice's image and, where it is folded, traces each side on its own, with the same orientation.
"""

from collections.abc import Iterator

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
    sides = None if image is None else _sides(image)
    if sides is not None:
        triangles = _triangles(z.shape, sides)
        points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        for level in levels[first:]:
            for ring in _traced(triangles, points, z.ravel(), level):
                yield float(level), ring
        return
    generator = contourpy.contour_generator(
        x, y, np.ma.masked_invalid(z), fill_type=contourpy.FillType.ChunkCombinedOffset
    )
    for level in levels[first:]:
        (points,), (offsets,) = generator.filled(float(level), np.inf)
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


def _sides(image: np.ndarray) -> np.ndarray | None:
    """Return +1, -1 or 0 for each triangle of a folded image, None if it is not folded."""
    corners = image.reshape(-1, 2)[_lattice_triangles(image.shape[:2])].astype(np.float64)
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    areas = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    total = np.nansum(np.abs(areas))
    lesser = min(np.nansum(areas[areas > 0]), -np.nansum(areas[areas < 0]))
    if not lesser > _FOLDED_SHARE * total:
        return None
    # Triangles that the layer has pressed flat have no inside to fill, and no side to be sure of.
    flat = np.abs(areas) < 1e-6 * total / len(areas)
    return np.where(flat | ~np.isfinite(areas), 0, np.sign(areas)).astype(np.int8)


def _lattice_triangles(shape: tuple[int, ...]) -> np.ndarray:
    """Return the lattice's triangles as corner numbers, shape (triangles, 3), anticlockwise."""
    corner = np.arange(shape[0] * shape[1]).reshape(shape)
    lower_left, lower_right = corner[:-1, :-1].ravel(), corner[:-1, 1:].ravel()
    upper_left, upper_right = corner[1:, :-1].ravel(), corner[1:, 1:].ravel()
    return np.concatenate(
        [
            np.stack([lower_left, lower_right, upper_right], axis=1),
            np.stack([lower_left, upper_right, upper_left], axis=1),
        ]
    )


def _triangles(shape: tuple[int, ...], sides: np.ndarray) -> np.ndarray:
    """Return the triangles that have an image, each anticlockwise in the image."""
    triangles = _lattice_triangles(shape)
    turned = triangles[:, [0, 2, 1]]
    return np.where((sides < 0)[:, None], turned, triangles)[sides != 0]


def _traced(
    triangles: np.ndarray, points: np.ndarray, z: np.ndarray, level: float
) -> Iterator[np.ndarray]:
    """Yield the rings around the parts of the triangles where z >= level."""
    finite = np.isfinite(z[triangles]).all(axis=1)
    edges = _clipped_edges(triangles[finite], z >= level, len(points))
    nodes, numbered = np.unique(edges, return_inverse=True)
    positions = _positions(nodes, points, z, level)
    for ring in _cycles(_boundary(numbered.reshape(edges.shape), len(nodes))):
        yield positions[ring]


def _clipped_edges(triangles: np.ndarray, inside: np.ndarray, corners: int) -> np.ndarray:
    """Return the directed edges of the triangles' parts inside, shape (edges, 2).

    A node below ``corners`` is a lattice corner; any other, ``corners * (a + 1) + b``, is the
    place between corners ``a < b`` where the surface crosses the level.
    """

    def crossing(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return corners * (np.minimum(a, b) + 1) + np.maximum(a, b)

    count = inside[triangles].sum(axis=1)
    whole = triangles[count == 3]
    edges = [whole[:, [i, (i + 1) % 3]] for i in range(3)]
    for corner in range(3):
        # Turned so that the corner which is alone on its side comes first.
        a, b, c = np.roll(triangles, -corner, axis=1).T
        alone_in = (count == 1) & inside[a]
        alone_out = (count == 2) & ~inside[a]
        ab, ca = crossing(a, b), crossing(c, a)
        edges += [np.stack(pair, axis=1)[alone_in] for pair in ((a, ab), (ab, ca), (ca, a))]
        edges += [
            np.stack(pair, axis=1)[alone_out] for pair in ((ab, b), (b, c), (c, ca), (ca, ab))
        ]
    return np.concatenate(edges)


def _boundary(edges: np.ndarray, nodes: int) -> np.ndarray:
    """Return the edges that no neighbour runs through the other way."""
    there = edges[:, 0] * nodes + edges[:, 1]
    back = edges[:, 1] * nodes + edges[:, 0]
    return edges[~np.isin(there, back)]


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
