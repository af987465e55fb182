"""Finds the epochs of a run at which much changes, or nothing does."""

from typing import NamedTuple

import numpy as np

# A plateau is a stretch in which the loss changes by less than this share of its whole range, and
# that lasts for at least this share of the snapshots.
_FLAT, _LONG = 0.02, 0.2


class Finding(NamedTuple):
    """Something that happens at a snapshot.

    Attributes
    ----------
    snapshot : int
        The position in the recording.
    weight : float
        How remarkable it is, from 0 to 1.
    text : str
        A sentence.
    """

    snapshot: int
    weight: float
    text: str


def greatest_change(outputs: np.ndarray, epochs: np.ndarray) -> list[Finding]:
    """Return the step in which the outputs change the most per epoch.

    Parameters
    ----------
    outputs : numpy.ndarray, shape (snapshots, points, ...)
    epochs : numpy.ndarray, shape (snapshots,)
    """
    flat = outputs.reshape(len(outputs), -1).astype(np.float64)
    change = np.abs(np.diff(flat, axis=0)).mean(axis=1) / np.diff(epochs)
    if not len(change) or not np.isfinite(change).any() or not np.nanmax(change) > 0:
        return []
    step = int(np.nanargmax(change))
    text = (
        f"The outputs change the most: by {change[step]:.2g} per epoch on average, between epochs "
        f"{epochs[step]:g} and {epochs[step + 1]:g}."
    )
    return [Finding(step + 1, 1.0, text)]


def accuracy_jumps(accuracy: np.ndarray, epochs: np.ndarray) -> list[Finding]:
    """Return the largest rise and the largest fall of the accuracy in one step.

    Parameters
    ----------
    accuracy : numpy.ndarray, shape (snapshots,)
    epochs : numpy.ndarray, shape (snapshots,)
    """
    rise = np.diff(accuracy)
    found = []
    for step, verb in ((rise.argmax(), "rises"), (rise.argmin(), "falls")) if len(rise) else ():
        if abs(rise[step]) >= 0.01 and (rise[step] > 0) == (verb == "rises"):
            text = (
                f"The accuracy {verb} from {accuracy[step]:.1%} to {accuracy[step + 1]:.1%} "
                f"after epoch {epochs[step]:g}."
            )
            found.append(Finding(int(step) + 1, float(abs(rise[step])), text))
    return found


def plateau(loss: np.ndarray, epochs: np.ndarray) -> list[Finding]:
    """Return the start of the longest stretch in which the mean loss hardly changes.

    Parameters
    ----------
    loss : numpy.ndarray, shape (snapshots,)
    epochs : numpy.ndarray, shape (snapshots,)
    """
    if len(loss) < 2 or not np.isfinite(loss).all() or np.ptp(loss) == 0:
        return []
    least = _FLAT * np.ptp(loss)
    longest, begin = (0, 0), 0
    for end in range(len(loss)):
        while np.ptp(loss[begin : end + 1]) > least:
            begin += 1
        if epochs[end] - epochs[begin] > epochs[longest[1]] - epochs[longest[0]]:
            longest = (begin, end)
    share = (epochs[longest[1]] - epochs[longest[0]]) / (epochs[-1] - epochs[0])
    if share < _LONG:
        return []
    text = (
        f"From epoch {epochs[longest[0]]:g} to {epochs[longest[1]]:g}, the loss stays at "
        f"{loss[longest[0] : longest[1] + 1].mean():.3g}: a plateau."
    )
    return [Finding(longest[0], float(share), text)]
