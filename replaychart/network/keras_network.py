"""Evaluates a recorded network with the weights of each epoch, without setting them."""

import copy
import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import keras
import numpy as np

from replaychart.errors import EvaluationError
from replaychart.facts.compile_config import single_output
from replaychart.facts.inputs import (
    Inputs,
    arrays_of,
    number_of_points,
    numbers_per_point,
    of_points,
    taken_apart,
    with_points,
)
from replaychart.facts.layers import values_of
from replaychart.facts.outputs import (
    Targets,
    entry_of,
    has_loss,
    of_output,
    output_names,
    require_one_output,
    weight_of,
)
from replaychart.network import activations, calling, gradients, nesting, regularization
from replaychart.network import model as models
from replaychart.network.batches import (
    Batches,
    batch_size,
    batches,
    each_of,
    joined,
    of_snapshot,
    stacked,
)
from replaychart.network.compilation import as_array, mapped
from replaychart.network.description import compile_config_of
from replaychart.network.gradients import Judgment
from replaychart.network.graph import no_graph
from replaychart.network.objectives import Objectives
from replaychart.storage.reader import StoredRun, loss_of
from replaychart.storage.weights import UnrecordedWeight


class KerasNetwork:
    """The recorded Keras model and its weights at every epoch: a `RecordedNetwork`.

    Parameters
    ----------
    stored : StoredRun
        The run.
    model : keras.Model, optional
        Used instead of the recorded architecture. Its own weights are neither used nor changed.
    custom_objects : mapping, optional
        Classes and functions that are not part of Keras, by name.
    """

    def __init__(
        self,
        stored: StoredRun,
        *,
        model: keras.Model | None = None,
        custom_objects: Mapping[str, Any] | None = None,
    ) -> None:
        self._weights = stored.weights()
        if model is None:
            self.model = models.rebuild(stored, self._weights, custom_objects)
        else:
            self.model = models.without_state_of_its_own(model, custom_objects)
        self._stored = stored
        self._run = stored.name
        self._custom_objects = custom_objects
        self._outputs = output_names(stored.details)
        self._whole: KerasNetwork | None = None
        self._place = 0
        self._given = model
        if not self._outputs:
            self._objectives = _objectives(stored, model, custom_objects)
        models.check_weights(self.model, self._weights, stored.name)
        models.check_inputs(self.model, stored)
        if self.model is not model:
            models.restore_constants(self.model, self._weights)
        self._functions: dict[tuple[Any, ...], Callable[..., Any]] = {}
        # How many values the functions of several layers return for each point.
        self._output_sizes: dict[tuple[Any, ...], int] = {}
        self._recorded_at = {id(weight): i for i, weight in enumerate(self.model.weights)}

    def outputs(self, layer: str | None, inputs: Inputs, snapshots: Sequence[int]) -> np.ndarray:
        """Return a layer's outputs at several snapshots; see `RecordedNetwork.outputs`."""
        return np.concatenate(
            [outputs for (outputs,) in self._chunks(self._function(None, layer), inputs, snapshots)]
        )

    def outputs_by_snapshot(
        self,
        layer: str | None,
        inputs: Inputs | Sequence[np.ndarray],
        snapshots: Sequence[int],
        *,
        plane_of: str | None = None,
    ) -> Iterator[np.ndarray]:
        """Yield a layer's outputs; see `RecordedNetwork.outputs_by_snapshot`."""
        lengths = [number_of_points(own) for own in each_of(inputs, snapshots)]
        if layer is None and plane_of is not None and self._is_output(plane_of):
            yield from (np.asarray(own, np.float32) for own in each_of(inputs, snapshots))
            return
        points = inputs if plane_of is not None else self._by_input(inputs)
        chunks = self._chunks(self._function(plane_of, layer), points, snapshots)
        every = (own for (outputs,) in chunks for own in outputs)
        for outputs, length in zip(every, lengths, strict=True):
            yield outputs[:length]

    def layers_by_snapshot(
        self,
        layers: Sequence[str],
        inputs: Inputs | Sequence[np.ndarray],
        snapshots: Sequence[int],
        *,
        before_activation: bool,
    ) -> Iterator[list[Batches]]:
        """Yield activations or pre-activations; see `RecordedNetwork.layers_by_snapshot`."""
        if not calling.has_graph(self.model):
            raise no_graph(layers[0], self._run)
        lengths = np.array([number_of_points(own) for own in each_of(inputs, snapshots)])
        key = ("layers", before_activation, *layers)
        if key not in self._functions:
            tensors = self._activations(layers, before_activation)
            self._functions[key] = self._compiled(keras.Model(self.model.inputs, tensors))
            self._output_sizes[key] = sum(values_of(one.shape) for one in tensors)
        chunks = self._in_batches(
            self._functions[key],
            self._by_input(inputs),
            snapshots,
            outputs_of_point=self._output_sizes[key],
        )
        for outputs in chunks:
            pieces = list(outputs)
            of_chunk, lengths = np.split(lengths, [len(pieces[0][0])])
            for place, length in enumerate(of_chunk.tolist()):
                yield of_snapshot(pieces, place, length)
            del pieces  # They would still be in memory while the next ones are computed.

    def losses(self, snapshots: Sequence[int], predictions: Callable[[], np.ndarray]) -> np.ndarray:
        """Return the loss of each recorded point; see `RecordedNetwork.losses`."""
        if not self._outputs:
            return self._objectives.losses(self._judged(snapshots, predictions), self.mask)
        parts = [
            one.losses(snapshots, partial(one.outputs, None, self._stored.inputs, snapshots))
            * np.float32(weight_of(self._stored, name))
            for name, one in self._judging().items()
        ]
        return np.asarray(np.sum(parts, axis=0, dtype=np.float32))

    def metric(
        self, name: str, snapshots: Sequence[int], predictions: Callable[[], np.ndarray]
    ) -> np.ndarray:
        """Return a compiled metric; see `RecordedNetwork.metric`."""
        return self._objectives.metric(name, self._judged(snapshots, predictions), self.mask)

    def regularization(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return what the model adds to the loss; see `RecordedNetwork.regularization`."""
        return regularization.regularization_by_snapshot(self, self._stored, snapshots)

    def gradients(
        self, positions: Sequence[int], snapshots: Sequence[int]
    ) -> Iterator[list[np.ndarray]]:
        """Yield the loss's gradients; see `RecordedNetwork.gradients`."""
        if self._whole is not None:  # Training follows the sum of all losses.
            return self._whole.gradients(positions, snapshots)
        judging = self._judging() if self._outputs else {"": self}
        judgments = [
            Judgment.of(
                one._objectives,
                place=one._place,
                mask=one.mask,
                factor=weight_of(self._stored, name) if name else 1.0,
            )
            for name, one in judging.items()
        ]
        return gradients.gradients_by_snapshot(self, self._stored, judgments, positions, snapshots)

    def of_output(self, name: str) -> "KerasNetwork":
        """Return the network of one output; see `RecordedNetwork.of_output`."""
        one = copy.copy(self)
        one._whole, one._place = self, self._outputs.index(name)
        one._stored, one._outputs = of_output(self._stored, name), []
        one._objectives = _objectives(
            one._stored, self._given, self._custom_objects, names=self._outputs, name=name
        )
        one._functions = {}
        for cached in ("mask", "_logits"):
            one.__dict__.pop(cached, None)
        return one

    def _judging(self) -> dict[str, "KerasNetwork"]:
        """Return the networks of all outputs that have a loss, by name."""
        found = {
            name: self.of_output(name) for name in self._outputs if has_loss(self._stored, name)
        }
        if not found:
            message = f"Run {self._run!r} has no loss with targets for any of its outputs."
            raise EvaluationError(message)
        return found

    @property
    def _end(self) -> Any:
        """The output of the model's graph that is evaluated."""
        if self._outputs:
            require_one_output(self._stored)
        return self.model.outputs[self._place]

    def _judged(
        self, snapshots: Sequence[int], predictions: Callable[[], np.ndarray]
    ) -> Iterable[Any]:
        """Return the outputs for the recorded points, in the form that losses and metrics expect.

        With TensorFlow, Keras keeps the logits of a sigmoid or softmax, and computes
        crossentropies from them. Crossentropies of probabilities alone are clipped at 1e-7. Outputs
        in 16 bits stay so: a loss casts them to 32 bits, which drops the logits, and a metric
        computes in 16 bits.
        """
        half = self._half_precision
        if self._logits is None:
            outputs = predictions()
            return outputs if half is None else (keras.ops.cast(one, half) for one in outputs)
        function, activation = self._logits
        chunks = self._chunks(function, self._stored.inputs, snapshots)
        return (
            activation(keras.ops.convert_to_tensor(logits, dtype=half))
            for (many,) in chunks
            for logits in many
        )

    @property
    def _half_precision(self) -> str | None:
        """The dtype of the model's outputs if that has 16 bits, otherwise None."""
        if not calling.has_graph(self.model):
            return None
        dtype = keras.backend.standardize_dtype(self._end.dtype)
        return dtype if dtype in calling.HALF_PRECISION else None

    @cached_property
    def _logits(self) -> tuple[Callable[..., list[np.ndarray]], Callable[[Any], Any]] | None:
        """The compiled function that computes the logits, and the activation function after it."""
        if keras.backend.backend() != "tensorflow" or not calling.has_graph(self.model):
            return None
        found = activations.logits_of(self.model, self._end, self._custom_objects)
        if found is None:
            return None
        tensor, twins, activation = found
        self._take_over(twins)
        return self._compiled(keras.Model(self.model.inputs, [tensor])), activation

    @cached_property
    def mask(self) -> np.ndarray | None:
        """Which positions of the outputs for the recorded points count, bool (points, ...).

        None if all positions count. Keras excludes the padding of sequences from losses and
        metrics. The mask depends only on the inputs, so it is the same at every snapshot.
        """
        if self._mask_of(slice(0, 1)) is None:
            return None
        rows = batches(
            number_of_points(self._stored.inputs), numbers_per_point(self._stored.inputs)
        )
        masks = [self._mask_of(some) for some in rows]
        return np.concatenate([mask for mask in masks if mask is not None])

    def _mask_of(self, rows: slice) -> np.ndarray | None:
        """Return the mask of the model's output for some of the recorded points."""
        model = self.model
        variables = [*model.trainable_variables, *model.non_trainable_variables]
        weights = self.weights_at(0)
        values = [
            models.value_of(weights, position) for position in self.recorded_positions(variables)
        ]
        points = calling.input_tensors(
            model, [array[rows] for array in arrays_of(self._stored.inputs)], self._stored
        )
        trainable = len(model.trainable_variables)
        what = f"The model of run {self._run!r} cannot be evaluated"
        with models.failures_told(what, "Its architecture may differ from the recorded one."):
            outputs, _ = model.stateless_call(
                values[:trainable],
                values[trainable:],
                calling.called_with(model, points, self._stored),
                **calling.inference_mode(model),
            )
        return calling.mask_of(calling.output_at(outputs, self._place))

    def weights_at(self, snapshot: int) -> list[np.ndarray | UnrecordedWeight]:
        """Return the recorded weights of one snapshot, in the order of ``model.weights``."""
        return [
            weight if isinstance(weight, UnrecordedWeight) else weight[snapshot]
            for weight in self._weights
        ]

    def of_points(self, points: np.ndarray) -> "KerasNetwork":
        """Return the network of some of the points; see `RecordedNetwork.of_points`."""
        return self._of(lambda run: of_points(run, points))

    def with_points(self, inputs: Inputs, targets: Targets) -> "KerasNetwork":
        """Return the network for other points; see `RecordedNetwork.with_points`."""
        return self._of(lambda run: with_points(run, inputs, targets))

    def _of(self, changed: Callable[[Any], Any]) -> "KerasNetwork":
        """Return the network with another run in place of the recorded one."""
        other = copy.copy(self)
        other._stored = changed(self._stored)
        if not self._outputs:
            run = changed(self._objectives.run)
            other._objectives = dataclasses.replace(self._objectives, run=run)
        other.__dict__.pop("mask", None)
        return other

    def grow(self, stored: StoredRun) -> None:
        """Take the snapshots that were recorded since; see `RecordedNetwork.grow`."""
        self._stored = stored
        self._weights = stored.weights()

    def depends_on_alone(self, layer: str) -> bool:
        """Return whether the model's output depends only on a layer's output."""
        return calling.has_graph(self.model) and activations.output_needs_alone(
            self.model, layer, self._end
        )

    def _depended_on_alone(self) -> str:
        """Return the hidden layers from which the network can be evaluated, in words."""
        layers = [one for one in self.model.layers if not isinstance(one, keras.layers.InputLayer)]
        alone = [layer.name for layer in layers[:-1] if self.depends_on_alone(layer.name)]
        return ", ".join(map(repr, alone[:5])) + ", ..." * (len(alone) > 5) or "no layer"

    def _by_input(self, inputs: Inputs | Sequence[np.ndarray]) -> Inputs | Sequence[Inputs]:
        """Return points in the model's input space, with an array for each of several inputs."""
        if isinstance(inputs, Mapping) or not isinstance(self._stored.inputs, Mapping):
            return inputs
        if isinstance(inputs, np.ndarray):
            return taken_apart(inputs, self._stored.inputs)
        return [taken_apart(own, self._stored.inputs) for own in inputs]

    def _is_output(self, layer: str) -> bool:
        """Return whether a layer is the last one of the model."""
        if not calling.has_graph(self.model):
            return False
        return nesting.is_output(self.model, layer, self._end)

    def _activations(self, layers: Sequence[str], before_activation: bool) -> list[Any]:
        if not before_activation:
            return activations.activations_of(self.model, layers)
        tensors, twins = activations.pre_activations_of(self.model, layers, self._custom_objects)
        self._take_over(twins)
        return tensors

    def _take_over(self, twins: Sequence[tuple[Any, Any]]) -> None:
        """Use the recorded weight of each original variable for its twin, too."""
        self._recorded_at |= {id(twin): self._recorded_at[id(own)] for twin, own in twins}

    def _chunks(
        self,
        function: Callable[..., list[np.ndarray]],
        inputs: Inputs | Sequence[Inputs],
        snapshots: Sequence[int],
    ) -> Iterator[list[np.ndarray]]:
        """Yield all outputs for several snapshots at a time."""
        longest = max((number_of_points(own) for own in each_of(inputs, snapshots)), default=0)
        for pieces in self._in_batches(function, inputs, snapshots):
            yield joined(pieces, longest)

    def _in_batches(
        self,
        function: Callable[..., list[np.ndarray]],
        inputs: Inputs | Sequence[Inputs],
        snapshots: Sequence[int],
        *,
        outputs_of_point: int = 1,
    ) -> Iterator[Iterator[list[np.ndarray]]]:
        """Yield the outputs for several snapshots at a time, in batches of points.

        The more values there are for each point, the fewer snapshots, so that memory does not grow
        with their number.
        """
        longest = max((number_of_points(own) for own in each_of(inputs, snapshots)), default=0)
        of_point = max((numbers_per_point(own) for own in each_of(inputs, snapshots)), default=0)
        # In a large network, the weights take more memory than the points.
        weights = sum(math.prod(weight.shape[1:]) for weight in self._weights)
        together = batch_size(max(longest * max(of_point, outputs_of_point), weights))
        for start in range(0, len(snapshots), together):
            chunk = snapshots[start : start + together]
            own = inputs[start : start + together] if isinstance(inputs, Sequence) else inputs
            points = stacked(own, chunk, longest)
            yield (
                function([array[:, rows] for array in points], chunk)
                for rows in batches(longest, of_point)
            )

    def _function(self, plane_of: str | None, layer: str | None) -> Callable[..., list[np.ndarray]]:
        """Return the compiled function from points and snapshots to outputs."""
        if (plane_of, layer) not in self._functions:
            self._functions[plane_of, layer] = self._compiled(self._part(plane_of, layer))
        return self._functions[plane_of, layer]

    def _compiled(self, part: keras.Model) -> Callable[..., list[np.ndarray]]:
        variables = [*part.trainable_variables, *part.non_trainable_variables]
        trainable = len(part.trainable_variables)
        positions = self.recorded_positions(variables)
        mode = calling.inference_mode(part)

        def call(points: list[Any], recorded: list[Any]) -> list[Any]:
            given = iter(recorded)
            # Variables that are not weights, such as the seed of a Dropout, keep their values.
            values = [
                variable.value if position is None else next(given)
                for position, variable in positions
            ]
            inputs = calling.called_with(part, points, self._stored)
            outputs, _ = part.stateless_call(values[:trainable], values[trainable:], inputs, **mode)
            several = isinstance(outputs, list) and part is not self.model
            every = outputs if several else [self._chosen(outputs)]
            return [keras.ops.cast(output, "float32") for output in every]

        outputs = len(part.outputs) if calling.has_graph(part) else 1
        every_snapshot = mapped(call, outputs=outputs)

        def function(points: list[np.ndarray], snapshots: Sequence[int]) -> list[np.ndarray]:
            recorded = [
                keras.ops.convert_to_tensor(
                    self._weights[position][np.asarray(snapshots)], dtype=variable.dtype
                )
                for position, variable in positions
                if position is not None
            ]
            what = f"The model of run {self._run!r} cannot be evaluated"
            with models.failures_told(what, "Its architecture may differ from the recorded one."):
                found = every_snapshot(calling.input_tensors(part, points, self._stored), recorded)
                return [as_array(output) for output in found]

        return function

    def _chosen(self, outputs: Any) -> Any:
        """Return the output that is evaluated, of those that the model or its end returns."""
        every = keras.tree.flatten(outputs)
        if len(every) == 1:
            return every[0]
        if self._whole is None:
            message = f"The model of run {self._run!r} must have one output. It has several."
            raise EvaluationError(message)
        return every[self._place]

    def recorded_positions(self, variables: Sequence[Any]) -> list[tuple[int | None, Any]]:
        """Return the position of each variable among the recorded weights, and the variable."""
        return [(self._recorded_at.get(id(variable)), variable) for variable in variables]

    def _part(self, plane_of: str | None, layer: str | None) -> keras.Model:
        """Return the part of the model before or after a layer, which shares its variables."""
        if plane_of is None and layer is None:
            require_one_output(self._stored)
            several = self._whole is not None and calling.has_graph(self.model)
            return keras.Model(self.model.inputs, self._end) if several else self.model
        if not calling.has_graph(self.model):
            raise no_graph(str(layer or plane_of), self._run)
        if plane_of is None:
            return keras.Model(self.model.inputs, activations.outputs_of(self.model, [str(layer)]))
        if layer is not None:
            (begin, end) = activations.outputs_of(self.model, [plane_of, layer])
            return keras.Model(begin, end)
        if not self.depends_on_alone(plane_of):
            message = (
                f"The network after layer {plane_of!r} cannot be evaluated by itself, because a "
                "branch bypasses that layer. It can be evaluated after "
                f"{self._depended_on_alone()}."
            )
            raise EvaluationError(message)
        return nesting.part_after(self.model, plane_of, self._end)


def _objectives(
    stored: StoredRun,
    model: keras.Model | None,
    custom_objects: Mapping[str, Any] | None,
    *,
    names: Sequence[str] = (),
    name: str = "",
) -> Objectives:
    """Return the recorded loss and metrics, of one of several outputs if there are any.

    The loss of a model that the user passes is used only if it is the recorded one, which a file
    cannot always hold completely, or if none was recorded.
    """
    if model is None or not model.compiled:
        return Objectives(stored, stored.name, custom_objects)
    own, recorded = compile_config_of(model), loss_of(stored.compile_config)
    if names:
        is_recorded = entry_of(loss_of(own), list(names), name) == recorded
        loss = entry_of(model.loss, list(names), name) if is_recorded else None
        return Objectives(stored, stored.name, custom_objects, loss=loss)
    if recorded is None:
        stored = dataclasses.replace(stored, compile_config=own)
    is_recorded = recorded is None or loss_of(own) == recorded
    loss = single_output(model.loss) if is_recorded else None
    return Objectives(stored, stored.name, custom_objects, loss=loss)
