"""Evaluates a run when something is asked for, and remembers what it evaluated.

This is where a run without Keras differs from one with it: what the file holds is taken from there,
and only what it does not hold needs the network.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from replaychart.errors import EvaluationError, MissingDependencyError
from replaychart.evaluation.densities import summarized_each
from replaychart.facts.keys import evaluation_key
from replaychart.facts.task import Task, task_of
from replaychart.planes.extents import Limits
from replaychart.planes.paths import Paths
from replaychart.planes.projections import Projection
from replaychart.planes.surfaces import Surfaces, surfaces_of
from replaychart.planes.tracer import PlaneTracer, Rectangle
from replaychart.storage.reader import StoredRun
from replaychart.storage.writer import write_evaluations

if TYPE_CHECKING:
    import keras

    from replaychart.network.network import Network

Arrays = dict[str, np.ndarray]

# Numbers of a layer's outputs that are remembered; more are evaluated when they are needed.
_LARGEST_HELD = 100_000_000


class Evaluations:
    """What a recorded network computes, by snapshot.

    Parameters
    ----------
    stored : StoredRun
        The run.
    model : keras.Model or None
        Used in place of the recorded architecture.
    custom_objects : mapping or None
        Classes and functions that are not part of Keras, by name.
    """

    def __init__(
        self,
        stored: StoredRun,
        *,
        model: "keras.Model | None",
        custom_objects: Mapping[str, Any] | None,
    ) -> None:
        self._stored = stored
        self._model = model
        self._custom_objects = custom_objects
        self._every = tuple(range(len(stored.epochs)))
        # What was computed for some epochs only; it is never stored.
        self._partial: dict[tuple[str, tuple[int, ...]], Arrays] = {}
        # Keys of what a user's own object projected: no other session could ask for it.
        self._passing: set[str] = set()
        self._asked = ""

    @cached_property
    def task(self) -> Task:
        """What the network was asked to learn."""
        shape = self._stored.details.get("output_shape")
        if shape is None and not self._stored.has_model:
            shape = ()
        if shape is None:
            shape = self.predictions(self._every[:1]).shape[2:]
        return task_of(self._stored, tuple(shape))

    def outputs(self, layer: str, snapshots: Sequence[int]) -> np.ndarray:
        """Return a layer's outputs for the points, float32 (snapshots, points, ...)."""
        return self._remembered(
            evaluation_key("outputs", layer=layer),
            snapshots,
            lambda: {"values": self._network.outputs(layer, self._stored.inputs, snapshots)},
        )["values"]

    def outputs_by_snapshot(self, layer: str, snapshots: Sequence[int]) -> Iterator[np.ndarray]:
        """Yield a layer's outputs, snapshot by snapshot, without holding all of a wide one."""
        (shape,) = (known.output_shape for known in self._stored.layers if known.name == layer)
        numbers = math.prod(size or 1 for size in shape or ()) * len(self._stored.targets)
        known = self._knows(evaluation_key("outputs", layer=layer), snapshots)
        if known or numbers * len(snapshots) <= _LARGEST_HELD:
            return iter(self.outputs(layer, snapshots))
        return self._network.outputs_by_snapshot(layer, self._stored.inputs, snapshots)

    def predictions(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return the model's outputs for the points, float32 (snapshots, points, ...)."""
        return self._remembered(
            evaluation_key("predictions"),
            snapshots,
            lambda: {"values": self._network.outputs(None, self._stored.inputs, snapshots)},
        )["values"]

    @cached_property
    def labels(self) -> np.ndarray:
        """Class numbers of the points, int64 (points,); numbers for a regression."""
        return self.task.labels(self._stored.targets)

    def decisions(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return the predicted class of each point, int64 (snapshots, points), or the number."""
        outputs = self.predictions(snapshots)
        if not self.task.classes:
            return outputs.reshape(*outputs.shape[:2], -1)[:, :, 0]
        return self.task.decisions(outputs)

    def probability(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return one probability for each point, float32 (snapshots, points).

        Of class 1 where there are two classes, else of the true class; NaN for a regression.
        """
        outputs = self.predictions(snapshots)
        if not self.task.classes:
            return np.full(outputs.shape[:2], np.nan, np.float32)
        probabilities = self.task.probabilities(outputs)
        if self.task.classes == 2:
            return probabilities[:, :, 1]
        return probabilities[:, np.arange(len(self.labels)), self.labels]

    def residuals(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return prediction less target, float32 (snapshots, points, ...)."""
        outputs = self.predictions(snapshots)
        predicted, given = math.prod(outputs.shape[2:]), math.prod(self._stored.targets.shape[1:])
        if predicted != given:
            message = (
                f"Run {self._stored.name!r} has outputs of {predicted} numbers for each point and "
                f"targets of {given}, so there are no residuals."
            )
            raise EvaluationError(message)
        targets = self._stored.targets.reshape(outputs.shape[1:])
        return (outputs - targets).astype(np.float32)

    def losses(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return the loss of each point, float32 (snapshots, points)."""
        return self._remembered(
            evaluation_key("losses"),
            snapshots,
            lambda: {
                "values": self._objectives.losses(
                    self._stored,
                    self._judged(snapshots),
                    mask=self._network.mask,
                    model=self._model,
                    custom_objects=self._custom_objects,
                )
            },
        )["values"]

    def metric(self, name: str, snapshots: Sequence[int]) -> np.ndarray:
        """Return a compiled metric over the points, float64 (snapshots,) or (snapshots, values)."""
        return self._remembered(
            evaluation_key("metric", name=name),
            snapshots,
            lambda: {
                "values": self._objectives.metric(
                    self._stored,
                    name,
                    self._judged(snapshots),
                    mask=self._network.mask,
                    custom_objects=self._custom_objects,
                )
            },
        )["values"]

    def _judged(self, snapshots: Sequence[int]) -> Iterable[Any]:
        """Return the model's outputs as its losses and metrics get them."""
        outputs = self._network.judged_outputs(snapshots)
        return self.predictions(snapshots) if outputs is None else outputs

    def surface(self, rectangle: Rectangle, snapshots: Sequence[int]) -> Paths:
        """Return the surface over a rectangle; see `PlaneTracer.contours`."""
        return self._contour("surface", rectangle, snapshots)

    def boundary(self, rectangle: Rectangle, snapshots: Sequence[int]) -> Paths:
        """Return the boundary in a rectangle; see `PlaneTracer.contours`."""
        return self._contour("boundary", rectangle, snapshots)

    def grid(
        self,
        layer: str | None,
        snapshots: Sequence[int],
        *,
        xlim: Limits,
        ylim: Limits,
        lines: int,
        view: Projection | None,
    ) -> Paths:
        """Return grid lines; see `PlaneTracer.grid`."""
        where = {"xlim": xlim, "ylim": ylim, "lines": lines}

        def compute() -> Arrays:
            paths = self._tracer.grid(
                layer, snapshots, xlim=xlim, ylim=ylim, lines=lines, view=view
            )
            return paths.to_arrays()

        key = evaluation_key(
            "grid", layer=layer, view=None if view is None else view.identity, **where
        )
        if view is not None and view.key is None:
            self._passing.add(key)
        return Paths.from_arrays(self._remembered(key, snapshots, compute))

    def grid_in_space(
        self, layer: str, snapshots: Sequence[int], *, xlim: Limits, ylim: Limits, lines: int
    ) -> np.ndarray:
        """Return grid lines in a layer's space, (snapshots, lines, vertices, units)."""
        key = evaluation_key("grid in space", layer=layer, xlim=xlim, ylim=ylim, lines=lines)

        def compute() -> Arrays:
            images = self._tracer.grid_in_space(layer, snapshots, xlim=xlim, ylim=ylim, lines=lines)
            return {"values": images}

        return self._remembered(key, snapshots, compute)["values"]

    def continues_from(self, layer: str) -> bool:
        """Return whether a layer's output is all that the rest of the network needs.

        True where it cannot be told, because the network is neither stored nor can be rebuilt: what
        was stored of its surfaces is there all the same.
        """

        def compute() -> Arrays:
            alone = self._network.depends_on_alone(layer)
            return {"values": np.full(len(self._every), alone)}

        key = evaluation_key("continues", layer=layer)
        try:
            return bool(self._remembered(key, self._every, compute)["values"].all())
        except (EvaluationError, MissingDependencyError):
            return True

    def layers(
        self, layers: Sequence[str], snapshots: Sequence[int], *, before_activation: bool
    ) -> Iterator[list[np.ndarray]]:
        """Yield what goes into, or comes out of, the activation functions of layers.

        One array of float32, shape (points, ...), for each layer, snapshot by snapshot.
        """
        self._asked = f"of the activations of {', '.join(map(repr, layers))}"
        return self._network.layers_by_snapshot(
            layers, self._stored.inputs, snapshots, before_activation=before_activation
        )

    def gradients(
        self, positions: Sequence[int], snapshots: Sequence[int]
    ) -> Iterator[list[np.ndarray]]:
        """Yield the loss' gradients to weights, one array for each, snapshot by snapshot."""
        self._asked = "of gradients"
        network = self._network
        from replaychart.network.gradients import gradients_by_snapshot

        return gradients_by_snapshot(
            network, self._stored, positions, snapshots, custom_objects=self._custom_objects
        )

    def distributions(
        self,
        quantity: Mapping[str, Any],
        layers: Sequence[str],
        snapshots: Sequence[int],
        values: Callable[[Sequence[str]], Iterator[list[np.ndarray]]],
    ) -> list[Arrays]:
        """Return how values are distributed in each layer; see `densities.summarized`.

        Parameters
        ----------
        quantity : mapping
            What the values are, for the memory.
        layers : sequence of str
        snapshots : sequence of int
        values : callable
            Yields one array for each of the layers it is given, snapshot by snapshot. It is called
            once, for all layers that are not remembered.
        """
        keys = {layer: evaluation_key("distribution", layer=layer, **quantity) for layer in layers}
        missing = [layer for layer, key in keys.items() if not self._knows(key, snapshots)]
        if missing:
            summaries = summarized_each(values(missing))
            for layer, arrays in zip(missing, summaries, strict=True):
                self._remember(keys[layer], snapshots, arrays)
        return [self._recalled(key, snapshots) for key in keys.values()]

    @property
    def tells_predictions(self) -> bool:
        """Whether the model's outputs for the points are stored or can be computed."""
        whole = self._stored.has_model and self._stored.has_all_weights
        return whole or self.was_recorded("predictions")

    def was_recorded(self, quantity: str) -> bool:
        """Return whether a quantity of the points stands in the file."""
        return evaluation_key(quantity) in self._memory

    def store(self) -> None:
        """Write everything remembered for the whole run into the run's file."""
        lasting = {key: arrays for key, arrays in self._memory.items() if key not in self._passing}
        write_evaluations(self._stored, lasting)

    @cached_property
    def _memory(self) -> dict[str, Arrays]:
        return self._stored.evaluations()

    @cached_property
    def _network(self) -> "Network":
        self._require_model()
        try:
            from replaychart.network.network import Network
        except ImportError as error:
            raise _keras_missing(self._stored, self._asked, list(self._memory)) from error
        return Network(self._stored, model=self._model, custom_objects=self._custom_objects)

    @cached_property
    def _objectives(self) -> Any:
        self._require_model()
        try:
            from replaychart.network import objectives
        except ImportError as error:
            raise _keras_missing(self._stored, self._asked, list(self._memory)) from error
        return objectives

    def _require_model(self) -> None:
        if not self._stored.has_model:
            raise _no_model(self._stored, self._asked, list(self._memory))

    @cached_property
    def _tracer(self) -> PlaneTracer:
        return PlaneTracer(self._network, lambda: self.surfaces)

    @cached_property
    def surfaces(self) -> Surfaces:
        """What the network spans over a plane."""
        return surfaces_of(self.task, self.labels, self._stored.name)

    def _contour(self, quantity: str, rectangle: Rectangle, snapshots: Sequence[int]) -> Paths:
        # Both are traced on the same lattice, and whoever asks for one will ask for the other.
        keys = [evaluation_key(name, **rectangle.key()) for name in ("surface", "boundary")]
        asked = evaluation_key(quantity, **rectangle.key())
        if rectangle.view is not None and rectangle.view.key is None:
            self._passing.update(keys)

        def compute() -> Arrays:
            both = [
                paths.to_arrays() for paths in self._tracer.contours(rectangle, tuple(snapshots))
            ]
            for key, arrays in zip(keys, both, strict=True):
                self._remember(key, snapshots, arrays)
            return both[keys.index(asked)]

        return Paths.from_arrays(self._remembered(asked, snapshots, compute))

    def _remembered(
        self, key: str, snapshots: Sequence[int], compute: Callable[[], Arrays]
    ) -> Arrays:
        """Return what is stored or was computed under a key, and compute it otherwise."""
        if not self._knows(key, snapshots):
            self._asked = key
            self._remember(key, snapshots, compute())
        return self._recalled(key, snapshots)

    def _knows(self, key: str, snapshots: Sequence[int]) -> bool:
        return key in self._memory or (key, tuple(snapshots)) in self._partial

    def _recalled(self, key: str, snapshots: Sequence[int]) -> Arrays:
        if key in self._memory:
            return _selected(self._memory[key], snapshots, self._every)
        return self._partial[key, tuple(snapshots)]

    def _remember(self, key: str, snapshots: Sequence[int], arrays: Arrays) -> None:
        if tuple(snapshots) == self._every:
            self._memory[key] = arrays
        else:
            self._partial[key, tuple(snapshots)] = arrays


def _selected(arrays: Arrays, snapshots: Sequence[int], every: Sequence[int]) -> Arrays:
    if tuple(snapshots) == tuple(every):
        return arrays
    if "vertices" in arrays:
        return Paths.from_arrays(arrays).selected(snapshots).to_arrays()
    return {name: values[list(snapshots)] for name, values in arrays.items()}


def _keras_missing(stored: StoredRun, asked: str, known: Sequence[str]) -> MissingDependencyError:
    held = f"Stored are: {'; '.join(known)}" if known else "It holds no evaluations"
    message = (
        f"Run {stored.name!r} does not hold the evaluation {asked}, and computing it needs Keras "
        "with a backend: pip install 'replaychart[tensorflow]'. Or store it on a machine that has "
        f"Keras, with Run.store() or the command 'replaychart store'. {held}."
    )
    return MissingDependencyError(message)


def _no_model(stored: StoredRun, asked: str, known: Sequence[str]) -> EvaluationError:
    message = (
        f"Run {stored.name!r} was recorded from outputs and has no model, so the evaluation "
        f"{asked} cannot be computed. Recorded are: {'; '.join(known)}."
    )
    return EvaluationError(message)


def require_numbers(task: Task, run: str) -> None:
    """Raise `EvaluationError` unless the run predicts numbers."""
    if task.per_position:
        what = "tells classes apart at each of its positions and predicts no numbers"
    elif task.classes or task.multi_label:
        what = f"predicts {'classes' if task.classes else 'labels'} and no numbers"
    else:
        return
    message = f"Run {run!r} {what}: there are no residuals."
    raise EvaluationError(message)


def require_classes(task: Task, run: str) -> None:
    """Raise `EvaluationError` unless the run tells classes of points apart."""
    if task.per_position:
        message = (
            f"Run {run!r} tells classes apart at each of its positions, so there is no one class "
            "of a point. Its losses, curves and layers can be drawn."
        )
        raise EvaluationError(message)
    if task.multi_label:
        message = (
            f"Run {run!r} is multi-label: each of its outputs is a yes or no of its own, so there "
            "is no one class of a point. Its losses, curves and layers can be drawn."
        )
        raise EvaluationError(message)
    if not task.classes:
        message = (
            f"Run {run!r} predicts numbers and not classes (by its targets, its loss and its "
            "output's activation), so there are no probabilities. residual_histogram shows how far "
            "it is off."
        )
        raise EvaluationError(message)
