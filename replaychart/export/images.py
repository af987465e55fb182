"""Still images: PNG, SVG and PDF."""

import re
from collections.abc import Callable
from pathlib import Path

import vl_convert

from replaychart.export.files import written_beside
from replaychart.export.specs import ChartSpec, Spec, vega_theme


def write_image(chart: ChartSpec, path: Path, *, epoch: float | None, scale: float) -> None:
    """Save one epoch to a file whose suffix is ``.png``, ``.svg`` or ``.pdf``.

    Parameters
    ----------
    chart : ChartSpec
        The chart.
    path : pathlib.Path
        The file.
    epoch : float or None
        The epoch; None for the one that the chart shows initially.
    scale : float
        Pixels per pixel of the chart (PNG) or factor for the size (PDF). Ignored for SVG.
    """
    content = _DRAWN[path.suffix.lower()](chart.still(epoch), scale)
    with written_beside(path) as temporary:
        temporary.write_bytes(content)


def _png(spec: Spec, scale: float) -> bytes:
    return vl_convert.vegalite_to_png(spec, scale=scale, theme=vega_theme(spec))


def _svg(spec: Spec, scale: float) -> bytes:  # noqa: ARG001
    return renumbered(vl_convert.vegalite_to_svg(spec, theme=vega_theme(spec))).encode()


def _pdf(spec: Spec, scale: float) -> bytes:
    return vl_convert.vegalite_to_pdf(spec, scale=scale, theme=vega_theme(spec))


_DRAWN: dict[str, Callable[[Spec, float], bytes]] = {".png": _png, ".svg": _svg, ".pdf": _pdf}


def renumbered(svg: str) -> str:
    """Return an SVG whose clip paths and gradients are numbered from 0.

    Vega numbers them across all charts that a process draws, so the same chart would result in a
    different file each time.
    """
    numbers: dict[str, str] = {}
    return re.sub(
        r'(?<=id=")(clip|gradient_)\d+(?=")|(?<=url\(#)(clip|gradient_)\d+(?=\))',
        lambda found: numbers.setdefault(found[0], f"{found[1] or found[2]}{len(numbers)}"),
        svg,
    )
