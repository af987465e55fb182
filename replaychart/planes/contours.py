"""Filled contours and contour lines of a surface over a lattice.

The lattice may be carried elsewhere (through a layer) afterwards, vertex by vertex.
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
        The lattice's coordinates.
    points : numpy.ndarray of float64, shape (resolution * resolution, 2)
        Its points, row by row: y is constant along a row.
    """
    x, y = np.linspace(*xlim, resolution), np.linspace(*ylim, resolution)
    return x, y, np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def outline(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the ring around a lattice through all points of its border, anticlockwise."""
    low, right = np.full(len(x), y[0]), np.full(len(y), x[-1])
    high, left = np.full(len(x), y[-1]), np.full(len(y), x[0])
    sides = [(x, low), (right, y), (x[::-1], high), (left, y[::-1])]
    return np.concatenate([*(np.stack(side, axis=1)[:-1] for side in sides), [[x[0], y[0]]]])


def levels_shown(z: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return the levels to paint: of those that the whole surface exceeds only the highest.

    Parameters
    ----------
    z : numpy.ndarray, shape (rows, columns)
        The surface; NaN where there is none.
    levels : numpy.ndarray, shape (levels,)
        Rising.
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
        The surface; NaN where there is none.
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
        """Return rings around where the surface is at least at a level.

        Each has the shape (vertices, 2). Holes run against the ring around them.
        """
        # contourpy leaves out what lies exactly at the lower level: a probability of 0, say.
        return _split(*self._generator.filled(float(np.nextafter(level, -np.inf)), np.inf))

    def filled_below(self, level: float) -> list[np.ndarray]:
        """Return rings around where the surface is below a level, as `filled`."""
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
    on_lattice : callable
        Gives each vertex' own surface at a lattice point, for the points' rows and columns.
    surface : callable
        Evaluates the own surfaces of some vertices at points of shape (points, 2), for the points
        and the vertices' numbers, which rise.
    steps : int, default 3
        How many times the surface is evaluated (the Illinois variant of false position).
    """
    (left, right), (below, above) = _neighbours(vertices[:, 0], x), _neighbours(vertices[:, 1], y)
    f_begin, f_end = on_lattice(below, left) - levels, on_lattice(above, right) - levels
    # Only what lies between lattice points, with the level in between, can and need move.
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
    """Return where between two places a straight line through both values is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = low + (high - low) * f_low / (f_low - f_high)
    return np.clip(np.nan_to_num(share), 0, 1)


def _split(points: list[Any], offsets: list[Any]) -> list[np.ndarray]:
    """Return the paths of contourpy's only chunk."""
    return [] if points[0] is None else np.split(points[0], offsets[0][1:-1])


def _neighbours(values: np.ndarray, lattice: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lattice positions around each value; the same one twice for a value on it."""
    place = (values - lattice[0]) / (lattice[-1] - lattice[0]) * (len(lattice) - 1)
    nearest = np.rint(place)
    on = np.abs(place - nearest) < 1e-9 * len(lattice)
    low = np.where(on, nearest, np.floor(place)).astype(np.int64)
    high = np.where(on, nearest, np.floor(place) + 1).astype(np.int64)
    return np.clip(low, 0, len(lattice) - 1), np.clip(high, 0, len(lattice) - 1)
