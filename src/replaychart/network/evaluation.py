"""Evaluates a recorded network with the weights of each epoch, without ever setting them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import signature
from itertools import chain
from typing import Any

import keras
import numpy as np

from replaychart.errors import EvaluationError
from replaychart.network import model as models
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
        function = self._function(plane_of, layer)
        for snapshot, points in zip(snapshots, inputs, strict=True):
            yield self._in_batches(function, points, snapshot)

    def _in_batches(
        self, function: Callable[..., Any], points: np.ndarray, snapshot: int
    ) -> np.ndarray:
        weights = [weight[snapshot] for weight in self._weights]
        numbers_per_point = int(np.prod(points.shape[1:], dtype=np.int64))
        rows = max(1, _NUMBERS_PER_BATCH // max(1, numbers_per_point))
        pieces = [
            function(points[start : start + rows], weights)
            for start in range(0, max(len(points), 1), rows)
        ]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _function(self, plane_of: str | None, layer: str | None) -> Callable[..., Any]:
        """Return the compiled function from points and recorded weights to outputs."""
        if (plane_of, layer) not in self._functions:
            self._functions[plane_of, layer] = self._built(plane_of, layer)
        return self._functions[plane_of, layer]

    def _built(self, plane_of: str | None, layer: str | None) -> Callable[..., Any]:
        part = self._part(plane_of, layer)
        trainable = self._recorded_positions(part.trainable_variables)
        frozen = self._recorded_positions(part.non_trainable_variables)
        dtype = part.inputs[0].dtype if models.has_graph(part) else None
        # A subclassed model need not take `training`; its layers then run as in inference.
        mode = {"training": False} if "training" in signature(part.call).parameters else {}

        @_compiled
        def call(points: Any, trainable_values: Any, frozen_values: Any) -> Any:
            outputs, _ = part.stateless_call(trainable_values, frozen_values, points, **mode)
            if isinstance(outputs, (list, tuple, dict)):
                message = f"The model of run {self._run!r} has several outputs; it needs one."
                raise EvaluationError(message)
            return keras.ops.cast(outputs, "float32")

        def function(points: np.ndarray, weights: Sequence[np.ndarray]) -> np.ndarray:
            kind = dtype if dtype is not None else models.input_dtype(points)
            outputs = call(
                keras.ops.convert_to_tensor(points, dtype=kind),
                [_value(weights, position) for position in trainable],
                [_value(weights, position) for position in frozen],
            )
            return keras.ops.convert_to_numpy(outputs)

        return function

    def _recorded_positions(self, variables: Sequence[Any]) -> list[tuple[int | None, Any]]:
        # What is not among the weights (a Dropout's seed) keeps the value that it has.
        return [(self._recorded_at.get(id(variable)), variable) for variable in variables]

    def _part(self, plane_of: str | None, layer: str | None) -> keras.Model:
        """Return the part of the model up to a layer, or behind one, sharing its variables."""
        if plane_of is None and layer is None:
            return self.model
        if not models.has_graph(self.model):
            raise no_graph(str(layer or plane_of), self._run)
        begin = self.model.inputs if plane_of is None else _output(self.model, plane_of)
        end = self.model.outputs[0] if layer is None else _output(self.model, layer)
        try:
            return keras.Model(begin, end)
        except ValueError as error:
            message = (
                f"The network from {plane_of or 'its inputs'!r} to {layer or 'its output'!r} "
                f"cannot be evaluated by itself: {error}"
            )
            raise EvaluationError(message) from error


def _output(model: keras.Model, layer: str) -> Any:
    """Return the symbolic output of a layer where it stands in the model's own graph."""
    found = model.get_layer(layer)
    # A layer may have been called in other graphs before: a Sequential connects its layers anew
    # whenever one is added, and a nested model is called first when it is made.
    graph = getattr(model, "_functional", None) or model
    every = chain.from_iterable(graph._nodes_by_depth.values())
    nodes = [node for node in every if node.operation is found]
    if not nodes or len(nodes[0].output_tensors) != 1:
        message = f"Layer {layer!r} has not one output; only layers with one can be evaluated."
        raise EvaluationError(message)
    return nodes[0].output_tensors[0]


def _value(weights: Sequence[np.ndarray], position: tuple[int | None, Any]) -> Any:
    index, variable = position
    if index is None:
        return variable.value
    return keras.ops.convert_to_tensor(weights[index], dtype=variable.dtype)


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _traced_once(function)
    if backend == "jax":
        import jax

        return jax.jit(function)
    return function


def _traced_once(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a TensorFlow function that takes any number of points without being traced again."""
    import tensorflow

    traced = None

    def call(points: Any, *weights: Sequence[Any]) -> Any:
        nonlocal traced
        if traced is None:
            any_number = tensorflow.TensorSpec((None, *points.shape[1:]), points.dtype)
            fixed = [[tensorflow.TensorSpec(w.shape, w.dtype) for w in group] for group in weights]
            traced = tensorflow.function(function).get_concrete_function(any_number, *fixed)
        return traced(points, *weights)

    return call
