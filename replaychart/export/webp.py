"""Animated WebP: lossless with the colors of one palette, so that text stays sharp."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from replaychart.export.durations import durations
from replaychart.export.film import Film
from replaychart.export.palette import InColors, indexed, shared_palette

# In measurements, slower settings reduced the size only slightly. Only the first frame is stored
# whole; the others are stored as changes to the previous one.
_SETTINGS = {"lossless": True, "method": 3, "quality": 40, "kmin": 10**6 - 1, "kmax": 10**6}


def write_webp(
    film: Film, path: Path, *, fps: float, least: Sequence[float], plays: int, bar: str | None
) -> None:
    """Write an animated WebP.

    Parameters
    ----------
    film : Film
        The frames.
    path : pathlib.Path
        The file.
    fps : float
        Frames per second.
    least : sequence of float
        The minimum duration of each frame in seconds.
    plays : int
        Number of times to play; 0 means forever.
    bar : str or None
        Title of the progress bar; None for no bar.
    """
    stay = durations(least, fps=fps, unit=1)
    frames = _Frames(film, bar)
    frames.save(path, format="WEBP", save_all=True, duration=stay, loop=plays, **_SETTINGS)


class _Frames(Image.Image):
    """An image with many frames, each created only when it is needed.

    Pillow's writer keeps appended images in memory all at once, but reads the frames of a single
    image one by one.
    """

    def __init__(self, film: Film, bar: str | None) -> None:
        super().__init__()
        self.n_frames = len(film.epochs)
        self._palette = shared_palette(film.samples)
        self._coming = film.frames(InColors(self._palette), bar=bar)
        self._position = -1
        self._advance()

    def seek(self, frame: int) -> None:
        """Go to a frame, which must not be an earlier one."""
        while self._position < min(frame, self.n_frames - 1):
            self._advance()

    def tell(self) -> int:
        """Return the position of the current frame."""
        return self._position

    def _advance(self) -> None:
        picture = indexed(next(self._coming), self._palette).convert("RGB")
        self.im, self._mode, self._size = picture.im, picture.mode, picture.size
        self._position += 1
