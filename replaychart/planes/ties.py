"""Contours of margins, which have an edge where the strongest rival changes.

The margin of a class is the least of its leads over each of the others. A lead is smooth; the
margin is not, and the corner that its contour has at such an edge would be cut off, or a whole
ridge narrower than a lattice cell left out. So there the region at a level is found from what
each rival takes away from it, lead by lead.
"""

from collections.abc import Iterator

import numpy as np


def windows(scores: np.ndarray, level: float) -> list[tuple[slice, slice] | None]:
    """Return the rows and columns within which each class may lead all others by a level.

    None for a class that does so nowhere.

    Parameters
    ----------
    scores : numpy.ndarray, shape (rows, columns, classes)
        The probability of each class over the lattice.
    level : float
    """
    # In a cell a score is between the least and the greatest of its corners'.
    least = _over_cells(np.minimum, scores)
    found: list[tuple[slice, slice] | None] = []
    for own in range(scores.shape[2]):
        reach = _over_cells(np.maximum, scores[:, :, own]) - _greatest_other(least, own)
        rows, columns = (np.flatnonzero((reach >= level).any(axis=axis)) for axis in (1, 0))
        if len(rows):
            found.append((slice(rows[0], rows[-1] + 2), slice(columns[0], columns[-1] + 2)))
        else:
            found.append(None)
    return found


def strongest_rivals(scores: np.ndarray, own: int) -> np.ndarray:
    """Return which of the other classes has the highest score, shape (rows, columns)."""
    others = scores.copy()
    others[:, :, own] = -np.inf
    return others.argmax(axis=2)


def margins(scores: np.ndarray, own: int) -> np.ndarray:
    """Return by how much a class' score exceeds the greatest of the others, (..., )."""
    return scores[..., own] - _greatest_other(scores, own)


def at_edges(scores: np.ndarray, own: int, strongest: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return whether the contour at each level may run into an edge of the margin.

    Parameters
    ----------
    scores : numpy.ndarray, shape (rows, columns, classes)
    own : int
    strongest : numpy.ndarray of int, shape (rows, columns)
        As `strongest_rivals` returns it.
    levels : numpy.ndarray, shape (levels,)
    """
    row, column = np.nonzero(
        _over_cells(np.maximum, strongest) > _over_cells(np.minimum, strongest)
    )
    leads = np.stack(
        [
            scores[row + up, column + right, own, None] - scores[row + up, column + right]
            for up in (0, 1)
            for right in (0, 1)
        ]
    )
    leads[:, :, own] = np.inf
    # Between the corners each lead is at most what it is at one of them, and so is the least.
    low, high = leads.min(axis=(0, 2)), leads.max(axis=0).min(axis=1)
    return np.array([((low < level) & (level <= high)).any() for level in levels], bool)


def leads(scores: np.ndarray, own: int, strongest: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each rival that is the strongest somewhere, and the lead over it, (rows, columns).

    NaN but in the cells around where it is the strongest: all leads together cover every cell.
    """
    for rival in np.unique(strongest):
        near = np.pad(strongest == rival, 1)
        near = near[:-2] | near[1:-1] | near[2:]
        near = near[:, :-2] | near[:, 1:-1] | near[:, 2:]
        yield int(rival), np.where(near, scores[:, :, own] - scores[:, :, rival], np.nan)


def _over_cells(of_two: np.ufunc, values: np.ndarray) -> np.ndarray:
    """Return the least or the greatest of the values at each cell's corners."""
    sides = of_two(values[:-1], values[1:])
    return of_two(sides[:, :-1], sides[:, 1:])


def _greatest_other(scores: np.ndarray, own: int) -> np.ndarray:
    others = [scores[..., other] for other in range(scores.shape[-1]) if other != own]
    return np.maximum.reduce(others)
