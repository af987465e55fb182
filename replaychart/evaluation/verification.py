"""Compares the replay with what the live model computed while it was recorded."""

import copy
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import numpy as np

from replaychart.errors import EvaluationError
from replaychart.facts.inputs import Inputs, rows_of
from replaychart.facts.outputs import Targets, of_output
from replaychart.facts.witness import Witness
from replaychart.network.batches import Batches
from replaychart.network.protocol import RecordedNetwork
from replaychart.storage.reader import StoredRun

# How far the replay may differ, as a share of the largest value: other machines and other versions
# round differently, and so do layers that compute in 16 bits.
_TOLERANCE = 1e-4
_TOLERANCE_OF_HALF = 2e-2


@dataclasses.dataclass(frozen=True)
class Difference:
    """How far the replay is from what the live model computed.

    Attributes
    ----------
    epoch : float
        The snapshot's epoch.
    size : float
        The largest absolute difference; infinite where only one of the two is finite.
    """

    epoch: float
    size: float


class VerifiedNetwork:
    """A network that refuses what differs from the training: a `RecordedNetwork` around another.

    If the outputs differ, it refuses everything; if only the loss or a metric does, only that. What
    cannot be evaluated at all is not compared: evaluating it raises an error of its own.

    Parameters
    ----------
    stored : StoredRun
        The run, with the witnesses that were recorded with it.
    network : RecordedNetwork
        Its network, as it was rebuilt.
    """

    def __init__(self, stored: StoredRun, network: RecordedNetwork) -> None:
        self._stored = stored
        self._network = network
        # With the points that are asked about; `_network` is compared with the live model.
        self._evaluated = network
        # Without all weights, only some layers can be replayed, and nothing of these was kept.
        witnesses = stored.witnesses if stored.has_all_weights else ()
        places = {epoch: place for place, epoch in enumerate(stored.epochs.tolist())}
        self._witnesses = [
            (places[witness.epoch], witness) for witness in witnesses if witness.epoch in places
        ]
        self._metrics: dict[str, Difference | None] = {}

    @cached_property
    def verified(self) -> bool | None:
        """Whether outputs, losses and metrics agree; None if the outputs cannot be compared."""
        if not any(self._can_be_replayed(*one) for one in self._witnesses):
            return None
        names = {name for _, witness in self._witnesses for name in witness.metrics}
        found = [self._outputs, self._losses, self._added, *map(self._metric, sorted(names))]
        return all(difference is None for difference in found)

    def _can_be_replayed(self, place: int, witness: Witness) -> bool:
        try:
            self._replayed(place, witness)
        except EvaluationError:
            return False
        return True

    @property
    def differences(self) -> list[str]:
        """What differs, a sentence each."""
        names = {name for _, witness in self._witnesses for name in witness.metrics}
        found = {"outputs": self._outputs}
        if self._outputs is None:
            found |= {"loss": self._losses, "regularization": self._added}
            found |= {f"metric {name!r}": self._metric(name) for name in sorted(names)}
        return [self._sentence(what, one) for what, one in found.items() if one is not None]

    def outputs(self, layer: str | None, inputs: Inputs, snapshots: Sequence[int]) -> np.ndarray:
        """Return a layer's outputs; see `RecordedNetwork.outputs`."""
        self.require_outputs()
        return self._evaluated.outputs(layer, inputs, snapshots)

    def outputs_by_snapshot(
        self,
        layer: str | None,
        inputs: Inputs | Sequence[np.ndarray],
        snapshots: Sequence[int],
        *,
        plane_of: str | None = None,
    ) -> Iterator[np.ndarray]:
        """Yield a layer's outputs; see `RecordedNetwork.outputs_by_snapshot`."""
        self.require_outputs()
        return self._evaluated.outputs_by_snapshot(layer, inputs, snapshots, plane_of=plane_of)

    def layers_by_snapshot(
        self,
        layers: Sequence[str],
        inputs: Inputs | Sequence[np.ndarray],
        snapshots: Sequence[int],
        *,
        before_activation: bool,
    ) -> Iterator[list[Batches]]:
        """Yield activations or pre-activations; see `RecordedNetwork.layers_by_snapshot`."""
        self.require_outputs()
        return self._evaluated.layers_by_snapshot(
            layers, inputs, snapshots, before_activation=before_activation
        )

    def losses(self, snapshots: Sequence[int], predictions: Callable[[], np.ndarray]) -> np.ndarray:
        """Return the loss of each recorded point; see `RecordedNetwork.losses`."""
        self._require_losses()
        return self._evaluated.losses(snapshots, predictions)

    def metric(
        self, name: str, snapshots: Sequence[int], predictions: Callable[[], np.ndarray]
    ) -> np.ndarray:
        """Return a compiled metric; see `RecordedNetwork.metric`."""
        self.require_outputs()
        self._require(f"metric {name!r}", self._metric(name))
        return self._evaluated.metric(name, snapshots, predictions)

    def regularization(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return what the model adds to the loss; see `RecordedNetwork.regularization`."""
        self.require_outputs()
        self._require("regularization", self._added)
        return self._evaluated.regularization(snapshots)

    def gradients(
        self, positions: Sequence[int], snapshots: Sequence[int]
    ) -> Iterator[list[np.ndarray]]:
        """Yield the gradients of the loss; see `RecordedNetwork.gradients`."""
        self.require_losses()
        return self._evaluated.gradients(positions, snapshots)

    def of_output(self, name: str) -> RecordedNetwork:
        """Return the network of one output; see `RecordedNetwork.of_output`."""
        return self._network.of_output(name)

    def grow(self, stored: StoredRun) -> None:
        """Take the snapshots that were recorded since; see `RecordedNetwork.grow`."""
        self._stored = stored
        self._network.grow(stored)

    def depends_on_alone(self, layer: str) -> bool:
        """Return whether the output needs only this layer's; see `RecordedNetwork`."""
        return self._network.depends_on_alone(layer)

    def of_points(self, points: np.ndarray) -> RecordedNetwork:
        """Return the network for some of the points; see `RecordedNetwork.of_points`."""
        return self._network.of_points(points)

    def require_outputs(self) -> None:
        """Raise `EvaluationError` if the outputs differ."""
        self._require("outputs", self._outputs)

    def require_losses(self) -> None:
        """Raise `EvaluationError` if the outputs, the losses or what the model adds differ."""
        self._require_losses()
        self._require("regularization", self._added)

    def with_points(self, inputs: Inputs, targets: Targets) -> "VerifiedNetwork":
        """Return the network for other points; see `RecordedNetwork.with_points`."""
        return self.evaluating(self._evaluated.with_points(inputs, targets))

    def evaluating(self, network: RecordedNetwork) -> "VerifiedNetwork":
        """Return a network for other points, which is verified with the recorded ones."""
        other = copy.copy(self)
        other._evaluated = network
        return other

    @cached_property
    def _outputs(self) -> Difference | None:
        return self._worst(lambda place, witness: (self._replayed(place, witness), witness.outputs))

    @cached_property
    def _losses(self) -> Difference | None:
        return self._worst(self._losses_of)

    @cached_property
    def _added(self) -> Difference | None:
        return self._worst(self._added_of)

    def _metric(self, name: str) -> Difference | None:
        if name not in self._metrics:
            self._metrics[name] = self._worst(
                lambda place, witness: self._metric_of(name, place, witness)
            )
        return self._metrics[name]

    def _replayed(self, place: int, witness: Witness, layer: str | None = None) -> np.ndarray:
        """Return the outputs for a witness's points, float32 (few, ...)."""
        inputs = rows_of(self._stored.inputs, witness.points)
        return self._network.outputs(layer, inputs, [place])[0]

    def _losses_of(self, place: int, witness: Witness) -> tuple[np.ndarray, np.ndarray] | None:
        if witness.losses is None:
            return None
        few = self._network.of_points(witness.points)
        losses = few.losses([place], lambda: self._replayed(place, witness)[None])
        return losses[0], witness.losses

    def _added_of(self, place: int, witness: Witness) -> tuple[np.ndarray, np.ndarray] | None:
        if witness.regularization is None:
            return None
        few = self._network.of_points(witness.points)
        return few.regularization([place]), np.array([witness.regularization])

    def _metric_of(
        self, name: str, place: int, witness: Witness
    ) -> tuple[np.ndarray, np.ndarray] | None:
        if name not in witness.metrics:
            return None
        few = self._network.of_points(witness.points)
        values = few.metric(name, [place], lambda: self._replayed(place, witness)[None])
        return values[0].reshape(-1), witness.metrics[name]

    def _worst(
        self, compared: Callable[[int, Witness], tuple[np.ndarray, np.ndarray] | None]
    ) -> Difference | None:
        """Return the largest difference of all witnesses, None if they agree."""
        found = []
        for place, witness in self._witnesses:
            try:
                both = compared(place, witness)
            except EvaluationError:
                continue
            if both is not None and not _agree(*both, half=witness.half_precision):
                found.append(Difference(witness.epoch, _distance(*both)))
        return max(found, key=lambda one: one.size, default=None)

    def _require_losses(self) -> None:
        self.require_outputs()
        self._require("loss", self._losses)

    def _require(self, what: str, difference: Difference | None) -> None:
        if difference is not None:
            raise EvaluationError(self._sentence(what, difference))

    def _sentence(self, what: str, difference: Difference) -> str:
        layer = self._first_layer() if what == "outputs" else None
        begins = f" The difference begins at layer {layer!r}." if layer else ""
        if self._stored.framework != "keras":
            what_was_passed = "loss" if what == "loss" else "model"
            return (
                f"The {what} of run {self._stored.name!r} cannot be replayed: at epoch "
                f"{difference.epoch:g} the replay differs from what the model computed in training "
                f"by up to {difference.size:.2g}.{begins} The {what_was_passed} that was passed to "
                "open_run computes something else than the recorded one: pass that one."
            )
        if what == "outputs":
            cause = "A function or class of your own is replaced by another one of its name"
            way_out = "pass it as custom_objects={'name': function}, or the model itself as model=,"
        else:
            cause = "Its configuration leaves something out, or names a function of your own"
            way_out = "pass it as custom_objects={'name': function}"
        return (
            f"The {what} of run {self._stored.name!r} cannot be replayed: at epoch "
            f"{difference.epoch:g} the replay differs from what the model computed in training by "
            f"up to {difference.size:.2g}.{begins} {cause}: {way_out} to open_run."
        )

    def _first_layer(self) -> str | None:
        """Return the first layer whose mean outputs differ, None if that is not known."""
        for place, witness in self._witnesses:
            for layer, means in witness.layers.items():
                try:
                    outputs = self._replayed(place, witness, layer)
                except EvaluationError:
                    continue
                replayed = outputs.reshape(len(means), -1).mean(axis=1, dtype=np.float64)
                if not _agree(replayed, means, half=witness.half_precision):
                    return layer
        return None


class VerifiedOutputs:
    """A network with several outputs, each of which is compared: also a `RecordedNetwork`.

    What takes all outputs is refused if any of them differs.

    Parameters
    ----------
    stored : StoredRun
        The run.
    network : RecordedNetwork
        Its network, as it was rebuilt.
    """

    def __init__(self, stored: StoredRun, network: RecordedNetwork) -> None:
        self._stored = stored
        self._network = network
        # With the points that are asked about; `_network` is compared with the live model.
        self._evaluated = network
        self._each: dict[str, VerifiedNetwork] = {}

    def of_output(self, name: str) -> VerifiedNetwork:
        """Return the network of one output; see `RecordedNetwork.of_output`."""
        if name not in self._each:
            narrowed = of_output(self._stored, name)
            one = VerifiedNetwork(narrowed, self._network.of_output(name))
            if self._evaluated is not self._network:
                one = one.evaluating(self._evaluated.of_output(name))
            self._each[name] = one
        return self._each[name]

    def _every(self) -> list[VerifiedNetwork]:
        return [self.of_output(name) for name in self._stored.targets]

    @property
    def verified(self) -> bool | None:
        """Whether all outputs that can be compared agree; None if none can."""
        known = [one.verified for one in self._every() if one.verified is not None]
        return all(known) if known else None

    @property
    def differences(self) -> list[str]:
        """What differs, a sentence each."""
        return [
            sentence.replace("The ", f"Of output {name!r}: the ", 1)
            for name in self._stored.targets
            for sentence in self.of_output(name).differences
        ]

    def outputs(self, layer: str | None, inputs: Inputs, snapshots: Sequence[int]) -> np.ndarray:
        """Return a layer's outputs; see `RecordedNetwork.outputs`."""
        self._require_outputs()
        return self._evaluated.outputs(layer, inputs, snapshots)

    def outputs_by_snapshot(
        self,
        layer: str | None,
        inputs: Inputs | Sequence[np.ndarray],
        snapshots: Sequence[int],
        *,
        plane_of: str | None = None,
    ) -> Iterator[np.ndarray]:
        """Yield a layer's outputs; see `RecordedNetwork.outputs_by_snapshot`."""
        self._require_outputs()
        return self._evaluated.outputs_by_snapshot(layer, inputs, snapshots, plane_of=plane_of)

    def layers_by_snapshot(
        self,
        layers: Sequence[str],
        inputs: Inputs | Sequence[np.ndarray],
        snapshots: Sequence[int],
        *,
        before_activation: bool,
    ) -> Iterator[list[Batches]]:
        """Yield activations or pre-activations; see `RecordedNetwork.layers_by_snapshot`."""
        self._require_outputs()
        return self._evaluated.layers_by_snapshot(
            layers, inputs, snapshots, before_activation=before_activation
        )

    def losses(self, snapshots: Sequence[int], predictions: Callable[[], np.ndarray]) -> np.ndarray:
        """Return the weighted sum of the losses; see `RecordedNetwork.losses`."""
        self._require_losses()
        return self._evaluated.losses(snapshots, predictions)

    def metric(
        self, name: str, snapshots: Sequence[int], predictions: Callable[[], np.ndarray]
    ) -> np.ndarray:
        """Return a compiled metric, which is of one output; see `RecordedNetwork.metric`."""
        self._require_outputs()
        return self._evaluated.metric(name, snapshots, predictions)

    def regularization(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return what the model adds to the loss; see `RecordedNetwork.regularization`."""
        self._require_losses()
        return self._evaluated.regularization(snapshots)

    def gradients(
        self, positions: Sequence[int], snapshots: Sequence[int]
    ) -> Iterator[list[np.ndarray]]:
        """Yield the gradients of the sum of losses; see `RecordedNetwork.gradients`."""
        self._require_losses()
        return self._evaluated.gradients(positions, snapshots)

    def grow(self, stored: StoredRun) -> None:
        """Take the snapshots that were recorded since; see `RecordedNetwork.grow`."""
        self._stored = stored
        self._network.grow(stored)
        self._each.clear()

    def depends_on_alone(self, layer: str) -> bool:
        """Return whether the output needs only this layer's; see `RecordedNetwork`."""
        return self._network.depends_on_alone(layer)

    def of_points(self, points: np.ndarray) -> RecordedNetwork:
        """Return the network for some of the points; see `RecordedNetwork.of_points`."""
        return self._network.of_points(points)

    def with_points(self, inputs: Inputs, targets: Targets) -> "VerifiedOutputs":
        """Return the network for other points; see `RecordedNetwork.with_points`."""
        other = VerifiedOutputs(self._stored, self._network)
        other._evaluated = self._network.with_points(inputs, targets)
        return other

    def _require_outputs(self) -> None:
        for one in self._every():
            one.require_outputs()

    def _require_losses(self) -> None:
        for one in self._every():
            one.require_losses()


def _agree(replayed: np.ndarray, witnessed: np.ndarray, *, half: bool) -> bool:
    """Return whether values are the same but for rounding."""
    if replayed.shape != witnessed.shape:
        return False
    # A training run that diverged may overflow in one order of operations and not in another.
    finite = np.isfinite(witnessed)
    if not np.array_equal(finite, np.isfinite(replayed)):
        return False
    scale = max(1.0, np.abs(witnessed[finite]).max(initial=0.0))
    limit = (_TOLERANCE_OF_HALF if half else _TOLERANCE) * scale
    return bool((np.abs(replayed[finite] - witnessed[finite]) <= limit).all())


def _distance(replayed: np.ndarray, witnessed: np.ndarray) -> float:
    """Return the largest absolute difference of values that do not agree."""
    if replayed.shape != witnessed.shape:
        return np.inf
    finite = np.isfinite(replayed) & np.isfinite(witnessed)
    if not np.array_equal(finite, np.isfinite(replayed) | np.isfinite(witnessed)):
        return np.inf
    return float(np.abs(replayed[finite].astype(np.float64) - witnessed[finite]).max(initial=0.0))
