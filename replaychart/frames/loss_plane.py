"""The frame of the loss over a plane of weights."""

import numpy as np
import pandas as pd

from replaychart.evaluation.loss_planes import LossPlane


def loss_plane_frame(epochs: np.ndarray, plane: LossPlane) -> pd.DataFrame:
    """Return one row per place of the plane, then one per snapshot of the path.

    Parameters
    ----------
    epochs : numpy.ndarray, shape (snapshots,)
        The epochs of the path.
    plane : LossPlane
        The plane.

    Returns
    -------
    pandas.DataFrame
        See `Run.loss_plane`.
    """
    x, y = np.meshgrid(plane.x, plane.y)
    places = pd.DataFrame(
        {"kind": "plane", "epoch": np.nan, "x": x.ravel(), "y": y.ravel()}
        | {"loss": plane.loss.ravel(), "true_loss": np.nan}
    )
    path = pd.DataFrame(
        {"kind": "path", "epoch": epochs.astype(np.float64)}
        | {"x": plane.path[:, 0], "y": plane.path[:, 1]}
        | {"loss": plane.on_plane, "true_loss": plane.true}
    )
    return pd.concat([places, path], ignore_index=True)
