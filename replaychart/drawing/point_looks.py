"""How large points are, and what sets them off from their background and from each other."""

import dataclasses
import math

from replaychart.drawing.sizes import Width

# The area of a point, in relation to the distance between points that were spread evenly.
_SHARE = 1.6
_SMALLEST, _LARGEST = 5.0, 110.0
# Points of this area and above have a halo. The halos of smaller ones, which are many, would cover
# their neighbors.
_WITH_HALO = 30.0
_HALO = 1.0
# Beyond this number, points are translucent, so that it is visible where there are more of them.
_OPAQUE = 5_000
_FAINTEST = 0.25


@dataclasses.dataclass(frozen=True)
class PointLooks:
    """The looks of points.

    Attributes
    ----------
    size : float
        The area of a point, as Vega measures it: that of the square around it.
    opacity : float
        The opacity of its fill.
    halo : float
        The width of the halo; 0 for none.
    ring_size : float
        The area of the ring around a wrong point.
    ring_width : float
        The width of the ring's line.
    """

    size: float
    opacity: float
    halo: float
    ring_size: float
    ring_width: float

    @classmethod
    def of(cls, points: int, width: Width, height: int) -> "PointLooks":
        """Return the looks of a number of points in a chart of a size in pixels."""
        across = height if width == "container" else width
        size = _SHARE * math.sqrt(across * height / points)
        size = min(max(size, _SMALLEST), _LARGEST)
        halo = _HALO if size >= _WITH_HALO else 0.0
        ring_width = 1.1 + size / 90
        # Vega centers a line on the edge of its symbol.
        diameter = math.sqrt(size) + halo + ring_width
        return cls(
            size=round(size, 1),
            opacity=round(max(min(1.0, math.sqrt(_OPAQUE / points)), _FAINTEST), 2),
            halo=halo,
            ring_size=round(diameter**2, 1),
            ring_width=round(ring_width, 2),
        )
