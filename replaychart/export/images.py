"""Stills: PNG, SVG and PDF."""

import re
from collections.abc import Callable
from pathlib import Path

import vl_convert

from replaychart.export.files import written_beside
from replaychart.export.specs import ChartSpec, Spec, vega_theme


def write_image(chart: ChartSpec, path: Path, *, epoch: float | None, scale: float) -> None:
    """Draw one epoch into a file whose suffix is ``.png``, ``.svg`` or ``.pdf``.

    Parameters
    ----------
    chart : ChartSpec
        The chart.
    path : pathlib.Path
        The file.
    epoch : float or None
        The epoch; None for the one that the chart shows at first.
    scale : float
        Pixels per pixel of the chart (PNG); the size's factor (PDF). An SVG has no pixels.
    """
    content = _DRAWN[path.suffix.lower()](chart.still(epoch), scale)
    with written_beside(path) as beside:
        beside.write_bytes(content)


def _png(spec: Spec, scale: float) -> bytes:
    return vl_convert.vegalite_to_png(spec, scale=scale, theme=vega_theme(spec))


def _svg(spec: Spec, scale: float) -> bytes:  # noqa: ARG001
    return renumbered(vl_convert.vegalite_to_svg(spec, theme=vega_theme(spec))).encode()


def _pdf(spec: Spec, scale: float) -> bytes:
    return vl_convert.vegalite_to_pdf(spec, scale=scale, theme=vega_theme(spec))


_DRAWN: dict[str, Callable[[Spec, float], bytes]] = {".png": _png, ".svg": _svg, ".pdf": _pdf}


def renumbered(svg: str) -> str:
    """Return an SVG whose clip paths and gradients are counted from 0.

    Vega counts them through all charts that a process draws, so that the same chart would give
    another file each time.
    """
    numbers: dict[str, str] = {}
    return re.sub(
        r'(?<=id=")(clip|gradient_)\d+(?=")|(?<=url\(#)(clip|gradient_)\d+(?=\))',
        lambda found: numbers.setdefault(found[0], f"{found[1] or found[2]}{len(numbers)}"),
        svg,
    )
