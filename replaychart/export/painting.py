"""Paints single epochs: a chart as a whole, or only what moves in it over what stays."""

import dataclasses
import io
from collections.abc import Collection
from typing import Protocol, TypeVar

import numpy as np
import vl_convert
from PIL import Image

from replaychart.export.moving_parts import drawn_only, painted_below, split, without_texts
from replaychart.export.specs import Compiled, Moment, Spec, showing

Painted = TypeVar("Painted", covariant=True)


class Painter(Protocol[Painted]):
    """Paints epochs, or tells something else of each. It can be sent to another process."""

    @property
    def columns(self) -> Collection[str] | None:
        """The columns it needs of those that can be left out; None for all."""

    def paint(self, moment: Moment) -> Painted:
        """Return the picture of an epoch, of mode RGBA.

        Parameters
        ----------
        moment : Moment
            What the chart is set to for that epoch.
        """


@dataclasses.dataclass(frozen=True)
class WholeChart:
    """Paints everything anew for each epoch.

    Attributes
    ----------
    vega : dict
        The compiled chart.
    scale : float
        Pixels per pixel of the chart.
    columns : None
        It needs all of them.
    """

    vega: Spec
    scale: float
    columns: Collection[str] | None = None

    def paint(self, moment: Moment) -> Image.Image:
        """Return the picture of an epoch, of mode RGBA."""
        return _opened(vl_convert.vega_to_png(showing(self.vega, moment), scale=self.scale))


@dataclasses.dataclass(frozen=True)
class MovingParts:
    """Paints what moves over shapes that stay, and copies texts that stay.

    Attributes
    ----------
    whole : WholeChart
        The same chart as a whole.
    moving : dict
        A Vega spec of what moves.
    shapes : str
        An SVG of what stays, but for texts.
    place : numpy.ndarray of int32, shape (pixels,)
        Where the pixels of those texts are, in the picture as one row.
    below, texts : numpy.ndarray of uint8, shape (pixels, 4)
        Those pixels without and with the texts.
    columns : collection of str
        The columns that something is drawn from.
    """

    whole: WholeChart
    moving: Spec
    shapes: str
    place: np.ndarray
    below: np.ndarray
    texts: np.ndarray
    columns: Collection[str]

    @classmethod
    def of(cls, whole: WholeChart, compiled: Compiled) -> "MovingParts":
        """Return the painter of a chart.

        Parameters
        ----------
        whole : WholeChart
            The chart with the data of one epoch, its places held.
        compiled : Compiled
            The chart.

        Raises
        ------
        CannotSplit
            The chart is not known to come apart.
        """
        moving, rest = split(whole.vega, compiled.changing)
        shapes = without_texts(rest)
        below, texts = (
            np.asarray(_opened(vl_convert.svg_to_png(svg, scale=whole.scale))).reshape(-1, 4)
            for svg in (shapes, rest)
        )
        place = np.flatnonzero((below != texts).any(axis=1)).astype(np.int32)
        drawn = drawn_only(whole.vega)
        return cls(
            # The changing data comes with each epoch.
            dataclasses.replace(whole, vega=compiled.without_data(drawn)),
            compiled.without_data(moving),
            shapes,
            place,
            below[place],
            texts[place],
            compiled.columns_mentioned(drawn),
        )

    def paint(self, moment: Moment) -> Image.Image:
        """Return the picture of an epoch, of mode RGBA."""
        svg = vl_convert.vega_to_svg(showing(self.moving, moment))
        # The renderer's half-transparent pixels are not exact, so what moves is painted right onto
        # what lies below it.
        svg = painted_below(svg, self.shapes)
        picture = _opened(vl_convert.svg_to_png(svg, scale=self.whole.scale))
        pixels = np.array(picture).reshape(-1, 4)
        if not np.array_equal(pixels[self.place], self.below):
            # Something came to lie on a text, and belongs above or below it.
            return self.whole.paint(moment)
        pixels[self.place] = self.texts
        return Image.fromarray(pixels.reshape(picture.height, picture.width, 4))


def alike(picture: Image.Image, other: Image.Image) -> bool:
    """Return whether two pictures are the same for the eye."""
    if picture.size != other.size:
        return False
    return bool(np.abs(np.asarray(picture, int) - np.asarray(other, int)).max() <= 2)


def _opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGBA")


def on_white(picture: Image.Image) -> Image.Image:
    """Return a picture without transparency, of mode RGB."""
    if picture.getchannel("A").getextrema() == (255, 255):
        return picture.convert("RGB")
    paper = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(paper, picture).convert("RGB")
