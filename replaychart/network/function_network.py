"""Evaluates a function of parameters and points with the parameters of each epoch."""

import copy
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np

from replaychart.errors import EvaluationError, ReplayChartError
from replaychart.facts.inputs import (
    INPUTS_IN_A_LIST,
    Inputs,
    arrays_of,
    number_of_points,
    numbers_per_point,
    of_points,
    taken_apart,
    with_arrays,
    with_points,
)
from replaychart.facts.layers import values_of
from replaychart.facts.outputs import Targets
from replaychart.network import function_losses, pytrees
from replaychart.network.batches import Batches, batch_size, batches, each_of, whole
from replaychart.network.pytrees import as_array
from replaychart.storage.reader import StoredRun

FRAMEWORK = "function"
# With JAX, each new number of points is compiled anew, so there are only a few.
_FEWEST_POINTS = 64

Apply = Callable[[Any, Any], Any]


class FunctionNetwork:
    """A function and the recorded parameters at every epoch: a `RecordedNetwork`.

    Parameters
    ----------
    stored : StoredRun
        The run.
    model : callable, or tuple of (callable, object)
        The function, and parameters that are nested as the recorded ones. The second is needed if
        they are in objects of a library.
    custom_objects : mapping, optional
        Losses by name.
    """

    def __init__(
        self, stored: StoredRun, model: Any, *, custom_objects: Mapping[str, Any] | None = None
    ) -> None:
        self._stored = stored
        self._run = stored.name
        self._custom_objects = custom_objects
        self._weights = stored.weights()
        self._apply, self._nested = self._taken_apart(model)
        self._maps = True
        self._call: Callable[..., Any] | None = None

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
            if layer is None and self._is_output(plane_of):
                yield from (np.asarray(own, np.float32) for own in each_of(inputs, snapshots))
                return
            message = (
                f"The network of run {self._run!r} after layer {plane_of!r} cannot be evaluated by "
                "itself, because it is a function of the inputs. Use the plane of the inputs."
            )
            raise EvaluationError(message)
        names = [] if layer is None else [layer]
        for found in self._evaluated(names, self._by_input(inputs), snapshots):
            yield whole(found[0])

    def layers_by_snapshot(
        self,
        layers: Sequence[str],
        inputs: Inputs | Sequence[np.ndarray],
        snapshots: Sequence[int],
        *,
        before_activation: bool,
    ) -> Iterator[list[Batches]]:
        """Yield activations; see `RecordedNetwork.layers_by_snapshot`."""
        if before_activation:
            message = (
                f"Run {self._run!r} was recorded from a function, so its pre-activations are not "
                "known. Let it return them as layers of their own."
            )
            raise EvaluationError(message)
        yield from self._evaluated(list(layers), self._by_input(inputs), snapshots)

    def losses(
        self,
        snapshots: Sequence[int],  # noqa: ARG002
        predictions: Callable[[], np.ndarray],
    ) -> np.ndarray:
        """Return the loss of each recorded point; see `RecordedNetwork.losses`."""
        with self._told("The loss"):
            return np.stack(
                [
                    np.asarray(
                        function_losses.of_points(
                            self._loss, self._own(outputs), self._stored.targets
                        ),
                        np.float32,
                    )
                    for outputs in predictions()
                ]
            )

    def metric(
        self,
        name: str,
        snapshots: Sequence[int],  # noqa: ARG002
        predictions: Callable[[], np.ndarray],  # noqa: ARG002
    ) -> np.ndarray:
        """Raise `EvaluationError`, because no metrics are recorded with a function."""
        message = f"The metric {name!r} of run {self._run!r} was logged and cannot be evaluated."
        raise EvaluationError(message)

    def regularization(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return zeros, because a function adds nothing to its loss."""
        return np.zeros(len(snapshots))

    def gradients(
        self, positions: Sequence[int], snapshots: Sequence[int]
    ) -> Iterator[list[np.ndarray]]:
        """Yield the loss's gradients by `jax.grad`; see `RecordedNetwork.gradients`."""
        if not self._is_of_jax:
            message = (
                f"Run {self._run!r} was recorded from a function that is not one of JAX, so its "
                "gradients cannot be computed."
            )
            raise EvaluationError(message)
        import jax

        loss, targets = self._loss, self._stored.targets
        points = self._points(self._stored.inputs)

        def total(leaves: list[Any]) -> Any:
            outputs = self._output_of(self._apply(self._nested(leaves), points))
            values = loss(outputs, function_losses.aligned(targets, outputs))
            return values.sum() / (len(targets) if values.ndim else 1) / _per_point(values)

        compute = jax.grad(total)
        for snapshot in snapshots:
            with self._told("The gradients"):
                found = compute(self._leaves(snapshot))
                yield [np.asarray(found[position], np.float32) for position in positions]

    def of_points(self, points: np.ndarray) -> "FunctionNetwork":
        """Return the network for some of the points; see `RecordedNetwork.of_points`."""
        return self._of(of_points(self._stored, points))

    def with_points(self, inputs: Inputs, targets: Targets) -> "FunctionNetwork":
        """Return the network for other points; see `RecordedNetwork.with_points`."""
        return self._of(with_points(self._stored, inputs, targets))

    def _of(self, stored: StoredRun) -> "FunctionNetwork":
        """Return the network with another run in place of the recorded one."""
        other = copy.copy(self)
        other._stored = stored
        return other

    def of_output(self, name: str) -> "FunctionNetwork":
        """Raise `EvaluationError`, because there is only one output."""
        message = f"Run {self._run!r} has only one output. Got {name!r}."
        raise EvaluationError(message)

    def grow(self, stored: StoredRun) -> None:
        """Take the snapshots that were recorded since; see `RecordedNetwork.grow`."""
        self._stored = stored
        self._weights = stored.weights()

    def depends_on_alone(self, layer: str) -> bool:
        """Return whether a layer is the output, because nothing else is known."""
        return self._is_output(layer)

    def _is_output(self, layer: str) -> bool:
        last = self._stored.layers[-1] if self._stored.layers else None
        return last is not None and last.output_shape is not None and last.name == layer

    def _taken_apart(self, model: Any) -> tuple[Apply, Callable[[Sequence[Any]], Any]]:
        """Return the function, and a function that nests a list of arrays as it takes them."""
        structure = self._stored.details.get(pytrees.STRUCTURE)
        if isinstance(model, tuple):
            apply, params = model
            tree = pytrees.tree_of(params)
            shapes = [tuple(np.shape(leaf.values)) for leaf in tree.leaves]
            recorded = [one.shape for one in self._stored.recorded_variables]
            if shapes != recorded:
                message = (
                    f"model must have params of the shapes that run {self._run!r} recorded: "
                    f"{recorded}. Got {shapes}."
                )
                raise EvaluationError(message)
            return apply, tree.built
        if structure is None:
            message = (
                f"The parameters of run {self._run!r} are in objects that its file cannot describe."
                " Pass them to open_run with the function, with any values: model=(apply, params)."
            )
            raise EvaluationError(message)
        return model, lambda arrays: pytrees.built(structure, arrays)

    @cached_property
    def _loss(self) -> function_losses.Loss:
        config = json.loads(self._stored.compile_config) or {}
        return function_losses.loss_from(config.get("loss"), self._custom_objects, self._run)

    @property
    def _is_of_jax(self) -> bool:
        return self._stored.details.get("arrays") == "jax"

    def _own(self, values: np.ndarray) -> Any:
        """Return an array as one of the library that the function computes with."""
        if not self._is_of_jax:
            return values
        import jax

        return jax.numpy.asarray(values)

    def _leaves(self, snapshot: Any) -> list[Any]:
        dtypes = self._stored.details.get(pytrees.DTYPES) or []
        arrays = [np.asarray(weight[snapshot]) for weight in self._weights]
        return pytrees.restored(arrays, dtypes, "jax" if self._is_of_jax else "numpy")

    def _points(self, inputs: Inputs) -> Any:
        """Return points in the form in which the function takes them."""
        arrays = [self._own(array) for array in arrays_of(inputs)]
        if isinstance(inputs, Mapping) and self._stored.details.get(INPUTS_IN_A_LIST):
            return arrays
        return with_arrays(inputs, arrays)

    def _evaluated(
        self, layers: Sequence[str], inputs: Inputs | Sequence[Inputs], snapshots: Sequence[int]
    ) -> Iterator[list[Batches]]:
        """Yield outputs of layers, or without any the function's, snapshot by snapshot."""
        together = 1
        if not isinstance(inputs, Sequence) and self._is_of_jax and self._maps:
            returned = sum(
                values_of(own.output_shape) for own in self._stored.layers if own.name in layers
            )
            values = number_of_points(inputs) * max(numbers_per_point(inputs), returned)
            parameters = sum(int(np.prod(weight.shape[1:])) for weight in self._weights)
            together = batch_size(max(values, parameters))
        for start in range(0, len(snapshots), together):
            chunk = snapshots[start : start + together]
            found = None
            if together > 1 and not isinstance(inputs, Sequence) and self._maps:
                found = self._mapped(layers, inputs, chunk)
            if found is not None:
                yield from found
                continue
            own = inputs[start : start + together] if isinstance(inputs, Sequence) else inputs
            for snapshot, points in zip(chunk, each_of(own, chunk), strict=True):
                yield self._alone(layers, points, snapshot)

    def _alone(self, layers: Sequence[str], inputs: Inputs, snapshot: int) -> list[Batches]:
        pieces = []
        with self._told("The function"):
            params = self._nested(self._leaves(snapshot))
            for rows in batches(number_of_points(inputs), numbers_per_point(inputs)):
                some = with_arrays(inputs, [array[rows] for array in arrays_of(inputs)])
                padded, count = self._padded(some)
                returned = self._apply(params, self._points(padded))
                pieces.append([_plain(one)[:count] for one in self._chosen(returned, layers)])
        return [list(every) for every in zip(*pieces, strict=True)]

    def _mapped(
        self, layers: Sequence[str], inputs: Inputs, snapshots: Sequence[int]
    ) -> list[list[Batches]] | None:
        """Return the outputs at many snapshots in one call; None if the function refuses that."""
        import jax

        if self._call is None:
            self._call = jax.jit(
                jax.vmap(lambda leaves, x: self._apply(self._nested(leaves), x), in_axes=(0, None))
            )
        padded, count = self._padded(inputs)
        try:
            returned = self._call(self._leaves(np.asarray(snapshots)), self._points(padded))
            every = [_plain(one)[:, :count] for one in self._chosen(returned, layers)]
        except ReplayChartError:
            raise
        except Exception:  # it depends on values, or is not only one of JAX
            self._maps = False
            return None
        return [[[values] for values in own] for own in zip(*every, strict=True)]

    def _padded(self, inputs: Inputs) -> tuple[Inputs, int]:
        """Return points with some more of them for JAX, and how many there were."""
        count = number_of_points(inputs)
        if not self._is_of_jax or count in (0, len(self._stored.targets)):
            return inputs, count
        more = max(_FEWEST_POINTS, 1 << (count - 1).bit_length()) - count
        arrays = [
            np.concatenate([array, np.repeat(array[:1], more, axis=0)])
            for array in arrays_of(inputs)
        ]
        return with_arrays(inputs, arrays), count

    def _chosen(self, returned: Any, layers: Sequence[str]) -> list[Any]:
        if not layers:
            return [self._output_of(returned)]
        known = layers_of(returned)
        for layer in layers:
            if layer not in known:
                message = (
                    f"The outputs of layer {layer!r} are not available: the function of run "
                    f"{self._run!r} must return a mapping with the outputs of its layers, and with "
                    f"the network's output last. It returns {', '.join(map(repr, known)) or 'one'}."
                )
                raise EvaluationError(message)
        return [known[layer] for layer in layers]

    def _output_of(self, returned: Any) -> Any:
        name = self._stored.layers[-1].name if isinstance(returned, Mapping) else None
        if name is not None and name not in layers_of(returned):
            self._chosen(returned, [name])
        return output_of(returned, name)

    def _by_input(self, inputs: Inputs | Sequence[np.ndarray]) -> Inputs | Sequence[Inputs]:
        own = self._stored.inputs
        if isinstance(inputs, Mapping) or not isinstance(own, Mapping):
            return inputs
        if isinstance(inputs, np.ndarray):
            return taken_apart(inputs, own)
        return [taken_apart(one, own) for one in inputs]

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Turn what the function raises into an `EvaluationError`."""
        try:
            yield
        except ReplayChartError:
            raise
        except Exception as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            message = (
                f"{what} of run {self._run!r} cannot be evaluated: {reason} It may differ from the "
                "recorded one."
            )
            raise EvaluationError(message) from error


def _per_point(values: Any) -> int:
    """Return how many values a loss has for each point."""
    return int(np.prod(values.shape[1:])) if values.ndim else 1


def output_name(returned: Any) -> str | None:
    """Return the name of the network's output; None if the function returns it alone.

    It is ``"output"``, or else the last one. A function that JAX compiles sorts the names.
    """
    names = list(layers_of(returned))
    return "output" if "output" in names else names[-1] if names else None


def output_of(returned: Any, name: str | None) -> Any:
    """Return the network's output: what the function returns, or an entry of a mapping."""
    return returned if name is None else layers_of(returned)[name]


def layers_of(returned: Any) -> dict[str, Any]:
    """Return the outputs of layers by name; none if the function returns its output alone."""
    if not isinstance(returned, Mapping):
        return {}
    return {str(name): values for name, values in returned.items()}


def library_of(values: Any) -> str:
    """Return whether an array is one of JAX."""
    jax = sys.modules.get("jax")
    return "jax" if jax is not None and isinstance(values, jax.Array) else "numpy"


def _plain(values: Any) -> np.ndarray:
    return np.asarray(as_array(values), np.float32)
