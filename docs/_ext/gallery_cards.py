"""The pictures on the cards of the gallery: one view of an example's chart, without any text."""

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import altair as alt
from PIL import Image

import replaychart as rc
from replaychart.playback.linked_views import CONCATENATED

# In pixels. Stills have twice as many, for screens of high resolution.
WIDTH, HEIGHT = 400, 250
LOOP_FRAMES = 14
LOOP_FPS = 6
_LEGENDS = ("color", "fill", "stroke", "shape", "size", "opacity", "strokeDash", "strokeWidth")


def draw_card(
    chart: Any, still: Path, loop: Path, *, view: int, epoch: int | None, epochs: list[int]
) -> None:
    """Draw a card's still and, if the chart can play, its looping animation.

    Parameters
    ----------
    chart : altair chart
        The chart of an example.
    still, loop : pathlib.Path
        The pictures, in WebP.
    view : int
        The number of the view that the card shows, from 1, in reading order. Views that consist of
        texts do not count.
    epoch : int or None
        The epoch of the still; None for the one that the chart shows.
    epochs : list of int
        The epochs of the chart; none if it cannot play.
    """
    picture = view_of(chart, view)
    first = _drawn(picture, epoch, 1)
    scale = max(WIDTH / first.width, HEIGHT / first.height)
    _drawn(picture, epoch, 2 * scale).save(still, quality=85, method=6)
    if epochs:
        some = _loop_epochs(epochs)
        rc.save(picture, loop, epochs=some, fps=LOOP_FPS, scale=scale, progress=False)
    else:
        shutil.copy(still, loop)


def _drawn(picture: Any, epoch: int | None, scale: float) -> Image.Image:
    content = io.BytesIO()
    rc.save(picture, content, format="png", epoch=epoch, scale=scale)
    return Image.open(content).convert("RGB")


def view_of(chart: Any, number: int) -> Any:
    """Return a view of a chart as a picture, which follows the epoch as the chart does."""
    view = list(_views(chart))[number - 1]
    picture = view.copy()
    if view is not chart:
        own = [] if picture._get("params") is alt.Undefined else list(picture.params)
        picture.params = [*_variables(chart), *own]
    for layer in _units(picture):
        _leave_out_axes_and_legends(layer)
    _leave_out_texts(picture)
    picture.title = alt.Undefined
    if not any(map(_is_placed_in_pixels, _units(picture))):
        picture.width, picture.height = WIDTH, HEIGHT
    picture.view = alt.ViewConfig(stroke=None)
    return picture.properties(padding=0)


def _loop_epochs(epochs: list[int]) -> list[int]:
    """Return a subset of the epochs, denser at the start, where most of the change happens."""
    shares = [(frame / (LOOP_FRAMES - 1)) ** 1.5 for frame in range(LOOP_FRAMES)]
    return sorted({epochs[round(share * (len(epochs) - 1))] for share in shares})


def _views(chart: Any) -> Iterator[Any]:
    parts = [part for kind in CONCATENATED for part in getattr(chart, kind, None) or []]
    if parts:
        for part in parts:
            yield from _views(part)
    elif not all(_is_of(layer, "text") for layer in _units(chart)):
        yield chart


def _variables(chart: Any) -> list[alt.VariableParameter]:
    """Return the parameters of a chart; of a selection, one with which nothing is selected."""
    params = chart._get("params")
    return [
        param
        if isinstance(param, alt.VariableParameter)
        else alt.VariableParameter(name=param.name, value={})
        for param in ([] if params is alt.Undefined else params)
    ]


def _units(chart: Any) -> Iterator[Any]:
    if isinstance(chart, alt.LayerChart):
        for layer in chart.layer:
            yield from _units(layer)
    else:
        yield chart


def _is_of(layer: Any, kind: str) -> bool:
    """Return whether a view draws marks of one kind, and of no other."""
    if isinstance(layer, alt.LayerChart):
        return all(_is_of(each, kind) for each in layer.layer)
    mark = layer._get("mark")
    return kind == (mark._get("type") if isinstance(mark, alt.MarkDef) else mark)


def _is_placed_in_pixels(layer: alt.Chart) -> bool:
    """Return whether a layer would be in the wrong place if its view had another size."""
    return _is_of(layer, "image") or isinstance(layer.encoding._get("y"), alt.YValue)


def _leave_out_texts(chart: Any) -> None:
    if isinstance(chart, alt.LayerChart):
        chart.layer = [layer for layer in chart.layer if not _is_of(layer, "text")]
        for layer in chart.layer:
            _leave_out_texts(layer)


def _leave_out_axes_and_legends(layer: alt.Chart) -> None:
    for name in ("x", "y"):
        channel = layer.encoding._get(name)
        if isinstance(channel, (alt.X, alt.Y)):
            channel._kwds["axis"] = None
    for name in _LEGENDS:
        channel = layer.encoding._get(name)
        if channel is not alt.Undefined and "legend" in getattr(channel, "_kwds", {}):
            channel._kwds["legend"] = None
