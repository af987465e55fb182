"""The frame of how much the weights changed."""

from collections.abc import Sequence

import numpy as np
import pandas as pd


def updates_frame(
    epochs: np.ndarray,
    spans: np.ndarray,
    layers: Sequence[str],
    variable: str,
    update: np.ndarray,
    weight: np.ndarray,
) -> pd.DataFrame:
    """Return one row per epoch and layer; see `Run.updates`.

    Parameters
    ----------
    epochs, spans : numpy.ndarray, shape (epochs,)
        The epochs, and how many of them passed since the snapshot before.
    layers : sequence of str
        The names of the layers.
    variable : str
        What their weights are.
    update, weight : numpy.ndarray of float64, shape (epochs, layers)
        The norms.
    """
    with np.errstate(all="ignore"):
        ratio = update / weight
    return pd.DataFrame(
        {
            "epoch": np.repeat(epochs, len(layers)),
            "span": np.repeat(spans, len(layers)),
            "layer": np.tile(np.array(layers, object), len(epochs)),
            "variable": variable,
            "update_norm": update.ravel(),
            "weight_norm": weight.ravel(),
            "ratio": ratio.ravel(),
        }
    )
