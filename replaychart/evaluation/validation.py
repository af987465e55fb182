"""The validation points of a run, as if they were the recorded points of another one."""

import dataclasses
from functools import cached_property

from replaychart.evaluation.lazy_network import LazyNetwork
from replaychart.evaluation.memory import Memory, MemoryOfPart
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


def memory_of_validation(memory: Memory) -> Memory:
    """Return what is known of a run's validation points; it is kept and stored with the run."""
    return MemoryOfPart(memory, key_of_validation)


class ValidationNetwork(LazyNetwork):
    """The network of a run for its validation points, rebuilt together with it.

    Parameters
    ----------
    stored : StoredRun
        The run, from `validation_of`.
    memory : Memory
        The values that are known of the validation points.
    network : LazyNetwork
        The network for the other points.
    """

    def __init__(self, stored: StoredRun, memory: Memory, network: LazyNetwork) -> None:
        super().__init__(stored, memory, model=network.model, custom_objects=network.custom_objects)
        self._around: LazyNetwork = network

    def rebuilt(self, asked: str) -> RecordedNetwork:
        """Return the network; see `LazyNetwork.rebuilt`."""
        return super().rebuilt(key_of_validation(asked))

    def apart(self) -> LazyNetwork:
        """Return the same network, which is rebuilt on its own; see `LazyNetwork.apart`."""
        return ValidationNetwork(self._stored, Memory(self._stored), self._around.apart())

    @cached_property
    def _network(self) -> VerifiedNetwork | VerifiedOutputs:
        return self._around._network.with_points(self._stored.inputs, self._stored.targets)
