"""Small pictures of what units compute, as PNG files in the chart's data."""

import base64
import dataclasses
import io
from functools import cache
from typing import TYPE_CHECKING, Self

import numpy as np

from replaychart.drawing.colors import ramp

if TYPE_CHECKING:
    from PIL import Image

# Colors of negative, neutral and positive values.
NEGATIVE, NEUTRAL, POSITIVE = "#762a83", "#f4f2ee", "#1b7837"
# Renderers interpolate between pixels, so some levels look continuous.
_LEVELS = 48
_MOST_IN_A_PALETTE = 256
# Pixels of a magnified tile for each pixel on the screen.
SHARPNESS = 2
# Bytes of a magnified tile in a chart, by cells: measured, for random values.
_BYTES_PER_CELL = 2.0
# Bytes of a tile in a chart, by pixels: measured, for a smooth response.
_BYTES_PER_PIXEL = 0.7
_BYTES_OF_A_TILE = 330


@dataclasses.dataclass(frozen=True)
class Response:
    """The color scale of the outputs of a layer's units, the same for all tiles.

    Attributes
    ----------
    ends : tuple of float
        The lowest and the highest value.
    colors : tuple of str
        The colors from one end to the other.
    """

    ends: tuple[float, float]
    colors: tuple[str, ...]

    @classmethod
    def of(cls, values: np.ndarray) -> Self:
        """Return the scale for the values of all units at all epochs.

        Values with both signs are neutral at 0; those between 0 and 1, as from a sigmoid function,
        at 0.5; others at the end that is closer to 0.
        """
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        if low < 0 < high:
            reach = max(-low, high)
            return cls((-reach, reach), (NEGATIVE, NEUTRAL, POSITIVE))
        if low >= 0 and 0.5 < high <= 1:
            return cls((0.0, 1.0), (NEGATIVE, NEUTRAL, POSITIVE))
        if high <= 0:
            return cls((low if low < 0 else -1.0, 0.0), (NEGATIVE, NEUTRAL))
        return cls((0.0, high), (NEUTRAL, POSITIVE))

    @classmethod
    def signed(cls, values: np.ndarray) -> Self:
        """Return the scale for values that are neutral at 0, which is in the middle."""
        reach = _highest(np.abs(values))
        return cls((-reach, reach), (NEGATIVE, NEUTRAL, POSITIVE))

    @classmethod
    def from_zero(cls, values: np.ndarray) -> Self:
        """Return the scale for values from 0 on: sizes, or the outputs of a ReLU function."""
        return cls((0.0, _highest(values)), (NEUTRAL, POSITIVE))

    def shares(self, values: np.ndarray) -> np.ndarray:
        """Return where values are between the ends, from 0 to 1."""
        return (values - self.ends[0]) / (self.ends[1] - self.ends[0])


def tile_bytes(resolution: int) -> float:
    """Return the approximate size of a tile in a chart, in bytes."""
    return _BYTES_OF_A_TILE + _BYTES_PER_PIXEL * resolution**2


def magnified_bytes(cells: int) -> float:
    """Return the approximate size of a tile with magnified cells, in bytes."""
    return _BYTES_OF_A_TILE + _BYTES_PER_CELL * cells


def tile_url(values: np.ndarray, response: Response, *, magnified: int = 1) -> str:
    """Return values as the ``data:`` URL of a PNG file.

    Parameters
    ----------
    values : numpy.ndarray, shape (rows, columns)
        The values; the first row is at the bottom. Those not finite are gray.
    response : Response
        The color scale.
    magnified : int, default 1
        The side of the square of pixels for each value. Renderers interpolate between pixels, so
        single values look like squares only if they have many.
    """
    share = response.shares(values[::-1])
    finite = np.isfinite(share)
    level = np.rint(np.clip(np.where(finite, share, 0), 0, 1) * (_LEVELS - 1)).astype(np.uint8)
    level[~finite] = _LEVELS
    palette = np.frombuffer(_palette(response.colors), np.uint8).reshape(-1, 3)
    return _url(_with_palette(level, palette, magnified))


def picture_url(brightness: np.ndarray, *, magnified: int = 1) -> str:
    """Return a picture as the ``data:`` URL of a PNG file.

    Parameters
    ----------
    brightness : numpy.ndarray, shape (rows, columns, 1 or 3)
        From 0 to 1: gray, or red, green and blue. The first row is at the top. Where it is not
        finite, it is 0.
    magnified : int, default 1
        As in `tile_url`.
    """
    levels = np.clip(np.nan_to_num(brightness, posinf=0, neginf=0), 0, 1) * 255
    pixels = np.rint(levels).astype(np.uint8)
    if pixels.shape[-1] == 1:
        return _url(_picture(_magnified(pixels[..., 0], magnified)))
    palette, places = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True)
    if len(palette) > _MOST_IN_A_PALETTE:
        return _url(_picture(_magnified(pixels, magnified)))
    return _url(_with_palette(places.reshape(pixels.shape[:2]), palette, magnified))


def shrunk(values: np.ndarray, most: int) -> np.ndarray:
    """Return pictures of at most some rows and columns, with means over blocks of pixels.

    Parameters
    ----------
    values : numpy.ndarray, shape (..., rows, columns)
    most : int
    """
    for axis in (-2, -1):
        length = values.shape[axis]
        if length > most:
            starts = np.arange(most) * length // most
            sizes = np.diff(np.append(starts, length))
            sums = np.add.reduceat(values, starts, axis=axis)
            values = sums / (sizes if axis == -1 else sizes[:, None])
    return values


def _highest(values: np.ndarray) -> float:
    """Return the highest finite value if it is positive, otherwise 1."""
    finite = values[np.isfinite(values)]
    highest = float(finite.max()) if finite.size else 0.0
    return highest if highest > 0 else 1.0


def _magnified(pixels: np.ndarray, times: int) -> np.ndarray:
    return pixels.repeat(times, axis=0).repeat(times, axis=1)


def _with_palette(places: np.ndarray, palette: np.ndarray, magnified: int) -> "Image.Image":
    """Return a picture from the places of its pixels' colors in a palette."""
    if magnified > 1:
        # Few cells have few colors, and a file without the others is smaller.
        used, found = np.unique(places, return_inverse=True)
        palette, places = palette[used], found.reshape(places.shape)
    picture = _picture(_magnified(places.astype(np.uint8), magnified))
    picture.putpalette(palette.tobytes())
    return picture


def _picture(pixels: np.ndarray) -> "Image.Image":
    from PIL import Image  # most charts have no pictures, and importing it takes 20 ms

    return Image.fromarray(pixels)


def _url(picture: "Image.Image") -> str:
    file = io.BytesIO()
    picture.save(file, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def legend_url(response: Response) -> str:
    """Return the color scale, from left to right, as the ``data:`` URL of a PNG file."""
    return tile_url(np.linspace(*response.ends, _LEVELS)[None], response)


@cache
def _palette(colors: tuple[str, ...]) -> bytes:
    levels = [ramp(colors, level / (_LEVELS - 1)) for level in range(_LEVELS)]
    return bytes.fromhex("".join(color[1:] for color in [*levels, "#808080"]))
