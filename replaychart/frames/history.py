"""The frame of losses, metrics and learning rates."""

from collections.abc import Mapping

import numpy as np
import pandas as pd


def history_frame(
    epochs: np.ndarray, sources: Mapping[str, Mapping[str, np.ndarray]]
) -> pd.DataFrame:
    """Return one row per epoch, source and name; see `Run.history`.

    Parameters
    ----------
    epochs : numpy.ndarray of int, shape (snapshots,)
    sources : mapping of str to mapping of str to numpy.ndarray, shape (snapshots,)
        For each source, values by name. NaN means that an epoch has no value, and becomes no row.
    """
    pieces = [
        pd.DataFrame({"epoch": epochs, "source": source, "name": name, "value": values})
        for source, series in sources.items()
        for name, values in series.items()
    ]
    frame = pd.concat(pieces, ignore_index=True)
    return frame.dropna(subset="value").reset_index(drop=True)
