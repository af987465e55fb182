"""The planes of a run: its inputs' own, and those of its layers with two units."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from replaychart.errors import ArgumentError, require_at_least, require_one_of
from replaychart.frames import extents
from replaychart.frames.evaluations import Evaluations, require_classes
from replaychart.frames.extents import Limits
from replaychart.frames.paths import Paths
from replaychart.frames.plane_paths import Rectangle
from replaychart.network.graph import no_graph
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
    evaluations : Evaluations
        What its network computes.
    """

    def __init__(self, stored: StoredRun, evaluations: Evaluations) -> None:
        self._stored = stored
        self._evaluations = evaluations
        self._every = tuple(range(len(stored.epochs)))

    def layers(self) -> list[str]:
        """Return the layers whose output is a point in the plane, the model's output left out."""
        return [layer.name for layer in self._stored.layers[:-1] if layer.output_shape == (2,)]

    def inputs_are_plane(self) -> bool:
        """Return whether the inputs have two features."""
        return self._stored.inputs.shape[1:] == (2,)

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
        default_x, default_y = extents.padded_limits(self._stored.inputs)
        return checked_limits("xlim", xlim) or default_x, checked_limits("ylim", ylim) or default_y

    def layer_limits(
        self, layer: str, xlim: Limits | None = None, ylim: Limits | None = None
    ) -> tuple[Limits, Limits]:
        """Return the rectangle of a layer's plane that a surface over that plane covers.

        Parameters
        ----------
        layer : str
            A layer with two units.
        xlim, ylim : tuple of float, optional
            Taken as they are where given, the lower limit first.

        Returns
        -------
        xlim, ylim : tuple of float
            By default all points, as the layer sees them over the whole run, with a margin of 5 %.

        Raises
        ------
        ArgumentError
            The layer is not 2-D, or a limit is not a rising pair of numbers.
        """
        self.require(layer)
        default_x, default_y = extents.padded_limits(self._evaluations.outputs(layer, self._every))
        return checked_limits("xlim", xlim) or default_x, checked_limits("ylim", ylim) or default_y

    def grid(
        self,
        layer: str | None,
        *,
        xlim: Limits | None,
        ylim: Limits | None,
        lines: int,
        snapshots: Sequence[int],
    ) -> Paths:
        """Return grid lines; as `Run.grid`, with positions in the recording."""
        require_at_least("lines", lines, 2)
        self.require(layer)
        xlim, ylim = self.input_limits(xlim, ylim)
        return self._evaluations.grid(layer, snapshots, xlim=xlim, ylim=ylim, lines=int(lines))

    def surface(
        self,
        layer: str | None,
        *,
        xlim: Limits | None,
        ylim: Limits | None,
        resolution: int,
        bands: int,
        plane: str,
        snapshots: Sequence[int],
    ) -> Paths:
        """Return filled contours; as `Run.surface`, with positions in the recording."""
        rectangle = self._rectangle(layer, plane, xlim, ylim, resolution, bands)
        return self._evaluations.surface(rectangle, snapshots)

    def boundary(
        self,
        layer: str | None,
        *,
        xlim: Limits | None,
        ylim: Limits | None,
        resolution: int,
        plane: str,
        snapshots: Sequence[int],
    ) -> Paths:
        """Return lines; as `Run.boundary`, with positions in the recording."""
        rectangle = self._rectangle(layer, plane, xlim, ylim, resolution, BANDS)
        return self._evaluations.boundary(rectangle, snapshots)

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
                    f"the shape {self._stored.inputs.shape[1:]}."
                )
                raise ArgumentError(message)
            return
        names = [known.name for known in self._stored.layers]
        require_one_of("layer", layer, names)
        shape = self._stored.layers[names.index(layer)].output_shape
        if shape is None:
            raise no_graph(layer, self._stored.name)
        if shape != (2,):
            planes = ", ".join(repr(name) for name in self.layers()) or "none"
            message = (
                f"layer must have 2 units; such layers are: {planes}. Got {layer!r}, whose output "
                f"has the shape {shape}."
            )
            raise ArgumentError(message)

    def evaluate(self, layers: Sequence[str]) -> None:
        """Evaluate what the charts of these layers ask for by default, to be remembered."""
        flat = self.inputs_are_plane()
        plane = "inputs" if flat else "layer"
        planes: list[str | None] = [None, *layers] if flat else list(layers)
        for layer in planes:
            if flat:
                self.grid(layer, xlim=None, ylim=None, lines=GRID_LINES, snapshots=self._every)
            if not self._evaluations.task.classes:
                continue
            where: dict[str, Any] = {"xlim": None, "ylim": None, "resolution": RESOLUTION}
            where["plane"] = plane
            self.surface(layer, bands=BANDS, snapshots=self._every, **where)
            self.boundary(layer, snapshots=self._every, **where)

    def _rectangle(
        self,
        layer: str | None,
        plane: str,
        xlim: Limits | None,
        ylim: Limits | None,
        resolution: int,
        bands: int,
    ) -> Rectangle:
        require_one_of("plane", plane, ["inputs", "layer"])
        require_at_least("resolution", resolution, 2)
        require_at_least("bands", bands, 1)
        self.require(layer)
        require_classes(self._evaluations.task, self._stored.name)
        if plane == "inputs" or layer is None:
            xlim, ylim = self.input_limits(xlim, ylim)
        else:
            xlim, ylim = self.layer_limits(layer, xlim, ylim)
        return Rectangle(layer, plane, xlim, ylim, int(resolution), int(bands))


def checked_limits(argument: str, limits: Limits | None) -> Limits | None:
    """Return limits as two numbers, the lower first, None for none.

    Raises
    ------
    ArgumentError
        They are something else.
    """
    if limits is None:
        return None
    try:
        low, high = (float(limit) for limit in limits)
    except (TypeError, ValueError):
        low = high = np.nan
    if not (np.isfinite([low, high]).all() and low < high):
        message = f"{argument} must be two finite numbers, the lower first. Got {limits!r}."
        raise ArgumentError(message)
    return low, high
