"""Stills: PNG, SVG and PDF."""

from collections.abc import Callable
from pathlib import Path

import vl_convert

from replaychart.export.files import written_beside
from replaychart.export.specs import Spec, at_epoch


def write_image(spec: Spec, path: Path, *, epoch: int | None, scale: float) -> None:
    """Draw one epoch into a file whose suffix is ``.png``, ``.svg`` or ``.pdf``.

    Parameters
    ----------
    spec : dict
        A chart's Vega-Lite spec.
    path : pathlib.Path
        The file.
    epoch : int or None
        The epoch; None for the one that the chart shows at first.
    scale : float
        Pixels per pixel of the chart (PNG); the size's factor (PDF). An SVG has no pixels.
    """
    content = _DRAWN[path.suffix.lower()](at_epoch(spec, epoch), scale)
    with written_beside(path) as beside:
        beside.write_bytes(content)


def _png(spec: Spec, scale: float) -> bytes:
    return vl_convert.vegalite_to_png(spec, scale=scale)


def _svg(spec: Spec, scale: float) -> bytes:  # noqa: ARG001
    return vl_convert.vegalite_to_svg(spec).encode()


def _pdf(spec: Spec, scale: float) -> bytes:
    return vl_convert.vegalite_to_pdf(spec, scale=scale)


_DRAWN: dict[str, Callable[[Spec, float], bytes]] = {".png": _png, ".svg": _svg, ".pdf": _pdf}
