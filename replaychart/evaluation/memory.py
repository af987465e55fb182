"""Remembers what was evaluated: what the file holds, and what this session computed."""

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from replaychart.storage.reader import StoredRun
from replaychart.storage.writer import write_evaluations

Arrays = dict[str, np.ndarray]
# From the arrays of all snapshots to those of some.
Select = Callable[[Arrays, Sequence[int]], Arrays]


def rows(arrays: Arrays, snapshots: Sequence[int]) -> Arrays:
    """Return the rows of some snapshots, for arrays with a row for each snapshot."""
    return {name: values[list(snapshots)] for name, values in arrays.items()}


class Memory:
    """Evaluations of one run, by key and snapshots.

    Parameters
    ----------
    stored : StoredRun
        The run. What is stored with it is remembered from the start.
    """

    def __init__(self, stored: StoredRun) -> None:
        self._stored = stored
        self._every = tuple(range(len(stored.epochs)))
        # What was computed for some snapshots only; it is never stored.
        self._partial: dict[tuple[str, tuple[int, ...]], Arrays] = {}
        self._passing: set[str] = set()

    @cached_property
    def _whole(self) -> dict[str, Arrays]:
        return self._stored.evaluations()

    def keys(self) -> list[str]:
        """Return the keys of what is known of all snapshots."""
        return list(self._whole)

    def holds(self, key: str, snapshots: Sequence[int] | None = None) -> bool:
        """Return whether the value of a key is known at some snapshots; by default at all."""
        if key in self._whole:
            return True
        return snapshots is not None and (key, tuple(snapshots)) in self._partial

    def recall(self, key: str, snapshots: Sequence[int], *, select: Select = rows) -> Arrays:
        """Return what is known under a key; see `remembered`."""
        if key not in self._whole:
            return self._partial[key, tuple(snapshots)]
        arrays = self._whole[key]
        return arrays if tuple(snapshots) == self._every else select(arrays, snapshots)

    def remember(self, key: str, snapshots: Sequence[int], arrays: Arrays) -> None:
        """Keep what was computed for some snapshots."""
        if tuple(snapshots) == self._every:
            self._whole[key] = arrays
        else:
            self._partial[key, tuple(snapshots)] = arrays

    def remembered(
        self,
        key: str,
        snapshots: Sequence[int],
        compute: Callable[[], Arrays],
        *,
        select: Select = rows,
    ) -> Arrays:
        """Return what is known under a key, computed now if it is not known.

        Parameters
        ----------
        key : str
            From `evaluation_key`.
        snapshots : sequence of int
            Positions in the recording.
        compute : callable
            Returns the arrays of these snapshots.
        select : callable, optional
            Returns the arrays of some snapshots, from those of all. Default: their rows.
        """
        if not self.holds(key, snapshots):
            self.remember(key, snapshots, compute())
        return self.recall(key, snapshots, select=select)

    def leave_out_of_file(self, key: str) -> None:
        """Never store the value of a key, because no other session could ask for it."""
        self._passing.add(key)

    def store(self) -> None:
        """Write what is known of all snapshots into the run's file."""
        lasting = {key: arrays for key, arrays in self._whole.items() if key not in self._passing}
        write_evaluations(self._stored, lasting)
