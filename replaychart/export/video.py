"""Video files: H.264 in MP4 and VP9 in WebM."""

import dataclasses
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from replaychart.errors import MissingDependencyError
from replaychart.export.film import Film
from replaychart.export.painting import on_white

# Nearly lossless quality, which keeps lines and text sharp.
_CODECS: dict[str, tuple[str, dict[str, str]]] = {
    ".mp4": ("libx264", {"crf": "18", "preset": "medium", "tune": "animation"}),
    ".webm": ("libvpx-vp9", {"crf": "24", "b:v": "0", "deadline": "good", "cpu-used": "5"}),
}

VIDEOS = tuple(_CODECS)


def write_video(
    film: Film, path: Path, *, fps: float, least: Sequence[float], bar: str | None
) -> None:
    """Write a video.

    Parameters
    ----------
    film : Film
        The frames. The formats require an even width and height, so the last column or row of
        pixels is repeated if necessary.
    path : pathlib.Path
        The file.
    fps : float
        Frames per second.
    least : sequence of float
        The minimum duration of each frame in seconds.
    bar : str or None
        Title of the progress bar; None for no bar.

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
        frames = film.frames(_Even(width, height), bar=bar)
        for pixels, seconds in zip(frames, least, strict=True):
            for _ in range(max(round(seconds * fps), 1)):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


def require_av() -> Any:
    """Return the module of PyAV.

    Raises
    ------
    MissingDependencyError
        PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        message = (
            f"Videos need PyAV: pip install 'replaychart[video]'. Importing PyAV failed: {error}"
        )
        raise MissingDependencyError(message) from error
    return av


@dataclasses.dataclass(frozen=True)
class _Even:
    """Pads the pixels of a film frame to an even width and height.

    Attributes
    ----------
    width, height : int
        The padded size in pixels.
    """

    width: int
    height: int

    def __call__(self, picture: Image.Image) -> np.ndarray:
        pixels = np.asarray(on_white(picture))
        rows, columns = self.height - picture.height, self.width - picture.width
        return np.pad(pixels, ((0, rows), (0, columns), (0, 0)), mode="edge")
