"""A rectangle of a plane, over which surfaces and boundaries are traced."""

import dataclasses
from typing import Any

import numpy as np

from replaychart.arguments import shown
from replaychart.errors import ArgumentError
from replaychart.planes import contours
from replaychart.planes.extents import Limits
from replaychart.planes.projections import LinearProjection, Projection


@dataclasses.dataclass(frozen=True)
class Rectangle:
    """A rectangle of a plane, and the resolution in which to trace over it.

    Attributes
    ----------
    layer : str or None
        The layer in whose plane the paths are returned; None for the input plane.
    plane : {"inputs", "layer"}
        The plane of the rectangle: the input plane, from which paths are mapped through the layer,
        or the plane of the layer.
    xlim, ylim : tuple of float
        The rectangle.
    resolution : int
        The number of lattice points along each side.
    bands : int
        The number of levels of the surface; see `Surfaces.levels`.
    view : Projection or None
        The projection from the space of the layer, or of the inputs, to the plane; None if that
        space has two dimensions.
    """

    layer: str | None
    plane: str
    xlim: Limits
    ylim: Limits
    resolution: int
    bands: int
    view: Projection | None = None

    def key(self) -> dict[str, Any]:
        """Return JSON values that identify the rectangle."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return own | {"view": None if self.view is None else self.view.identity}

    def slice(self) -> LinearProjection | None:
        """Return the projection that maps the rectangle back to its space; None if not needed."""
        through = self.plane == "layer" or self.layer is None
        return self.view if through and isinstance(self.view, LinearProjection) else None

    def carries_through(self) -> str | None:
        """Return the layer that paths are mapped through; None if they are not mapped."""
        return self.layer if self.plane == "inputs" else None

    def plane_of(self) -> str | None:
        """Return the layer in whose plane the rectangle lies; None for the input plane."""
        return self.layer if self.plane == "layer" else None

    def cell_inputs(self) -> np.ndarray:
        """Return the inputs at the centers of the cells of a rectangle of the input plane.

        Returns
        -------
        numpy.ndarray, shape (resolution * resolution, features)
            Row by row, from the lowest y.
        """
        count = self.resolution
        half = [(high - low) / count / 2 for low, high in (self.xlim, self.ylim)]
        (left, right), (low, high) = self.xlim, self.ylim
        centers = contours.lattice(
            (left + half[0], right - half[0]), (low + half[1], high - half[1]), count
        )[2]
        through = self.slice()
        return centers if through is None else through.values(centers, 0)


def checked_limits(argument: str, limits: Limits | None) -> Limits | None:
    """Return limits as two floats, or None if there are no limits.

    Raises
    ------
    ArgumentError
        They are not two finite numbers in increasing order.
    """
    if limits is None:
        return None
    try:
        low, high = (float(limit) for limit in limits)
    except (TypeError, ValueError):
        low = high = np.nan
    if not (np.isfinite([low, high]).all() and low < high):
        message = f"{argument} must be two finite numbers, the lower first. Got {shown(limits)}."
        raise ArgumentError(message)
    return low, high
