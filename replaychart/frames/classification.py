"""The frames of ROC curves, confusion matrices and calibration curves."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from replaychart.evaluation.classification import CalibrationBins, RankingCurve


def roc_frame(
    epochs: np.ndarray, classes: Sequence[int], curves: Iterable[Sequence[RankingCurve]]
) -> pd.DataFrame:
    """Return one row per step of each curve; see `Run.roc`.

    Parameters
    ----------
    epochs : numpy.ndarray of int, shape (snapshots,)
    classes : sequence of int
        The class of each curve.
    curves : iterable of sequence of RankingCurve
        For each epoch, the curve of each class.
    """
    of_epoch = [
        (epoch, number, curve)
        for epoch, some in zip(epochs, curves, strict=True)
        for number, curve in zip(classes, some, strict=True)
        if len(curve.thresholds)
    ]
    lengths = [len(curve.thresholds) for _, _, curve in of_epoch]
    columns = {
        "threshold": [curve.thresholds for _, _, curve in of_epoch],
        "false_positive_rate": [curve.false_positive_rate for _, _, curve in of_epoch],
        "true_positive_rate": [curve.recall for _, _, curve in of_epoch],
        "precision": [curve.precision for _, _, curve in of_epoch],
    }
    return pd.DataFrame(
        {
            "epoch": np.repeat(
                np.array([epoch for epoch, _, _ in of_epoch], epochs.dtype), lengths
            ),
            "class": np.repeat(np.array([number for _, number, _ in of_epoch], np.int64), lengths),
            **{name: np.concatenate([np.empty(0), *some]) for name, some in columns.items()},
        }
    )


def confusion_frame(epochs: np.ndarray, counts: np.ndarray, normalize: str | None) -> pd.DataFrame:
    """Return one row per epoch, true class and predicted class; see `Run.confusion`.

    Parameters
    ----------
    epochs : numpy.ndarray of int, shape (snapshots,)
    counts : numpy.ndarray of int64, shape (snapshots, classes, classes)
        By true class, then by predicted class.
    normalize : {"true", "pred"} or None
        The class whose points are the whole of which a share is returned.
    """
    classes = counts.shape[1]
    numbers = np.arange(classes)
    frame = pd.DataFrame(
        {
            "epoch": np.repeat(epochs, classes**2),
            "target": np.tile(np.repeat(numbers, classes), len(epochs)),
            "prediction": np.tile(numbers, len(epochs) * classes),
            "count": counts.ravel(),
        }
    )
    if normalize is not None:
        of_class = {"true": "target", "pred": "prediction"}[normalize]
        total = frame.groupby(["epoch", of_class])["count"].transform("sum")
        frame["share"] = (frame["count"] / total).fillna(0.0)
    return frame


def calibration_frame(epochs: np.ndarray, bins: CalibrationBins) -> pd.DataFrame:
    """Return one row per epoch and bin; see `Run.calibration`.

    Parameters
    ----------
    epochs : numpy.ndarray of int, shape (snapshots,)
    bins : CalibrationBins
        The points at these epochs.
    """
    return pd.DataFrame(
        {
            "epoch": np.repeat(epochs, bins.counts.shape[1]),
            "bin_start": np.tile(bins.edges[:-1], len(epochs)),
            "bin_end": np.tile(bins.edges[1:], len(epochs)),
            "count": bins.counts.ravel(),
            "predicted": bins.predicted.ravel(),
            "observed": bins.observed.ravel(),
        }
    )
