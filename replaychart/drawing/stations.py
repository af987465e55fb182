"""The stations on the way through a network: the inputs, layers, the output, each on a plane."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from replaychart.arguments import require_one_of
from replaychart.planes.argument_types import ProjectionLike
from replaychart.planes.planes import GRID_LINES
from replaychart.planes.projections import Projection
from replaychart.run import Run

# Points on a line are spread across it by this share of its length, so that they can be seen.
_SPREAD = 0.06
# A share that spreads points evenly in any number: the fraction of the golden ratio.
_GOLDEN = 0.618034
# Vertices of each grid line. A line that is bent more between them is rare.
_VERTICES = 41


@dataclasses.dataclass(frozen=True)
class Station:
    """The inputs, or a layer.

    Attributes
    ----------
    run : Run
        The run.
    layer : str or None
        The layer; None for the inputs.
    units : int
        The number of units, or of features.
    view : Projection or None
        The projection to a plane; None for one or two units.
    is_output : bool
        Whether it is the output of the network.
    """

    run: Run
    layer: str | None
    units: int
    view: Projection | None
    is_output: bool = False

    @property
    def kind(self) -> Literal["inputs", "hidden", "output"]:
        """What it is."""
        if self.layer is None:
            return "inputs"
        return "output" if self.is_output else "hidden"

    def points(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return the recorded points in the plane, shape (snapshots, points, 2).

        The points of one unit are on a line, across which they are spread.
        """
        planes = self.run.planes
        if self.layer is None:
            flat = planes.inputs if self.view is None else self.view.coordinates(planes.inputs, 0)
            values = np.broadcast_to(flat, (len(snapshots), *flat.shape))
        elif self.view is not None or self.units == 2:
            return planes.coordinates(self.layer, snapshots, self.view)
        else:
            values = _values(self.run, self.layer, snapshots)
        if values.shape[2] == 2:
            return values
        return _on_line(values)

    def grid(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return the grid lines of the inputs in the plane, shape (snapshots, vertices, 2).

        The inputs must have two features. The vertices of one line follow each other.
        """
        straight = grid_vertices(self.run)
        if self.layer is None:
            return np.broadcast_to(straight, (len(snapshots), *straight.shape))
        images = self.run.planes.layer_outputs(self.layer, straight, snapshots)
        return np.stack(list(self._flat(images, snapshots)))

    def _flat(self, images: Iterator[np.ndarray], snapshots: Sequence[int]) -> Iterator[np.ndarray]:
        for image, snapshot in zip(images, snapshots, strict=True):
            if self.view is not None:
                yield self.view.coordinates(image, snapshot)
            elif self.units == 2:
                yield image.reshape(-1, 2)
            else:
                yield np.pad(image.reshape(-1, 1), ((0, 0), (0, 1)))


def grid_vertices(run: Run) -> np.ndarray:
    """Return the vertices of the grid lines of the inputs, line by line, shape (vertices, 2)."""
    xlim, ylim = run.planes.input_limits()
    across, along = np.linspace(0, 1, GRID_LINES), np.linspace(0, 1, _VERTICES)
    first, second = (one.ravel() for one in np.meshgrid(across, along, indexing="ij"))
    shares = np.concatenate([np.stack([first, second], 1), np.stack([second, first], 1)])
    low, high = np.array([xlim, ylim]).T
    return low + shares * (high - low)


def grid_numbers() -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the line and of the place in it for each of `grid_vertices`."""
    lines = np.repeat(np.arange(2 * GRID_LINES), _VERTICES)
    return lines, np.tile(np.arange(_VERTICES), 2 * GRID_LINES)


def _on_line(values: np.ndarray) -> np.ndarray:
    """Return points at one coordinate, spread across the line, shape (snapshots, points, 2)."""
    finite = values[np.isfinite(values)]
    length = float(np.ptp(finite)) if len(finite) else 0.0
    spread = (np.arange(values.shape[1]) * _GOLDEN) % 1 - 0.5
    across = np.broadcast_to(_SPREAD * (length or 1.0) * spread, values.shape[:2])
    return np.stack([values[:, :, 0], across], axis=2)


def stations_of(
    run: Run,
    layers: Sequence[str] | None,
    projection: Mapping[str, ProjectionLike] | str | None,
) -> list[Station]:
    """Return the inputs, if they are numbers, and the layers.

    Parameters
    ----------
    run : Run
        The run.
    layers : sequence of str or None
        The layers; None for all that change anything.
    projection : mapping of str, str or None
        The projection of each layer with more than two units, or of all of them.

    Raises
    ------
    ArgumentError, EvaluationError, MissingDependencyError
        As for `Planes.view`.
    """
    check_projection_names(run, projection)
    chosen = _effective(run) if layers is None else list(layers)
    inputs = _inputs_of(run)
    stations = [] if inputs is None else [inputs]
    for layer in chosen:
        units = _units(run, layer)
        view = None
        if units > 2:
            view = run.planes.view(layer, projection_for(layer, projection), "flatten")
        stations.append(
            Station(run, layer, units, view, is_output=layer == run.planes.output_layer())
        )
    return stations


def check_projection_names(run: Run, projection: object) -> None:
    """Raise `ArgumentError` if projections are given for something that is not a layer."""
    for name in projection if isinstance(projection, Mapping) else ():
        require_one_of("Each name in projection", name, run.layers)


def projection_for(layer: str, projection: Mapping[str, ProjectionLike] | str | None) -> Any:
    """Return the projection of a layer, None for the default."""
    return projection.get(layer) if isinstance(projection, Mapping) else projection


def _effective(run: Run) -> list[str]:
    """Return the layers whose outputs differ from those of the layer before."""
    found = []
    before, units = None, run.planes.inputs.shape[1]
    for layer in run.layers:
        own = _units(run, layer)
        if own != units or not _are_equal(run, layer, before):
            found.append(layer)
        before, units = layer, own
    return found


def _are_equal(run: Run, layer: str, before: str | None) -> bool:
    """Return whether a layer changes nothing: its outputs are those of the layer before."""
    values = _values(run, layer, [0])
    others = run.coordinates(epochs=run.epochs[0].item())
    if before is not None:
        others = _values(run, before, [0])
    return np.array_equal(values, others, equal_nan=True)


def _units(run: Run, layer: str) -> int:
    """Return the number of units of a layer, whose output may have several axes."""
    shape = run.layer_shape(layer)
    if shape is None:
        run.planes.require(layer)  # Raises the error that says why it is not known.
    elif None not in shape:
        return math.prod(length or 0 for length in shape)
    return _values(run, layer, [0]).shape[2]


def _values(run: Run, layer: str, snapshots: Sequence[int]) -> np.ndarray:
    """Return the outputs of a layer for the recorded points, shape (snapshots, points, units)."""
    epochs = run.epochs[list(snapshots)]
    if layer == run.planes.output_layer() and run.tells_predictions:
        # They are known for every run whose evaluations were stored.
        return run.outputs(epochs=epochs).reshape(len(epochs), len(run.targets), -1)
    return run.coordinates(layer, epochs=epochs)


def _inputs_of(run: Run) -> Station | None:
    """Return the inputs; None if they are integers, between which nothing can be interpolated."""
    planes = run.planes
    arrays = run.inputs.values() if isinstance(run.inputs, Mapping) else [run.inputs]
    if any(array.dtype.kind != "f" for array in arrays):
        return None
    features = planes.inputs.shape[1]
    view = None if features == 1 or planes.inputs_are_plane() else planes.input_components
    return Station(run, None, features, view)
