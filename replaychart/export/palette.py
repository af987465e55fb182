"""One palette for all frames of a moving picture."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from replaychart.export.painting import on_white

# The last entry of a palette is no colour: a GIF needs it for pixels that stay as they are.
NO_COLOR = 255
_EXACT_COLORS = 48


@dataclasses.dataclass(frozen=True)
class InColors:
    """Gives a frame's pixels as entries of a palette.

    Attributes
    ----------
    palette : numpy.ndarray of uint8, shape (256, 3)
        The colours.
    """

    palette: np.ndarray

    def __call__(self, picture: Image.Image) -> np.ndarray:
        """Return the entries, an array of uint8 of the shape (height, width)."""
        image = indexed(np.zeros((1, 1), np.uint8), self.palette)
        return np.asarray(on_white(picture).quantize(palette=image, dither=Image.Dither.NONE))


def indexed(entries: np.ndarray, palette: np.ndarray) -> Image.Image:
    """Return a picture whose pixels are entries of a palette."""
    image = Image.fromarray(entries, "P")
    image.putpalette(palette.ravel().tolist())
    return image


def shared_palette(samples: Sequence[Image.Image]) -> np.ndarray:
    """Return a palette that serves all frames, as an array of the shape (256, 3)."""
    found: Counter[Any] = Counter()
    for sample in samples:
        for count, color in on_white(sample).getcolors(sample.width * sample.height) or []:
            found[color] += count
    # In a fixed order, so that the same chart gives the same bytes.
    colors = np.array(sorted(found), np.uint8)
    counts = np.array([found[color] for color in sorted(found)])
    # The commonest colours (paper, fills, marks) are kept as they are. The others share what is
    # left by the order of their count, so that a thin line does not take the colour of the fills.
    commonest = colors[np.argsort(-counts, kind="stable")[:_EXACT_COLORS]]
    strip = np.repeat(colors, np.log2(counts + 1).astype(int) + 1, axis=0)
    rest = Image.fromarray(strip[None]).quantize(colors=256, method=Image.Quantize.MEDIANCUT)
    others = np.reshape(rest.getpalette() or [], (-1, 3))
    entries = _apart(np.concatenate([commonest, others]), exact=len(commonest))
    # Entries that are left over must not look like colours of their own.
    palette = np.repeat(entries[:1], 256, axis=0)
    palette[:NO_COLOR][: len(entries)] = entries[:NO_COLOR]
    return palette


def _apart(colors: np.ndarray, *, exact: int) -> np.ndarray:
    """Return the colours without those that are almost equal to an earlier one.

    Parameters
    ----------
    colors : numpy.ndarray of uint8, shape (colors, 3)
        The colours.
    exact : int
        How many of the first ones must be found as they are.
    """
    # Pillow looks a pixel's entry up by the upper six bits of each channel, so it can find an entry
    # that is up to eight steps beside the one that is meant.
    kept: list[np.ndarray] = []
    distances: list[int] = []
    for index, color in enumerate(colors.astype(int)):
        if not kept or (np.abs(np.array(kept) - color).max(axis=1) > distances).all():
            kept.append(color)
            distances.append(8 if index < exact else 4)
    return np.array(kept, np.uint8)
