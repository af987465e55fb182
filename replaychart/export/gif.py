"""Animated GIF with one palette, streamed frame by frame, storing only what changed."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import GifImagePlugin

from replaychart.export.durations import durations
from replaychart.export.film import Film
from replaychart.export.palette import NO_COLOR, InColors, indexed, shared_palette

# GIF measures time in hundredths of a second, and browsers slow down frames shorter than two.
FASTEST = 50
# Maximum duration of a frame in seconds: 65,535 hundredths.
LONGEST = 655


def write_gif(
    film: Film, path: Path, *, fps: float, least: Sequence[float], plays: int, bar: str | None
) -> None:
    """Write an animated GIF.

    Parameters
    ----------
    film : Film
        The frames.
    path : pathlib.Path
        The file.
    fps : float
        Frames per second, at most `FASTEST`.
    least : sequence of float
        The minimum duration of each frame in seconds.
    plays : int
        Number of times to play; 0 means forever.
    bar : str or None
        Title of the progress bar; None for no bar.
    """
    palette = shared_palette(film.samples)
    frames = film.frames(InColors(palette), bar=bar)
    stay = durations(least, fps=fps, unit=10)
    with path.open("wb") as file:
        for block in _blocks(frames, stay, film.size, palette, plays):
            file.write(block)


def _blocks(
    frames: Iterator[np.ndarray],
    stay: Sequence[int],
    size: tuple[int, int],
    palette: np.ndarray,
    plays: int,
) -> Iterator[bytes]:
    """Yield the blocks of a GIF file."""
    # The file contains the number of repetitions after the first time, or none to play once.
    repeat = {} if plays == 1 else {"loop": max(plays - 1, 0)}
    sheet = indexed(np.zeros(size[::-1], np.uint8), palette)
    yield from GifImagePlugin.getheader(sheet, info={"duration": 1, **repeat})[0]
    before: np.ndarray | None = None
    for frame, milliseconds in zip(frames, stay, strict=True):
        part, offset = _changed(before, frame)
        yield from GifImagePlugin.getdata(
            indexed(part, palette),
            offset,
            duration=milliseconds,
            disposal=1,
            transparency=NO_COLOR,
        )
        before = frame
    yield b";"


def _changed(before: np.ndarray | None, frame: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the rectangle of a frame that changed, and its offset.

    Pixels in it that did not change are marked with `NO_COLOR`.
    """
    if before is None:
        return frame, (0, 0)
    changed = frame != before
    rows, columns = (np.flatnonzero(changed.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return np.full((1, 1), NO_COLOR, np.uint8), (0, 0)
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    return np.where(changed[box], frame[box], np.uint8(NO_COLOR)), (int(columns[0]), int(rows[0]))
