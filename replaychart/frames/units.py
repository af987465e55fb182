"""The frame of how units behave."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

_COLUMNS = ("mean", "constant", "zero", "saturated")


def units_frame(
    epochs: np.ndarray, layers: Sequence[str], each: Sequence[dict[str, np.ndarray]]
) -> pd.DataFrame:
    """Return one row per epoch, layer and unit.

    Parameters
    ----------
    epochs : numpy.ndarray, shape (epochs,)
    layers : sequence of str
        The names of the layers.
    each : sequence of dict of str to numpy.ndarray
        Their statistics; see `DenseLayers.statistics`.

    Returns
    -------
    pandas.DataFrame
        See `Run.units`.
    """
    units = [statistics["mean"].shape[1] for statistics in each]
    columns = {
        name: np.concatenate([statistics[name] for statistics in each], axis=1).ravel()
        for name in _COLUMNS
    }
    own = {
        "epoch": np.repeat(epochs, sum(units)),
        "layer": np.tile(np.repeat(np.array(layers, object), units), len(epochs)),
        "unit": np.tile(np.concatenate([np.arange(count) for count in units]), len(epochs)),
    }
    return pd.DataFrame(own | columns)
