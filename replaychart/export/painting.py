"""Paints single epochs: the whole chart, or only its moving parts on top of the rest."""

import dataclasses
import io
from collections.abc import Collection
from typing import Protocol, TypeVar

import numpy as np
import vl_convert
from PIL import Image, ImageChops, ImageFilter

from replaychart.export.moving_parts import drawn_only, painted_below, split, without_texts
from replaychart.export.specs import Compiled, Moment, Spec, showing

# How much the edges of the same shapes differ between renderers, of 255, averaged over three by
# three pixels: at a few places, anywhere else, and the share of these places.
_AT_A_PLACE = 64
_ANYWHERE = 20
_PLACES = 0.0005

Painted = TypeVar("Painted", covariant=True)


class Painter(Protocol[Painted]):
    """Paints or measures epochs. A painter can be sent to another process."""

    @property
    def columns(self) -> Collection[str] | None:
        """The optional columns that the painter needs; None for all."""

    def paint(self, moment: Moment) -> Painted:
        """Return the image of an epoch, with mode RGBA.

        Parameters
        ----------
        moment : Moment
            The settings of the chart for that epoch.
        """


@dataclasses.dataclass(frozen=True)
class WholeChart:
    """Paints the whole chart for each epoch.

    Attributes
    ----------
    vega : dict
        The compiled chart.
    scale : float
        Pixels per pixel of the chart.
    columns : None
        All columns are needed.
    """

    vega: Spec
    scale: float
    columns: Collection[str] | None = None

    def paint(self, moment: Moment) -> Image.Image:
        """Return the image of an epoch, with mode RGBA."""
        return opened(vl_convert.vega_to_png(showing(self.vega, moment), scale=self.scale))


@dataclasses.dataclass(frozen=True)
class MovingParts:
    """Paints the moving parts on top of the static shapes, and copies the static text.

    Attributes
    ----------
    whole : WholeChart
        The painter of the whole chart.
    moving : dict
        A Vega spec of the moving parts.
    shapes : str
        An SVG of everything static except text.
    place : numpy.ndarray of int32, shape (pixels,)
        Indices of the pixels of the static text in the flattened image.
    below, texts : numpy.ndarray of uint8, shape (pixels, 4)
        These pixels without and with the text.
    columns : collection of str
        The columns that are drawn.
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
            The chart with the data of one epoch and with fixed positions.
        compiled : Compiled
            The chart.

        Raises
        ------
        CannotSplit
            The chart cannot be split safely.
        """
        moving, rest = split(whole.vega, compiled.changing)
        shapes = without_texts(rest)
        below, texts = (
            np.asarray(opened(vl_convert.svg_to_png(svg, scale=whole.scale))).reshape(-1, 4)
            for svg in (shapes, rest)
        )
        place = np.flatnonzero((below != texts).any(axis=1)).astype(np.int32)
        drawn = drawn_only(whole.vega)
        return cls(
            # The changing data is passed with each epoch.
            dataclasses.replace(whole, vega=compiled.without_data(drawn)),
            compiled.without_data(moving),
            shapes,
            place,
            below[place],
            texts[place],
            compiled.columns_mentioned(drawn),
        )

    def paint(self, moment: Moment) -> Image.Image:
        """Return the image of an epoch, with mode RGBA."""
        svg = vl_convert.vega_to_svg(showing(self.moving, moment))
        # The renderer rounds half-transparent pixels, so the moving parts are painted directly on
        # top of the static shapes instead of being blended afterwards.
        svg = painted_below(svg, self.shapes)
        picture = opened(vl_convert.svg_to_png(svg, scale=self.whole.scale))
        pixels = self.with_texts(np.array(picture))
        if pixels is None:
            return self.whole.paint(moment)
        return Image.fromarray(pixels)

    def with_texts(self, pixels: np.ndarray) -> np.ndarray | None:
        """Copy the static text into an image of the rest.

        Parameters
        ----------
        pixels : numpy.ndarray of uint8, shape (height, width, 4)
            The static shapes with the moving parts on top. It is changed.

        Returns
        -------
        numpy.ndarray or None
            The same array; None if a moving part overlaps the text and may belong above or below
            it.
        """
        flat = pixels.reshape(-1, 4)
        if not np.array_equal(flat[self.place], self.below):
            return None
        flat[self.place] = self.texts
        return pixels


def alike(picture: Image.Image, other: Image.Image) -> bool:
    """Return whether two images look the same."""
    if picture.size != other.size:
        return False
    return bool(np.abs(np.asarray(picture, int) - np.asarray(other, int)).max() <= 2)


def alike_but_for_edges(picture: Image.Image, other: Image.Image) -> bool:
    """Return whether two images that different renderers drew show the same.

    Renderers smooth edges differently, which adds up where many points overlap. Averaged over three
    by three pixels, this is a small difference, and a larger one only at a few places. A mark, a
    line or a text that is missing or in another place makes a larger one, or at more places.
    """
    if picture.size != other.size:
        return False
    soft, other_soft = (one.filter(ImageFilter.BoxBlur(1)) for one in (picture, other))
    difference = np.asarray(ImageChops.difference(soft, other_soft)).max(axis=2)
    return bool(difference.max() <= _AT_A_PLACE and (difference > _ANYWHERE).mean() <= _PLACES)


def opened(png: bytes) -> Image.Image:
    """Return the image in a PNG file, with mode RGBA."""
    return Image.open(io.BytesIO(png)).convert("RGBA")


def on_white(picture: Image.Image) -> Image.Image:
    """Return an image without transparency, with mode RGB."""
    if picture.getchannel("A").getextrema() == (255, 255):
        return picture.convert("RGB")
    paper = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(paper, picture).convert("RGB")
