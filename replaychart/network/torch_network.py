"""Evaluates a recorded PyTorch module with the weights of each epoch, without setting them."""

import copy
import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import torch

from replaychart.errors import EvaluationError, ReplayChartError
from replaychart.facts.inputs import (
    Inputs,
    arrays_of,
    number_of_points,
    numbers_per_point,
    of_points,
    rows_of,
    taken_apart,
    with_points,
)
from replaychart.facts.layers import values_of
from replaychart.facts.outputs import Targets
from replaychart.network import torch_calls, torch_state
from replaychart.network.batches import Batches, batch_size, batches, each_of, whole
from replaychart.network.torch_layers import TorchLayer, Watch, layers_seen, submodules
from replaychart.network.torch_losses import PointLosses, loss_from
from replaychart.storage.reader import StoredRun

# The layers are found with this many of the recorded points.
_FEW = 16
# The parameters of all snapshots are kept as tensors up to this many values.
_MOST_VALUES_KEPT = 10_000_000

# What is asked of a watched call: a function from the watch and the output to tensors.
Ask = Callable[[Watch, torch.Tensor], list[torch.Tensor]]
Replaced = tuple[TorchLayer, torch.Tensor]


class TorchNetwork:
    """A module and the recorded values of its parameters at every epoch: a `RecordedNetwork`.

    Parameters
    ----------
    stored : StoredRun
        The run.
    module : torch.nn.Module
        A module with the recorded parameters. Their values are neither used nor changed.
    custom_objects : mapping, optional
        Losses that are not part of PyTorch, by name.

    Raises
    ------
    EvaluationError
        The module has other parameters, or does not take the recorded points.
    """

    def __init__(
        self,
        stored: StoredRun,
        module: torch.nn.Module,
        *,
        custom_objects: Mapping[str, Any] | None = None,
    ) -> None:
        self._stored = stored
        self._run = stored.name
        self._module = _own_copy(torch_calls.unwrapped(module))
        self._custom_objects = custom_objects
        self._entries = torch_state.checked_entries(
            self._module, stored.details, stored.recorded_variables, stored.name
        )
        self._weights = stored.weights()
        self._states: dict[int, dict[str, torch.Tensor]] = {}
        # In 16 bits, the order of operations shows, and many snapshots in one call change it.
        self._maps = all(one.tensor.dtype.itemsize != 2 for one in self._entries)
        self._layers = {one.name: one for one in self._found_layers()}

    def outputs(self, layer: str | None, inputs: Inputs, snapshots: Sequence[int]) -> np.ndarray:
        """Return a layer's outputs at several snapshots; see `RecordedNetwork.outputs`."""
        return np.stack(list(self.outputs_by_snapshot(layer, inputs, snapshots)))

    def outputs_by_snapshot(
        self,
        layer: str | None,
        inputs: Inputs | Sequence[np.ndarray],
        snapshots: Sequence[int],
        *,
        plane_of: str | None = None,
    ) -> Iterator[np.ndarray]:
        """Yield a layer's outputs; see `RecordedNetwork.outputs_by_snapshot`."""
        if plane_of is not None:
            yield from self._after(plane_of, layer, inputs, snapshots)
            return
        watched = [] if layer is None else [self._layer(layer)]
        ask = _output if layer is None else _outputs_of(watched)
        for (values,) in self._evaluated(ask, watched, self._by_input(inputs), snapshots):
            yield whole(values)

    def layers_by_snapshot(
        self,
        layers: Sequence[str],
        inputs: Inputs | Sequence[np.ndarray],
        snapshots: Sequence[int],
        *,
        before_activation: bool,
    ) -> Iterator[list[Batches]]:
        """Yield activations or pre-activations; see `RecordedNetwork.layers_by_snapshot`."""
        watched = [self._layer(name) for name in layers]

        def ask(watch: Watch, output: torch.Tensor) -> list[torch.Tensor]:  # noqa: ARG001
            values = []
            for layer in watched:
                seen = watch.seen[layer.path]
                own = seen.before if before_activation else seen.after
                activated = layer.activation is not None or layer.activated_later
                tensor = own if activated and own is not None else seen.output
                values.append(layer.as_shown(tensor))
            return values

        yield from self._evaluated(ask, watched, self._by_input(inputs), snapshots)

    def losses(
        self,
        snapshots: Sequence[int],  # noqa: ARG002
        predictions: Callable[[], np.ndarray],
    ) -> np.ndarray:
        """Return the loss of each recorded point; see `RecordedNetwork.losses`."""
        losses = self._losses
        with torch.no_grad(), self._told("The loss"):
            device = torch_calls.device_of(self._module)
            every = [
                losses.of(torch.from_numpy(np.ascontiguousarray(outputs)).to(device))
                for outputs in predictions()
            ]
        return np.stack([torch_calls.as_float32(values) for values in every])

    def metric(
        self,
        name: str,
        snapshots: Sequence[int],  # noqa: ARG002
        predictions: Callable[[], np.ndarray],  # noqa: ARG002
    ) -> np.ndarray:
        """Raise `EvaluationError`, because no metrics are recorded with a module."""
        message = f"The metric {name!r} of run {self._run!r} was logged and cannot be evaluated."
        raise EvaluationError(message)

    def regularization(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return zeros: what an optimizer adds to gradients is no part of the loss."""
        return np.zeros(len(snapshots))

    def gradients(
        self, positions: Sequence[int], snapshots: Sequence[int]
    ) -> Iterator[list[np.ndarray]]:
        """Yield the loss's gradients; see `RecordedNetwork.gradients`."""
        chosen = [self._entries[position] for position in positions]
        losses, points = self._losses, len(self._stored.targets)
        rows = list(batches(points, numbers_per_point(self._stored.inputs)))
        for snapshot in snapshots:
            with self._told("The gradients"), self._inference(gradients=True):
                state = dict(self._state(snapshot))
                leaves = [state[one.path].detach().requires_grad_() for one in chosen]
                state |= {one.path: leaf for one, leaf in zip(chosen, leaves, strict=True)}
                found = [torch.zeros_like(leaf) for leaf in leaves]
                for some in rows:
                    tensors = self._tensors([a[some] for a in arrays_of(self._stored.inputs)])
                    outputs = torch_calls.called(self._module, state, tensors, self._stored)
                    total = losses.of(outputs, some).sum() / (1 if losses.is_sum else points)
                    if total.requires_grad:
                        own = torch.autograd.grad(total, leaves, allow_unused=True)
                        found = [
                            sofar if more is None else sofar + more
                            for sofar, more in zip(found, own, strict=True)
                        ]
            yield [
                torch_state.stored_form(values, one.axes).astype(np.float32, copy=False)
                for values, one in zip(found, chosen, strict=True)
            ]

    def of_points(self, points: np.ndarray) -> "TorchNetwork":
        """Return the network for some of the points; see `RecordedNetwork.of_points`."""
        return self._of(of_points(self._stored, points))

    def with_points(self, inputs: Inputs, targets: Targets) -> "TorchNetwork":
        """Return the network for other points; see `RecordedNetwork.with_points`."""
        return self._of(with_points(self._stored, inputs, targets))

    def _of(self, stored: StoredRun) -> "TorchNetwork":
        """Return the network with another run in place of the recorded one."""
        other = copy.copy(self)
        other._stored = stored
        other.__dict__.pop("_losses", None)
        return other

    def of_output(self, name: str) -> "TorchNetwork":
        """Raise `EvaluationError`, because there is only one output."""
        message = f"Run {self._run!r} has only one output. Got {name!r}."
        raise EvaluationError(message)

    def grow(self, stored: StoredRun) -> None:
        """Take the snapshots that were recorded since; see `RecordedNetwork.grow`."""
        self._stored = stored
        self._weights = stored.weights()

    def depends_on_alone(self, layer: str) -> bool:
        """Return whether the output depends only on a layer's; see `RecordedNetwork`."""
        found = self._layer(layer)
        arrays = [array[:_FEW] for array in arrays_of(self._stored.inputs)]
        with self._told("The module"), self._inference(gradients=True):
            state = self._state(0)
            tensors = self._tensors(arrays)
            with torch.no_grad():
                watch, _ = self._watched([found], state, tensors)
            values = watch.output(found.path, activated=found.activation is not None).detach()
            leaves = [one.requires_grad_() for one in tensors if one.is_floating_point()]
            _, output = self._watched([found], state, tensors, (found, values))
            if output.requires_grad:
                found_gradients = torch.autograd.grad(output.sum(), leaves, allow_unused=True)
                return all(gradient is None for gradient in found_gradients)
            if len(leaves) == len(tensors):
                return True
            # Whole numbers have no gradients, so others of the points take their place.
            moved = [one.detach().roll(1, dims=0) for one in tensors]
            _, other = self._watched([found], state, moved, (found, values))
            return bool(torch.equal(output, other))

    @cached_property
    def _losses(self) -> PointLosses:
        config = json.loads(self._stored.compile_config) or {}
        loss = loss_from(config.get("loss"), self._custom_objects, self._run)
        if isinstance(loss, torch.nn.Module):
            loss = copy.deepcopy(loss).to(torch_calls.device_of(self._module))
        return PointLosses(loss, self._stored.targets)

    def _found_layers(self) -> list[TorchLayer]:
        """Return the layers of the module, as they run for a few of the recorded points."""
        few = rows_of(self._stored.inputs, np.arange(min(_FEW, len(self._stored.targets))))
        modules = submodules(self._module)
        with self._told("The module"), self._inference():
            tensors = self._tensors(arrays_of(few))
            watch = Watch(modules)
            with watch.of(self._module):
                state = self._state(0)
                output = torch_calls.called(self._module, state, tensors, self._stored)
            return layers_seen(watch, modules, output, number_of_points(few))

    def _layer(self, name: str) -> TorchLayer:
        if name not in self._layers:
            known = ", ".join(map(repr, self._layers))
            message = (
                f"Layer {name!r} of run {self._run!r} does not run in the module that was passed "
                f"as model=. Its layers are {known}."
            )
            raise EvaluationError(message)
        return self._layers[name]

    def _after(
        self,
        plane_of: str,
        layer: str | None,
        inputs: Inputs | Sequence[np.ndarray],
        snapshots: Sequence[int],
    ) -> Iterator[np.ndarray]:
        """Yield outputs of the network after a layer, for points in the space of that layer."""
        first = self._layer(plane_of)
        if layer is None and first.is_output:
            yield from (np.asarray(own, np.float32) for own in each_of(inputs, snapshots))
            return
        if layer is None and not self.depends_on_alone(plane_of):
            message = (
                f"The network after layer {plane_of!r} cannot be evaluated by itself, because a "
                "branch bypasses that layer."
            )
            raise EvaluationError(message)
        wanted = [] if layer is None else [self._layer(layer)]
        ask = _output if layer is None else _outputs_of(wanted)
        yield from (
            whole(values)
            for (values,) in self._evaluated(ask, wanted, inputs, snapshots, plane_of=first)
        )

    def _evaluated(
        self,
        ask: Ask,
        watched: Sequence[TorchLayer],
        inputs: Inputs | Sequence[Inputs],
        snapshots: Sequence[int],
        *,
        plane_of: TorchLayer | None = None,
    ) -> Iterator[list[Batches]]:
        """Yield what is asked of the module, snapshot by snapshot."""
        returned = sum(values_of(layer.output_shape) for layer in watched)
        values = max(
            (
                number_of_points(own) * max(numbers_per_point(own), returned)
                for own in each_of(inputs, snapshots)
            ),
            default=0,
        )
        together = batch_size(max(values, torch_state.counted(self._entries)))
        if isinstance(inputs, Sequence) or together == 1 or plane_of is not None:
            for snapshot, own in zip(snapshots, each_of(inputs, snapshots), strict=True):
                yield self._alone(ask, watched, own, snapshot, plane_of)
            return
        for start in range(0, len(snapshots), together):
            chunk = snapshots[start : start + together]
            found = self._mapped(ask, watched, inputs, chunk) if self._maps else None
            if found is None:
                yield from (self._alone(ask, watched, inputs, one, None) for one in chunk)
            else:
                yield from found

    def _alone(
        self,
        ask: Ask,
        watched: Sequence[TorchLayer],
        inputs: Inputs,
        snapshot: int,
        plane_of: TorchLayer | None,
    ) -> list[Batches]:
        """Return what is asked of the module at one snapshot."""
        pieces = []
        rows = batches(number_of_points(inputs), numbers_per_point(inputs))
        with self._told("The module"), self._inference():
            state = self._state(snapshot)
            for some in rows:
                arrays = [array[some] for array in arrays_of(inputs)]
                tensors, replaced = self._arguments(arrays, plane_of)
                watch, output = self._watched(watched, state, tensors, replaced)
                pieces.append([torch_calls.as_float32(one) for one in ask(watch, output)])
        return [list(every) for every in zip(*pieces, strict=True)]

    def _arguments(
        self, arrays: Sequence[np.ndarray], plane_of: TorchLayer | None
    ) -> tuple[list[torch.Tensor], Replaced | None]:
        """Return the module's inputs and, for points in the space of a layer, its output."""
        if plane_of is None:
            return self._tensors(arrays), None
        (points,) = arrays
        own = torch_calls.tensor_of(points.reshape(len(points), *plane_of.output_shape))
        dtype = torch_calls.floating_dtype(self._module)
        values = plane_of.as_computed(own.to(torch_calls.device_of(self._module), dtype))
        # What the module gets is not used, because only the layer's output is.
        first = [np.repeat(one[:1], len(points), axis=0) for one in arrays_of(self._stored.inputs)]
        return self._tensors(first), (plane_of, values.contiguous())

    def _mapped(
        self, ask: Ask, watched: Sequence[TorchLayer], inputs: Inputs, snapshots: Sequence[int]
    ) -> list[list[Batches]] | None:
        """Return what is asked at many snapshots in one call; None if the module refuses that."""

        def call(state: dict[str, torch.Tensor], *tensors: torch.Tensor) -> list[torch.Tensor]:
            return ask(*self._watched(watched, state, tensors))

        arrays = arrays_of(inputs)
        try:
            with self._inference(), warnings.catch_warnings():
                warnings.simplefilter("error")
                states = self._stacked(snapshots)
                every = torch.func.vmap(call, in_dims=(0, *(None for _ in arrays)))
                found = [
                    torch_calls.as_float32(one) for one in every(states, *self._tensors(arrays))
                ]
        except Exception:  # it depends on values, or on something that cannot be mapped
            self._maps = False
            return None
        return [[[values] for values in own] for own in zip(*found, strict=True)]

    def _watched(
        self,
        watched: Sequence[TorchLayer],
        state: Mapping[str, torch.Tensor],
        tensors: Sequence[torch.Tensor],
        replaced: Replaced | None = None,
    ) -> tuple[Watch, torch.Tensor]:
        """Call the module, and return what was seen and its output."""
        layers = [*watched, *([] if replaced is None else [replaced[0]])]
        modules = {one.path: self._module.get_submodule(one.path) for one in layers}
        of_layer = None
        if replaced is not None:
            of_layer = (replaced[0].path, replaced[1], replaced[0].activation is not None)
        watch = Watch(modules, replaced=of_layer)
        if not modules:
            return watch, torch_calls.called(self._module, state, tensors, self._stored)
        with watch.of(self._module):
            return watch, torch_calls.called(self._module, state, tensors, self._stored)

    def _tensors(self, arrays: Sequence[np.ndarray]) -> list[torch.Tensor]:
        return torch_calls.input_tensors(self._module, arrays, self._stored)

    def _state(self, snapshot: int) -> dict[str, torch.Tensor]:
        """Return the parameters and buffers of a snapshot, by path."""
        if snapshot in self._states:
            return self._states[snapshot]
        state = {
            one.path: torch_state.own_form(np.asarray(values[snapshot]), one.tensor, one.axes)
            for one, values in zip(self._entries, self._weights, strict=True)
        }
        if torch_state.counted(self._entries) * len(self._stored.epochs) <= _MOST_VALUES_KEPT:
            self._states[snapshot] = state
        return state

    def _stacked(self, snapshots: Sequence[int]) -> dict[str, torch.Tensor]:
        chosen = np.asarray(snapshots)
        return {
            one.path: torch_state.own_form(np.asarray(values[chosen]), one.tensor, one.axes)
            for one, values in zip(self._entries, self._weights, strict=True)
        }

    def _by_input(self, inputs: Inputs | Sequence[np.ndarray]) -> Inputs | Sequence[Inputs]:
        """Return points in the space of the inputs, with an array for each of several inputs."""
        if isinstance(inputs, Mapping):
            return inputs
        own = self._stored.inputs
        if not isinstance(own, Mapping):
            return inputs
        if isinstance(inputs, np.ndarray):
            return taken_apart(inputs, own)
        return [taken_apart(one, own) for one in inputs]

    def _inference(self, *, gradients: bool = False) -> Any:
        return torch_calls.as_in_inference(self._module, gradients=gradients)

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Turn what the module raises into an `EvaluationError`."""
        try:
            yield
        except ReplayChartError:
            raise
        except Exception as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            message = (
                f"{what} of run {self._run!r} cannot be evaluated: {reason} Its forward may differ "
                "from that of the recorded module."
            )
            raise EvaluationError(message) from error


def _output(watch: Watch, output: torch.Tensor) -> list[torch.Tensor]:  # noqa: ARG001
    return [output]


def _outputs_of(layers: Sequence[TorchLayer]) -> Ask:
    def ask(watch: Watch, output: torch.Tensor) -> list[torch.Tensor]:  # noqa: ARG001
        return [
            layer.as_shown(watch.output(layer.path, activated=layer.activation is not None))
            for layer in layers
        ]

    return ask


def _own_copy(module: torch.nn.Module) -> torch.nn.Module:
    """Return a copy that training does not change; the module itself if it cannot be copied."""
    try:
        return copy.deepcopy(module)
    except Exception:  # whatever a module of the user's own holds
        return module
