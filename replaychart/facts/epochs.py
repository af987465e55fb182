"""Selects epochs of a recording."""

from collections.abc import Iterable
from typing import Any, cast

import numpy as np

from replaychart.arguments import is_number, shown
from replaychart.errors import ArgumentError

# Epochs are rounded to a millionth, so that a number read from a chart matches its snapshot.
EPOCH_DIGITS = 6

Epochs = float | slice | range | Iterable[float] | None


def chosen_snapshots(recorded: np.ndarray, epochs: Epochs) -> list[int]:
    """Return the positions of epochs in a recording, sorted and without duplicates.

    Parameters
    ----------
    recorded : numpy.ndarray of int64 or float64, shape (snapshots,)
        The recorded epochs.
    epochs : float, slice, range, iterable of float or None
        Recorded epochs, rounded to a millionth; a slice of positions in `recorded`; or None for
        all epochs.

    Raises
    ------
    ArgumentError
        An epoch was not recorded, or no epoch is selected.
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
                f"({len(recorded)} in total). Got {missing[0]!r}; the nearest is "
                f"{min(position, key=lambda epoch: abs(epoch - missing[0]))!r}."
            )
            raise ArgumentError(message)
        chosen = sorted({position[epoch] for epoch in wanted})
    if not chosen:
        message = f"epochs must select at least one epoch. Got {shown(epochs)}."
        raise ArgumentError(message)
    return chosen


def epoch_numbers(argument: str, epochs: object) -> list[float]:
    """Return one or several epochs as a list of numbers, in the given order; whole ones as int.

    Raises
    ------
    ArgumentError
        They are not numbers; bools are not allowed either, which look like epochs 0 and 1.
    """
    many = isinstance(epochs, Iterable) and not isinstance(epochs, str)
    numbers: list[Any] = list(cast("Iterable[Any]", epochs)) if many else [epochs]
    for number in numbers:
        if not is_number(number) or not np.isfinite(float(number)):
            message = f"{argument} must be finite numbers. Got {number!r}."
            raise ArgumentError(message)
    rounded = [round(float(number), EPOCH_DIGITS) for number in numbers]
    return [int(number) if number.is_integer() else number for number in rounded]
