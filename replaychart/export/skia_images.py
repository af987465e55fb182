"""Draws display lists with Skia, and their texts as vl-convert draws them."""

import functools
import html
import json
import math
import re
from typing import Any, NamedTuple

import numpy as np
import vl_convert
from PIL import ImageColor

from replaychart.export.painting import opened
from replaychart.export.vega_view import CannotStep, DisplayList

# The operations and the verbs of paths, as in `scripts/display-list.js`.
_SAVE, _RESTORE, _CLIP, _PATH, _CIRCLE, _TEXT = range(6)
_MOVE, _LINE, _QUAD, _CUBIC, _CLOSE = range(5)

# How many images of texts are kept.
_TEXTS = 1000

_RGBA = re.compile(r"rgba\((\d+), *(\d+), *(\d+), *([\d.]+)\)")
_FONT = re.compile(
    r"(?:(?P<style>italic|oblique|normal) )?(?:(?P<variant>small-caps) )?"
    r"(?:(?P<weight>\w+) )?(?P<size>[\d.]+)px (?P<family>.+)"
)
_ANCHORS = {"left": "start", "start": "start", "center": "middle", "right": "end", "end": "end"}


class _TextStyle(NamedTuple):
    """How a text is drawn; with a width, it is its outline."""

    color: str
    alpha: float
    font: str
    align: str
    width: float | None = None
    join: str = ""
    limit: float = 0

    def painted(self) -> str:
        """Return the attributes in SVG that paint it white."""
        if self.width is None:
            return 'fill="#fff"'
        return (
            f'fill="none" stroke="#fff" stroke-width="{self.width}" '
            f'stroke-linejoin="{self.join}" stroke-miterlimit="{self.limit}"'
        )


class SkiaImages:
    """Draws display lists of one view on top of the same image.

    Parameters
    ----------
    below : numpy.ndarray of uint8, shape (height, width, 4)
        The image, which is not transparent anywhere.
    """

    def __init__(self, below: np.ndarray) -> None:
        self._below = below
        self._styles: dict[int, Any] = {}
        # Most texts stay the same from epoch to epoch.
        self._text = functools.lru_cache(_TEXTS)(_text)

    def drawn(self, shown: DisplayList) -> np.ndarray:
        """Return the image of a display list, with the shape of the image below.

        Raises
        ------
        CannotStep
            A color or a font is written in a way that is not supported.
        """
        import skia

        pixels = self._below.copy()
        height, width, _ = pixels.shape
        info = skia.ImageInfo.Make(width, height, skia.kRGBA_8888_ColorType, skia.kPremul_AlphaType)
        surface = skia.Surface.MakeRasterDirect(info, pixels)
        self._draw(surface.getCanvas(), shown)
        return pixels

    def _draw(self, canvas: Any, shown: DisplayList) -> None:
        numbers, end, at = shown.numbers, len(shown.numbers), 0
        while at < end:
            operation = numbers[at]
            if operation == _CIRCLE:
                style, x, y, radius = numbers[at + 1 : at + 5]
                canvas.drawCircle(x, y, radius, self._paint(style, shown.texts))
                at += 5
            elif operation == _PATH:
                first = at + 3
                at = first + int(numbers[at + 2])
                path = _path(numbers, first, at)
                canvas.drawPath(path, self._paint(numbers[first - 2], shown.texts))
            elif operation == _CLIP:
                first = at + 2
                at = first + int(numbers[at + 1])
                canvas.clipPath(_path(numbers, first, at), doAntiAlias=True)
            elif operation == _TEXT:
                style, text, *place = numbers[at + 1 : at + 11]
                self._draw_text(canvas, shown.texts, int(style), int(text), place)
                at += 11
            elif operation == _SAVE:
                canvas.save()
                at += 1
            else:
                canvas.restore()
                at += 1

    def _paint(self, number: float, texts: list[str]) -> Any:
        paint = self._styles.get(int(number))
        if paint is None:
            paint = self._styles[int(number)] = _paint(json.loads(texts[int(number)]))
        return paint

    def _draw_text(
        self, canvas: Any, texts: list[str], style: int, text: int, place: list[float]
    ) -> None:
        x, y, a, b, c, d, e, f = place
        left, top = a * x + c * y + e, b * x + d * y + f
        across, down = math.floor(left), math.floor(top)
        matrix = (a, b, c, d, round(left - across, 3), round(top - down, 3))
        found = self._text(texts[text], _TextStyle(*json.loads(texts[style])[2:]), matrix)
        if found is not None:
            image, dx, dy = found
            canvas.drawImage(image, across + dx, down + dy)


def _path(numbers: list[float], at: int, end: int) -> Any:
    import skia

    path = skia.Path()
    while at < end:
        verb = numbers[at]
        if verb == _LINE:
            path.lineTo(numbers[at + 1], numbers[at + 2])
            at += 3
        elif verb == _MOVE:
            path.moveTo(numbers[at + 1], numbers[at + 2])
            at += 3
        elif verb == _CUBIC:
            path.cubicTo(*numbers[at + 1 : at + 7])
            at += 7
        elif verb == _QUAD:
            path.quadTo(*numbers[at + 1 : at + 5])
            at += 5
        else:
            path.close()
            at += 1
    return path


def _paint(style: list[Any]) -> Any:
    import skia

    kind, factor, color, alpha, *stroke = style
    red, green, blue, opacity = _rgba(color)
    paint = skia.Paint(AntiAlias=True)
    paint.setColor4f(skia.Color4f(red / 255, green / 255, blue / 255, opacity * alpha))
    if kind == "stroke":
        width, cap, join, limit, dash, offset = stroke
        paint.setStyle(skia.Paint.kStroke_Style)
        paint.setStrokeWidth(width * factor)
        paint.setStrokeCap(getattr(skia.Paint, f"k{cap.title()}_Cap"))
        paint.setStrokeJoin(getattr(skia.Paint, f"k{join.title()}_Join"))
        paint.setStrokeMiter(limit)
        if dash:
            dash = dash * 2 if len(dash) % 2 else dash
            lengths = [length * factor for length in dash]
            paint.setPathEffect(skia.DashPathEffect.Make(lengths, offset * factor))
    return paint


def _rgba(color: str) -> tuple[int, int, int, float]:
    if match := _RGBA.fullmatch(color):
        return int(match[1]), int(match[2]), int(match[3]), float(match[4])
    if color == "transparent":
        return 0, 0, 0, 0.0
    try:
        red, green, blue, *alpha = ImageColor.getrgb(color)
    except ValueError as error:
        raise CannotStep(color) from error
    return red, green, blue, alpha[0] / 255 if alpha else 1.0


def _text(text: str, style: _TextStyle, place: tuple[float, ...]) -> tuple[Any, int, int] | None:
    """Return the image of a text, and its offset; None if nothing is to be seen."""
    import skia

    font = _FONT.fullmatch(style.font)
    if font is None:
        raise CannotStep(style.font)
    left, top, right, bottom = _box(text, style, float(font["size"]), place)
    names = {"style": "font-style", "variant": "font-variant", "weight": "font-weight"}
    given = [f'{names[key]}="{font[key]}"' for key in names if font[key]]
    # White on black, so that the brightness of a pixel is how much of it the letters cover.
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" '
        f'width="{right - left}" height="{bottom - top}">'
        '<rect width="100%" height="100%"/>'
        f'<g transform="translate({-left},{-top})">'
        f'<text transform="matrix({",".join(map(str, place))})" '
        f'text-anchor="{_ANCHORS[style.align]}" font-size="{font["size"]}px" '
        f'font-family="{html.escape(font["family"])}" {" ".join(given)} {style.painted()}>'
        f"{html.escape(text)}</text></g></svg>"
    )
    try:
        covered = opened(vl_convert.svg_to_png(svg)).convert("L")
    except ValueError as error:
        raise CannotStep(text) from error
    seen = covered.getbbox()
    if seen is None:
        return None
    *color, opacity = _rgba(style.color)
    alpha = np.asarray(covered.crop(seen)) * (opacity * style.alpha)
    pixels = np.empty((*alpha.shape, 4), np.uint8)
    pixels[..., :3] = color
    pixels[..., 3] = np.rint(alpha)
    return skia.Image.fromarray(pixels, skia.kRGBA_8888_ColorType), seen[0] + left, seen[1] + top


def _box(
    text: str, style: _TextStyle, size: float, place: tuple[float, ...]
) -> tuple[int, int, int, int]:
    """Return the left, top, right and bottom of a box in which a text has room."""
    a, b, c, d, e, f = place
    width = size * (1.2 * len(text) + 1) + (style.width or 0)
    before = {"start": size, "middle": width, "end": width}[_ANCHORS[style.align]]
    after = {"start": width, "middle": width, "end": size}[_ANCHORS[style.align]]
    corners = [(x, y) for x in (-before, after) for y in (-1.5 * size, size)]
    xs = [a * x + c * y + e for x, y in corners]
    ys = [b * x + d * y + f for x, y in corners]
    return math.floor(min(xs)), math.floor(min(ys)), math.ceil(max(xs)), math.ceil(max(ys))
