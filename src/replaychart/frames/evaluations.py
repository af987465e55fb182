"""Evaluates a run when something is asked for, and remembers what it evaluated.

This is where a run without Keras differs from one with it: what the file holds is taken from there,
and only what it does not hold needs the network.
"""

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from replaychart.errors import EvaluationError, MissingDependencyError
from replaychart.frames import contours
from replaychart.frames.extents import Limits
from replaychart.frames.paths import Paths
from replaychart.network.task import Task, task_of
from replaychart.storage.reader import StoredRun
from replaychart.storage.writer import write_evaluations

if TYPE_CHECKING:
    import keras

    from replaychart.network.evaluation import Network

# A vertex that would move a path by less than this share of the picture is left out: a quarter of
# a pixel in a chart 500 pixels wide.
_INVISIBLE = 1 / 2000
_VERTICES_PER_GRID_LINE = 101
# In numbers: 200 MB.
_LARGEST_KEPT_LATTICE = 50_000_000

Arrays = dict[str, np.ndarray]


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
        self._kept_lattice: tuple[Any, list[np.ndarray]] | None = None

    @cached_property
    def task(self) -> Task:
        """What the network was asked to learn."""
        shape = self._stored.layers[-1].output_shape if self._stored.layers else None
        if shape is None:
            shape = self.predictions(self._every[:1]).shape[2:]
        return task_of(self._stored, shape)

    def outputs(self, layer: str, snapshots: Sequence[int]) -> np.ndarray:
        """Return a layer's outputs for the points, float32 (snapshots, points, ...)."""
        return self._remembered(
            {"quantity": "outputs", "layer": layer},
            snapshots,
            lambda chosen: {"values": self._network.outputs(layer, self._stored.inputs, chosen)},
        )["values"]

    def predictions(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return the model's outputs for the points, float32 (snapshots, points, ...)."""
        return self._remembered(
            {"quantity": "predictions"},
            snapshots,
            lambda chosen: {"values": self._network.outputs(None, self._stored.inputs, chosen)},
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

    def losses(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return the loss of each point, float32 (snapshots, points)."""
        return self._remembered(
            {"quantity": "losses"},
            snapshots,
            lambda chosen: {
                "values": self._objectives.losses(
                    self._stored,
                    self.predictions(chosen),
                    model=self._model,
                    custom_objects=self._custom_objects,
                )
            },
        )["values"]

    def metric(self, name: str, snapshots: Sequence[int]) -> np.ndarray:
        """Return a compiled metric over the points, float64 (snapshots,)."""
        return self._remembered(
            {"quantity": "metric", "name": name},
            snapshots,
            lambda chosen: {
                "values": self._objectives.metric(
                    self._stored,
                    name,
                    self.predictions(chosen),
                    custom_objects=self._custom_objects,
                )
            },
        )["values"]

    def surface(
        self,
        layer: str | None,
        snapshots: Sequence[int],
        *,
        xlim: Limits,
        ylim: Limits,
        resolution: int,
        bands: int,
        plane: str,
    ) -> Paths:
        """Return the rings around the regions where the probability of class 1 is at least a level.

        Parameters
        ----------
        layer : str or None
            The layer in whose plane the surface lies; None for the inputs' own plane.
        snapshots : sequence of int
            Positions in the recording.
        xlim, ylim : tuple of float
            The rectangle, in the inputs' plane or the layer's.
        resolution : int
            Lattice points along each side.
        bands : int
            Number of levels, evenly spaced from 0.
        plane : {"inputs", "layer"}
            Where the rectangle lies: in the inputs' plane, from which the contours are carried
            through the layer, or in the layer's own.
        """
        levels = np.arange(bands) / bands

        def rings(x: np.ndarray, y: np.ndarray, z: np.ndarray, image: np.ndarray | None) -> Pieces:
            return contours.filled_contours(x, y, z, levels, image)

        arguments = {
            "quantity": "surface",
            "layer": layer,
            "xlim": list(xlim),
            "ylim": list(ylim),
            "resolution": resolution,
            "bands": bands,
            "plane": plane,
        }
        return self._contours(arguments, snapshots, rings)

    def boundary(
        self,
        layer: str | None,
        snapshots: Sequence[int],
        *,
        xlim: Limits,
        ylim: Limits,
        resolution: int,
        plane: str,
    ) -> Paths:
        """Return the lines where both classes are equally probable; parameters as in `surface`."""

        def lines(x: np.ndarray, y: np.ndarray, z: np.ndarray, _: np.ndarray | None) -> Pieces:
            return ((0.5, line) for line in contours.contour_lines(x, y, z, 0.5))

        arguments = {
            "quantity": "boundary",
            "layer": layer,
            "xlim": list(xlim),
            "ylim": list(ylim),
            "resolution": resolution,
            "plane": plane,
        }
        return self._contours(arguments, snapshots, lines)

    def grid(
        self,
        layer: str | None,
        snapshots: Sequence[int],
        *,
        xlim: Limits,
        ylim: Limits,
        lines: int,
    ) -> Paths:
        """Return grid lines of the inputs' plane as a layer bends them.

        The first `lines` paths of a snapshot have a constant first input, the others a constant
        second input; `Paths.value` numbers them.
        """
        straight = _grid_lines(xlim, ylim, lines)

        def compute(chosen: Sequence[int]) -> Arrays:
            flat = straight.reshape(-1, 2)
            carried = self._carried(layer, (flat for _ in chosen), chosen)
            pieces = (
                (snapshot, number, line)
                for snapshot, image in zip(chosen, carried, strict=True)
                for number, line in enumerate(image.reshape(straight.shape))
            )
            return _thinned(Paths.from_pieces(pieces)).to_arrays()

        arguments = {
            "quantity": "grid",
            "layer": layer,
            "xlim": list(xlim),
            "ylim": list(ylim),
            "lines": lines,
        }
        return Paths.from_arrays(self._remembered(arguments, snapshots, compute))

    def store(self) -> None:
        """Write everything remembered for the whole run into the run's file."""
        write_evaluations(self._stored.path, self._stored.name, self._memory)

    @cached_property
    def _memory(self) -> dict[str, Arrays]:
        return self._stored.evaluations()

    @cached_property
    def _network(self) -> "Network":
        try:
            from replaychart.network.evaluation import Network
        except ImportError as error:
            raise _keras_missing(self._stored, self._asked, list(self._memory)) from error
        return Network(self._stored, model=self._model, custom_objects=self._custom_objects)

    @cached_property
    def _objectives(self) -> Any:
        try:
            from replaychart.network import objectives
        except ImportError as error:
            raise _keras_missing(self._stored, self._asked, list(self._memory)) from error
        return objectives

    def _remembered(
        self,
        arguments: Mapping[str, Any],
        snapshots: Sequence[int],
        compute: Callable[[Sequence[int]], Arrays],
    ) -> Arrays:
        key = json.dumps(arguments, sort_keys=True)
        if key in self._memory:
            return _selected(self._memory[key], snapshots, self._every)
        self._asked = key
        arrays = compute(snapshots)
        if tuple(snapshots) == self._every:
            self._memory[key] = arrays
        return arrays

    def _contours(
        self, arguments: Mapping[str, Any], snapshots: Sequence[int], trace: "Trace"
    ) -> Paths:
        layer, from_inputs = arguments["layer"], arguments["plane"] == "inputs"

        def compute(chosen: Sequence[int]) -> Arrays:
            x, y, points = contours.lattice(
                arguments["xlim"], arguments["ylim"], arguments["resolution"]
            )
            shape = (len(y), len(x))
            plane_of = None if from_inputs else layer
            images = self._images(layer if from_inputs else None, points, shape, chosen)
            heights = self._lattice_heights(plane_of, points, chosen)
            paths = []
            for snapshot, flat, image in zip(chosen, heights, images, strict=True):
                z = flat.reshape(shape)
                traced = Paths.from_pieces(
                    (snapshot, level, line) for level, line in trace(x, y, z, image)
                )
                paths.append(self._refined(traced, x, y, z, snapshot, plane_of))
            together = Paths.joined(paths)
            if from_inputs and layer is not None:
                together = self._carried_paths(layer, together, chosen)
            return _thinned(together).to_arrays()

        return Paths.from_arrays(self._remembered(arguments, snapshots, compute))

    def _refined(
        self,
        paths: Paths,
        x: np.ndarray,
        y: np.ndarray,
        z: np.ndarray,
        snapshot: int,
        plane_of: str | None,
    ) -> Paths:
        def surface(points: np.ndarray) -> np.ndarray:
            return next(self._heights(plane_of, iter([points]), [snapshot]))

        if not len(paths.vertices):
            return paths
        levels = np.repeat(paths.value, paths.lengths())
        vertices = contours.refined(paths.vertices, levels, x, y, z, surface)
        return dataclasses.replace(paths, vertices=vertices)

    def _lattice_heights(
        self, plane_of: str | None, points: np.ndarray, chosen: Sequence[int]
    ) -> Iterable[np.ndarray]:
        """Return the heights over a lattice, kept for the next chart that asks for the same."""
        if points.shape[0] * len(chosen) > _LARGEST_KEPT_LATTICE:
            return self._heights(plane_of, (points for _ in chosen), chosen)
        key = (plane_of, points.tobytes(), tuple(chosen))
        if self._kept_lattice is None or self._kept_lattice[0] != key:
            heights = list(self._heights(plane_of, (points for _ in chosen), chosen))
            self._kept_lattice = (key, heights)
        return self._kept_lattice[1]

    def _heights(
        self, plane_of: str | None, points: Iterator[np.ndarray], chosen: Sequence[int]
    ) -> Iterator[np.ndarray]:
        """Yield the probability of class 1 at points of a plane, shape (points,)."""
        outputs = self._network.outputs_by_snapshot(None, points, chosen, plane_of=plane_of)
        for values in outputs:
            yield self.task.probabilities(values)[:, 1]

    def _images(
        self, layer: str | None, points: np.ndarray, shape: tuple[int, int], chosen: Sequence[int]
    ) -> Iterator[np.ndarray | None]:
        if layer is None:
            yield from (None for _ in chosen)
            return
        for image in self._carried(layer, (points for _ in chosen), chosen):
            yield image.reshape(*shape, 2)

    def _carried(
        self, layer: str | None, points: Iterator[np.ndarray], chosen: Sequence[int]
    ) -> Iterator[np.ndarray]:
        if layer is None:
            return points
        return self._network.outputs_by_snapshot(layer, points, chosen)

    def _carried_paths(self, layer: str, paths: Paths, chosen: Sequence[int]) -> Paths:
        of_vertex = np.repeat(paths.snapshot, paths.lengths())
        pieces = (paths.vertices[of_vertex == snapshot] for snapshot in chosen)
        carried = list(self._carried(layer, pieces, chosen))
        return Paths(
            vertices=np.concatenate([paths.vertices[:0], *carried]),
            starts=paths.starts,
            snapshot=paths.snapshot,
            value=paths.value,
        )


Pieces = Iterator[tuple[float, np.ndarray]]
Trace = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None], Pieces]


def _selected(arrays: Arrays, snapshots: Sequence[int], every: Sequence[int]) -> Arrays:
    if tuple(snapshots) == tuple(every):
        return arrays
    if "vertices" in arrays:
        return Paths.from_arrays(arrays).selected(snapshots).to_arrays()
    return {name: values[list(snapshots)] for name, values in arrays.items()}


def _grid_lines(xlim: Limits, ylim: Limits, lines: int) -> np.ndarray:
    """Return straight grid lines, shape (2 * lines, vertices, 2)."""
    along_x = np.linspace(*xlim, _VERTICES_PER_GRID_LINE)
    along_y = np.linspace(*ylim, _VERTICES_PER_GRID_LINE)
    upright = [
        np.stack(np.broadcast_arrays(x, along_y), axis=-1) for x in np.linspace(*xlim, lines)
    ]
    level = [np.stack(np.broadcast_arrays(along_x, y), axis=-1) for y in np.linspace(*ylim, lines)]
    return np.array([*upright, *level])


def _thinned(paths: Paths) -> Paths:
    """Return the paths without vertices that no chart would show at the snapshot's extent."""
    tolerance = np.zeros(len(paths.value))
    of_vertex = np.repeat(paths.snapshot, paths.lengths())
    for snapshot in np.unique(paths.snapshot):
        vertices = paths.vertices[of_vertex == snapshot]
        finite = vertices[np.isfinite(vertices).all(axis=1)]
        extent = np.ptp(finite, axis=0).max() if len(finite) else 0.0
        tolerance[paths.snapshot == snapshot] = extent * _INVISIBLE
    return paths.simplified(tolerance)


def _keras_missing(stored: StoredRun, asked: str, known: Sequence[str]) -> MissingDependencyError:
    held = f"Stored are: {'; '.join(known)}" if known else "It holds no evaluations"
    message = (
        f"Run {stored.name!r} does not hold the evaluation {asked}, and computing it needs Keras "
        "with a backend: pip install 'replaychart[tensorflow]'. Or store it on a machine that has "
        f"Keras, with Run.store() or the command 'replaychart store'. {held}."
    )
    return MissingDependencyError(message)


def require_classes(task: Task, run: str, classes: int | None = None) -> None:
    """Raise `EvaluationError` unless the run tells classes apart (exactly so many, if given)."""
    if task.classes == 0:
        message = (
            f"The targets of run {run!r} are numbers, not classes, so there are no probabilities."
        )
        raise EvaluationError(message)
    if classes is not None and task.classes != classes:
        message = f"This needs {classes} classes. Run {run!r} has {task.classes}."
        raise EvaluationError(message)
