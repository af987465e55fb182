"""The network of a run, rebuilt when the first evaluation needs it."""

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from replaychart.errors import EvaluationError, MissingDependencyError
from replaychart.evaluation.memory import Memory
from replaychart.evaluation.verification import VerifiedNetwork, VerifiedOutputs
from replaychart.facts.keys import described, described_key
from replaychart.facts.outputs import of_output, output_names
from replaychart.network.protocol import RecordedNetwork
from replaychart.network.rebuilding import rebuilt_network, without_module
from replaychart.storage.other_weights import RunWithOtherWeights, WeightOnPlane
from replaychart.storage.reader import StoredRun

if TYPE_CHECKING:
    from replaychart.network.rebuilding import AnyModel

# What each framework is called, and the extra that installs it.
_FRAMEWORKS = {
    "keras": ("Keras", "tensorflow"),
    "torch": ("PyTorch", "torch"),
    "function": ("JAX", "jax"),
}


class LazyNetwork:
    """Rebuilds the recorded network, once.

    A run with stored evaluations can be opened and charted without the framework that it was
    recorded with, so the framework must not be imported before it is needed.

    Parameters
    ----------
    stored : StoredRun
        The run.
    memory : Memory
        The values that are already known, for error messages.
    model : keras.Model, torch.nn.Module, callable, tuple or None
        Used instead of the recorded architecture.
    custom_objects : mapping or None
        Classes and functions that are not part of Keras, by name.

    Attributes
    ----------
    model, custom_objects
    """

    def __init__(
        self,
        stored: StoredRun,
        memory: Memory,
        *,
        model: "AnyModel | None",
        custom_objects: Mapping[str, Any] | None,
    ) -> None:
        self._stored = stored
        self._memory = memory
        self.model = model
        self.custom_objects = custom_objects
        self._around: LazyNetwork | None = None
        self._output = ""

    def of_output(self, name: str) -> "LazyNetwork":
        """Return the network of one of several outputs, which is rebuilt with the others."""
        one = LazyNetwork(
            of_output(self._stored, name),
            self._memory.of_output(name),
            model=self.model,
            custom_objects=self.custom_objects,
        )
        one._around, one._output = self, name
        return one

    def continue_from(self, earlier: "LazyNetwork") -> None:
        """Take over the rebuilt network of the same run when it had fewer snapshots."""
        if earlier.is_rebuilt:
            network = earlier._network
            network.grow(self._stored)
            self._network = network

    def rebuilt(self, asked: str) -> RecordedNetwork:
        """Return the network.

        Parameters
        ----------
        asked : str
            The key of the evaluation that needs the network.

        Raises
        ------
        EvaluationError
            The run was recorded from outputs, or its model cannot be rebuilt.
        MissingDependencyError
            The framework is not installed.
        """
        if not self._stored.has_model:
            raise self._no_model(asked)
        if self.model is None and self._stored.framework != "keras":
            raise self._code_missing(asked)
        try:
            return self._network
        except ImportError as error:
            raise self._framework_missing(asked) from error

    def apart(self) -> "LazyNetwork":
        """Return the same network, which is rebuilt on its own, also in another process."""
        if self._around is not None:
            return self._around.apart().of_output(self._output)
        return LazyNetwork(
            self._stored,
            Memory(self._stored),
            model=self.model,
            custom_objects=self.custom_objects,
        )

    def with_weights(self, weights: list[WeightOnPlane]) -> Callable[[], RecordedNetwork]:
        """Return a function that rebuilds the network with other weights, also in another process.

        The snapshots of that network are the places of a plane.

        Parameters
        ----------
        weights : list of WeightOnPlane
            One for each variable.
        """
        whole = self._around or self
        run = RunWithOtherWeights.of(whole._stored, weights)
        output = None if self._around is None else self._output
        return partial(_with_weights, run, self.model, self.custom_objects, output)

    @property
    def verified(self) -> bool | None:
        """Whether the network replays what the live model computed; None if that is not known."""
        if not self._stored.has_model or not self._stored.witnesses:
            return None
        try:
            return self._network.verified
        except (ImportError, EvaluationError):
            return None  # what needs the network says so

    @property
    def differences(self) -> list[str]:
        """What the replay computes otherwise than the live model did, a sentence each."""
        return self._network.differences if self.verified is False else []

    @property
    def is_rebuilt(self) -> bool:
        """Whether the network was rebuilt already."""
        return "_network" in vars(self) if self._around is None else self._around.is_rebuilt

    @cached_property
    def _network(self) -> VerifiedNetwork | VerifiedOutputs:
        if self._around is not None:
            whole = self._around._network
            assert isinstance(whole, VerifiedOutputs)
            return whole.of_output(self._output)
        rebuilt = rebuilt_network(
            self._stored, model=self.model, custom_objects=self.custom_objects
        )
        if output_names(self._stored.details):
            return VerifiedOutputs(self._stored, rebuilt)
        return VerifiedNetwork(self._stored, rebuilt)

    def _code_missing(self, asked: str) -> EvaluationError:
        message = (
            f"Run {self._stored.name!r} does not contain {_named(asked)}. "
            f"{without_module(self._stored)} Or, where you have it, store what charts need: "
            f"run.store(). Stored: {described(self._memory.keys())}."
        )
        return EvaluationError(message)

    def _framework_missing(self, asked: str) -> MissingDependencyError:
        name, extra = _FRAMEWORKS.get(self._stored.framework, _FRAMEWORKS["keras"])
        message = (
            f"Run {self._stored.name!r} does not contain {_named(asked)}, and computing "
            f"this needs {name}, which is not installed: pip install 'replaychart[{extra}]'. Or "
            f"store it on a machine with {name}: run.store(), or the command 'replaychart store'. "
            f"Stored: {described(self._memory.keys())}."
        )
        return MissingDependencyError(message)

    def _no_model(self, asked: str) -> EvaluationError:
        message = (
            f"Run {self._stored.name!r} was recorded from outputs, without a model, so "
            f"{_named(asked)} cannot be computed. Recorded: "
            f"{described(self._memory.keys())}."
        )
        return EvaluationError(message)


def _with_weights(
    run: RunWithOtherWeights,
    model: "AnyModel | None",
    custom_objects: Mapping[str, Any] | None,
    output: str | None,
) -> RecordedNetwork:
    network = rebuilt_network(run, model=model, custom_objects=custom_objects)
    return network if output is None else network.of_output(output)


def _named(asked: str) -> str:
    """Return what is asked for, in words that begin with one article."""
    return f"the {described_key(asked).removeprefix('the ')}"
