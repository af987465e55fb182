"""Which points a renderer fills: the nonzero rule, worked out without a renderer."""

import numpy as np
import pandas as pd


def covered(rings: pd.DataFrame, points: np.ndarray) -> np.ndarray:
    """Winding number of each point, not zero where a nonzero fill paints."""
    winding = np.zeros(len(points), int)
    for _, ring in rings.groupby("ring"):
        begin, end = ring[["x", "y"]].to_numpy()[:-1], ring[["x", "y"]].to_numpy()[1:]
        upward = (begin[:, None, 1] <= points[:, 1]) & (end[:, None, 1] > points[:, 1])
        downward = (begin[:, None, 1] > points[:, 1]) & (end[:, None, 1] <= points[:, 1])
        cross = (end[:, 0] - begin[:, 0])[:, None] * (points[:, 1] - begin[:, None, 1]) - (
            points[:, 0] - begin[:, None, 0]
        ) * (end[:, 1] - begin[:, 1])[:, None]
        winding += (upward & (cross > 0)).sum(axis=0) - (downward & (cross < 0)).sum(axis=0)
    return winding
