"""The validation points of a run, as if they were the recorded points of another one."""

import dataclasses
from collections.abc import Sequence
from functools import cached_property

from replaychart.evaluation.lazy_network import LazyNetwork
from replaychart.evaluation.memory import Arrays, Memory, Select, rows
from replaychart.evaluation.verification import VerifiedNetwork, VerifiedOutputs
from replaychart.facts.inputs import with_points
from replaychart.facts.keys import key_of_validation
from replaychart.network.protocol import RecordedNetwork
from replaychart.storage.reader import StoredRun


def validation_of(stored: StoredRun) -> StoredRun | None:
    """Return a run with its validation points in place of the others; None if it has none.

    All of them weigh the same, as in Keras.
    """
    if stored.validation is None:
        return None
    return dataclasses.replace(with_points(stored, *stored.validation), validation=None)


class ValidationNetwork(LazyNetwork):
    """The network of a run for its validation points, rebuilt together with it.

    Parameters
    ----------
    stored : StoredRun
        The run, from `validation_of`.
    memory : ValidationMemory
        The values that are known of the validation points.
    network : LazyNetwork
        The network for the other points.
    """

    def __init__(self, stored: StoredRun, memory: "ValidationMemory", network: LazyNetwork) -> None:
        super().__init__(stored, memory, model=network.model, custom_objects=network.custom_objects)
        self._around: LazyNetwork = network

    def rebuilt(self, asked: str) -> RecordedNetwork:
        """Return the network; see `LazyNetwork.rebuilt`."""
        return super().rebuilt(key_of_validation(asked))

    @cached_property
    def _network(self) -> VerifiedNetwork | VerifiedOutputs:
        return self._around._network.with_points(self._stored.inputs, self._stored.targets)


class ValidationMemory(Memory):
    """The evaluations of the validation points, which are kept with those of the run.

    Parameters
    ----------
    memory : Memory
        The evaluations of the run, which are read from its file and stored there.
    """

    def __init__(self, memory: Memory) -> None:
        self._of_run = memory
        self._every = memory._every

    @property
    def is_read(self) -> bool:
        """Whether what the file contains was read already."""
        return self._of_run.is_read

    def keys(self) -> list[str]:
        """Return the keys of the evaluations of the run."""
        return self._of_run.keys()

    def holds(self, key: str, snapshots: Sequence[int] | None = None) -> bool:
        """Return whether an evaluation is known; see `Memory.holds`."""
        return self._of_run.holds(key_of_validation(key), snapshots)

    def recall(self, key: str, snapshots: Sequence[int], *, select: Select = rows) -> Arrays:
        """Return a known evaluation; see `Memory.recall`."""
        return self._of_run.recall(key_of_validation(key), snapshots, select=select)

    def remember(self, key: str, snapshots: Sequence[int], arrays: Arrays) -> None:
        """Keep an evaluation; see `Memory.remember`."""
        self._of_run.remember(key_of_validation(key), snapshots, arrays)

    def _earlier_rows(self, key: str) -> Arrays:
        return self._of_run._earlier_rows(key_of_validation(key))

    def leave_out_of_file(self, key: str) -> None:
        """Never store an evaluation; see `Memory.leave_out_of_file`."""
        self._of_run.leave_out_of_file(key_of_validation(key))

    def store(self) -> None:
        """Write the evaluations of the run; see `Memory.store`."""
        self._of_run.store()
