"""The limits of axes around points, grid lines and surface."""

import numpy as np

from replaychart.drawing.limits import LimitsOver
from replaychart.planes.extents import Limits, padded_limits
from replaychart.planes.paths import Paths


def axis_limits(
    coordinates: np.ndarray,
    snapshots: list[int],
    *,
    scale: LimitsOver,
    grid: Paths | None,
    surface: Paths | None,
    rectangle: tuple[Limits, Limits] | None = None,
) -> tuple[list[Limits], list[Limits]]:
    """Return the limits of both axes: one pair for the whole run, or one pair per epoch.

    The limits enclose the points and the grid lines, or the surface if there are no grid lines.

    Parameters
    ----------
    coordinates : numpy.ndarray, shape (epochs, points, 2)
        The position of each point at each epoch.
    snapshots : list of int
        The position of each of these epochs in the recording.
    scale : {"fixed", "per-epoch"}
        Whether the limits stay the same for the whole run or follow the epoch.
    grid, surface : Paths or None
        Grid lines and surface; None for each that is not drawn.
    rectangle : tuple of tuple of float, optional
        The limits of a surface over the layer's own plane, which does not move with the points.
        Fixed axes show exactly this rectangle; axes that follow the epoch show a part of it.

    Returns
    -------
    xlims, ylims : list of tuple of float
        With one entry if fixed, otherwise one for each epoch.
    """
    framing = grid if rectangle is not None else grid or surface
    if scale == "per-epoch":
        xlims, ylims = _limits_by_epoch(coordinates, snapshots, framing)
        if rectangle is None:
            return xlims, ylims
        xlim, ylim = rectangle
        return [_within(own, xlim) for own in xlims], [_within(own, ylim) for own in ylims]
    if rectangle is not None:
        xlim, ylim = rectangle
    else:
        around = [coordinates] if framing is None else [coordinates, framing.vertices]
        xlim, ylim = padded_limits(*around)
    return [xlim], [ylim]


def _limits_by_epoch(
    coordinates: np.ndarray, snapshots: list[int], framing: Paths | None
) -> tuple[list[Limits], list[Limits]]:
    """Return limits for each epoch around the points and paths of that epoch."""
    pairs = []
    for position, snapshot in enumerate(snapshots):
        around = [coordinates[position]]
        if framing is not None:
            around.append(framing.selected([snapshot]).vertices)
        pairs.append(padded_limits(*around))
    return [x for x, _ in pairs], [y for _, y in pairs]


def _within(limits: Limits, rectangle: Limits) -> Limits:
    """Return the part of the limits within the rectangle, or the rectangle if there is none."""
    low, high = max(limits[0], rectangle[0]), min(limits[1], rectangle[1])
    return (low, high) if low < high else rectangle
