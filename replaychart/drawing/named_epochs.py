"""Epochs that are chosen by what happened at them: the last, the best, and half way down."""

from typing import Literal, TypeGuard, get_args

import altair as alt
import numpy as np

from replaychart.errors import ReplayChartError
from replaychart.run import Run

# "half": the first epoch at which the loss has fallen half way to its lowest value.
EpochName = Literal["last", "best", "half"]
EPOCH_NAMES: tuple[EpochName, ...] = get_args(EpochName)
# The epoch that a chart shows initially.
ShownEpoch = float | EpochName | alt.Parameter | None


def is_epoch_name(epoch: object) -> TypeGuard[EpochName]:
    """Return whether an argument is one of `EPOCH_NAMES`."""
    return isinstance(epoch, str) and epoch in EPOCH_NAMES


def named_epoch(run: Run, name: EpochName, epochs: np.ndarray) -> float:
    """Return one of a run's epochs by its name.

    Parameters
    ----------
    run : Run
        The run.
    name : {"last", "best", "half"}
        ``"best"`` is the epoch that ``EarlyStopping`` found, or that with the lowest validation
        loss, or without validation the one with the lowest loss. ``"half"`` is the first one whose
        loss is half way between the first and the lowest. Where the loss is not known, or never
        fell, it is the last epoch.
    epochs : numpy.ndarray, shape (epochs,)
        The epochs to choose from, in ascending order.
    """
    last = epochs[-1].item()
    if name == "last":
        return last
    best = run.best_epoch
    if name == "best" and best is not None and best in epochs.tolist():
        return best
    losses = _losses(run, validation=name == "best")[run.snapshots(epochs)]
    finite = np.isfinite(losses)
    if not finite.any():
        return last
    lowest = int(np.where(finite, losses, np.inf).argmin())
    if name == "best":
        return epochs[lowest].item()
    first = losses[finite][0]
    if not losses[lowest] < first:
        # It never fell. If it diverged, the last epoch has nothing to show.
        return last if finite.all() else epochs[lowest].item()
    # A comparison with NaN is false.
    return epochs[int((losses <= (first + losses[lowest]) / 2).argmax())].item()


def _losses(run: Run, *, validation: bool) -> np.ndarray:
    """Return the loss at each recorded epoch, or all NaN if it is not known."""
    sources = [("val_loss", "replay"), ("val_loss", "training")] if validation else []
    for name, source in [*sources, ("loss", "replay"), ("loss", "training")]:
        try:
            if name in run.curves.names(source):
                return run.curves.values(name, source=source)
        except ReplayChartError:
            # A loss that cannot be evaluated may have been logged.
            continue
    return np.full(len(run.epochs), np.nan)
