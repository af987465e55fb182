"""Pairs the snapshots of two runs that are equally far: in epochs, in the training, or in loss."""

import numpy as np

# Shares of the training that differ by less than this are equal: quotients are not exact.
_SAME = 1e-9


def paired_by_progress(epochs: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the snapshot of another run at the same share of its training, for each of one run.

    It is the first snapshot of the other run that is as far or further, so that a run is before its
    first epoch only where the other one is.

    Parameters
    ----------
    epochs, others : numpy.ndarray, shape (snapshots,) and (other snapshots,)
        The recorded epochs of both runs, in increasing order. A training run ends at the last one.

    Returns
    -------
    numpy.ndarray of int64, shape (snapshots,)
        Positions in `others`.
    """
    shares, other_shares = (one / (one[-1] or 1) for one in (epochs, others))
    return np.minimum(np.searchsorted(other_shares, shares - _SAME), len(others) - 1)


def paired_by_loss(losses: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the snapshots at which one run had a new lowest loss, and another one reached it.

    Parameters
    ----------
    losses, others : numpy.ndarray of float64, shape (snapshots,) and (other snapshots,)
        The losses of both runs. Values that are NaN or infinite are never the lowest.

    Returns
    -------
    snapshots : numpy.ndarray of int64, shape (pairs,)
        The snapshots at which the loss of the first run was lower than at any before, without those
        whose loss the other run never reached.
    other_snapshots : numpy.ndarray of int64, shape (pairs,)
        For each of them, the first snapshot of the other run whose loss is as low or lower.
    """
    lowest, others_lowest = (
        np.minimum.accumulate(np.where(np.isfinite(one), one, np.inf)) for one in (losses, others)
    )
    snapshots = np.flatnonzero(lowest < np.append(np.inf, lowest[:-1]))
    reached_at = np.searchsorted(-others_lowest, -lowest[snapshots], side="left")
    reached = reached_at < len(others)
    return snapshots[reached], reached_at[reached]
