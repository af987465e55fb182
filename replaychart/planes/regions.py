"""Regions of a plane, given by the rings around them: their unions and intersections."""

from collections.abc import Iterator, Sequence

import numpy as np
import shapely


def united(rings: Sequence[np.ndarray], group: np.ndarray, groups: int) -> np.ndarray:
    """Return the region that the rings of each group cover, as valid geometries.

    A point is covered if the winding number of the group's rings around it is positive. So
    overlapping regions are united, and a clockwise ring subtracts its interior.

    Parameters
    ----------
    rings : sequence of numpy.ndarray, each of shape (vertices, 2)
        Closed rings in any order. They may cross themselves and each other. Vertices that are not
        finite are ignored.
    group : numpy.ndarray of int, shape (rings,)
        The group of each ring.
    groups : int
        The number of groups. A group without rings covers nothing.

    Returns
    -------
    numpy.ndarray of shapely.Geometry, shape (groups,)
    """
    lengths = np.array([len(ring) for ring in rings], np.int64)
    vertices = np.concatenate([np.empty((0, 2)), *rings])
    vertices, lengths = _without_repeats(vertices, lengths)
    ends = np.cumsum(lengths)
    # GEOS does not accept rings without an interior.
    kept = np.flatnonzero(lengths > 3)
    orders = _painting_order(np.asarray(group)[kept], _ring_areas(vertices, lengths)[kept] > 0)
    order, first_ring, first_polygon, own = orders
    order = kept[order]
    regions = np.full(groups, shapely.Polygon(), object)
    if not len(order):
        return regions
    picked = np.concatenate([np.arange(ends[i] - lengths[i], ends[i]) for i in order])
    starts = np.concatenate([[0], np.cumsum(lengths[order])])
    every = shapely.from_ragged_array(
        shapely.GeometryType.MULTIPOLYGON,
        vertices[picked],
        (starts, first_ring, first_polygon),
    )
    # A buffer of width 0 keeps the points with a positive winding number.
    regions[own] = shapely.buffer(every, 0)
    return regions


def common(regions: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the intersection of each region with another, as geometries."""
    return shapely.intersection(regions, others)


def outlines(regions: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the rings of all regions, each with the number of its region.

    Holes have the opposite orientation of the ring around them.
    """
    parts, of_region = shapely.get_parts(regions, return_index=True)
    is_polygon = shapely.get_dimensions(parts) == 2
    parts, of_region = parts[is_polygon], of_region[is_polygon]
    rings, of_part = shapely.get_rings(parts, return_index=True)
    vertices, of_ring = shapely.get_coordinates(rings, return_index=True)
    lengths = np.bincount(of_ring, minlength=len(rings))
    is_hole = np.concatenate([[False], of_part[1:] == of_part[:-1]]) if len(rings) else of_part > 0
    turned = (_ring_areas(vertices, lengths) > 0) == is_hole
    split = np.split(vertices, np.cumsum(lengths)[:-1]) if len(rings) else []
    for number, ring, backwards in zip(of_region[of_part], split, turned, strict=True):
        yield int(number), ring[::-1] if backwards else ring


def widths(rings: Sequence[np.ndarray]) -> np.ndarray:
    """Return the approximate width of the interior of each ring; for a long strip, its width."""
    lengths = np.array([len(ring) for ring in rings], np.int64)
    vertices = np.concatenate([np.empty((0, 2)), *rings])
    steps = np.hypot(*np.diff(vertices, axis=0, append=vertices[-1:]).T)
    if len(lengths):
        steps[np.cumsum(lengths) - 1] = 0.0
    around = np.bincount(np.repeat(np.arange(len(rings)), lengths), steps, len(rings))
    return 2 * np.abs(_ring_areas(vertices, lengths)) / np.maximum(around, 1e-300)


def lines_outside(
    lines: Sequence[np.ndarray], regions: np.ndarray
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the parts of each line outside its region, each with the number of the line.

    Each line has one region, in the same order.
    """
    if not len(lines):
        return
    lengths = [len(line) for line in lines]
    whole = shapely.linestrings(
        np.concatenate(lines), indices=np.repeat(np.arange(len(lines)), lengths)
    )
    parts, of_line = shapely.get_parts(shapely.difference(whole, regions), return_index=True)
    for number, part in zip(of_line, parts, strict=True):
        yield int(number), shapely.get_coordinates(part)


def _without_repeats(vertices: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rings without vertices that are not finite or repeat the previous one."""
    of_ring = np.repeat(np.arange(len(lengths)), lengths)
    finite = np.isfinite(vertices).all(axis=1)
    vertices, of_ring = vertices[finite], of_ring[finite]
    if not finite.all():  # close the rings again
        return _closed(vertices, of_ring, len(lengths))
    same = (vertices[1:] == vertices[:-1]).all(axis=1) & (of_ring[1:] == of_ring[:-1])
    new = np.concatenate([[True], ~same])[: len(vertices)]
    return vertices[new], np.bincount(of_ring[new], minlength=len(lengths))


def _closed(vertices: np.ndarray, of_ring: np.ndarray, rings: int) -> tuple[np.ndarray, np.ndarray]:
    split = [vertices[of_ring == number] for number in range(rings)]
    split = [np.concatenate([ring, ring[:1]]) for ring in split]
    return np.concatenate(split), np.array([len(ring) for ring in split])


def _ring_areas(vertices: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the signed area of each ring, positive if it is anticlockwise."""
    of_ring = np.repeat(np.arange(len(lengths)), lengths)
    starts = np.cumsum(lengths) - lengths
    x, y = (vertices - vertices[np.repeat(starts, lengths)]).T
    cross = np.append(x[:-1] * y[1:] - x[1:] * y[:-1], 0.0)[: len(x)]
    within = np.append(of_ring[1:] == of_ring[:-1], False)[: len(x)]
    return 0.5 * np.bincount(of_ring, np.where(within, cross, 0.0), len(lengths))


def _painting_order(
    group: np.ndarray, anticlockwise: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return how rings form polygons. All clockwise rings are holes of a group's first polygon.

    Returns
    -------
    order : numpy.ndarray of int64
        The rings in the order of the polygons, without those of groups that cover nothing.
    first_ring, first_polygon : numpy.ndarray of int64
        The position of each polygon's first ring, and of each region's first polygon.
    group : numpy.ndarray of int64
        The group of each region.
    """
    covering = np.unique(group[anticlockwise])
    rank = np.where(anticlockwise, 2, 1)
    numbers = np.arange(len(group))
    shells = numbers[anticlockwise]
    _, first = np.unique(group[shells], return_index=True)
    rank[shells[first]] = 0
    order = np.lexsort([numbers, rank, group])
    order = order[np.isin(group[order], covering)]
    begins = anticlockwise[order]
    first_ring = np.append(np.flatnonzero(begins), len(order))
    polygons = np.bincount(np.searchsorted(covering, group[order][begins]), minlength=len(covering))
    return order, first_ring, np.concatenate([[0], np.cumsum(polygons)]), covering
