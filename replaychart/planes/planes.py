"""The planes of a run: of its inputs or a slice through them, and of its layers."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from replaychart.arguments import require_at_least, require_one_of
from replaychart.errors import ArgumentError, EvaluationError, MissingDependencyError
from replaychart.evaluation.evaluations import Evaluations
from replaychart.evaluation.lazy_network import LazyNetwork
from replaychart.evaluation.memory import Arrays, Memory
from replaychart.evaluation.predictions import Predictions
from replaychart.facts.inputs import shapes_text, side_by_side
from replaychart.facts.keys import evaluation_key
from replaychart.facts.layers import RecordedLayer, hidden_layers, output_layer
from replaychart.network.graph import no_graph
from replaychart.planes import extents
from replaychart.planes.argument_types import Features
from replaychart.planes.components import last_components, several_components
from replaychart.planes.dense_network import DenseNetwork, dense_network
from replaychart.planes.extents import Limits
from replaychart.planes.features import axes, feature_names
from replaychart.planes.input_slices import input_slice
from replaychart.planes.layer_projections import KnownOfRun, projection_of
from replaychart.planes.layer_space import LastOutputs, LayerSpace
from replaychart.planes.output_kernel import output_kernel
from replaychart.planes.paths import Paths, selected_arrays
from replaychart.planes.projections import LinearProjection, Projection
from replaychart.planes.rectangle import Rectangle, checked_limits
from replaychart.planes.surfaces import Surfaces, surfaces_of
from replaychart.planes.tracer import PlaneTracer, straight_grid, visible_vertices
from replaychart.storage.reader import StoredRun

GRID_LINES = 11
RESOLUTION = 100
# Beyond, a single lattice takes more memory than a whole recording.
MOST_RESOLUTION = 2_000
# Values of the only feature at which a curve is evaluated, for each line of the lattice of a plane.
CURVE_PLACES = 2 * RESOLUTION
BANDS = 10
# Coordinates in the plane of a projected layer are kept up to this many. More are computed again.
_MOST_COORDINATES_KEPT = 25_000_000


class Planes:
    """Grid lines, surfaces and boundaries in a plane, as arrays.

    Parameters
    ----------
    stored : StoredRun
        The run.
    memory : Memory
        The values that are already known.
    network : LazyNetwork
        Computes the others.
    evaluations : Evaluations
        The outputs of the network for the recorded points.
    predictions : Predictions
        The predictions that follow from the outputs.
    training : Planes, optional
        Those of the training points, if these are for validation points: both are drawn alike.
    validation : callable, optional
        Returns the planes of the validation points, which limits enclose as well; None if there are
        none.
    """

    def __init__(
        self,
        stored: StoredRun,
        memory: Memory,
        network: LazyNetwork,
        evaluations: Evaluations,
        predictions: Predictions,
        *,
        training: "Planes | None" = None,
        validation: Callable[[], "Planes | None"] = lambda: None,
    ) -> None:
        self._training = training
        self._validation = validation
        self._stored = stored
        self._memory = memory
        self._network = network
        self._evaluations = evaluations
        self._predictions = predictions
        self._every = tuple(range(len(stored.epochs)))
        self._views: dict[tuple[str, str | int, bool], tuple[object, Projection]] = {}
        self._coordinates: dict[tuple[str, int], tuple[Projection, np.ndarray]] = {}
        self._kept_tracer: PlaneTracer | None = None

    @cached_property
    def surfaces(self) -> Surfaces:
        """The surfaces of the network over a plane."""
        if self._training is not None:
            return self._training.surfaces
        return surfaces_of(
            self._predictions.task,
            self._predictions.labels,
            self._stored.name,
            values=self.values_per_point,
            limits=lambda: self._predictions.limits,
            unit=self._predictions.unit,
        )

    @property
    def values_per_point(self) -> int:
        """The number of values that the model predicts for each point."""
        return self._predictions.values_per_point

    def has_one_surface_per_class(self) -> bool:
        """Return whether the outputs are classes or a single number, which surfaces can show."""
        if self._predictions.unit is not None:
            return True
        one = self._predictions.labels.ndim == self.values_per_point == 1
        return bool(self._predictions.task.classes) or one

    @property
    def unit(self) -> int | None:
        """Which of several values surfaces show; None if there is only one."""
        return self._predictions.unit

    @property
    def outputs_are_logits(self) -> bool:
        """Whether a sigmoid or softmax turns the outputs into probabilities."""
        return bool(self._predictions.task.classes) and self._predictions.task.from_logits

    @property
    def outputs_are_independent(self) -> bool:
        """Whether each of several outputs is a probability of its own."""
        return self._predictions.task.independent

    def unit_shown(self) -> str | None:
        """Return in words which of several values surfaces show, None if there is only one."""
        unit = self._predictions.unit
        if unit is None:
            return None
        if self._predictions.task.classes:
            return f"surface: label {unit}"
        low, high = self._predictions.limits
        return f"surface: unit {unit} of the output, {low:.3g} to {high:.3g}"

    def layers(self) -> list[str]:
        """Return the layers with two units, without the model's output layer."""
        return [layer.name for layer in self._hidden() if layer.output_shape == (2,)]

    def hidden_layers(self) -> list[str]:
        """Return the layers without those that compute the model's output.

        Recorded outputs are of layers that the user chose, so all of these count.
        """
        return [layer.name for layer in self._hidden()]

    def _hidden(self) -> list[RecordedLayer]:
        return hidden_layers(self._stored) if self._stored.has_model else [*self._stored.layers]

    @cached_property
    def inputs(self) -> np.ndarray:
        """The recorded points as rows of features, with those of several inputs side by side."""
        return side_by_side(self._stored.inputs)

    def output_layer(self) -> str | None:
        """Return the layer that computes the model's output; None if there is no model."""
        layer = output_layer(self._stored) if self._stored.has_model else None
        return None if layer is None else layer.name

    @cached_property
    def input_components(self) -> LinearProjection:
        """The projection of the inputs to their two principal components."""
        space = LayerSpace.of("inputs", lambda _: iter([self.inputs]), snapshots=1, averaged=False)
        return last_components(space)

    @cached_property
    def dense_network(self) -> DenseNetwork | None:
        """The network, if it is a chain of dense layers; it needs no framework to be computed."""
        try:
            return dense_network(self._stored, self._evaluations.predictions)
        except (EvaluationError, MissingDependencyError):
            return None

    def layer_outputs(
        self, layer: str | None, points: np.ndarray, snapshots: Sequence[int]
    ) -> Iterator[np.ndarray]:
        """Yield a layer's outputs for any points of the inputs' space, snapshot by snapshot.

        Parameters
        ----------
        layer : str or None
            The layer; None for the model's output.
        points : numpy.ndarray, shape (points, features)
            The points, the same for all snapshots.
        snapshots : sequence of int
            Positions in the recording.

        Yields
        ------
        numpy.ndarray, shape (points, ...)
        """
        if self.dense_network is not None:
            yield from (
                self.dense_network.outputs(points, [snapshot], layer)[0] for snapshot in snapshots
            )
            return
        network = self._network.rebuilt(evaluation_key("grid", layer=layer, view=None))
        yield from network.outputs_by_snapshot(layer, points, snapshots)

    def inputs_are_plane(self) -> bool:
        """Return whether the inputs have two features, both of which can be an axis."""
        return self.inputs.shape[1] == 2 and bool(axes(self._stored.inputs).all())

    def inputs_are_line(self) -> bool:
        """Return whether the inputs have one feature, which can be an axis."""
        return self.inputs.shape[1] == 1 and bool(axes(self._stored.inputs).all())

    def curve(self, xlim: Limits, places: int, snapshots: Sequence[int]) -> np.ndarray:
        """Return what the network predicts along the only feature of the inputs.

        Parameters
        ----------
        xlim : tuple of float
            The range of the feature.
        places : int
            The number of evenly spaced values in it.
        snapshots : sequence of int

        Returns
        -------
        numpy.ndarray of float32, shape (snapshots, places, curves)
            The scores of `surfaces`: the probability of class 1, of each of several classes, or the
            predicted value.
        """
        key = evaluation_key("curve", xlim=xlim, resolution=places, **self._judged())

        def compute() -> Arrays:
            line = np.linspace(*xlim, places)[:, None]
            outputs = self._network.rebuilt(key).outputs_by_snapshot(None, line, snapshots)
            return {"values": np.stack([self.surfaces.scores(one) for one in outputs])}

        return self._memory.remembered(key, snapshots, compute)["values"]

    def curve_of_points(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return the same as `curve`, but for the recorded points, which need no network."""
        outputs = self._predictions.outputs(snapshots)
        return np.stack([self.surfaces.scores(one) for one in outputs])

    def curve_limits(self, xlim: Limits | None = None) -> Limits:
        """Return the range of the only feature, by default around the recorded points."""
        around = [np.repeat(one.inputs, 2, axis=1) for one in self._of_all_points()]
        return checked_limits("xlim", xlim) or extents.padded_limits(*around)[0]

    def input_limits(
        self, xlim: Limits | None = None, ylim: Limits | None = None
    ) -> tuple[Limits, Limits]:
        """Return the rectangle of the input plane that surfaces and grids cover.

        Parameters
        ----------
        xlim, ylim : tuple of float, optional
            Limits to use instead of the default, the lower one first.

        Returns
        -------
        xlim, ylim : tuple of float
            By default around the recorded points, with a margin of 5 % and equal spans if the
            spans of the two features are comparable.

        Raises
        ------
        ArgumentError
            The inputs are not two-dimensional, or limits are not two numbers in increasing order.
        """
        self.require(None)
        every = [one.inputs for one in self._of_all_points()]
        default_x, default_y = extents.padded_limits(*every)
        return checked_limits("xlim", xlim) or default_x, checked_limits("ylim", ylim) or default_y

    def _of_all_points(self) -> list["Planes"]:
        """Return the planes of the training points, and of the validation points if there are any.

        Limits enclose both, so that charts of one set and of the other can be compared.
        """
        if self._training is not None:
            return [self._training, self]
        validation = self._validation()
        return [self] if validation is None else [self, validation]

    def slice_limits(
        self, through: LinearProjection, xlim: Limits | None, ylim: Limits | None
    ) -> tuple[Limits, Limits]:
        """Return the rectangle of a slice through the inputs; see `input_limits`."""
        shown = [through.coordinates(one.inputs, 0) for one in self._of_all_points()]
        default_x, default_y = extents.padded_limits(*shown)
        return checked_limits("xlim", xlim) or default_x, checked_limits("ylim", ylim) or default_y

    def layer_limits(
        self,
        layer: str,
        xlim: Limits | None = None,
        ylim: Limits | None = None,
        *,
        view: Projection | None = None,
    ) -> tuple[Limits, Limits]:
        """Return the rectangle of a layer's plane that a surface over that plane covers.

        Parameters
        ----------
        layer : str
            A layer with two units, or any other layer with a `view`.
        xlim, ylim : tuple of float, optional
            Limits to use instead of the default, the lower one first.
        view : Projection, optional
            The projection from the layer's space to the plane.

        Returns
        -------
        xlim, ylim : tuple of float
            By default around all points in the plane of the layer over the whole run, with a margin
            of 5 %.

        Raises
        ------
        ArgumentError
            The layer is not two-dimensional, or limits are not two numbers in increasing order.
        """
        every = [one._extremes(layer, view) for one in self._of_all_points()]
        default_x, default_y = extents.padded_limits(*every)
        return checked_limits("xlim", xlim) or default_x, checked_limits("ylim", ylim) or default_y

    def coordinates(
        self,
        layer: str,
        snapshots: Sequence[int],
        view: Projection | None,
        points: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the points' coordinates in a layer's plane, float32 (snapshots, points, 2).

        Parameters
        ----------
        layer : str
            A layer with two units, or any other layer with a `view`.
        snapshots : sequence of int
        view : Projection or None
            The projection from the layer's space to the plane.
        points : numpy.ndarray of int64, shape (points,), optional
            The rows of the points. Default: all.
        """
        if view is None:
            self.require(layer)
            outputs = self._evaluations.outputs(layer, snapshots)
            return outputs if points is None else outputs[:, points]
        whole = tuple(snapshots) == self._every
        known = self._kept_coordinates(layer, view, compute=whole)
        if known is None:
            return np.stack([*self._projected(layer, snapshots, view, points)])
        chosen = known if whole else known[list(snapshots)]
        return chosen if points is None else chosen[:, points]

    def _kept_coordinates(
        self, layer: str, view: Projection, *, compute: bool
    ) -> np.ndarray | None:
        """Return the coordinates of all points at all snapshots; None if they are not kept."""
        key = (layer, id(view))
        few = 2 * len(self.inputs) * len(self._every) <= _MOST_COORDINATES_KEPT
        if compute and few and key not in self._coordinates:
            # The view is kept, too, because an id is unique only while its object exists.
            every = np.stack([*self._projected(layer, self._every, view, None)])
            self._coordinates[key] = (view, every)
        return self._coordinates[key][1] if key in self._coordinates else None

    def _projected(
        self,
        layer: str,
        snapshots: Sequence[int],
        view: Projection,
        points: np.ndarray | None,
    ) -> Iterator[np.ndarray]:
        outputs = self._evaluations.outputs_by_snapshot(layer, snapshots, points)
        for one, snapshot in zip(outputs, snapshots, strict=True):
            yield view.coordinates(one, snapshot)

    def _extremes(self, layer: str, view: Projection | None) -> np.ndarray:
        """Return the lowest and highest finite coordinates of each snapshot, shape (..., 2)."""
        every: Iterable[np.ndarray] | None
        if view is None:
            every = self.coordinates(layer, self._every, view)
        else:
            every = self._kept_coordinates(layer, view, compute=True)
            if every is None:
                every = self._projected(layer, self._every, view, None)
        found = [np.empty((0, 2), np.float32)]
        for one in every:
            finite = one[np.isfinite(one).all(axis=1)]
            if len(finite):
                found.append(np.stack([finite.min(axis=0), finite.max(axis=0)]))
        return np.concatenate(found)

    def view(self, layer: str, projection: object, positions: str) -> Projection | None:
        """Return the projection of a layer to a plane; None if none is needed for two units.

        Parameters
        ----------
        layer : str
            One of the layers.
        projection : str, pair of int, array_like, transformer or None
            See `feature_space`. None for the default: no projection for two units, otherwise
            ``"pca"``.
        positions : {"flatten", "mean"}
            Whether outputs with several axes are flattened or averaged over all axes but the last.

        Raises
        ------
        ArgumentError
            There is no such layer, it has fewer than two units, or the projection does not fit.
        EvaluationError
            The shapes of the layers' outputs are not known.
        MissingDependencyError
            scikit-learn is needed, but not installed.
        """
        if self._training is not None:
            return self._training.view(layer, projection, positions)
        require_one_of("positions", positions, ["flatten", "mean"])
        shape = self._shape(layer)
        if projection is None and shape == (2,):
            return None
        averaged = positions == "mean" and len(shape) > 1
        units = shape[-1] if averaged else int(np.prod([size or 1 for size in shape]))
        if units is not None and units < 2:
            message = f"layer must have at least 2 units. Got {layer!r}, which has 1."
            raise ArgumentError(message)
        how = "pca" if projection is None else projection
        key = (layer, how if isinstance(how, str) else id(how), averaged)
        if key not in self._views:
            space = self._space(layer, averaged=averaged)
            # The argument is kept, too, because an id is unique only while its object exists.
            view = projection_of(how, space, known=self._known(layer))
            self._views[key] = (how, view)
        return self._views[key][1]

    def components(self, layer: str, count: int) -> LinearProjection:
        """Return the projection of a layer to its first principal components within epochs.

        Parameters
        ----------
        layer : str
            One of the layers, with at least `count` units.
        count : int
            The number of components.
        """
        if self._training is not None:
            return self._training.components(layer, count)
        return several_components(self._space(layer, averaged=False), count)

    def _space(self, layer: str, *, averaged: bool) -> LayerSpace:
        outputs = partial(self._evaluations.outputs_by_snapshot, layer)
        return LayerSpace.of(layer, outputs, snapshots=len(self._every), averaged=averaged)

    def _known(self, layer: str) -> KnownOfRun:
        """Return what a projection of a layer may depend on besides the layer's outputs."""

        def classes() -> np.ndarray:
            if not self._predictions.task.classes or self._predictions.task.per_position:
                message = (
                    "projection 'discriminants' needs points with one class each. Run "
                    f"{self._stored.name!r} has none."
                )
                raise ArgumentError(message)
            return self._predictions.labels

        def kernel(last: LastOutputs) -> np.ndarray:
            weights = output_kernel(self._stored, self._evaluations, layer, last)
            task = self._predictions.task
            if task.classes and weights.shape[1] > 1 and not task.independent:
                # What all outputs have in common does not change a softmax.
                weights = weights - weights.mean(axis=1, keepdims=True)
            return weights

        return KnownOfRun(lambda: self._predictions.labels, classes, kernel)

    def slice(self, features: Features, at: object) -> LinearProjection:
        """Return the plane of two features through the input space.

        Parameters
        ----------
        features : pair of str or int
            The two features, by name or position.
        at : {"median", "mean"}, int, mapping of str to float, or array_like of shape (features,)
            The values of the other features. An int is the number of a recorded point.

        Raises
        ------
        ArgumentError
            No input is a vector, there is no such feature or point, or `at` is something else.
        """
        if not self._has_axes():
            message = (
                f"features must belong to an input that is a vector. Run {self._stored.name!r} has "
                f"inputs of {shapes_text(self._stored.inputs)}. Got {features!r}."
            )
            raise ArgumentError(message)
        if self._training is not None:
            return self._training.slice(features, at)
        return input_slice(self._stored.inputs, self.feature_names(), features, at)

    def feature_names(self) -> list[str]:
        """Return the names of the features in `inputs`; see `features.feature_names`."""
        return feature_names(self._stored.inputs, self._stored.details.get("feature_names"))

    def grid(
        self,
        layer: str | None,
        *,
        xlim: Limits | None,
        ylim: Limits | None,
        lines: int,
        snapshots: Sequence[int],
        view: Projection | None = None,
    ) -> Paths:
        """Return grid lines; see `Run.grid`. Snapshots are positions in the recording."""
        require_at_least("lines", lines, 2)
        if view is None:
            self.require(layer)
        xlim, ylim = self.input_limits(xlim, ylim)
        where: dict[str, Any] = {"xlim": xlim, "ylim": ylim, "lines": int(lines)}
        key = evaluation_key(
            "grid", layer=layer, view=None if view is None else view.identity, **where
        )
        if view is not None and view.key is None:
            self._memory.leave_out_of_file(key)

        def compute() -> Arrays:
            return self._tracer(key).grid(layer, snapshots, view=view, **where).to_arrays()

        return self._paths(key, snapshots, compute)

    def grid_vertices(
        self,
        layer: str,
        *,
        xlim: Limits | None,
        ylim: Limits | None,
        lines: int,
        snapshots: Sequence[int],
        view: Projection | None = None,
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the lines of `grid` with vertices that are the same inputs at all snapshots.

        Returns
        -------
        vertices : numpy.ndarray of float64, shape (vertices, snapshots, 2)
            Line by line, without those that make no visible difference at any of the snapshots.
        line : numpy.ndarray of int64, shape (vertices,)
            The number of the line of each vertex.
        """
        straight = straight_grid(*self.input_limits(xlim, ylim), lines)
        images = self.layer_outputs(layer, straight.reshape(-1, 2), snapshots)
        every = [
            image.reshape(-1, 2) if view is None else view.coordinates(image, snapshot)
            for snapshot, image in zip(snapshots, images, strict=True)
        ]
        whole = np.stack(every, axis=1).astype(np.float64)
        return visible_vertices(whole.reshape(*straight.shape[:2], len(snapshots), 2))

    def grid_in_space(self, layer: str, snapshots: Sequence[int]) -> np.ndarray | None:
        """Return grid lines of the input plane in the whole space of a layer, not projected.

        Returns
        -------
        numpy.ndarray of float32, shape (snapshots, lines, vertices, units), or None
            None if the inputs are not two-dimensional.
        """
        if not self.inputs_are_plane():
            return None
        xlim, ylim = self.input_limits()
        where: dict[str, Any] = {"xlim": xlim, "ylim": ylim, "lines": GRID_LINES}
        key = evaluation_key("grid in space", layer=layer, **where)

        def compute() -> Arrays:
            return {"values": self._tracer(key).grid_in_space(layer, snapshots, **where)}

        return self._memory.remembered(key, snapshots, compute)["values"]

    def input_rectangle(
        self, *, xlim: Limits | None, ylim: Limits | None, resolution: int, view: Projection | None
    ) -> Rectangle:
        """Return a rectangle of the input plane, for networks with or without a surface.

        Parameters
        ----------
        xlim, ylim : tuple of float, optional
            Default: around the recorded points.
        resolution : int
            Number of cells along each side.
        view : LinearProjection, optional
            A slice from `slice`, for inputs with more than two features.
        """
        require_at_least("resolution", resolution, 2, most=MOST_RESOLUTION)
        if isinstance(view, LinearProjection):
            xlim, ylim = self.slice_limits(view, xlim, ylim)
        else:
            self.require(None)
            xlim, ylim = self.input_limits(xlim, ylim)
        return Rectangle(None, "inputs", xlim, ylim, int(resolution), 1, view)

    def units(
        self, layer: str, rectangle: Rectangle, snapshots: Sequence[int]
    ) -> NDArray[np.float32]:
        """Return a layer's outputs over a rectangle of the input plane; see `PlaneTracer.units`."""
        self._shape(layer)
        key = evaluation_key("units", **(rectangle.key() | {"layer": layer}))

        def compute() -> Arrays:
            return {"values": self._tracer(key).units(layer, rectangle, snapshots)}

        return self._memory.remembered(key, snapshots, compute)["values"]

    def unit_values(
        self,
        layers: Sequence[str],
        rectangle: Rectangle | None,
        snapshots: Sequence[int],
        *,
        before_activation: bool,
    ) -> list[NDArray[np.float32]]:
        """Return activations or pre-activations of several layers over the inputs.

        Parameters
        ----------
        layers : sequence of str
        rectangle : Rectangle or None
            A rectangle of the input plane; None for the range of the only feature of the inputs.
        snapshots : sequence of int
        before_activation : bool
            As in `RecordedNetwork.layers_by_snapshot`.

        Returns
        -------
        list of numpy.ndarray
            For each layer, as in `PlaneTracer.units`. Along a single feature, all rows are equal.
        """
        where = {"xlim": self.curve_limits()} if rectangle is None else rectangle.key()
        kind = "pre_activations" if before_activation else "activations"
        keys = [evaluation_key("units", **(where | {"kind": kind, "layer": one})) for one in layers]
        named = dict(zip(layers, keys, strict=True))
        missing = [one for one in layers if not self._memory.holds(named[one], snapshots)]
        if missing:
            values = self._tracer(named[missing[0]]).unit_values(
                missing, rectangle or self.curve_limits(), snapshots, before=before_activation
            )
            for layer, own in zip(missing, values, strict=True):
                self._memory.remember(named[layer], snapshots, {"values": own})
        return [self._memory.recall(key, snapshots)["values"] for key in keys]

    def rectangle(
        self,
        layer: str | None,
        *,
        plane: str,
        xlim: Limits | None = None,
        ylim: Limits | None = None,
        resolution: int = RESOLUTION,
        bands: int = BANDS,
        view: Projection | None = None,
    ) -> Rectangle:
        """Return the rectangle of a plane over which surfaces and boundaries are traced.

        Parameters
        ----------
        layer, plane, xlim, ylim, resolution, bands
            As in `Run.surface`.
        view : Projection, optional
            The projection from the space of the layer, or of the inputs, to the plane.

        Raises
        ------
        ArgumentError, EvaluationError
            As in `Run.surface`.
        """
        require_one_of("plane", plane, ["inputs", "layer"])
        require_at_least("resolution", resolution, 2, most=MOST_RESOLUTION)
        require_at_least("bands", bands, 1)
        if view is None:
            self.require(layer)
        _ = self.surfaces  # Raises an error if there are none.
        if layer is None and isinstance(view, LinearProjection):
            xlim, ylim = self.slice_limits(view, xlim, ylim)
        elif plane == "inputs" or layer is None:
            self.require_carried_through(layer)
            xlim, ylim = self.input_limits(xlim, ylim)
        else:
            xlim, ylim = self.layer_limits(layer, xlim, ylim, view=view)
            if view is not None and view.slice is None:
                message = (
                    f"The projection of layer {layer!r} has no inverse, so no surface can be drawn "
                    "over its plane. In feature_space, pass surface=None."
                )
                raise ArgumentError(message)
        return Rectangle(layer, plane, xlim, ylim, int(resolution), int(bands), view)

    def surface(self, rectangle: Rectangle, snapshots: Sequence[int]) -> Paths:
        """Return the surface over a rectangle as filled contours; see `PlaneTracer.contours`."""
        return self._contours("surface", rectangle, snapshots)

    def boundary(self, rectangle: Rectangle, snapshots: Sequence[int]) -> Paths:
        """Return the boundary in a rectangle as lines; see `PlaneTracer.contours`."""
        return self._contours("boundary", rectangle, snapshots)

    def level_lines(
        self, rectangle: Rectangle, levels: Sequence[float], snapshots: Sequence[int]
    ) -> Paths:
        """Return the lines in a rectangle where the probability of class 1 is at each level.

        Parameters
        ----------
        rectangle : Rectangle
        levels : sequence of float
            In increasing order. `Paths.value` is the level of a line.
        snapshots : sequence of int
            Positions in the recording.
        """
        span = {"levels": [levels[0], levels[-1], len(levels)]}
        key = evaluation_key("boundary", **rectangle.key(), **self._judged(), **span)
        if rectangle.view is not None and rectangle.view.key is None:
            self._memory.leave_out_of_file(key)

        def compute() -> Arrays:
            return self._tracer(key).level_lines(rectangle, levels, snapshots).to_arrays()

        return self._paths(key, snapshots, compute)

    def unit_boundaries(self, layer: str, rectangle: Rectangle, snapshots: Sequence[int]) -> Paths:
        """Return where each unit of a layer switches on; see `PlaneTracer.unit_boundaries`."""
        key = evaluation_key("unit boundaries", **(rectangle.key() | {"layer": layer}))
        if rectangle.view is not None and rectangle.view.key is None:
            self._memory.leave_out_of_file(key)

        def compute() -> Arrays:
            return self._tracer(key).unit_boundaries(layer, rectangle, snapshots).to_arrays()

        return self._paths(key, snapshots, compute)

    def _contours(self, quantity: str, rectangle: Rectangle, snapshots: Sequence[int]) -> Paths:
        # Both are traced on the same lattice, and a chart that needs one also needs the other.
        where = rectangle.key() | self._judged()
        keys = [evaluation_key(name, **where) for name in ("surface", "boundary")]
        asked = evaluation_key(quantity, **where)
        if rectangle.view is not None and rectangle.view.key is None:
            for key in keys:
                self._memory.leave_out_of_file(key)

        def compute() -> Arrays:
            traced = self._tracer(asked).contours(rectangle, tuple(snapshots))
            both = [paths.to_arrays() for paths in traced]
            for key, arrays in zip(keys, both, strict=True):
                self._memory.remember(key, snapshots, arrays)
            return both[keys.index(asked)]

        return self._paths(asked, snapshots, compute)

    def _judged(self) -> dict[str, Any]:
        """Return a part of the key: what surfaces show, unless it is what they always show."""
        task, unit = self._predictions.task, self._predictions.unit
        if unit is not None:
            return {"unit": unit}
        if task.scores:
            return {"of": "scores"}
        return {"of": "numbers"} if task.outside else {}

    def _paths(self, key: str, snapshots: Sequence[int], compute: Callable[[], Arrays]) -> Paths:
        return Paths.from_arrays(
            self._memory.remembered(key, snapshots, compute, select=selected_arrays)
        )

    def _tracer(self, asked: str) -> PlaneTracer:
        """Return the tracer, which is created when an evaluation needs it."""
        if self._kept_tracer is None:
            self._kept_tracer = PlaneTracer(self._network.rebuilt(asked), lambda: self.surfaces)
        return self._kept_tracer

    def require(self, layer: str | None) -> None:
        """Raise an error unless a layer, or the inputs, are two-dimensional.

        Parameters
        ----------
        layer : str or None
            One of the layers; None for the inputs.

        Raises
        ------
        ArgumentError
            There is no such layer, it does not have two units, or the inputs do not have two
            features.
        EvaluationError
            The shapes of the layers' outputs are not known.
        """
        if layer is None:
            if not self.inputs_are_plane():
                message = (
                    "Drawing the input plane needs inputs with 2 features. Run "
                    f"{self._stored.name!r} has inputs of {shapes_text(self._stored.inputs)}."
                )
                if self._has_axes():
                    possible = zip(self.feature_names(), axes(self._stored.inputs), strict=True)
                    names = [repr(name) for name, can_be_axis in possible if can_be_axis]
                    listed = ", ".join(names[:5]) + ", ..." * (len(names) > 5)
                    message += f" Choose two of them with features=(..., ...): {listed}"
                raise ArgumentError(message)
            return
        shape = self._shape(layer)
        if shape != (2,):
            planes = ", ".join(repr(name) for name in self.layers()) or "none"
            message = (
                "layer must have 2 units, or be projected with projection=. Layers with 2 units: "
                f"{planes}. Got {layer!r}, whose output has the shape {shape}."
            )
            raise ArgumentError(message)

    def require_grid(self, layer: str | None) -> None:
        """Raise `ArgumentError` unless the inputs are two-dimensional, as grid lines need."""
        if self.inputs_are_plane():
            return
        message = (
            f"Grid lines need inputs with 2 features. Run {self._stored.name!r} has inputs of "
            f"{shapes_text(self._stored.inputs)}."
        )
        if layer is not None:
            message += f" For the points in layer {layer!r}, use points({layer!r})."
        raise ArgumentError(message)

    def require_carried_through(self, layer: str | None) -> None:
        """Raise an error unless paths in the input plane can be mapped through a layer.

        Parameters
        ----------
        layer : str or None
            One of the layers. None for the inputs, which `require` checks.

        Raises
        ------
        ArgumentError
            The inputs are not two-dimensional. The message lists layers over whose own plane a
            surface can be drawn.
        """
        if layer is None or self.inputs_are_plane():
            return
        message = (
            f"plane='inputs' needs inputs with 2 features to map through layer {layer!r}. Run "
            f"{self._stored.name!r} has inputs of {shapes_text(self._stored.inputs)}. "
        )
        possible = [
            known.name
            for known in hidden_layers(self._stored)
            if known.output_shape not in (None, (1,)) and self.continues_from(known.name)
        ]
        if layer in possible:
            message += (
                "To draw over the plane of the layer, pass plane='layer' (surface='layer' in "
                "feature_space)."
            )
        else:
            listed = ", ".join(map(repr, possible[:5])) + ", ..." * (len(possible) > 5)
            message += (
                "plane='layer' is not possible either, because a branch bypasses the layer. It is "
                f"possible for {listed or 'no layer'}."
            )
        raise ArgumentError(message)

    def continues_from(self, layer: str) -> bool:
        """Return whether the rest of the network depends only on a layer's output.

        It does not if a branch bypasses the layer. If this is not known, because it was not stored
        and the network cannot be rebuilt, return True: there may still be stored surfaces.
        """
        key = evaluation_key("continues", layer=layer)

        def compute() -> Arrays:
            alone = self._network.rebuilt(key).depends_on_alone(layer)
            return {"values": np.full(len(self._every), alone)}

        try:
            return bool(self._memory.remembered(key, self._every, compute)["values"].all())
        except (EvaluationError, MissingDependencyError):
            return True

    def evaluate(self, layers: Sequence[str]) -> None:
        """Evaluate and keep what the charts of layers with two units need by default."""
        if self.inputs_are_line() and self.has_one_surface_per_class():
            self.curve(self.curve_limits(), CURVE_PLACES, self._every)
        flat = self.inputs_are_plane()
        for layer in [None, *layers] if flat else list(layers):
            if flat:
                self.grid(layer, xlim=None, ylim=None, lines=GRID_LINES, snapshots=self._every)
            if not self.has_one_surface_per_class():
                continue
            if not flat and not self.continues_from(str(layer)):
                continue
            rectangle = self.rectangle(layer, plane="inputs" if flat else "layer")
            self.surface(rectangle, self._every)
            self.boundary(rectangle, self._every)

    def _has_axes(self) -> bool:
        """Return whether any feature can be an axis."""
        return bool(axes(self._stored.inputs).any())

    def _shape(self, layer: str) -> tuple[int | None, ...]:
        names = [known.name for known in self._stored.layers]
        require_one_of("layer", layer, names)
        shape = self._stored.layers[names.index(layer)].output_shape
        if shape is None:
            raise no_graph(layer, self._stored.name, framework=self._stored.framework)
        return shape
