"""Points of a plane as small pictures, and the pictures in tooltips."""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import altair as alt
import numpy as np

from replaychart.arguments import require_at_least, shown
from replaychart.drawing import colors
from replaychart.drawing.budget import share_of_points
from replaychart.drawing.colors import class_colors
from replaychart.drawing.sizes import Width, width_for_positions
from replaychart.drawing.tiles import SHARPNESS, picture_url, shrunk
from replaychart.errors import ArgumentError
from replaychart.facts.inputs import arrays_of, number_of_points
from replaychart.run import Run

# What pictures are made from: the recorded inputs, these in another shape, or an array.
Images = bool | Sequence[int] | np.ndarray
PICTURE, IS_THUMBNAIL = "picture", "thumbnail"
# The side of a thumbnail in pixels, in relation to the distance of points that are spread evenly.
_SHARE, _SMALLEST, _LARGEST = 0.55, 14, 48
# The frame of a thumbnail in pixels, which has the color of its class.
_FRAME = 1.5
# Pictures of writing: this share of the pixels is in the lowest tenth of the brightness.
_BARE, _DARK = 0.4, 0.1
_WHITE = "#ffffff"
# Levels of the brightness of pictures without colors, so that their files stay small.
_LEVELS = 15
# Larger pictures are made smaller: pixels of a side.
_MOST_PIXELS = 32
# The most points whose pictures are in tooltips.
_MOST_IN_TOOLTIPS = 1_000
# Axes of the array of pictures without and with channels, and numbers of channels.
_AXES, _CHANNELS = (3, 4), (1, 3)


@dataclasses.dataclass(frozen=True)
class Thumbnails:
    """The pictures of a chart's points.

    Attributes
    ----------
    run : Run
        The run.
    pictures : callable
        Returns the pictures of some points, with values from 0 to 1, shape (points, rows, columns,
        1 or 3).
    most : int
        The largest number of points that are drawn as pictures.
    width, height : int or "container"
        The size of the chart.
    """

    run: Run
    pictures: Callable[[np.ndarray], np.ndarray]
    most: int
    width: Width
    height: int

    @classmethod
    def of(
        cls, run: Run, images: Images, most: object, width: Width, height: int
    ) -> "Thumbnails | None":
        """Return the pictures that a chart was asked for, None if it was asked for none.

        Raises
        ------
        ArgumentError
            The run has no pictures, or these do not fit its points.
        """
        require_at_least("most_images", most, 0)
        if isinstance(images, (bool, np.bool_)) and not images:
            return None
        return cls(run, _pictures(run, images), int(most), width, height)  # type: ignore[call-overload]

    @property
    def side(self) -> int:
        """The side of a thumbnail in pixels."""
        count = min(self.most, number_of_points(self.run.inputs)) or 1
        room = math.sqrt(width_for_positions(self.width) * self.height / count)
        return round(min(max(_SHARE * room, _SMALLEST), _LARGEST))

    def bytes_per_point(self) -> float:
        """Return the bytes for each point of the chart, estimated from a few."""
        every = number_of_points(self.run.inputs)
        few = np.unique(np.linspace(0, every - 1, 20).astype(int))
        share = min(1.0, max(self.most, _MOST_IN_TOOLTIPS) / every)
        return share * float(np.mean([len(url) for url in self._urls(few)]))

    def columns(self, points: np.ndarray) -> dict[str, list[Any]]:
        """Return the columns with the pictures of points, and which of them are thumbnails.

        The pictures are those of a proportional sample of each class; others are ``""``.
        """
        kept = set(points.tolist())
        drawn = [one for one in share_of_points(self.run, self.most).tolist() if one in kept]
        drawn = drawn if self.most else []
        told = share_of_points(self.run, _MOST_IN_TOOLTIPS).tolist()
        pictured = sorted({*drawn, *(one for one in told if one in kept)})
        urls = dict(zip(pictured, self._urls(np.array(pictured, int)), strict=True))
        thumbnails = set(drawn[: self.most])
        return {
            PICTURE: [urls.get(point, "") for point in points.tolist()],
            IS_THUMBNAIL: [point in thumbnails for point in points.tolist()],
        }

    def layer(self, base: alt.Chart, style: str) -> alt.Chart:
        """Return the layer of the thumbnails, on the data and the axes of the points."""
        return (
            base.transform_filter(f"datum.{IS_THUMBNAIL}")
            .mark_image(width=self.side, height=self.side, clip=True, style=style, aria=False)
            .encode(url=alt.Url(f"{PICTURE}:N"))
        )

    def _urls(self, points: np.ndarray) -> list[str]:
        if not len(points):
            return []
        pictures = self.pictures(points)
        small = np.moveaxis(shrunk(np.moveaxis(pictures, -1, 1), _MOST_PIXELS), 1, -1)
        times = max(1, math.ceil(SHARPNESS * self.side / max(small.shape[1:3])))
        frame = max(1, round(_FRAME * times * max(small.shape[1:3]) / self.side))
        tones = self._frames(points)
        return [
            picture_url(_framed(_colored(one, tone, written=self._written), times, frame, tone))
            for one, tone in zip(small, tones, strict=True)
        ]

    @functools.cached_property
    def _written(self) -> bool:
        """Whether the pictures show bright writing on a dark sheet, as handwritten digits do."""
        few = self.pictures(share_of_points(self.run, 50))
        return few.shape[-1] == 1 and bool((few < _DARK).mean() >= _BARE)

    def _frames(self, points: np.ndarray) -> list[str]:
        """Return the color of each point's frame: that of its class."""
        if not self.run.classes:
            return [colors.REFERENCE] * len(points)
        tones = class_colors(self.run.classes)
        return [tones[target] for target in self.run.targets[points]]


def _colored(picture: np.ndarray, color: str, *, written: bool) -> np.ndarray:
    """Return a picture with three channels; writing has a color, on white."""
    if picture.shape[-1] > 1:
        return picture
    levels = np.rint(picture * _LEVELS) / _LEVELS
    sheet, ink = (_channels(_WHITE), _channels(color)) if written else (np.zeros(3), np.ones(3))
    return np.asarray(sheet + levels * (ink - sheet))


def _framed(picture: np.ndarray, times: int, frame: int, color: str) -> np.ndarray:
    """Return a picture with squares for its pixels, in the middle of a frame of equal sides."""
    large = picture.repeat(times, axis=0).repeat(times, axis=1)
    rows, columns = large.shape[:2]
    side = max(rows, columns) + 2 * frame
    sheet = np.full((side, side, 3), _channels(color))
    top, left = (side - rows) // 2, (side - columns) // 2
    sheet[top : top + rows, left : left + columns] = large
    return sheet


def _channels(color: str) -> np.ndarray:
    return np.array([int(color[start : start + 2], 16) for start in (1, 3, 5)]) / 255


def _pictures(run: Run, images: Images) -> Callable[[np.ndarray], np.ndarray]:
    """Return what returns the pictures of some points."""
    if isinstance(images, (bool, np.bool_)):
        if run.convolutions.pictures([0]) is None:
            shapes = ", ".join(str(array.shape[1:]) for array in arrays_of(run.inputs))
            message = (
                f"images must be the shape or an array of the pictures for run {run.name!r}, whose "
                f"points are no pictures: their shape is {shapes}. Got {images!r}."
            )
            raise ArgumentError(message)
        return lambda points: np.asarray(run.convolutions.pictures(points.tolist()))
    every = _reshaped(run, images)
    low, high = float(np.nanmin(every)), float(np.nanmax(every))
    return lambda points: (every[points] - low) / (high - low or 1.0)


def _reshaped(run: Run, images: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return all pictures, shape (points, rows, columns, 1 or 3)."""
    count = number_of_points(run.inputs)
    every = images if isinstance(images, np.ndarray) else _in_shape(run, images)
    pictures = every[..., None] if every.ndim == _AXES[0] else every
    fits = pictures.ndim == _AXES[1] and pictures.shape[-1] in _CHANNELS and pictures.size
    if not fits or len(pictures) != count or not np.issubdtype(pictures.dtype, np.number):
        message = (
            f"images must be an array of numbers with the shape ({count}, rows, columns), or with "
            f"3 channels as a last axis. Got {every.dtype} of the shape {every.shape}."
        )
        raise ArgumentError(message)
    return pictures.astype(np.float32)


def _in_shape(run: Run, shape: Sequence[int]) -> np.ndarray:
    """Return the recorded inputs in another shape."""
    arrays = arrays_of(run.inputs)
    size = math.prod(arrays[0].shape[1:])
    sides = list(shape) if isinstance(shape, Sequence) and not isinstance(shape, str) else []
    valid = len(sides) in (_AXES[0] - 1, _AXES[1] - 1) and all(
        isinstance(side, (int, np.integer)) and side > 0 for side in sides
    )
    if not valid or len(arrays) > 1 or math.prod(sides) != size:
        message = (
            "images must be True, an array of one picture for each point, or the shape of the "
            f"pictures, (rows, columns) or (rows, columns, 3), for points with {size} values. Got "
            f"{shown(shape)}."
        )
        raise ArgumentError(message)
    return arrays[0].reshape(len(arrays[0]), *map(int, sides))
