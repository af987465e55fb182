"""Frames of counts per epoch and bin, with bins that stay the same over the whole run."""

import numpy as np
import pandas as pd

# More are narrower than a pixel, and take memory for every epoch.
MOST_BINS = 1_000


def histogram_frame(
    epochs: np.ndarray,
    values: np.ndarray,
    edges: np.ndarray,
    groups: np.ndarray,
    group_names: list[str],
) -> pd.DataFrame:
    """Count values per epoch, bin and group.

    Parameters
    ----------
    epochs : numpy.ndarray of int, shape (snapshots,)
    values : numpy.ndarray, shape (snapshots, points)
        A value outside the edges counts in no bin, NaN neither.
    edges : numpy.ndarray, shape (bins + 1,)
        Rising. A bin holds its lower edge; the last one holds its upper edge too.
    groups : numpy.ndarray of int, shape (snapshots, points)
        The group of each value, a position in `group_names`.
    group_names : list of str

    Returns
    -------
    pandas.DataFrame
        ``epoch`` (int64), ``group`` (str), ``bin_start``, ``bin_end`` (float64), ``count``
        (int64): one row per epoch, group and bin, empty bins included.
    """
    bins = len(edges) - 1
    snapshots = len(epochs)
    position = np.searchsorted(edges, values, side="right") - 1
    position = np.where(values == edges[-1], bins - 1, position)
    counted = (position >= 0) & (position < bins) & np.isfinite(values)
    snapshot = np.broadcast_to(np.arange(snapshots)[:, None], values.shape)
    cell = (snapshot * len(group_names) + groups) * bins + position
    counts = np.bincount(cell[counted], minlength=snapshots * len(group_names) * bins)
    cells = len(group_names) * bins
    return pd.DataFrame(
        {
            "epoch": np.repeat(epochs, cells),
            "group": np.tile(np.repeat(group_names, bins), snapshots),
            "bin_start": np.tile(edges[:-1], snapshots * len(group_names)),
            "bin_end": np.tile(edges[1:], snapshots * len(group_names)),
            "count": counts,
        }
    )
