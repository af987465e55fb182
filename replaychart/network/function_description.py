"""Describes a function of parameters and points in the form in which a run file stores it."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from replaychart.errors import ArgumentError, RecordingError, ReplayChartError
from replaychart.facts.inputs import INPUTS_IN_A_LIST, Inputs, arrays_of, rows_of, with_arrays
from replaychart.facts.layers import RecordedLayer, RecordedVariable, Variable
from replaychart.facts.snapshots import RunDescription
from replaychart.facts.witness import Witness
from replaychart.network import function_losses, pytrees
from replaychart.network.function_network import (
    FRAMEWORK,
    layers_of,
    library_of,
    output_name,
    output_of,
)
from replaychart.network.pytrees import Leaf, Tree, as_array

# Enough that no difference hides, and few enough that asking takes milliseconds.
_FEW = 16
_BIASES = ("b", "bias", "biases", "intercept", "offset")
_EMBEDDINGS = ("embedding", "embeddings")
# The layers of Flax, Haiku and Equinox that normalize, whose bias is a shift.
_SCALES = ("scale", "gamma")


@dataclasses.dataclass(frozen=True)
class LiveFunction:
    """A function whose parameters are trained, with the points that are recorded.

    Attributes
    ----------
    apply : callable
        Takes parameters and points.
    loss : callable or None
        Takes outputs and targets.
    described : RunDescription
        The run.
    points : numpy.ndarray of int64, shape (few,)
        The rows of the points with which the function is asked what it computes.
    built : callable
        Takes a list of arrays and returns them nested as the function takes them.
    dtypes : tuple of str
        The dtypes of these arrays.
    """

    apply: Callable[[Any, Any], Any]
    loss: Callable[[Any, Any], Any] | None
    described: RunDescription
    points: np.ndarray
    built: Callable[[Sequence[Any]], Any]
    dtypes: tuple[str, ...]

    def weights(self, params: Any) -> list[np.ndarray]:
        """Return copies of the arrays in parameters.

        Raises
        ------
        RecordingError
            They are not as many, or not of the shapes, as at first.
        """
        values = [as_array(leaf.values) for leaf in pytrees.tree_of(params).leaves]
        shapes = [one.shape for one in self.described.variables]
        if [one.shape for one in values] != shapes:
            message = (
                f"params must keep their shapes, {shapes}, while they are recorded. Got "
                f"{[one.shape for one in values]}."
            )
            raise RecordingError(message)
        dtypes = [one.dtype for one in self.described.variables]
        return [np.array(one, dtype) for one, dtype in zip(values, dtypes, strict=True)]

    def witness(self, epoch: float, weights: Sequence[np.ndarray]) -> Witness | None:
        """Return what the function computes with some weights; None if it cannot be asked."""
        try:
            return self._witness(epoch, weights)
        except Exception:  # a user's function may raise anything
            return None

    def _witness(self, epoch: float, weights: Sequence[np.ndarray]) -> Witness:
        dtypes = [str(name) for name in self.dtypes]
        library = str(self.described.details["arrays"])
        params = self.built(pytrees.restored(weights, dtypes, library))
        returned = _called(self.apply, params, self.described, self.points)
        output = output_of(returned, output_name(returned))
        targets = self.described.targets[self.points]
        losses = None
        if self.loss is not None:
            losses = np.asarray(function_losses.of_points(self.loss, output, targets), np.float32)
        return Witness(
            epoch=epoch,
            points=self.points,
            outputs=np.asarray(as_array(output), np.float32),
            losses=losses,
            layers={
                name: np.asarray(as_array(values), np.float32)
                .reshape(len(self.points), -1)
                .mean(axis=1, dtype=np.float64)
                .astype(np.float32)
                for name, values in layers_of(returned).items()
            },
            regularization=0.0,
            half_precision=any(name.endswith("16") for name in dtypes),
        )


def described_function(
    apply: object,
    params: Any,
    inputs: Inputs,
    targets: np.ndarray,
    *,
    in_a_list: bool,
    feature_names: object,
    class_names: list[str] | None,
    loss: Callable[[Any, Any], Any] | None,
    predicts: str | None,
) -> LiveFunction:
    """Return a function with its description, after one call with a few of the points.

    Raises
    ------
    ArgumentError
        The points, parameters or targets do not fit the function or the loss.
    """
    if not callable(apply) or isinstance(apply, type):
        message = f"apply must be a function of params and X. Got {apply!r}."
        raise ArgumentError(message)
    tree = pytrees.tree_of(params)
    dtypes = tuple(str(getattr(leaf.values, "dtype", "float64")) for leaf in tree.leaves)
    described = RunDescription(
        inputs=inputs,
        targets=targets,
        architecture="null",
        compile_config=json.dumps({"loss": function_losses.description_of(loss)}),
        layers=(),
        details={
            "framework": FRAMEWORK,
            "model_class": getattr(apply, "__name__", type(apply).__name__),
            "feature_names": feature_names,
            "class_names": class_names,
            "metrics": {},
            **({} if predicts is None else {"predicts": predicts}),
            **({INPUTS_IN_A_LIST: True} if in_a_list else {}),
            pytrees.STRUCTURE: tree.structure,
            pytrees.DTYPES: list(dtypes),
        },
    )
    points = np.sort(
        np.random.default_rng(0).choice(len(targets), min(len(targets), _FEW), replace=False)
    )
    returned = _checked_call(apply, params, described, points)
    output = output_of(returned, output_name(returned))
    layers, owners = _layers(tree, returned)
    described = dataclasses.replace(
        described,
        layers=layers,
        variables=tuple(
            Variable(owners[position], tuple(values.shape), values.dtype.name)
            for position, values in enumerate(as_array(leaf.values) for leaf in tree.leaves)
        ),
        details={
            **described.details,
            "arrays": library_of(output),
            "has_gradients": library_of(output) == "jax",
            "output_shape": tuple(output.shape[1:]),
        },
    )
    if loss is not None:
        try:
            function_losses.of_points(loss, output, targets[points])
        except ReplayChartError as error:
            message = f"loss must be one for each point. {error}"
            raise ArgumentError(message) from error
    return LiveFunction(apply, loss, described, points, tree.built, dtypes)


def _called(
    apply: Callable[[Any, Any], Any], params: Any, described: RunDescription, points: np.ndarray
) -> Any:
    few = rows_of(described.inputs, points)
    arrays = list(arrays_of(few))
    in_a_list = described.details.get(INPUTS_IN_A_LIST)
    return apply(params, arrays if in_a_list else with_arrays(few, arrays))


def _checked_call(
    apply: Callable[[Any, Any], Any], params: Any, described: RunDescription, points: np.ndarray
) -> Any:
    """Call a function for the first time."""
    shapes = ", ".join(f"{one.dtype} {one.shape}" for one in arrays_of(described.inputs))
    try:
        returned = _called(apply, params, described, points)
    except ReplayChartError:
        raise
    except Exception as error:  # a user's function may raise anything
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        message = (
            f"apply(params, X) must return the network's output. It raised for {len(points)} of "
            f"the points: {type(error).__name__}: {reason} X is {shapes}."
        )
        raise ArgumentError(message) from error
    every = layers_of(returned) if isinstance(returned, Mapping) else {"output": returned}
    if not every:
        message = "apply(params, X) must return the network's output. Got an empty mapping."
        raise ArgumentError(message)
    for name, values in every.items():
        shape = getattr(values, "shape", None)
        if shape is None or len(shape) < 1 or shape[0] != len(points):
            got = f"the shape {tuple(shape)}" if shape is not None else f"a {type(values).__name__}"
            message = (
                "apply(params, X) must return an array with one row for each point, or a mapping "
                f"of the outputs of layers to such arrays. Got {got} as {name!r} for "
                f"{len(points)} points."
            )
            raise ArgumentError(message)
    return returned


def _layers(tree: Tree, returned: Any) -> tuple[tuple[RecordedLayer, ...], list[str]]:
    """Return the layers, and the layer of each array.

    The arrays of a group belong to the layer of its name or, if no name fits, of its place. If the
    function returns nothing but the network's output, the groups are the layers.
    """
    groups: dict[tuple[str, ...], list[tuple[int, Leaf]]] = {}
    for position, leaf in enumerate(tree.leaves):
        groups.setdefault(leaf.path[:-1], []).append((position, leaf))
    outputs = layers_of(returned)
    last = output_name(returned)
    names = [*(name for name in outputs if name != last), *([] if last is None else [last])]
    of_group = _names_of_groups(list(groups), names)
    owners = [""] * len(tree.leaves)
    variables: dict[str, list[RecordedVariable]] = {}
    for group, leaves in groups.items():
        owner = of_group.get(group, "")
        normalizes = any(leaf.path[-1] in _SCALES for _, leaf in leaves)
        for position, leaf in leaves:
            owners[position] = owner
            name = _variable_name(leaf, normalizes=normalizes)
            variables.setdefault(owner, []).append(RecordedVariable(name, position))
    layers = [
        RecordedLayer(
            name=name,
            kind="function",
            output_shape=tuple(outputs[name].shape[1:]) if name in outputs else None,
            variables=tuple(variables.get(name, ())),
        )
        for name in (names or dict.fromkeys(of_group.values()))
    ]
    return tuple(layers), owners


def _names_of_groups(
    groups: list[tuple[str, ...]], layers: list[str]
) -> dict[tuple[str, ...], str]:
    """Return the layer of each group of arrays, for those that have one."""
    if not layers:
        return {group: "/".join(group) or "parameters" for group in groups}
    found: dict[tuple[str, ...], str] = {}
    for group in groups:
        spelled = {"/".join(group[start:]) for start in range(len(group))} | set(group)
        named = [layer for layer in layers if layer in spelled]
        if named:
            found[group] = named[-1]
    if not found and len(groups) == len(layers):
        return dict(zip(groups, layers, strict=True))
    return found


def _variable_name(leaf: Leaf, *, normalizes: bool) -> str:
    """Return the name of an array, which ends as Keras names kernels, biases and embeddings."""
    last = leaf.path[-1] if leaf.path else "parameters"
    name = "/".join(leaf.path[-2:]) or last
    dimensions = len(np.shape(leaf.values))
    if last in _EMBEDDINGS:
        return name.removesuffix(last) + "embeddings"
    if dimensions >= 2:
        return name if last == "kernel" and "/" in name else f"{name}/kernel"
    if normalizes:
        return name.removesuffix(last) + ("beta" if last in _BIASES else last)
    if last in _BIASES or dimensions == 1:
        return name if last == "bias" else f"{name}/bias"
    return name
