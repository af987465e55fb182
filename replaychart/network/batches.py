"""Cuts points into pieces that go through a network at once."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from replaychart.facts.inputs import Inputs, arrays_of

# How many values go into a network at once: enough to keep it busy, and few enough that the outputs
# of every layer in between stay within a few hundred megabytes.
VALUES_PER_BATCH = 1_000_000


def batches(points: int, values: int) -> Iterator[slice]:
    """Yield the rows that go into a network at once, one empty slice if there are no points.

    Parameters
    ----------
    points : int
        Number of points.
    values : int
        Number of values of each point.
    """
    rows = max(1, VALUES_PER_BATCH // max(1, values))
    for start in range(0, max(points, 1), rows):
        yield slice(start, start + rows)


def each_of(inputs: Inputs | Sequence[Inputs], snapshots: Sequence[int]) -> Iterable[Inputs]:
    """Return the points of each snapshot: the same for all, or one item of a sequence for each."""
    return inputs if isinstance(inputs, Sequence) else (inputs for _ in snapshots)


def stacked(
    inputs: Inputs | Sequence[Inputs], snapshots: Sequence[int], longest: int
) -> list[np.ndarray]:
    """Return the points of each snapshot, padded with zeros to the same number.

    One array of the shape (snapshots, longest, ...) for each input.
    """
    if not isinstance(inputs, Sequence):
        return [np.broadcast_to(one, (len(snapshots), *one.shape)) for one in arrays_of(inputs)]
    every_input = []
    for every in zip(*map(arrays_of, inputs), strict=True):
        points = np.zeros((len(inputs), longest, *every[0].shape[1:]), every[0].dtype)
        for place, own in zip(points, every, strict=True):
            place[: len(own)] = own
        every_input.append(points)
    return every_input
