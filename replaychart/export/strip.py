"""Filmstrips: several epochs side by side in one image."""

import html
import itertools
import re
from collections.abc import Sequence
from pathlib import Path

import vl_convert

from replaychart.drawing import colors
from replaychart.export.backgrounds import is_dark
from replaychart.export.files import written_beside
from replaychart.export.images import renumbered
from replaychart.export.specs import ChartSpec, Compiled, showing

_CAPTION_HEIGHT = 22


def write_strip(chart: ChartSpec, path: Path, *, epochs: Sequence[float], scale: float) -> None:
    """Save epochs side by side to a file whose suffix is ``.png``, ``.svg`` or ``.pdf``.

    Each image has its epoch below, unless the titles show it.

    Parameters
    ----------
    chart : ChartSpec
        A chart with the epoch parameter.
    path : pathlib.Path
        The file.
    epochs : sequence of float
        The epochs, from left to right.
    scale : float
        Pixels per pixel of the chart (PNG) or factor for the size (PDF). Ignored for SVG.
    """
    compiled = Compiled(chart, epochs[0])
    stills = [
        vl_convert.vega_to_svg(showing(compiled.vega, compiled.at(epoch))) for epoch in epochs
    ]
    shown = all(map(_shows, stills, epochs))
    captions = [] if shown else [f"epoch {epoch}" for epoch in epochs]
    font = chart.spec.get("config", {}).get("font", "sans-serif")
    color = colors.on_dark(colors.MUTED) if is_dark(chart.spec) else colors.MUTED
    strip = _row(stills, captions, font, color)
    suffix = path.suffix.lower()
    with written_beside(path) as temporary:
        if suffix == ".svg":
            temporary.write_text(renumbered(strip), encoding="utf-8")
        elif suffix == ".png":
            temporary.write_bytes(vl_convert.svg_to_png(strip, scale=scale))
        else:
            temporary.write_bytes(vl_convert.svg_to_pdf(strip, scale=scale))


def _shows(still: str, epoch: float) -> bool:
    """Return whether a title of an image shows its epoch."""
    titles = re.findall(r"role-title-(?:sub)?text[^>]*>(.*?)</g>", still)
    texts = [re.sub("<[^>]*>", " ", title) for title in titles]
    return any(re.search(rf"(?<!\w){epoch}(?!\w)", text) for text in texts)


def _row(stills: Sequence[str], captions: Sequence[str], font: str, color: str) -> str:
    """Return several SVGs side by side as one, each with its caption below."""
    sizes = [_size(still) for still in stills]
    lefts = [0, *itertools.accumulate(width for width, _ in sizes)]
    height = max(height for _, height in sizes)
    total = height + (_CAPTION_HEIGHT if captions else 0)
    parts = [
        f'<g transform="translate({left},0)">{_content(still)}</g>'
        for left, still in zip(lefts, stills, strict=False)
    ]
    parts += [
        f'<text text-anchor="middle" transform="translate({left + width / 2:g},{height + 8:g})" '
        f'font-family="{html.escape(font)}" font-size="12px" fill="{color}">{caption}</text>'
        for left, (width, _), caption in zip(lefts, sizes, captions, strict=False)
    ]
    paper = re.search(r'<rect [^>]*fill="([^"]*)"', stills[0])
    sheet = (
        f'<rect width="{lefts[-1]:g}" height="{total:g}" fill="{paper[1] if paper else "none"}"/>'
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'version="1.1" class="marks" width="{lefts[-1]:g}" height="{total:g}" '
        f'viewBox="0 0 {lefts[-1]:g} {total:g}">{sheet}{"".join(parts)}</svg>'
    )


def _size(svg: str) -> tuple[float, float]:
    head = svg[: svg.index(">")]
    width, height = (re.search(rf' {name}="([\d.]+)"', head) for name in ("width", "height"))
    return (float(width[1]), float(height[1])) if width and height else (0.0, 0.0)


def _content(svg: str) -> str:
    return svg[svg.index(">") + 1 : svg.rindex("</svg>")]
