"""Keeps evaluations: those stored in the file, and those computed in this session."""

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from replaychart.facts.keys import key_of_output
from replaychart.storage.reader import StoredRun
from replaychart.storage.writer import write_evaluations

Arrays = dict[str, np.ndarray]
# A function that takes the arrays of all snapshots and returns those of some snapshots.
Select = Callable[[Arrays, Sequence[int]], Arrays]


def rows(arrays: Arrays, snapshots: Sequence[int]) -> Arrays:
    """Return the rows of some snapshots, from arrays with one row for each snapshot."""
    return {name: values[list(snapshots)] for name, values in arrays.items()}


def joined_rows(parts: Sequence[Arrays]) -> Arrays:
    """Return the arrays of all snapshots, from those of consecutive parts of them."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


class Memory:
    """Evaluations of one run, by key and snapshots.

    Parameters
    ----------
    stored : StoredRun
        The run. Its stored evaluations are known from the start.
    """

    def __init__(self, stored: StoredRun) -> None:
        self._stored = stored
        self._every = tuple(range(len(stored.epochs)))
        # Computed for some of the snapshots only; never stored.
        self._partial: dict[tuple[str, tuple[int, ...]], Arrays] = {}
        self._only_this_session: set[str] = set()
        # Whether anything that `store` writes is not in the file.
        self._unsaved = False
        # Of the same run when it had fewer snapshots, each with one row for each of these.
        self._earlier: dict[str, Arrays] = {}

    @cached_property
    def _whole(self) -> dict[str, Arrays]:
        return self._stored.evaluations()

    @property
    def is_read(self) -> bool:
        """Whether what the file contains was read already."""
        return "_whole" in vars(self)

    def keys(self) -> list[str]:
        """Return the keys of the evaluations that are known for all snapshots."""
        return list(self._whole)

    def holds(self, key: str, snapshots: Sequence[int] | None = None) -> bool:
        """Return whether an evaluation is known for some snapshots; by default, for all."""
        if key in self._whole:
            return True
        return snapshots is not None and (key, tuple(snapshots)) in self._partial

    def recall(self, key: str, snapshots: Sequence[int], *, select: Select = rows) -> Arrays:
        """Return a known evaluation; see `remembered`."""
        if key not in self._whole:
            return self._partial[key, tuple(snapshots)]
        arrays = self._whole[key]
        return arrays if tuple(snapshots) == self._every else select(arrays, snapshots)

    def remember(self, key: str, snapshots: Sequence[int], arrays: Arrays) -> None:
        """Keep an evaluation of some snapshots."""
        if tuple(snapshots) == self._every:
            self._whole[key] = arrays
            self._unsaved = self._unsaved or key not in self._only_this_session
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
        """Return an evaluation, computed now if it is not known yet.

        Parameters
        ----------
        key : str
            From `evaluation_key`.
        snapshots : sequence of int
            Positions in the recording.
        compute : callable
            Returns the arrays of these snapshots.
        select : callable, optional
            Takes the arrays of all snapshots and returns those of some. Default: `rows`.
        """
        if not self.holds(key, snapshots):
            self.remember(key, snapshots, compute())
        return self.recall(key, snapshots, select=select)

    def extended(
        self, key: str, snapshots: Sequence[int], compute: Callable[[Sequence[int]], Arrays]
    ) -> Arrays:
        """Return an evaluation, of which only what is not known yet is computed.

        Parameters
        ----------
        key, snapshots
            As in `remembered`.
        compute : callable
            Takes snapshots and returns arrays with one row for each of them.
        """

        def compute_later() -> Arrays:
            earlier = self._earlier_rows(key)
            known = len(next(iter(earlier.values()))) if earlier else 0
            if not known or tuple(snapshots) != self._every:
                return compute(snapshots)
            if known == len(self._every):
                return earlier  # Only values that were logged have been added.
            later = compute(self._every[known:])
            return {name: np.concatenate([earlier[name], values]) for name, values in later.items()}

        return self.remembered(key, snapshots, compute_later)

    def _earlier_rows(self, key: str) -> Arrays:
        return self._earlier.get(key, {})

    def continue_from(self, earlier: "Memory") -> None:
        """Use what was known of the same run, which had no more snapshots; see `extended`."""
        known = {} if not earlier.is_read else earlier._whole
        count = len(earlier._every)
        self._earlier = {
            key: arrays
            for key, arrays in known.items()
            if all(len(values) == count for values in arrays.values())
        }

    def only_of(self, snapshots: Sequence[int]) -> dict[str, Arrays]:
        """Return the evaluations that are known for just these snapshots, by key."""
        of_these = tuple(snapshots)
        return {key: arrays for (key, some), arrays in self._partial.items() if some == of_these}

    def leave_out_of_file(self, key: str) -> None:
        """Never store an evaluation, because its key means nothing in another session."""
        self._only_this_session.add(key)

    def of_output(self, name: str) -> "Memory":
        """Return what is known of one of several outputs; it is kept and stored here."""
        return MemoryOfPart(self, lambda key: key_of_output(key, name))

    @property
    def unsaved(self) -> bool:
        """Whether anything that `store` writes is not in the file yet."""
        return self._unsaved

    def lasting(self) -> dict[str, Arrays]:
        """Return the evaluations that are known for all snapshots and can be stored, by key."""
        return {
            key: arrays for key, arrays in self._whole.items() if key not in self._only_this_session
        }

    def store(self) -> None:
        """Write the evaluations that are known for all snapshots to the run's file."""
        write_evaluations(self._stored, self.lasting())
        self._unsaved = False


class MemoryOfPart(Memory):
    """The evaluations of a part of a run, which are kept and stored with those of the whole run.

    Parameters
    ----------
    whole : Memory
        The evaluations of the whole run.
    own_key : callable
        Returns the key in the whole run for a key of the part.
    """

    def __init__(self, whole: Memory, own_key: Callable[[str], str]) -> None:
        self._around = whole
        self._every = whole._every
        self._own = own_key

    @property
    def is_read(self) -> bool:
        """Whether what the file contains was read already."""
        return self._around.is_read

    def keys(self) -> list[str]:
        """Return the keys of the evaluations of the whole run."""
        return self._around.keys()

    def holds(self, key: str, snapshots: Sequence[int] | None = None) -> bool:
        """Return whether an evaluation is known; see `Memory.holds`."""
        return self._around.holds(self._own(key), snapshots)

    def recall(self, key: str, snapshots: Sequence[int], *, select: Select = rows) -> Arrays:
        """Return a known evaluation; see `Memory.recall`."""
        return self._around.recall(self._own(key), snapshots, select=select)

    def remember(self, key: str, snapshots: Sequence[int], arrays: Arrays) -> None:
        """Keep an evaluation; see `Memory.remember`."""
        self._around.remember(self._own(key), snapshots, arrays)

    def _earlier_rows(self, key: str) -> Arrays:
        return self._around._earlier_rows(self._own(key))

    def leave_out_of_file(self, key: str) -> None:
        """Never store an evaluation; see `Memory.leave_out_of_file`."""
        self._around.leave_out_of_file(self._own(key))

    @property
    def unsaved(self) -> bool:
        """Whether anything is not in the file yet; see `Memory.unsaved`."""
        return self._around.unsaved

    def lasting(self) -> dict[str, Arrays]:
        """Return the evaluations of the whole run; see `Memory.lasting`."""
        return self._around.lasting()

    def store(self) -> None:
        """Write the evaluations of the whole run; see `Memory.store`."""
        self._around.store()
