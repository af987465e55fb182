"""The frame of the accuracy over the points of each class."""

import numpy as np
import pandas as pd


def class_accuracy_frame(
    epochs: np.ndarray, targets: np.ndarray, correct: np.ndarray, *, classes: int
) -> pd.DataFrame:
    """Return one row per epoch and class; see `Run.class_accuracy`.

    Parameters
    ----------
    epochs : numpy.ndarray of int, shape (snapshots,)
    targets : numpy.ndarray of int64, shape (points,)
        The true classes.
    correct : numpy.ndarray of bool, shape (snapshots, points)
        Whether the predicted class is the true one.
    classes : int
        The number of classes.
    """
    points = np.bincount(targets, minlength=classes)
    counts = np.stack([np.bincount(targets, weights=row, minlength=classes) for row in correct])
    # A class without points has no accuracy.
    shares = np.divide(counts, points, out=np.full(counts.shape, np.nan), where=points > 0)
    return pd.DataFrame(
        {
            "epoch": np.repeat(epochs, classes),
            "target": np.tile(np.arange(classes), len(epochs)),
            "points": np.tile(points, len(epochs)),
            "correct": counts.astype(np.int64).ravel(),
            "accuracy": shares.ravel(),
        }
    )
