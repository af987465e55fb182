"""Where a map folds the plane: its sheets, and the lines between them.

On each sheet, the map either preserves or reverses orientation; the sign of the Jacobian
determinant says which. A region that crosses the line between two sheets is mapped in parts, and
the union of their images is painted.
"""

from collections.abc import Iterator

import numpy as np

from replaychart.planes.contours import Contours

# A map counts as folding if this share of the image's area has the opposite orientation. A smaller
# share comes from rounding in a saturated layer, and is less than a pixel.
_FOLDED_SHARE = 1e-4
# Where the determinant is below this share of its mean, the map flattens the plane.
_FLAT_SHARE = 1e-6
# Half the distance between neighboring float32 values around 1: the rounding error.
_ROUNDING = 2.0**-24
# The step of a difference quotient, in lattice cells.
_STEP = 0.02
# The number of parts into which a segment is divided where the map bends it.
_PARTS = 4


def folds(image: np.ndarray) -> bool:
    """Return whether a map reverses the orientation of part of the plane, but not of all of it.

    Parameters
    ----------
    image : numpy.ndarray, shape (rows, columns, 2)
        The image of the lattice.
    """
    corner = image.astype(np.float64)
    diagonal = corner[1:, 1:] - corner[:-1, :-1]
    areas = np.concatenate(
        [
            _areas(corner[:-1, 1:] - corner[:-1, :-1], diagonal).ravel(),
            _areas(diagonal, corner[1:, :-1] - corner[:-1, :-1]).ravel(),
        ]
    )
    upwards, downwards = areas[areas > 0].sum(), -areas[areas < 0].sum()
    return bool(min(upwards, downwards) > _FOLDED_SHARE * (upwards + downwards))


def determinants(image: np.ndarray) -> np.ndarray:
    """Return the map's Jacobian determinant at each lattice point, in lattice cells.

    It is 0 where it is too small for a reliable sign, and NaN where the map has no finite value.

    Parameters
    ----------
    image : numpy.ndarray, shape (rows, columns, 2)
        The image of the lattice.
    """
    corner = image.astype(np.float64)
    with np.errstate(invalid="ignore"):  # a diverged network maps points to infinity
        up, right = (np.asarray(np.gradient(corner, axis=axis)) for axis in (0, 1))
        found = _areas(right, up)
    size = np.abs(np.where(np.isfinite(image), image, 0)).max()
    rounding = 8 * _ROUNDING * size * (np.abs(right).sum(axis=-1) + np.abs(up).sum(axis=-1))
    mean = np.abs(found[np.isfinite(found)]).mean() if np.isfinite(found).any() else 0.0
    return np.where(np.abs(found) < np.maximum(rounding, _FLAT_SHARE * mean), 0.0, found)


def sheets(
    x: np.ndarray, y: np.ndarray, determinant: np.ndarray
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield rings around the sheets, each with +1 or -1 for the orientation.

    Parameters
    ----------
    x, y : numpy.ndarray, shape (columns,) and (rows,)
        The lattice.
    determinant : numpy.ndarray, shape (rows, columns)
        From `determinants`. Where it is 0 there is no sheet, because flat parts have no interior.
    """
    for side in (1, -1):
        # The smallest number above 0, because values equal to the level are included.
        for ring in Contours(x, y, side * determinant).filled(np.nextafter(0.0, 1.0)):
            yield side, ring


def steps(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return three steps from a point, shape (3, 2): none, a small one in x, a small one in y."""
    width, height = np.ptp(x) / (len(x) - 1), np.ptp(y) / (len(y) - 1)
    return np.array([[0, 0], [width * _STEP, 0], [0, height * _STEP]])


def determinant_of_steps(image: np.ndarray) -> np.ndarray:
    """Return the determinant at points, in lattice cells, shape (points,).

    Parameters
    ----------
    image : numpy.ndarray, shape (points, 3, 2)
        The images of each point after the three `steps`.
    """
    image = image.astype(np.float64)
    return _areas(image[:, 1] - image[:, 0], image[:, 2] - image[:, 0]) / _STEP**2


def divided(line: np.ndarray) -> np.ndarray:
    """Return a line with additional vertices, evenly spaced on each segment."""
    shares = np.arange(_PARTS)[:, None] / _PARTS
    between = line[:-1, None] + shares * np.diff(line, axis=0)[:, None]
    return np.concatenate([between.reshape(-1, 2), line[-1:]])


def bent(image: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """Return which vertices of a `divided` line are needed, shape (vertices,).

    These are the original vertices, and the additional ones where the map bends a segment.

    Parameters
    ----------
    image : numpy.ndarray, shape (vertices, 2)
        The image of the divided line.
    tolerance : numpy.ndarray of float64, shape (2,)
        How far a segment may deviate from a straight line, in x and in y.
    """
    off = (np.abs(image - divided(image[::_PARTS]))[:-1] > tolerance).any(axis=1)
    needed = np.repeat(off.reshape(-1, _PARTS).any(axis=1), _PARTS)
    needed[::_PARTS] = True
    return np.append(needed, True)


def _areas(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the signed areas of the parallelograms that pairs of vectors span."""
    return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
