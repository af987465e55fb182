"""The names of the classes, written where their points are."""

from typing import Any

import altair as alt
import numpy as np

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive
from replaychart.drawing.plane import Plane, class_labels
from replaychart.drawing.sizes import width_for_texts
from replaychart.drawing.texts import SMALL_SIZE, fitted, width_of
from replaychart.run import Run

# With fewer classes, a legend is enough; with more, the names would cover the points.
_FEWEST, _MOST = 4, 40
# In pixels: up to which width a name is written in full, the height of a line, and the distance
# between two names.
_LONGEST, _LINE, _GAP = 80, 15, 4
_HALO = 3
# How often names that overlap are moved apart.
_STEPS = 80


def label_layers(
    plane: Plane, run: Run, coordinates: np.ndarray, points: np.ndarray
) -> list[alt.Chart]:
    """Return the names of the classes at the median of their points, moved apart if they overlap.

    The result is empty if there are fewer than four classes.

    Parameters
    ----------
    plane, run, coordinates, points
        As for `plane.points_layers`.
    """
    if not _FEWEST <= run.classes <= _MOST or run.targets.ndim > 1:
        return []
    of_class = run.targets[points]
    present = np.unique(of_class)
    labels = class_labels(run)
    names = [fitted(str(labels[number]), _LONGEST) for number in present]
    at_epochs = coordinates if coordinates.ndim == 3 else coordinates[None]
    medians = np.stack([_medians(at_epochs[:, of_class == number]) for number in present], axis=1)
    return _texts(plane, names, _placed(plane, names, medians), moving=coordinates.ndim == 3)


def _medians(positions: np.ndarray) -> np.ndarray:
    """Return the median of finite positions of shape (epochs, points, 2), NaN if there is none."""
    finite = np.isfinite(positions).all(axis=2)
    return np.stack(
        [
            np.median(own[known], axis=0) if known.any() else np.full(2, np.nan)
            for own, known in zip(positions.astype(np.float64), finite, strict=True)
        ]
    )


def _placed(plane: Plane, names: list[str], medians: np.ndarray) -> np.ndarray:
    """Return the positions of the names, shape (epochs, names, 2), within the plane."""
    size = np.array([width_for_texts(plane.width), plane.height], dtype=np.float64)
    limits = np.stack([np.array(plane.xlims), np.array(plane.ylims)], axis=-1)
    low, high = limits[:, 0], limits[:, 1]
    pixels = (medians - low[:, None]) / (high - low)[:, None] * size
    boxes = np.array([(width_of(name, size=SMALL_SIZE, bold=True), _LINE) for name in names])
    moved = _apart(pixels, boxes + _GAP, size)
    return low[:, None] + moved / size * (high - low)[:, None]


def _apart(centers: np.ndarray, boxes: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return centers of boxes that overlap as little as possible, close to the given ones.

    Parameters
    ----------
    centers : numpy.ndarray of float64, shape (epochs, boxes, 2)
        The centers, NaN for boxes that are not drawn.
    boxes : numpy.ndarray of float64, shape (boxes, 2)
        Widths and heights.
    size : numpy.ndarray of float64, shape (2,)
        Width and height of the area that the boxes must not leave.
    """
    needed = (boxes[:, None] + boxes[None]) / 2
    # Boxes in the same place are moved apart in the order of the classes.
    order = np.sign(np.arange(len(boxes))[:, None] - np.arange(len(boxes))[None])
    half = np.minimum(boxes, size) / 2
    moved = centers.copy()
    for _ in range(_STEPS):
        away = moved[:, :, None] - moved[:, None]
        overlap = np.nan_to_num(needed - np.abs(away), nan=-1.0)
        overlap[:, np.arange(len(boxes)), np.arange(len(boxes))] = -1.0
        both = (overlap > 0).all(axis=-1)
        if not both.any():
            break
        direction = np.where(np.abs(away) > 1e-6, np.sign(away), order[None, :, :, None])
        # The way with the smaller overlap is shorter.
        shorter = overlap == overlap.min(axis=-1, keepdims=True)
        shift = np.where(both[..., None] & shorter, direction * overlap / 2, 0.0)
        moved = np.clip(moved + 0.6 * shift.sum(axis=2), half, size - half)
    return moved


def _texts(plane: Plane, names: list[str], places: np.ndarray, *, moving: bool) -> list[alt.Chart]:
    """Return the names with a halo below them, which keeps them readable on points."""
    constant: dict[str, list[Any]] = {"name": names}
    changing: dict[str, list[Any]] = {}
    calculated: dict[str, str] = {}
    for axis, (column, ruler) in enumerate(zip("xy", plane.rulers(), strict=True)):
        if moving:
            changing[column] = ruler.measured(places[:, :, axis].T)
            calculated[column] = ruler.expression(packing.entry(column, plane.clock))
        else:
            constant[column] = ruler.rounded(places[0, :, axis])
    rows = packing.by_epoch(plane.clock, constant, changing)
    positions = packing.Moving(plane.clock, tuple(changing))
    base = alt.Chart(packing.PackedData(rows, moving=positions))
    if calculated:
        base = base.transform_calculate(**calculated)
    base = base.transform_filter("isValid(datum.x) && isValid(datum.y)").encode(
        x=plane.x(), y=plane.y(), text=alt.Text("name:N")
    )
    shared: dict[str, Any] = {
        "fontSize": SMALL_SIZE,
        "fontWeight": 600,
        "align": "center",
        "baseline": "middle",
        "clip": True,
        "style": plane.style(),
        "tooltip": None,
        "aria": False,
    }
    background = adaptive(colors.LIGHT_BACKGROUND, colors.DARK_BACKGROUND)
    halo = base.mark_text(
        color=background,
        stroke=background,
        strokeWidth=_HALO,
        strokeJoin="round",
        strokeOpacity=0.85,
        **shared,
    )
    return [halo, base.mark_text(color=adaptive(colors.INK, "#f6f8fa"), **shared)]
