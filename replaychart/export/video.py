"""Video files: H.264 in MP4, VP9 in WebM."""

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from replaychart.errors import MissingDependencyError
from replaychart.export.film import Film
from replaychart.export.painting import on_white

# Of nearly lossless quality, at which lines and texts stay sharp.
_CODECS: dict[str, tuple[str, dict[str, str]]] = {
    ".mp4": ("libx264", {"crf": "18", "preset": "medium", "tune": "animation"}),
    ".webm": ("libvpx-vp9", {"crf": "24", "b:v": "0", "deadline": "good", "cpu-used": "5"}),
}

VIDEOS = tuple(_CODECS)


def write_video(film: Film, path: Path, *, fps: float, hold: float, bar: str | None) -> None:
    """Write a video.

    Parameters
    ----------
    film : Film
        The frames. Where the format asks for an even width and height, a line of their own colour
        is added at the right and at the bottom.
    path : pathlib.Path
        The file.
    fps : float
        Frames per second.
    hold : float
        Seconds for which the last frame stays.
    bar : str or None
        Title of a progress bar.

    Raises
    ------
    MissingDependencyError
        PyAV is not installed.
    """
    av = require_av()
    codec, options = _CODECS[path.suffix.lower()]
    width, height = (length + length % 2 for length in film.size)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1000))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = options
        for pixels in film.frames(_Even(width, height), bar=bar):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux(stream.encode(frame))
        for _ in range(round(hold * fps) - 1):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


def require_av() -> Any:
    """Return PyAV.

    Raises
    ------
    MissingDependencyError
        It is not installed.
    """
    try:
        import av
    except ImportError as error:
        message = (
            f"Videos need PyAV: pip install 'replaychart[video]'. Importing it failed: {error}"
        )
        raise MissingDependencyError(message) from error
    return av


@dataclasses.dataclass(frozen=True)
class _Even:
    """Gives a frame's pixels on a sheet of even width and height.

    Attributes
    ----------
    width, height : int
        The sheet's size in pixels.
    """

    width: int
    height: int

    def __call__(self, picture: Image.Image) -> np.ndarray:
        pixels = np.asarray(on_white(picture))
        rows, columns = self.height - picture.height, self.width - picture.width
        return np.pad(pixels, ((0, rows), (0, columns), (0, 0)), mode="edge")
