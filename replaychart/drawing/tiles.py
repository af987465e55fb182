"""Small pictures of what units compute over the input plane, as PNG files in the chart's data."""

import base64
import dataclasses
import io
from functools import cache
from typing import Self

import numpy as np
from PIL import Image

from replaychart.drawing.colors import ramp

# Colours of negative, neutral and positive values.
NEGATIVE, NEUTRAL, POSITIVE = "#762a83", "#f4f2ee", "#1b7837"
# Renderers interpolate between pixels, so some levels look continuous.
_LEVELS = 48
# Bytes of a tile in a chart, by pixels: measured, for a smooth response.
_BYTES_PER_PIXEL = 0.7
_BYTES_OF_A_TILE = 330


@dataclasses.dataclass(frozen=True)
class Response:
    """The colour scale of the outputs of a layer's units, the same for all tiles.

    Attributes
    ----------
    ends : tuple of float
        The lowest and the highest value.
    colors : tuple of str
        The colours from one end to the other.
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

    def shares(self, values: np.ndarray) -> np.ndarray:
        """Return where values are between the ends, from 0 to 1."""
        return (values - self.ends[0]) / (self.ends[1] - self.ends[0])


def tile_bytes(resolution: int) -> float:
    """Return the approximate size of a tile in a chart, in bytes."""
    return _BYTES_OF_A_TILE + _BYTES_PER_PIXEL * resolution**2


def tile_url(values: np.ndarray, response: Response) -> str:
    """Return values as the ``data:`` URL of a PNG file.

    Parameters
    ----------
    values : numpy.ndarray, shape (rows, columns)
        The values; the first row is at the bottom. Those not finite are grey.
    response : Response
        The colour scale.
    """
    share = response.shares(values[::-1])
    finite = np.isfinite(share)
    level = np.rint(np.clip(np.where(finite, share, 0), 0, 1) * (_LEVELS - 1)).astype(np.uint8)
    level[~finite] = _LEVELS
    picture = Image.fromarray(level)
    picture.putpalette(_palette(response.colors))
    file = io.BytesIO()
    picture.save(file, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def legend_url(response: Response) -> str:
    """Return the colour scale, from left to right, as the ``data:`` URL of a PNG file."""
    return tile_url(np.linspace(*response.ends, _LEVELS)[None], response)


@cache
def _palette(colors: tuple[str, ...]) -> bytes:
    levels = [ramp(colors, level / (_LEVELS - 1)) for level in range(_LEVELS)]
    return bytes.fromhex("".join(color[1:] for color in [*levels, "#808080"]))
