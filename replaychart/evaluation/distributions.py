"""Distributions of weights, gradients, activations and pre-activations, layer by layer."""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
import pandas as pd

from replaychart.arguments import items_of, require_one_of
from replaychart.errors import ArgumentError
from replaychart.evaluation.densities import summarized_each
from replaychart.evaluation.evaluations import Evaluations
from replaychart.evaluation.memory import Arrays, joined_rows
from replaychart.facts.inputs import side_by_side
from replaychart.facts.layers import RecordedVariable, without_nested_models
from replaychart.network.batches import Batches, whole
from replaychart.storage.reader import StoredRun
from replaychart.workers import shares, spread

Kind = Literal["weights", "gradients", "activations", "pre_activations"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Variable = Literal["kernel", "bias"]
VARIABLES: tuple[Variable, ...] = get_args(Variable)
INPUTS = "inputs"


class Selection(NamedTuple):
    """A choice of distributions.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    layers : list of str
        The layers in order. If the recorded points are included, they come first, as ``"inputs"``.
    variable : str
        One of `VARIABLES`, for weights and gradients.
    """

    kind: str
    layers: list[str]
    variable: str


class Distributions:
    """The distributions of a run's values.

    Parameters
    ----------
    stored : StoredRun
        The run.
    evaluations : Evaluations
        The values that its network computes.
    """

    def __init__(self, stored: StoredRun, evaluations: Evaluations) -> None:
        self._stored = stored
        self._evaluations = evaluations
        self._layers = {layer.name: layer for layer in stored.layers}

    def layers(self, variable: str = "kernel") -> list[str]:
        """Return the layers for which a kernel (or bias) was recorded."""
        return [name for name in self._layers if self._variables(name, variable)]

    def select(
        self,
        kind: str,
        *,
        layers: Sequence[str] | None = None,
        variable: str = "kernel",
        inputs: bool = False,
        output: bool = True,
    ) -> Selection:
        """Return a selection, after checking the arguments.

        Parameters
        ----------
        kind : {"weights", "gradients", "activations", "pre_activations"}
        layers : sequence of str, optional
            Default: every layer with a kernel, those of a nested model instead of that model; or
            for activations every recorded layer of a run that was recorded from outputs.
        variable : {"kernel", "bias"}, default "kernel"
        inputs : bool, default False
            Whether to add the recorded points as a first layer; for activations.
        output : bool, default True
            Whether the default layers include the last one.

        Raises
        ------
        ArgumentError
            There is no such kind, layer or variable, or no layer is left.
        """
        require_one_of("kind", kind, KINDS)
        require_one_of("variable", variable, VARIABLES)
        of_weights = kind in ("weights", "gradients")
        known = self._known(kind, variable)
        if not known and not self._stored.has_model:
            message = (
                f"Run {self._stored.name!r} was recorded from outputs, without a model, so there "
                f"are no {kind.replace('_', '-')} to show."
            )
            raise ArgumentError(message)
        if not known:
            message = (
                f"Run {self._stored.name!r} has no layer with a {variable}, so there are no "
                f"{kind.replace('_', '-')} to show. Its layers are: "
                f"{', '.join(map(repr, self._layers))}."
            )
            raise ArgumentError(message)
        if inputs and of_weights:
            message = (
                f"inputs must be False for kind {kind!r}, which the recorded points do not have. "
                f"Got {inputs!r}."
            )
            raise ArgumentError(message)
        # Recorded outputs are of layers that the user chose, so none of them is left out.
        every = output or not self._stored.has_model
        default = self._default(known)
        chosen = self._chosen(layers, default if every else default[:-1], known)
        if not chosen and not inputs:
            message = (
                f"output must be True for run {self._stored.name!r}: {default[-1]!r} is its only "
                f"layer with a {variable}. Got {output!r}."
            )
            raise ArgumentError(message)
        return Selection(kind, ([INPUTS] if inputs else []) + chosen, variable)

    def summaries(self, selection: Selection, snapshots: Sequence[int]) -> list[Arrays]:
        """Return the arrays of `densities.summarized_each` for each layer."""
        of_points = selection.kind in ("activations", "pre_activations")
        quantity = {"kind": selection.kind}
        if not of_points:
            quantity["variable"] = selection.variable
        layers = [layer for layer in selection.layers if layer != INPUTS]
        summaries = self._evaluations.distributions(
            quantity,
            layers,
            snapshots,
            lambda missing: self._summarized(selection._replace(layers=list(missing)), snapshots),
        )
        if INPUTS in selection.layers:
            (of_inputs,) = summarized_each([[[side_by_side(self._stored.inputs)]]])
            repeated = {
                name: np.repeat(values, len(snapshots), axis=0)
                for name, values in of_inputs.items()
            }
            summaries.insert(0, repeated)
        return summaries

    def summary_frame(
        self, selection: Selection, snapshots: Sequence[int], epochs: np.ndarray
    ) -> pd.DataFrame:
        """Return one row per epoch and layer; see `Run.distributions`."""
        pieces = []
        for layer, arrays in zip(
            selection.layers, self.summaries(selection, snapshots), strict=True
        ):
            quantiles = dict(
                zip(["min", "q1", "median", "q3", "max"], arrays["quantiles"].T, strict=True)
            )
            columns = {name: arrays[name] for name in ("count", "not_finite", "mean", "std")}
            pieces.append(
                pd.DataFrame(
                    {
                        "epoch": epochs,
                        "layer": layer,
                        "variable": _variable_label(selection, layer),
                        **columns,
                        **quantiles,
                    }
                )
            )
        return _sorted(pieces, selection)

    def values_frame(
        self, selection: Selection, snapshots: Sequence[int], epochs: np.ndarray
    ) -> pd.DataFrame:
        """Return one row per epoch and value; see `Run.distributions`."""
        layers = [layer for layer in selection.layers if layer != INPUTS]
        pieces: list[pd.DataFrame] = []
        if INPUTS in selection.layers:
            label, points = _variable_label(selection, INPUTS), side_by_side(self._stored.inputs)
            pieces += [_values_piece(epoch, INPUTS, label, points, "point") for epoch in epochs]
        if selection.kind in ("activations", "pre_activations"):
            every: Iterator[list[np.ndarray]] = (
                list(map(whole, own))
                for own in self._evaluated(selection._replace(layers=layers), snapshots)
            )
            names = [(layer, _variable_label(selection, layer)) for layer in layers]
            axis = "point"
        else:
            named = [
                (layer, variable)
                for layer in layers
                for variable in self._variables(layer, selection.variable)
            ]
            every = self._weights_or_gradients(
                selection.kind, [variable.position for _, variable in named], snapshots
            )
            names = [(layer, variable.name) for layer, variable in named]
            axis = "input"
        if layers:
            for epoch, arrays in zip(epochs, every, strict=True):
                pieces += [
                    _values_piece(epoch, layer, variable, values, axis)
                    for (layer, variable), values in zip(names, arrays, strict=True)
                ]
        return _sorted(pieces, selection)

    def updates(
        self, selection: Selection, snapshots: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return how large the changes of the weights are, and the weights before.

        Parameters
        ----------
        selection : Selection
            Weights.
        snapshots : sequence of int
            Positions from 1 on, in ascending order. Each is compared with the one before it.

        Returns
        -------
        tuple of numpy.ndarray of float64, shape (snapshots, layers)
            The Euclidean norms of the updates, and of the weights before them.
        """
        ends = sorted({place for snapshot in snapshots for place in (snapshot - 1, snapshot)})
        norms = []
        before: list[np.ndarray] = []
        at = -1
        for snapshot, weights in zip(ends, self._pooled(selection, ends), strict=True):
            after = [
                np.concatenate([own.ravel() for own in of_layer], dtype=np.float64)
                for of_layer in weights
            ]
            if at == snapshot - 1 and snapshot in snapshots:
                norms.append(_norms_of_update(before, after))
            before, at = after, snapshot
        shape = len(snapshots), 2, len(selection.layers)
        update, weight = np.array(norms).reshape(shape).transpose(1, 0, 2)
        return update, weight

    def evaluate(self, snapshots: Sequence[int]) -> None:
        """Evaluate and keep what the charts need by default."""
        has_graph = any(layer.output_shape is not None for layer in self._stored.layers)
        for variable in VARIABLES:
            if self.layers(variable) and self._stored.details.get("has_gradients", True):
                self.summaries(self.select("gradients", variable=variable), snapshots)
        for kind in ("activations", "pre_activations"):
            if has_graph and self._known(kind, "kernel"):
                self.summaries(self.select(kind), snapshots)

    def _summarized(self, selection: Selection, snapshots: Sequence[int]) -> list[Arrays]:
        """Return the arrays of `densities.summarized_each`, computed now."""
        # Weights are only read, so it would take longer to start workers.
        computed = self._stored.has_model and selection.kind != "weights"
        parts = shares(snapshots) if computed else []
        if len(parts) < 2:
            return summarized_each(self._pooled(selection, snapshots))
        apart = Distributions(self._stored, self._evaluations.apart())
        found = list(spread(_summarized_apart, [(apart, selection, part) for part in parts]))
        return [joined_rows(of_layer) for of_layer in zip(*found, strict=True)]

    def _pooled(self, selection: Selection, snapshots: Sequence[int]) -> Iterator[list[Batches]]:
        """Yield the values of each layer in several arrays, with all of its kernels."""
        if selection.kind in ("activations", "pre_activations"):
            yield from self._evaluated(selection, snapshots)
            return
        groups = [self._variables(layer, selection.variable) for layer in selection.layers]
        positions = [variable.position for group in groups for variable in group]
        ends = np.cumsum([len(group) for group in groups])[:-1]
        for arrays in self._weights_or_gradients(selection.kind, positions, snapshots):
            yield [
                arrays[start:end]
                for start, end in zip([0, *ends], [*ends, len(arrays)], strict=True)
            ]

    def _evaluated(self, selection: Selection, snapshots: Sequence[int]) -> Iterator[list[Batches]]:
        if not selection.layers:
            return iter(())
        if not self._stored.has_model:
            each = [self._evaluations.outputs_by_snapshot(it, snapshots) for it in selection.layers]
            return ([[own] for own in arrays] for arrays in zip(*each, strict=True))
        before = selection.kind == "pre_activations"
        return self._evaluations.layers_in_batches(
            selection.layers, snapshots, before_activation=before
        )

    def _weights_or_gradients(
        self, kind: str, positions: list[int], snapshots: Sequence[int]
    ) -> Iterator[list[np.ndarray]]:
        if kind == "gradients":
            return self._evaluations.gradients(positions, snapshots)
        weights = self._stored.weights(positions)
        return ([weight[snapshot] for weight in weights] for snapshot in snapshots)

    def _variables(self, layer: str, variable: str) -> list[RecordedVariable]:
        ends = ("kernel", "embeddings") if variable == "kernel" else ("bias",)
        return [own for own in self._layers[layer].variables if own.name.endswith(ends)]

    def _known(self, kind: str, variable: str) -> list[str]:
        """Return the layers that have values of this kind."""
        if kind in ("weights", "gradients"):
            return self.layers(variable)
        if not self._stored.has_model:
            return list(self._layers) if kind == "activations" else []
        layers = self.layers("kernel")
        graph = [one for one in layers if self._layers[one].output_shape is not None]
        # If no layer has a graph, evaluating any of them raises an error that says so.
        return [one for one in graph or layers if kind == "activations" or self._activates(one)]

    def _default(self, known: list[str]) -> list[str]:
        """Return layers that have values, without the models that contain other such layers."""
        return [one.name for one in without_nested_models([self._layers[it] for it in known])]

    def _activates(self, layer: str) -> bool:
        """Return whether a layer itself has a kernel, rather than a cell or layer inside it."""
        return any(
            own.name.endswith("kernel") and "/" not in own.name
            for own in self._layers[layer].variables
        )

    def _chosen(
        self, layers: Sequence[str] | None, default: list[str], known: list[str]
    ) -> list[str]:
        if layers is None:
            return default
        listed = items_of("layers", layers, "names of layers")
        for layer in listed:
            require_one_of("layers", layer, known)
        if not listed:
            message = "layers must name at least one layer. Got none."
            raise ArgumentError(message)
        return [layer for layer in known if layer in listed]


def _summarized_apart(
    distributions: Distributions, selection: Selection, snapshots: Sequence[int]
) -> list[Arrays]:
    return distributions._summarized(selection, snapshots)


def _norms_of_update(
    before: Sequence[np.ndarray], after: Sequence[np.ndarray]
) -> tuple[list[float], list[float]]:
    """Return the norm of each layer's update, and of its weights before."""
    # Of a run that diverged, they are NaN or infinite.
    with np.errstate(all="ignore"):
        pairs = list(zip(before, after, strict=True))
        return [_norm(new - old) for old, new in pairs], [_norm(old) for old in before]


def _norm(values: np.ndarray) -> float:
    return float(np.linalg.norm(values))


def _variable_label(selection: Selection, layer: str) -> str:
    if selection.kind in ("weights", "gradients"):
        return selection.variable
    return "input" if layer == INPUTS else selection.kind.removesuffix("s")


def _values_piece(
    epoch: int, layer: str, variable: str, values: np.ndarray, axis: str
) -> pd.DataFrame:
    """Return values as rows: by point (the first axis) or by unit (the last axis)."""
    flat = values.reshape(len(values), -1) if axis == "point" else _by_unit(values)
    rows, units = flat.shape
    return pd.DataFrame(
        {
            "epoch": np.repeat(epoch, flat.size),
            "layer": layer,
            "variable": variable,
            axis: np.repeat(np.arange(rows), units),
            "unit": np.tile(np.arange(units), rows),
            "value": flat.ravel(),
        }
    )


def _by_unit(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, values.shape[-1]) if values.ndim else values.reshape(1, 1)


def _sorted(pieces: list[pd.DataFrame], selection: Selection) -> pd.DataFrame:
    """Return the rows of all layers, sorted by epoch and then in the order of the layers."""
    frame = pd.concat(pieces, ignore_index=True)
    order = frame["layer"].map({layer: place for place, layer in enumerate(selection.layers)})
    return (
        frame.assign(order=order)
        .sort_values(["epoch", "order"], kind="stable")
        .drop(columns="order")
        .reset_index(drop=True)
    )
