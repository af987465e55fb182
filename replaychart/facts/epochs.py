"""Picks epochs out of a recording."""

from collections.abc import Iterable
from typing import Any, cast

import numpy as np

from replaychart.arguments import is_number
from replaychart.errors import ArgumentError

# Epochs are kept to a millionth, so that a number read from a chart names the same snapshot.
EPOCH_DIGITS = 6

Epochs = float | slice | range | Iterable[float] | None


def chosen_snapshots(recorded: np.ndarray, epochs: Epochs) -> list[int]:
    """Return the positions of epochs in a recording, rising and without repetition.

    Parameters
    ----------
    recorded : numpy.ndarray of int64 or float64, shape (snapshots,)
        The recorded epochs.
    epochs : float, slice, range, iterable of float or None
        Recorded epochs, to a millionth; a slice counts positions in `recorded`; None for all.

    Raises
    ------
    ArgumentError
        An epoch was not recorded, or none is left.
    """
    everything = list(range(len(recorded)))
    if epochs is None:
        return everything
    if isinstance(epochs, slice):
        chosen = everything[epochs]
    else:
        wanted = epoch_numbers("epochs", epochs)
        position = {epoch: index for index, epoch in enumerate(recorded.tolist())}
        missing = [epoch for epoch in wanted if epoch not in position]
        if missing:
            message = (
                f"epochs must be among those recorded, {recorded[0]:g} to {recorded[-1]:g} "
                f"({len(recorded)} of them). Got {missing[0]!r}; the nearest is "
                f"{min(position, key=lambda epoch: abs(epoch - missing[0]))!r}."
            )
            raise ArgumentError(message)
        chosen = sorted({position[epoch] for epoch in wanted})
    if not chosen:
        message = f"epochs must leave at least one epoch. Got {epochs!r}."
        raise ArgumentError(message)
    return chosen


def epoch_numbers(argument: str, epochs: object) -> list[float]:
    """Return epochs given as one number or as many, in their order; whole ones as int.

    Raises
    ------
    ArgumentError
        They are something else: truth values too, which look like epochs 0 and 1.
    """
    many = isinstance(epochs, Iterable) and not isinstance(epochs, str)
    numbers: list[Any] = list(cast("Iterable[Any]", epochs)) if many else [epochs]
    for number in numbers:
        if not is_number(number) or not np.isfinite(float(number)):
            message = f"{argument} must be numbers of epochs. Got {number!r}."
            raise ArgumentError(message)
    rounded = [round(float(number), EPOCH_DIGITS) for number in numbers]
    return [int(number) if number.is_integer() else number for number in rounded]
