"""A rectangle of a plane, over which surfaces and boundaries are traced."""

import dataclasses
from typing import Any

import numpy as np

from replaychart.errors import ArgumentError
from replaychart.planes.extents import Limits
from replaychart.planes.projections import LinearProjection, Projection


@dataclasses.dataclass(frozen=True)
class Rectangle:
    """A rectangle of a plane, and how closely it is looked at.

    Attributes
    ----------
    layer : str or None
        The layer in whose plane the paths shall lie; None for the inputs' own plane.
    plane : {"inputs", "layer"}
        Where the rectangle lies: in the inputs' plane, from which paths are carried through the
        layer, or in the layer's own.
    xlim, ylim : tuple of float
        The rectangle.
    resolution : int
        Lattice points along each side.
    bands : int
        Number of the surface's levels, see `Surfaces.levels`.
    view : Projection or None
        From the layer's space, or the inputs', to the plane; None where that is a plane itself.
    """

    layer: str | None
    plane: str
    xlim: Limits
    ylim: Limits
    resolution: int
    bands: int
    view: Projection | None = None

    def key(self) -> dict[str, Any]:
        """Return what tells this rectangle from others, as JSON values."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return own | {"view": None if self.view is None else self.view.identity}

    def slice(self) -> LinearProjection | None:
        """Return the way from the rectangle's plane back to the space, if it is not a plane."""
        through = self.plane == "layer" or self.layer is None
        return self.view if through and isinstance(self.view, LinearProjection) else None

    def carries_through(self) -> str | None:
        """Return the layer that paths are carried through, None if they stay where they are."""
        return self.layer if self.plane == "inputs" else None

    def plane_of(self) -> str | None:
        """Return the layer in whose plane the rectangle lies, None for the inputs' plane."""
        return self.layer if self.plane == "layer" else None


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
