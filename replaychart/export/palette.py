"""One palette for all frames of an animation."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from replaychart.export.painting import on_white

# The last entry of a palette is not used for a color: GIF needs it for pixels that do not change.
NO_COLOR = 255
_EXACT_COLORS = 48


@dataclasses.dataclass(frozen=True)
class InColors:
    """Converts the pixels of a film frame to palette entries.

    Attributes
    ----------
    palette : numpy.ndarray of uint8, shape (256, 3)
        The colors.
    """

    palette: np.ndarray

    def __call__(self, picture: Image.Image) -> np.ndarray:
        """Return the entries, a uint8 array of shape (height, width)."""
        image = indexed(np.zeros((1, 1), np.uint8), self.palette)
        return np.asarray(on_white(picture).quantize(palette=image, dither=Image.Dither.NONE))


def indexed(entries: np.ndarray, palette: np.ndarray) -> Image.Image:
    """Return an image whose pixels are palette entries."""
    image = Image.fromarray(entries, "P")
    image.putpalette(palette.ravel().tolist())
    return image


def shared_palette(samples: Sequence[Image.Image]) -> np.ndarray:
    """Return a palette for all frames, a uint8 array of shape (256, 3)."""
    found: Counter[Any] = Counter()
    for sample in samples:
        for count, color in on_white(sample).getcolors(sample.width * sample.height) or []:
            found[color] += count
    # Sorted, so that the same chart always results in the same bytes.
    colors = np.array(sorted(found), np.uint8)
    counts = np.array([found[color] for color in sorted(found)])
    # The most common colors (background, fills, marks) are kept exactly. The others share the
    # remaining entries, weighted by the logarithm of their count, so that a thin line does not get
    # the color of a fill.
    commonest = colors[np.argsort(-counts, kind="stable")[:_EXACT_COLORS]]
    strip = np.repeat(colors, np.log2(counts + 1).astype(int) + 1, axis=0)
    rest = Image.fromarray(strip[None]).quantize(colors=256, method=Image.Quantize.MEDIANCUT)
    others = np.reshape(rest.getpalette() or [], (-1, 3))
    entries = _apart(np.concatenate([commonest, others]), exact=len(commonest))
    # Unused entries repeat the first color, so that they add no others.
    palette = np.repeat(entries[:1], 256, axis=0)
    palette[:NO_COLOR][: len(entries)] = entries[:NO_COLOR]
    return palette


def _apart(colors: np.ndarray, *, exact: int) -> np.ndarray:
    """Return the colors without those that are almost equal to an earlier one.

    Parameters
    ----------
    colors : numpy.ndarray of uint8, shape (colors, 3)
        The colors.
    exact : int
        Number of colors at the start that must be matched exactly.
    """
    # Pillow looks up the entry of a pixel by the upper six bits of each channel, so it can select
    # an entry that differs from the intended one by up to eight steps.
    kept: list[np.ndarray] = []
    distances: list[int] = []
    for index, color in enumerate(colors.astype(int)):
        if not kept or (np.abs(np.array(kept) - color).max(axis=1) > distances).all():
            kept.append(color)
            distances.append(8 if index < exact else 4)
    return np.array(kept, np.uint8)
