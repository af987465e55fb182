"""Filled contours and contour lines of a surface over a lattice.

Their vertices can then be mapped elsewhere, for example through a layer.
"""

from collections.abc import Callable
from typing import Any

import contourpy
import numpy as np


def lattice(
    xlim: tuple[float, float], ylim: tuple[float, float], resolution: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the points of a lattice over a rectangle.

    Returns
    -------
    x, y : numpy.ndarray of float64, shape (resolution,)
        The coordinates of its columns and rows.
    points : numpy.ndarray of float64, shape (resolution * resolution, 2)
        Its points, row by row: y is constant within a row.
    """
    x, y = np.linspace(*xlim, resolution), np.linspace(*ylim, resolution)
    return x, y, np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def outline(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the anticlockwise ring around a lattice, through all points of its border."""
    low, right = np.full(len(x), y[0]), np.full(len(y), x[-1])
    high, left = np.full(len(x), y[-1]), np.full(len(y), x[0])
    sides = [(x, low), (right, y), (x[::-1], high), (left, y[::-1])]
    return np.concatenate([*(np.stack(side, axis=1)[:-1] for side in sides), [[x[0], y[0]]]])


def levels_shown(z: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return the levels to paint, with only the highest of those below the whole surface.

    Parameters
    ----------
    z : numpy.ndarray, shape (rows, columns)
        The surface; NaN where it is undefined.
    levels : numpy.ndarray, shape (levels,)
        In increasing order.
    """
    if not np.isfinite(z).any():
        return levels[:0]
    covered = np.flatnonzero(levels <= np.nanmin(z))
    return levels[covered[-1] if len(covered) else 0 :]


class Contours:
    """Contours of a surface over a lattice, in lattice coordinates.

    Parameters
    ----------
    x, y : numpy.ndarray, shape (columns,) and (rows,)
        The lattice.
    z : numpy.ndarray, shape (rows, columns)
        The surface; NaN where it is undefined.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> None:
        self._generator = contourpy.contour_generator(
            x,
            y,
            z,
            fill_type=contourpy.FillType.ChunkCombinedOffset,
            line_type=contourpy.LineType.ChunkCombinedOffset,
        )

    def filled(self, level: float) -> list[np.ndarray]:
        """Return rings around the regions where the surface is at or above a level.

        Each has the shape (vertices, 2). Holes have the opposite orientation of the ring around
        them.
        """
        # contourpy excludes values exactly at the lower level, such as a probability of 0.
        return _split(*self._generator.filled(float(np.nextafter(level, -np.inf)), np.inf))

    def filled_below(self, level: float) -> list[np.ndarray]:
        """Return rings around the regions where the surface is below a level; see `filled`."""
        return _split(*self._generator.filled(-np.inf, float(np.nextafter(level, -np.inf))))

    def lines(self, level: float) -> list[np.ndarray]:
        """Return the lines along which the surface is at a level, each of shape (vertices, 2)."""
        return _split(*self._generator.lines(float(level)))


def refined(
    vertices: np.ndarray,
    levels: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    on_lattice: Callable[[np.ndarray, np.ndarray], np.ndarray],
    surface: Callable[[np.ndarray, np.ndarray], np.ndarray],
    *,
    steps: int = 3,
) -> np.ndarray:
    """Move contour vertices along their lattice edges to where the surface equals the level.

    Contours are traced by linear interpolation between lattice points. If a layer stretches the
    plane, the interpolation error would show as ripples.

    Parameters
    ----------
    vertices : numpy.ndarray, shape (vertices, 2)
        On edges (or diagonals) of the lattice. Vertices at lattice points do not move.
    levels : numpy.ndarray, shape (vertices,)
        The level of each vertex's contour.
    x, y : numpy.ndarray, shape (columns,) and (rows,)
        The lattice.
    on_lattice : callable
        Takes the rows and columns of one lattice point for each vertex, and returns the heights of
        the vertices' surfaces there.
    surface : callable
        Takes points, shape (points, 2), and the increasing numbers of the vertices that they belong
        to, and returns the heights of those vertices' surfaces at the points.
    steps : int, default 3
        How many times the surface is evaluated (the Illinois variant of false position).
    """
    (left, right), (below, above) = _neighbours(vertices[:, 0], x), _neighbours(vertices[:, 1], y)
    f_begin, f_end = on_lattice(below, left) - levels, on_lattice(above, right) - levels
    # Only a vertex between two lattice points on different sides of the level can and must move.
    moved = np.flatnonzero(f_begin * f_end < 0)
    if not len(moved):
        return vertices
    levels, f_begin, f_end = levels[moved], f_begin[moved], f_end[moved]
    begin = np.stack([x[left[moved]], y[below[moved]]], axis=1)
    along = np.stack([x[right[moved]], y[above[moved]]], axis=1) - begin
    low, high = np.zeros(len(moved)), np.ones(len(moved))
    share = _share(low, high, f_begin, f_end)
    for _ in range(steps):
        f = surface(begin + share[:, None] * along, moved) - levels
        same = f * f_begin > 0
        f_end, f_begin = np.where(same, f_end / 2, f), np.where(same, f, f_begin / 2)
        low, high = np.where(same, share, low), np.where(same, high, share)
        share = _share(low, high, f_begin, f_end)
    refined = vertices.copy()
    refined[moved] = begin + share[:, None] * along
    return refined


def _share(low: np.ndarray, high: np.ndarray, f_low: np.ndarray, f_high: np.ndarray) -> np.ndarray:
    """Return where, between two positions, the straight line through both values is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = low + (high - low) * f_low / (f_low - f_high)
    return np.clip(np.nan_to_num(share), 0, 1)


def _split(points: list[Any], offsets: list[Any]) -> list[np.ndarray]:
    """Return the paths in contourpy's single chunk."""
    return [] if points[0] is None else np.split(points[0], offsets[0][1:-1])


def _neighbours(values: np.ndarray, lattice: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lattice positions around each value; twice the same for one on the lattice."""
    place = (values - lattice[0]) / (lattice[-1] - lattice[0]) * (len(lattice) - 1)
    nearest = np.rint(place)
    on = np.abs(place - nearest) < 1e-9 * len(lattice)
    low = np.where(on, nearest, np.floor(place)).astype(np.int64)
    high = np.where(on, nearest, np.floor(place) + 1).astype(np.int64)
    return np.clip(low, 0, len(lattice) - 1), np.clip(high, 0, len(lattice) - 1)
