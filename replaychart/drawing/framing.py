"""The limits of axes that follow the epoch."""

import numpy as np

from replaychart.planes.extents import Limits, padded_limits
from replaychart.planes.paths import Paths


def limits_by_epoch(
    snapshots: list[int], coordinates: np.ndarray, framing: Paths | None
) -> tuple[list[Limits], list[Limits]]:
    """Return limits for each epoch, around its own points and its own grid or surface."""
    pairs = []
    for frame, snapshot in enumerate(snapshots):
        around = [coordinates[frame]]
        if framing is not None:
            around.append(framing.selected([snapshot]).vertices)
        pairs.append(padded_limits(*around))
    return [x for x, _ in pairs], [y for _, y in pairs]


def within(limits: Limits, rectangle: Limits) -> Limits:
    """Return the part of the limits that the rectangle covers, the rectangle if it covers none."""
    low, high = max(limits[0], rectangle[0]), min(limits[1], rectangle[1])
    return (low, high) if low < high else rectangle
