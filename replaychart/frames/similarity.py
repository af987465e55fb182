"""The frame of how similar layers are."""

from collections.abc import Sequence

import numpy as np
import pandas as pd


def similarity_frame(
    epochs: np.ndarray, layers: Sequence[str], others: Sequence[str], values: np.ndarray
) -> pd.DataFrame:
    """Return one row per epoch and pair of layers.

    Parameters
    ----------
    epochs : numpy.ndarray, shape (epochs,)
    layers, others : sequence of str
        The names of the layers.
    values : numpy.ndarray, shape (epochs, layers, others)
        Their similarities.

    Returns
    -------
    pandas.DataFrame
        See `Run.similarity`.
    """
    pairs = len(layers) * len(others)
    return pd.DataFrame(
        {
            "epoch": np.repeat(epochs, pairs),
            "layer": np.tile(np.repeat(np.array(layers, object), len(others)), len(epochs)),
            "other_layer": np.tile(np.array(others, object), len(layers) * len(epochs)),
            "similarity": values.ravel(),
        }
    )
