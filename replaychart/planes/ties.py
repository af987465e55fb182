"""Contours of margins, which have a kink where the strongest rival changes.

The margin of a class is the smallest of its leads over the other classes. Each lead is smooth, but
the margin is not. Contours of the margin itself would lose corners at these kinks, or ridges
narrower than a lattice cell. So near a kink, the region at a level is computed by subtracting, for
each rival, the part where the lead over that rival is too small.
"""

from collections.abc import Iterator

import numpy as np


def windows(scores: np.ndarray, level: float) -> list[tuple[slice, slice] | None]:
    """Return the rows and columns within which each class may lead all others by a level.

    None for a class that does not do so anywhere.

    Parameters
    ----------
    scores : numpy.ndarray, shape (rows, columns, classes)
        The probability of each class over the lattice.
    level : float
    """
    # Within a cell, a score lies between the smallest and the largest value at the corners.
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
    """Return how much a class's score exceeds the largest of the others, shape (...,)."""
    return scores[..., own] - _greatest_other(scores, own)


def at_edges(scores: np.ndarray, own: int, strongest: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return whether the contour at each level may cross a kink of the margin.

    Parameters
    ----------
    scores : numpy.ndarray, shape (rows, columns, classes)
    own : int
    strongest : numpy.ndarray of int, shape (rows, columns)
        From `strongest_rivals`.
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
    # Within a cell, no lead exceeds its largest value at the corners, nor does the smallest lead.
    low, high = leads.min(axis=(0, 2)), leads.max(axis=0).min(axis=1)
    return np.array([((low < level) & (level <= high)).any() for level in levels], bool)


def leads(scores: np.ndarray, own: int, strongest: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each rival that is the strongest somewhere, and the lead over it, (rows, columns).

    The lead is NaN except around the points where the rival is the strongest. Together, the leads
    cover every cell.
    """
    for rival in np.unique(strongest):
        near = np.pad(strongest == rival, 1)
        near = near[:-2] | near[1:-1] | near[2:]
        near = near[:, :-2] | near[:, 1:-1] | near[:, 2:]
        yield int(rival), np.where(near, scores[:, :, own] - scores[:, :, rival], np.nan)


def _over_cells(of_two: np.ufunc, values: np.ndarray) -> np.ndarray:
    """Return the smallest or the largest value at the corners of each cell."""
    sides = of_two(values[:-1], values[1:])
    return of_two(sides[:, :-1], sides[:, 1:])


def _greatest_other(scores: np.ndarray, own: int) -> np.ndarray:
    others = [scores[..., other] for other in range(scores.shape[-1]) if other != own]
    return np.maximum.reduce(others)
