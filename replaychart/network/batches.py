"""Splits points into batches for a network."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from replaychart.facts.inputs import Inputs, arrays_of

# The number of values in a batch: large enough for speed, and small enough that the outputs of all
# layers take at most a few hundred megabytes.
VALUES_PER_BATCH = 1_000_000

# The values of all points, in arrays for some of them each.
Batches = list[np.ndarray]


def batch_size(values: int) -> int:
    """Return how many items with this many values each fit into a batch; at least one."""
    return max(1, VALUES_PER_BATCH // max(1, values))


def batches(points: int, values: int) -> Iterator[slice]:
    """Yield the rows of each batch; one batch even if there are no points.

    Parameters
    ----------
    points : int
        The number of points.
    values : int
        The number of values of each point.
    """
    rows = batch_size(values)
    for start in range(0, max(points, 1), rows):
        yield slice(start, start + rows)


def whole(values: Batches) -> np.ndarray:
    """Return the values of all points as one array."""
    return values[0] if len(values) == 1 else np.concatenate(values)


def joined(pieces: Iterable[list[np.ndarray]], points: int) -> list[np.ndarray]:
    """Return the outputs for all points, with the memory of one batch more than they take.

    Parameters
    ----------
    pieces : iterable of list of numpy.ndarray
        For each batch, arrays of shape (snapshots, points of the batch, ...).
    points : int
        The number of points of all batches.
    """
    whole: list[np.ndarray] = []
    start = 0
    for piece in pieces:
        if not whole and piece[0].shape[1] >= points:
            return piece
        if not whole:
            whole = [np.empty((len(own), points, *own.shape[2:]), own.dtype) for own in piece]
        for outputs, own in zip(whole, piece, strict=True):
            outputs[:, start : start + own.shape[1]] = own
        start += piece[0].shape[1]
    return whole


def of_snapshot(pieces: Sequence[list[np.ndarray]], snapshot: int, points: int) -> list[Batches]:
    """Return the outputs of one of several snapshots, in batches of the same points.

    Parameters
    ----------
    pieces : sequence of list of numpy.ndarray
        As in `joined`.
    snapshot : int
        The place of the snapshot among those of the arrays.
    points : int
        The number of its points; more are left out.
    """
    starts = np.cumsum([0, *(piece[0].shape[1] for piece in pieces[:-1])]).tolist()
    return [
        [own[snapshot][: max(points - start, 0)] for own, start in zip(every, starts, strict=True)]
        for every in zip(*pieces, strict=True)
    ]


def each_of(inputs: Inputs | Sequence[Inputs], snapshots: Sequence[int]) -> Iterable[Inputs]:
    """Return the points of each snapshot: the same points, or the items of a sequence."""
    return inputs if isinstance(inputs, Sequence) else (inputs for _ in snapshots)


def stacked(
    inputs: Inputs | Sequence[Inputs], snapshots: Sequence[int], longest: int
) -> list[np.ndarray]:
    """Return the points of all snapshots, padded with zeros to the same number of points.

    One array of shape (snapshots, longest, ...) for each input.
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
