"""Traces surfaces and boundaries on a lattice, and assembles paths from what was traced."""

import enum
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from replaychart.planes import contours, regions, ties
from replaychart.planes.paths import Piece
from replaychart.planes.surfaces import STRONGEST, Surfaces


class Lattice(NamedTuple):
    """Points over a rectangle: x (columns,), y (rows,), points (rows * columns, 2)."""

    x: np.ndarray
    y: np.ndarray
    points: np.ndarray


class Kind(enum.Enum):
    """The kind of a tracing."""

    REGION = "a ring around a region where a surface is at or above a level"
    WINDOW = "a ring around a window of the lattice, from which parts are subtracted"
    TAKEN = "a ring around a part to subtract, where the lead over a rival is below a level"
    LINE = "a line of the boundary"


class Tracing(NamedTuple):
    """A path along which a surface, or its lead over one rival, is at a level.

    Attributes
    ----------
    kind : Kind
    piece : Piece
        The path, with the level as its value.
    own : int
        The position of the surface in `Surfaces.classes`.
    rival : int
        The position of the rival; `STRONGEST` for the height of the surface.
    """

    kind: Kind
    piece: Piece
    own: int
    rival: int = STRONGEST


def traced(
    lattice: Lattice, scores: np.ndarray, surfaces: Surfaces, bands: int, snapshot: int
) -> Iterator[Tracing]:
    """Yield the tracings of all surfaces at one snapshot.

    Parameters
    ----------
    lattice : Lattice
    scores : numpy.ndarray, shape (rows, columns, surfaces)
        The scores of the surfaces on the lattice.
    surfaces : Surfaces
    bands : int
        The number of levels of the surface; see `Surfaces.levels`.
    snapshot : int
        The position in the recording.
    """
    levels, even = surfaces.levels(bands), surfaces.boundary
    if surfaces.compete:
        yield from _competing(lattice, scores, surfaces, levels, snapshot)
        return
    for own, of_class in enumerate(surfaces.classes):
        z = scores[:, :, own]
        place = Piece(snapshot, 0.0, np.empty((0, 2)), of_class)
        surface = contours.Contours(lattice.x, lattice.y, z)
        yield from _rings(surface, contours.levels_shown(z, levels), place, own)
        if even is not None:
            for line in surface.lines(even):
                yield Tracing(Kind.LINE, place._replace(value=even, vertices=line), own)


def _competing(
    lattice: Lattice, scores: np.ndarray, surfaces: Surfaces, levels: np.ndarray, snapshot: int
) -> Iterator[Tracing]:
    """Yield the tracings of surfaces that compete; see `traced`."""
    even = 0.0 if surfaces.boundary is None else surfaces.boundary
    windows = zip(ties.windows(scores, levels[0]), ties.windows(scores, even), strict=True)
    for own, (around, within) in enumerate(windows):
        place = Piece(snapshot, even, np.empty((0, 2)), surfaces.classes[own])
        # Below the boundary, outlines and their corners are not visible, so contours are enough.
        if around is not None:
            margin = ties.margins(scores[around], own)
            shown = contours.levels_shown(margin, levels)
            surface = contours.Contours(lattice.x[around[1]], lattice.y[around[0]], margin)
            yield from _rings(surface, shown[shown < even], place, own)
        if within is not None:
            x, y = lattice.x[within[1]], lattice.y[within[0]]
            yield from _winning(x, y, scores[within], own, levels[levels >= even], place)


def _winning(
    x: np.ndarray,
    y: np.ndarray,
    scores: np.ndarray,
    own: int,
    levels: np.ndarray,
    place: Piece,
) -> Iterator[Tracing]:
    """Yield the tracings of a class at the level of the boundary and above.

    Parameters
    ----------
    x, y : numpy.ndarray, shape (columns,) and (rows,)
        A window of the lattice.
    scores : numpy.ndarray, shape (rows, columns, classes)
    own : int
        The position of the class.
    levels : numpy.ndarray, shape (levels,)
    place : Piece
        The snapshot, the class and the level of the boundary.
    """
    margin, strongest = ties.margins(scores, own), ties.strongest_rivals(scores, own)
    levels = contours.levels_shown(margin, levels)
    cut = ties.at_edges(scores, own, strongest, levels)
    # The boundary with each rival is a separate line, which ends where a third class is stronger.
    cut[levels == place.value] = (strongest != strongest[0, 0]).any()
    yield from _rings(contours.Contours(x, y, margin), levels[~cut], place, own)
    outline = contours.outline(x, y)
    for level in levels[cut].tolist():
        yield Tracing(Kind.WINDOW, place._replace(value=level, vertices=outline), own)
    for rival, lead in ties.leads(scores, own, strongest):
        surface = contours.Contours(x, y, lead)
        for level in levels[cut].tolist():
            for ring in surface.filled_below(level):
                piece = place._replace(value=level, vertices=ring)
                yield Tracing(Kind.TAKEN, piece, own, rival)
        if rival > own:
            for line in surface.lines(place.value):
                yield Tracing(Kind.LINE, place._replace(vertices=line), own, rival)


def _rings(
    surface: contours.Contours, levels: np.ndarray, place: Piece, own: int
) -> Iterator[Tracing]:
    for level in levels.tolist():
        for ring in surface.filled(level):
            yield Tracing(Kind.REGION, place._replace(value=level, vertices=ring), own)


def assembled(tracings: Sequence[Tracing]) -> tuple[list[Piece], list[Piece]]:
    """Return the surface's rings and the boundary's lines, both sorted by snapshot."""
    of_kind: dict[Kind, list[Tracing]] = {kind: [] for kind in Kind}
    for tracing in tracings:
        of_kind[tracing.kind].append(tracing)
    rings = [tracing.piece for tracing in of_kind[Kind.REGION]]
    rings += _left_over(of_kind[Kind.WINDOW], of_kind[Kind.TAKEN])
    lines = _up_to_thirds(of_kind[Kind.LINE], of_kind[Kind.TAKEN])
    return _sorted(rings), _sorted(lines)


def grouped(pieces: Sequence[Piece]) -> tuple[list[Piece], np.ndarray]:
    """Return the first piece of each region, and the number of the region of each piece."""
    numbers: dict[tuple[int, int, float], int] = {}
    firsts: list[Piece] = []
    group = np.zeros(len(pieces), np.int64)
    for place, piece in enumerate(pieces):
        key = (piece.snapshot, piece.of_class, piece.value)
        if key not in numbers:
            numbers[key] = len(firsts)
            firsts.append(piece)
        group[place] = numbers[key]
    return firsts, group


def _left_over(windows: Sequence[Tracing], taken: Sequence[Tracing]) -> list[Piece]:
    """Return rings around the rest of each window, after subtracting what rivals take."""
    pieces = [window.piece for window in windows]
    # A reversed ring subtracts its interior.
    pieces += [ring.piece._replace(vertices=ring.piece.vertices[::-1]) for ring in taken]
    firsts, group = grouped(pieces)
    left = regions.united([piece.vertices for piece in pieces], group, len(firsts))
    return [firsts[number]._replace(vertices=ring) for number, ring in regions.outlines(left)]


def _up_to_thirds(lines: Sequence[Tracing], taken: Sequence[Tracing]) -> list[Piece]:
    """Return the parts of lines between two classes along which no third class is stronger."""
    between: dict[tuple[int, int, float], list[int]] = {}
    for number, line in enumerate(lines):
        between.setdefault((line.piece.snapshot, line.own, line.piece.value), []).append(number)
    rings: list[np.ndarray] = []
    group: list[int] = []
    for ring in taken:
        for number in between.get((ring.piece.snapshot, ring.own, ring.piece.value), []):
            if lines[number].rival != ring.rival:
                rings.append(ring.piece.vertices)
                group.append(number)
    thirds = regions.united(rings, np.array(group, np.int64), len(lines))
    parts = regions.lines_outside([line.piece.vertices for line in lines], thirds)
    return [lines[number].piece._replace(vertices=part) for number, part in parts]


def _sorted(pieces: list[Piece]) -> list[Piece]:
    return sorted(pieces, key=lambda piece: (piece.snapshot, piece.of_class, piece.value))
