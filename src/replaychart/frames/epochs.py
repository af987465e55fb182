"""Picks epochs out of a recording."""

from collections.abc import Iterable
from numbers import Integral
from typing import Any, cast

import numpy as np

from replaychart.errors import ArgumentError

Epochs = int | slice | range | Iterable[int] | None


def chosen_snapshots(recorded: np.ndarray, epochs: Epochs) -> list[int]:
    """Return the positions of epochs in a recording, rising and without repetition.

    Parameters
    ----------
    recorded : numpy.ndarray of int64, shape (snapshots,)
        The recorded epochs.
    epochs : int, slice, range, iterable of int or None
        Recorded epochs; a slice counts positions in `recorded`; None for all.

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
        wanted = whole_numbers("epochs", epochs)
        position = {int(epoch): index for index, epoch in enumerate(recorded)}
        missing = [epoch for epoch in wanted if epoch not in position]
        if missing:
            message = (
                f"epochs must be among those recorded, {recorded[0]} to {recorded[-1]} "
                f"({len(recorded)} of them). Got {missing[0]!r}."
            )
            raise ArgumentError(message)
        chosen = sorted({position[epoch] for epoch in wanted})
    if not chosen:
        message = f"epochs must leave at least one epoch. Got {epochs!r}."
        raise ArgumentError(message)
    return chosen


def whole_numbers(argument: str, epochs: object) -> list[int]:
    """Return epochs given as one whole number or as many, in their order.

    Raises
    ------
    ArgumentError
        They are something else: truth values too, which look like epochs 0 and 1.
    """
    many = isinstance(epochs, Iterable) and not isinstance(epochs, str)
    numbers: list[Any] = list(cast("Iterable[Any]", epochs)) if many else [epochs]
    for number in numbers:
        if isinstance(number, (bool, np.bool_)) or not isinstance(number, Integral):
            message = f"{argument} must be whole numbers. Got {number!r}."
            raise ArgumentError(message)
    return [int(number) for number in numbers]
