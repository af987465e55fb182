"""The extents of charts, which can differ between epochs."""

import dataclasses
from collections.abc import Iterable
from typing import NamedTuple

import vl_convert

from replaychart.export.specs import Moment, Spec, showing


class Extent(NamedTuple):
    """How far an image extends from the top left corner of its views, in pixels of the chart."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def of(cls, scene: Spec) -> "Extent":
        """Return the extent of a scene graph from vl-convert."""
        left, top = scene["origin"]
        return cls(left, top, scene["width"] - left, scene["height"] - top)

    @classmethod
    def around(cls, extents: Iterable["Extent"]) -> "Extent":
        """Return the smallest extent that contains all given ones."""
        return cls(*map(max, zip(*extents, strict=True)))

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        return self.left + self.right, self.top + self.bottom


@dataclasses.dataclass(frozen=True)
class Measure:
    """Measures the extent of each epoch, with the interface of a painter.

    Attributes
    ----------
    vega : dict
        The compiled chart.
    columns : None
        All columns are needed.
    """

    vega: Spec
    columns: None = None

    def paint(self, moment: Moment) -> Extent:
        """Return the extent of an epoch."""
        return Extent.of(vl_convert.vega_to_scenegraph(showing(self.vega, moment)))


def padded(vega: Spec, own: Extent, room: Extent) -> Spec:
    """Return a compiled chart with more padding, so that its extent grows from `own` to `room`."""
    if own == room:
        return vega
    given = vega.get("padding", 0)
    sides = Extent._fields
    before = given if isinstance(given, dict) else dict.fromkeys(sides, given)
    more = {side: getattr(room, side) - getattr(own, side) for side in sides}
    return {**vega, "padding": {side: before.get(side, 0) + more[side] for side in sides}}
