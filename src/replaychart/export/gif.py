"""Animated GIF: one frame per epoch, drawn in parallel processes, with one palette."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import joblib
import numpy as np
import vl_convert
from PIL import Image
from tqdm.auto import tqdm

from replaychart.export.files import written_beside
from replaychart.export.specs import Frames, Spec

# A GIF counts time in hundredths of a second, and browsers slow down frames shorter than two.
FASTEST = 50
# Seconds for which a frame can stay: 65,535 hundredths.
LONGEST = 655
# From how many frames, spread over the run, the palette is taken.
_PALETTE_FRAMES = 6
_EXACT_COLORS = 48
# Starting processes takes about as long as drawing so many frames.
_WORTH_PROCESSES = 12


def write_gif(
    spec: Spec,
    path: Path,
    *,
    epochs: Sequence[int],
    fps: float,
    scale: float,
    hold: float,
    loop: bool,
    progress: bool,
) -> None:
    """Write an animated GIF.

    Parameters
    ----------
    spec : dict
        A chart's Vega-Lite spec.
    path : pathlib.Path
        The file.
    epochs : sequence of int
        One frame for each.
    fps : float
        Frames per second, at most `FASTEST`.
    scale : float
        Pixels per pixel of the chart.
    hold : float
        Seconds for which the last frame stays.
    loop : bool
        Whether to begin again for ever.
    progress : bool
        Whether to show a progress bar.
    """
    frames = Frames(spec, epochs[0])
    palette = _palette(frames, epochs, scale)
    images = tqdm(
        _images(frames, epochs, scale, palette),
        total=len(epochs),
        desc=path.name,
        unit="frame",
        disable=not progress,
    )
    first = next(iterator := iter(images))
    repeat = {"loop": 0} if loop else {}
    with written_beside(path) as beside:
        first.save(
            beside,
            format="GIF",
            save_all=True,
            append_images=iterator,
            duration=_durations(len(epochs), fps, hold),
            optimize=False,
            disposal=1,
            **repeat,
        )


def _images(
    frames: Frames, epochs: Sequence[int], scale: float, palette: Image.Image
) -> Iterator[Image.Image]:
    """Yield the frames in order, in the colours of the palette."""
    processes = 1 if len(epochs) < _WORTH_PROCESSES else -1
    drawn = joblib.Parallel(n_jobs=processes, return_as="generator", batch_size=1)(
        joblib.delayed(_png)(frames.vega(epoch), scale) for epoch in epochs
    )
    for png in drawn:
        image = _opaque(png)
        yield image.quantize(palette=palette, dither=Image.Dither.NONE)


def _png(vega: Spec, scale: float) -> bytes:
    return vl_convert.vega_to_png(vega, scale=scale)


def _palette(frames: Frames, epochs: Sequence[int], scale: float) -> Image.Image:
    """Return an image whose palette serves all frames."""
    count = min(_PALETTE_FRAMES, len(epochs))
    positions = {round(i * (len(epochs) - 1) / max(count - 1, 1)) for i in range(count)}
    samples = [_opaque(_png(frames.vega(epochs[i]), scale)) for i in sorted(positions)]
    pixels = np.concatenate([np.asarray(sample).reshape(-1, 3) for sample in samples])
    colors, counts = np.unique(pixels, axis=0, return_counts=True)
    # The commonest colours (paper, fills, marks) are kept as they are. The others share what is
    # left by the order of their count, so that a thin line does not take the colour of the fills.
    commonest = colors[np.argsort(-counts, kind="stable")[:_EXACT_COLORS]]
    strip = np.repeat(colors, np.log2(counts + 1).astype(int) + 1, axis=0)
    rest = Image.fromarray(strip[None]).quantize(colors=256, method=Image.Quantize.MEDIANCUT)
    entries = _apart(np.concatenate([commonest, np.reshape(rest.getpalette() or [], (-1, 3))]))
    palette = Image.new("P", (1, 1))
    palette.putpalette(entries[:256].ravel().tolist())
    return palette


def _apart(colors: np.ndarray) -> np.ndarray:
    """Return the colours without those that are almost equal to an earlier one."""
    # Pillow looks a pixel's entry up by the upper six bits of each channel, so of two entries
    # closer than that the wrong one can be found.
    kept: list[np.ndarray] = []
    for color in colors.astype(int):
        if all(np.abs(color - other).max() > 4 for other in kept):
            kept.append(color)
    return np.array(kept, np.uint8)


def _opaque(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png)).convert("RGBA")
    paper = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(paper, image).convert("RGB")


def _durations(count: int, fps: float, hold: float) -> list[int]:
    """Return each frame's milliseconds: whole hundredths of a second that keep the frame rate."""
    ends = [round(100 * (frame + 1) / fps) for frame in range(count)]
    durations = [10 * (end - begin) for begin, end in zip([0, *ends], ends, strict=False)]
    durations[-1] = max(durations[-1], 10 * round(100 * hold))
    return durations
