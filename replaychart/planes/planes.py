"""The planes of a run: its inputs' own or a slice of them, and its layers' own or projections."""

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np

from replaychart.arguments import require_at_least, require_one_of
from replaychart.errors import ArgumentError, EvaluationError, MissingDependencyError
from replaychart.evaluation.evaluations import Evaluations
from replaychart.evaluation.lazy_network import LazyNetwork
from replaychart.evaluation.memory import Arrays, Memory
from replaychart.evaluation.predictions import Predictions
from replaychart.facts.inputs import shapes_text, side_by_side
from replaychart.facts.keys import evaluation_key
from replaychart.network.graph import no_graph
from replaychart.planes import extents
from replaychart.planes.argument_types import Features
from replaychart.planes.extents import Limits
from replaychart.planes.features import axes, feature_names
from replaychart.planes.input_slices import input_slice
from replaychart.planes.layer_projections import projection_of
from replaychart.planes.paths import Paths, selected_arrays
from replaychart.planes.projections import LinearProjection, Projection
from replaychart.planes.rectangle import Rectangle, checked_limits
from replaychart.planes.surfaces import Surfaces, surfaces_of
from replaychart.planes.tracer import PlaneTracer
from replaychart.storage.reader import StoredRun

GRID_LINES = 11
RESOLUTION = 100
BANDS = 10


class Planes:
    """Grid lines, surfaces and boundaries in a plane, as arrays.

    Parameters
    ----------
    stored : StoredRun
        The run.
    memory : Memory
        What is known of it.
    network : LazyNetwork
        Computes what is not.
    evaluations : Evaluations
        What the network computes for the recorded points.
    predictions : Predictions
        What that means.
    """

    def __init__(
        self,
        stored: StoredRun,
        memory: Memory,
        network: LazyNetwork,
        evaluations: Evaluations,
        predictions: Predictions,
    ) -> None:
        self._stored = stored
        self._memory = memory
        self._network = network
        self._evaluations = evaluations
        self._predictions = predictions
        self._every = tuple(range(len(stored.epochs)))
        self._views: dict[tuple[str, str | int, bool], tuple[object, Projection]] = {}
        self._kept_tracer: PlaneTracer | None = None

    @cached_property
    def surfaces(self) -> Surfaces:
        """What the network spans over a plane."""
        return surfaces_of(self._predictions.task, self._predictions.labels, self._stored.name)

    def layers(self) -> list[str]:
        """Return the layers whose output is a point in the plane, the model's output left out."""
        hidden = self._stored.layers[:-1] if self._stored.has_model else self._stored.layers
        return [layer.name for layer in hidden if layer.output_shape == (2,)]

    @cached_property
    def inputs(self) -> np.ndarray:
        """The recorded points as rows of features, those of several inputs side by side."""
        return side_by_side(self._stored.inputs)

    def inputs_are_plane(self) -> bool:
        """Return whether the inputs have two features."""
        return self.inputs.shape[1] == 2 and bool(axes(self._stored.inputs).all())

    def input_limits(
        self, xlim: Limits | None = None, ylim: Limits | None = None
    ) -> tuple[Limits, Limits]:
        """Return the rectangle of the inputs' plane that surfaces and grids cover.

        Parameters
        ----------
        xlim, ylim : tuple of float, optional
            Taken as they are where given, the lower limit first.

        Returns
        -------
        xlim, ylim : tuple of float
            By default the recorded points with a margin of 5 %; of equal span where the two
            features' spans are comparable.

        Raises
        ------
        ArgumentError
            The inputs are not 2-D, or a limit is not a rising pair of numbers.
        """
        self.require(None)
        default_x, default_y = extents.padded_limits(self.inputs)
        return checked_limits("xlim", xlim) or default_x, checked_limits("ylim", ylim) or default_y

    def slice_limits(
        self, through: LinearProjection, xlim: Limits | None, ylim: Limits | None
    ) -> tuple[Limits, Limits]:
        """Return the rectangle of a slice of the inputs; as `input_limits`."""
        shown = through.coordinates(self.inputs, 0)
        default_x, default_y = extents.padded_limits(shown)
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
            A layer with two units, or any with `view`.
        xlim, ylim : tuple of float, optional
            Taken as they are where given, the lower limit first.
        view : Projection, optional
            From the layer's space to the plane.

        Returns
        -------
        xlim, ylim : tuple of float
            By default all points, as the layer sees them over the whole run, with a margin of 5 %.

        Raises
        ------
        ArgumentError
            The layer is not 2-D, or a limit is not a rising pair of numbers.
        """
        default_x, default_y = extents.padded_limits(self.coordinates(layer, self._every, view))
        return checked_limits("xlim", xlim) or default_x, checked_limits("ylim", ylim) or default_y

    def coordinates(
        self, layer: str, snapshots: Sequence[int], view: Projection | None
    ) -> np.ndarray:
        """Return where the points are in a layer's plane, float32 (snapshots, points, 2)."""
        if view is None:
            self.require(layer)
            return self._evaluations.outputs(layer, snapshots)
        outputs = self._evaluations.outputs_by_snapshot(layer, snapshots)
        return np.stack(
            [view.coordinates(one, place) for one, place in zip(outputs, snapshots, strict=True)]
        )

    def view(self, layer: str, projection: object, positions: str) -> Projection | None:
        """Return the projection of a layer to the plane, None for a layer that is one.

        Parameters
        ----------
        layer : str
            One of the layers.
        projection : object
            As `feature_space` documents it.
        positions : {"flatten", "mean"}
            What is done with outputs of several axes.

        Raises
        ------
        ArgumentError
            There is no such layer, it has fewer than two units, or the projection does not fit.
        EvaluationError
            The model does not tell what its layers give.
        MissingDependencyError
            scikit-learn is needed and not installed.
        """
        require_one_of("positions", positions, ["flatten", "mean"])
        shape = self._shape(layer)
        if projection is None and shape == (2,):
            return None
        averaged = positions == "mean" and len(shape) > 1
        units = shape[-1] if averaged else int(np.prod([size or 1 for size in shape]))
        if units is not None and units < 2:
            message = f"layer must have at least 2 units. Got {layer!r}, whose output has 1."
            raise ArgumentError(message)
        how = "pca" if projection is None else projection
        key = (layer, how if isinstance(how, str) else id(how), averaged)
        if key not in self._views:
            outputs = partial(self._evaluations.outputs_by_snapshot, layer, self._every)
            # What was asked for is kept beside it: as long as it lives, its id is its own.
            view = projection_of(
                how, layer, outputs, targets=lambda: self._predictions.labels, averaged=averaged
            )
            self._views[key] = (how, view)
        return self._views[key][1]

    def slice(self, features: Features, at: object) -> LinearProjection:
        """Return the plane of two features through the inputs' space.

        Parameters
        ----------
        features : pair of str or int
            The two, by name or by position.
        at : {"median", "mean"}, int, mapping of str to float, or array_like of shape (features,)
            Where the others are held; an int is the number of a recorded point.

        Raises
        ------
        ArgumentError
            The inputs are no vectors, there is no such feature or point, or `at` is something else.
        """
        if not self._has_axes():
            message = (
                f"features are for inputs that are vectors. Run {self._stored.name!r} has inputs "
                f"of {shapes_text(self._stored.inputs)}."
            )
            raise ArgumentError(message)
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
        """Return grid lines; as `Run.grid`, with positions in the recording."""
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

    def grid_in_space(self, layer: str, snapshots: Sequence[int]) -> np.ndarray | None:
        """Return grid lines of the inputs' plane in a layer's whole space.

        Returns
        -------
        numpy.ndarray of float32, shape (snapshots, lines, vertices, units), or None
            None where the inputs are no plane.
        """
        if not self.inputs_are_plane():
            return None
        xlim, ylim = self.input_limits()
        where: dict[str, Any] = {"xlim": xlim, "ylim": ylim, "lines": GRID_LINES}
        key = evaluation_key("grid in space", layer=layer, **where)

        def compute() -> Arrays:
            return {"values": self._tracer(key).grid_in_space(layer, snapshots, **where)}

        return self._memory.remembered(key, snapshots, compute)["values"]

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
        """Return the rectangle of a plane that surfaces and boundaries are traced over.

        Parameters
        ----------
        layer, plane, xlim, ylim, resolution, bands
            As `Run.surface` takes them.
        view : Projection, optional
            From the layer's space, or the inputs', to the plane.

        Raises
        ------
        ArgumentError, EvaluationError
            As `Run.surface` does.
        """
        require_one_of("plane", plane, ["inputs", "layer"])
        require_at_least("resolution", resolution, 2)
        require_at_least("bands", bands, 1)
        if view is None:
            self.require(layer)
        _ = self.surfaces  # raises where there is none
        if layer is None and isinstance(view, LinearProjection):
            xlim, ylim = self.slice_limits(view, xlim, ylim)
        elif plane == "inputs" or layer is None:
            self.require_carried_through(layer)
            xlim, ylim = self.input_limits(xlim, ylim)
        else:
            xlim, ylim = self.layer_limits(layer, xlim, ylim, view=view)
            if view is not None and view.slice is None:
                message = (
                    f"This projection of layer {layer!r} has no way back from the plane to the "
                    "layer, so no surface can be drawn over it. Pass surface=None."
                )
                raise ArgumentError(message)
        return Rectangle(layer, plane, xlim, ylim, int(resolution), int(bands), view)

    def surface(self, rectangle: Rectangle, snapshots: Sequence[int]) -> Paths:
        """Return the surface over a rectangle as filled contours; see `PlaneTracer.contours`."""
        return self._contours("surface", rectangle, snapshots)

    def boundary(self, rectangle: Rectangle, snapshots: Sequence[int]) -> Paths:
        """Return the boundary in a rectangle as lines; see `PlaneTracer.contours`."""
        return self._contours("boundary", rectangle, snapshots)

    def _contours(self, quantity: str, rectangle: Rectangle, snapshots: Sequence[int]) -> Paths:
        # Both are traced on the same lattice, and whoever asks for one will ask for the other.
        keys = [evaluation_key(name, **rectangle.key()) for name in ("surface", "boundary")]
        asked = evaluation_key(quantity, **rectangle.key())
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

    def _paths(self, key: str, snapshots: Sequence[int], compute: Callable[[], Arrays]) -> Paths:
        return Paths.from_arrays(
            self._memory.remembered(key, snapshots, compute, select=selected_arrays)
        )

    def _tracer(self, asked: str) -> PlaneTracer:
        """Return what traces paths, made when an evaluation needs it."""
        if self._kept_tracer is None:
            self._kept_tracer = PlaneTracer(self._network.rebuilt(asked), lambda: self.surfaces)
        return self._kept_tracer

    def require(self, layer: str | None) -> None:
        """Raise unless a layer's output, or the inputs, are points in the plane.

        Parameters
        ----------
        layer : str or None
            One of `layers`; None for the inputs.

        Raises
        ------
        ArgumentError
            There is no such layer, or it has not two units.
        EvaluationError
            The model does not tell what its layers give.
        """
        if layer is None:
            if not self.inputs_are_plane():
                message = (
                    f"This needs inputs with 2 features. Run {self._stored.name!r} has inputs of "
                    f"{shapes_text(self._stored.inputs)}."
                )
                if self._has_axes():
                    possible = zip(self.feature_names(), axes(self._stored.inputs), strict=True)
                    names = [repr(name) for name, can_be_axis in possible if can_be_axis]
                    listed = ", ".join(names[:5]) + ", ..." * (len(names) > 5)
                    message += f" Choose two of them: features=(..., ...) of {listed}"
                raise ArgumentError(message)
            return
        shape = self._shape(layer)
        if shape != (2,):
            planes = ", ".join(repr(name) for name in self.layers()) or "none"
            message = (
                f"layer must have 2 units, or be projected with projection=; layers with 2 units "
                f"are: {planes}. Got {layer!r}, whose output has the shape {shape}."
            )
            raise ArgumentError(message)

    def require_grid(self, layer: str | None) -> None:
        """Raise `ArgumentError` unless the inputs have a plane whose grid lines a layer bends."""
        if self.inputs_are_plane():
            return
        message = (
            f"Grid lines need inputs with 2 features. Run {self._stored.name!r} has inputs of "
            f"{shapes_text(self._stored.inputs)}."
        )
        if layer is not None:
            message += f" What layer {layer!r} makes of the points is in points({layer!r})."
        raise ArgumentError(message)

    def require_carried_through(self, layer: str | None) -> None:
        """Raise unless paths in the inputs' plane can be carried through a layer.

        Parameters
        ----------
        layer : str or None
            One of the layers; None for the inputs, whose plane `require` asks for.

        Raises
        ------
        ArgumentError
            The inputs are no plane. The message names the layers over whose own plane a surface can
            be drawn.
        """
        if layer is None or self.inputs_are_plane():
            return
        message = (
            f"plane='inputs' needs inputs with 2 features to carry through layer {layer!r}. Run "
            f"{self._stored.name!r} has inputs of {shapes_text(self._stored.inputs)}. "
        )
        possible = [
            known.name
            for known in self._stored.layers[:-1]
            if known.output_shape not in (None, (1,)) and self.continues_from(known.name)
        ]
        if layer in possible:
            message += "Pass plane='layer' (in feature_space surface='layer') to draw over its own."
        else:
            listed = ", ".join(map(repr, possible[:5])) + ", ..." * (len(possible) > 5)
            message += (
                "Nor can one be drawn over its own plane, because a branch leads past the layer: "
                f"with plane='layer' that is possible for {listed or 'no layer'}."
            )
        raise ArgumentError(message)

    def continues_from(self, layer: str) -> bool:
        """Return whether a layer's output is all that the rest of the network needs.

        It is not if a branch leads past the layer. True if it is not known, because the network is
        neither stored nor can be rebuilt: what was stored of its surfaces is there all the same.
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
        """Evaluate what the charts of layers with two units ask for by default, to remember it."""
        flat = self.inputs_are_plane()
        for layer in [None, *layers] if flat else list(layers):
            if flat:
                self.grid(layer, xlim=None, ylim=None, lines=GRID_LINES, snapshots=self._every)
            if self._predictions.labels.ndim > 1:
                continue
            if not flat and not self.continues_from(str(layer)):
                continue
            rectangle = self.rectangle(layer, plane="inputs" if flat else "layer")
            self.surface(rectangle, self._every)
            self.boundary(rectangle, self._every)

    def _has_axes(self) -> bool:
        """Return whether there are features that can be axes."""
        return bool(axes(self._stored.inputs).any())

    def _shape(self, layer: str) -> tuple[int | None, ...]:
        names = [known.name for known in self._stored.layers]
        require_one_of("layer", layer, names)
        shape = self._stored.layers[names.index(layer)].output_shape
        if shape is None:
            raise no_graph(layer, self._stored.name)
        return shape
