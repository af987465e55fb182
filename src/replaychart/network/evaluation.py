"""Evaluates a recorded network with the weights of each epoch, without ever setting them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import signature
from typing import Any

import keras
import numpy as np

from replaychart.errors import EvaluationError
from replaychart.network import activations
from replaychart.network import model as models
from replaychart.network.compilation import compiled
from replaychart.network.graph import no_graph
from replaychart.storage.reader import StoredRun

# Numbers that go into the network at once. Large enough to keep it busy, small enough that the
# outputs of every layer in between stay within a few hundred megabytes.
_NUMBERS_PER_BATCH = 1_000_000


class Network:
    """The recorded model and its weights at every epoch.

    Parameters
    ----------
    stored : StoredRun
        The run.
    model : keras.Model, optional
        Used in place of the recorded architecture; its own weights are neither used nor changed.
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
        self.model = models.rebuild(stored, custom_objects) if model is None else model
        self._run = stored.name
        self._custom_objects = custom_objects
        self._weights = stored.weights()
        models.check_weights(self.model, self._weights, stored.name)
        if model is None:
            models.restore_constants(self.model, self._weights)
        self._functions: dict[tuple[str | None, str | None], Callable[..., Any]] = {}
        self._recorded_at = {id(weight): i for i, weight in enumerate(self.model.weights)}

    def outputs(
        self, layer: str | None, inputs: np.ndarray, snapshots: Sequence[int]
    ) -> np.ndarray:
        """Return a layer's outputs for the same points at several snapshots.

        Parameters
        ----------
        layer : str or None
            The layer's name; None for the model's output.
        inputs : numpy.ndarray, shape (points, ...)
            Points in the model's input space.
        snapshots : sequence of int
            Positions in the recording.

        Returns
        -------
        numpy.ndarray of float32, shape (snapshots, points, ...)

        Raises
        ------
        EvaluationError
            The model has no graph, or the layer several outputs.
        """
        return np.stack(
            list(self.outputs_by_snapshot(layer, (inputs for _ in snapshots), snapshots))
        )

    def outputs_by_snapshot(
        self,
        layer: str | None,
        inputs: Iterator[np.ndarray],
        snapshots: Sequence[int],
        *,
        plane_of: str | None = None,
    ) -> Iterator[np.ndarray]:
        """Yield a layer's outputs, with points of their own for each snapshot.

        Parameters
        ----------
        layer : str or None
            The layer's name; None for the model's output.
        inputs : iterator of numpy.ndarray, shape (points, ...)
            The points for each snapshot.
        snapshots : sequence of int
            Positions in the recording.
        plane_of : str, optional
            The layer in whose output space the points lie; None for the model's input space.

        Yields
        ------
        numpy.ndarray of float32, shape (points, ...)
        """
        if layer is None and plane_of is not None and self._is_output(plane_of):
            yield from (np.asarray(points, np.float32) for points in inputs)
            return
        function = self._function(plane_of, layer)
        for snapshot, points in zip(snapshots, inputs, strict=True):
            (outputs,) = self._in_batches(function, points, snapshot)
            yield outputs

    def layers_by_snapshot(
        self,
        layers: Sequence[str],
        inputs: np.ndarray,
        snapshots: Sequence[int],
        *,
        before_activation: bool,
    ) -> Iterator[list[np.ndarray]]:
        """Yield what goes into the activation functions of layers, or comes out of them.

        Parameters
        ----------
        layers : sequence of str
            The layers' names, at least one.
        inputs : numpy.ndarray, shape (points, ...)
            Points in the model's input space.
        snapshots : sequence of int
            Positions in the recording.
        before_activation : bool
            Which of the two.

        Yields
        ------
        list of numpy.ndarray of float32, shape (points, ...)
            One array for each layer.

        Raises
        ------
        EvaluationError
            The model has no graph, a layer several outputs, or no pre-activation.
        """
        if not models.has_graph(self.model):
            raise no_graph(layers[0], self._run)
        function = self._compiled(
            keras.Model(self.model.inputs, self._activations(layers, before_activation))
        )
        for snapshot in snapshots:
            yield self._in_batches(function, inputs, snapshot)

    def weights_at(self, snapshot: int) -> list[np.ndarray]:
        """Return the recorded weights of one snapshot, in the order of ``model.weights``."""
        return [weight[snapshot] for weight in self._weights]

    def _is_output(self, layer: str) -> bool:
        """Return whether nothing of the model comes behind a layer."""
        if not models.has_graph(self.model):
            return False
        return activations.output_of(self.model, layer) is self.model.outputs[0]

    def _activations(self, layers: Sequence[str], before_activation: bool) -> list[Any]:
        if not before_activation:
            return [activations.activation_of(self.model, layer) for layer in layers]
        tensors = []
        for layer in layers:
            tensor, twins = activations.pre_activation_of(self.model, layer, self._custom_objects)
            tensors.append(tensor)
            self._recorded_at |= {id(twin): self._recorded_at[id(own)] for twin, own in twins}
        return tensors

    def _in_batches(
        self, function: Callable[..., list[Any]], points: np.ndarray, snapshot: int
    ) -> list[np.ndarray]:
        weights = self.weights_at(snapshot)
        pieces = [
            function(points[rows], weights) for rows in batches(len(points), points.shape[1:])
        ]
        return [
            outputs[0] if len(outputs) == 1 else np.concatenate(outputs)
            for outputs in zip(*pieces, strict=True)
        ]

    def _function(self, plane_of: str | None, layer: str | None) -> Callable[..., list[Any]]:
        """Return the compiled function from points and recorded weights to outputs."""
        if (plane_of, layer) not in self._functions:
            self._functions[plane_of, layer] = self._compiled(self._part(plane_of, layer))
        return self._functions[plane_of, layer]

    def _compiled(self, part: keras.Model) -> Callable[..., list[Any]]:
        trainable = self.recorded_positions(part.trainable_variables)
        frozen = self.recorded_positions(part.non_trainable_variables)
        dtype = part.inputs[0].dtype if models.has_graph(part) else None
        # A subclassed model need not take `training`; its layers then run as in inference.
        mode = {"training": False} if "training" in signature(part.call).parameters else {}

        @compiled
        def call(points: Any, trainable_values: Any, frozen_values: Any) -> Any:
            outputs, _ = part.stateless_call(trainable_values, frozen_values, points, **mode)
            every = outputs if isinstance(outputs, list) and part is not self.model else [outputs]
            if any(isinstance(output, (list, tuple, dict)) for output in every):
                message = f"The model of run {self._run!r} has several outputs; it needs one."
                raise EvaluationError(message)
            return [keras.ops.cast(output, "float32") for output in every]

        def function(points: np.ndarray, weights: Sequence[np.ndarray]) -> list[np.ndarray]:
            kind = dtype if dtype is not None else models.input_dtype(points)
            outputs = call(
                keras.ops.convert_to_tensor(points, dtype=kind),
                [value_of(weights, position) for position in trainable],
                [value_of(weights, position) for position in frozen],
            )
            return [keras.ops.convert_to_numpy(output) for output in outputs]

        return function

    def recorded_positions(self, variables: Sequence[Any]) -> list[tuple[int | None, Any]]:
        """Return where variables stand among the recorded weights, each with the variable."""
        # What is not among the weights (a Dropout's seed) keeps the value that it has.
        return [(self._recorded_at.get(id(variable)), variable) for variable in variables]

    def _part(self, plane_of: str | None, layer: str | None) -> keras.Model:
        """Return the part of the model up to a layer, or behind one, sharing its variables."""
        if plane_of is None and layer is None:
            return self.model
        if not models.has_graph(self.model):
            raise no_graph(str(layer or plane_of), self._run)
        begin = (
            self.model.inputs if plane_of is None else activations.output_of(self.model, plane_of)
        )
        end = self.model.outputs[0] if layer is None else activations.output_of(self.model, layer)
        try:
            return keras.Model(begin, end)
        except ValueError as error:
            message = (
                f"The network from {plane_of or 'its inputs'!r} to {layer or 'its output'!r} "
                f"cannot be evaluated by itself: {error}"
            )
            raise EvaluationError(message) from error


def batches(points: int, shape: tuple[int, ...]) -> Iterator[slice]:
    """Yield the rows that go into a network at once, one empty batch if there are no points.

    Parameters
    ----------
    points : int
        Number of points.
    shape : tuple of int
        The shape of one.
    """
    rows = max(1, _NUMBERS_PER_BATCH // max(1, int(np.prod(shape, dtype=np.int64))))
    for start in range(0, max(points, 1), rows):
        yield slice(start, start + rows)


def value_of(weights: Sequence[np.ndarray], position: tuple[int | None, Any]) -> Any:
    """Return a variable's recorded value as a tensor; its own if it was not recorded."""
    index, variable = position
    if index is None:
        return variable.value
    return keras.ops.convert_to_tensor(weights[index], dtype=variable.dtype)
