"""What a run is, at a glance: a few lines of text, or a card for a notebook."""

import html
import math

import numpy as np

from replaychart.evaluation.curves import Curves
from replaychart.facts.inputs import number_of_points, shapes_text
from replaychart.facts.layers import RecordedLayer
from replaychart.storage.reader import StoredRun
from replaychart.storage.state import INTERRUPTED, UNKNOWN

# Longest lists of names that a card shows whole.
_MOST_NAMES = 12
# The drawing of the loss, in pixels, and how many of its epochs are drawn at most.
_WIDTH, _HEIGHT, _MOST_POSITIONS = 220, 64, 400

_CARD = """<div style="display: flex; flex-wrap: wrap; gap: 8px 32px; align-items: flex-start;
 font-size: 13px; line-height: 1.5">
<table style="border: 0; border-collapse: collapse; background: none">
<caption style="caption-side: top; text-align: left; font-weight: 600; font-size: 15px;
 color: inherit; padding: 0 0 4px">{name}</caption>
{rows}
</table>
{drawing}</div>"""
_ROW = (
    '<tr style="background: none"><th scope="row" style="text-align: left; font-weight: normal; '
    'opacity: .7; padding: 0 16px 0 0; vertical-align: top">{label}</th>'
    '<td style="text-align: left; padding: 0; overflow-wrap: anywhere">{value}</td></tr>'
)
_DRAWING = """<figure style="margin: 0">
<figcaption style="opacity: .7">{caption}</figcaption>
<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img"
 aria-label="{caption}" style="color: inherit; overflow: visible">
<path d="{path}" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round"/>
</svg>
</figure>
"""


def summary_rows(
    stored: StoredRun, curves: Curves, output_names: list[str], class_names: list[str]
) -> dict[str, str]:
    """Return what a run is, by label, from what was recorded and nothing else.

    Parameters
    ----------
    stored : StoredRun
        The run.
    curves : Curves
        Its curves. Only those that were logged are shown, so nothing is evaluated.
    output_names : list of str
        The names of its outputs, if it has several.
    class_names : list of str
        The names of its classes; none for a regression.
    """
    first, last = stored.epochs[0], stored.epochs[-1]
    rows = {"epochs": f"{first:g} to {last:g} ({len(stored.epochs):,} recorded)"}
    if stored.state != UNKNOWN:
        after = f" after epoch {last:g}" * (stored.state == INTERRUPTED)
        rows["state"] = f"{stored.state}{after}"
    if output_names:
        rows["outputs"] = _listed(output_names)
    rows["points"] = f"{number_of_points(stored.inputs):,}, each of {shapes_text(stored.inputs)}"
    if stored.validation is not None:
        rows["validation"] = f"{number_of_points(stored.validation.inputs):,} points"
    if class_names:
        rows["classes"] = _listed(class_names)
    rows["layers"] = _listed([f"{layer.name} {_shape(layer)}" for layer in stored.layers])
    logged = {name: curves.values(name, source="training") for name in curves.names("training")}
    rows["curves"] = _listed([f"{name} {_last(values):.4g}" for name, values in logged.items()])
    return rows


def card(rows: dict[str, str], stored: StoredRun, curves: Curves) -> str:
    """Return a run as HTML for a notebook: its name, its rows, and its logged loss as a line.

    Parameters
    ----------
    rows : dict of str to str
        As from `summary_rows`.
    stored : StoredRun
        The run.
    curves : Curves
        Its curves.
    """
    logged = "loss" in curves.names("training")
    losses = curves.values("loss", source="training") if logged else np.array([])
    return _CARD.format(
        name=html.escape(stored.name),
        rows="\n".join(
            _ROW.format(label=html.escape(label.capitalize()), value=html.escape(text))
            for label, text in rows.items()
        ),
        drawing=_drawing(stored.epochs, losses),
    )


def _shape(layer: RecordedLayer) -> str:
    """Return the shape of a layer's output, such as ``28x28x1``; ``(?)`` if it is not known."""
    if layer.output_shape is None:
        return "(?)"
    return "x".join("?" if length is None else str(length) for length in layer.output_shape)


def _listed(names: list[str]) -> str:
    if not names:
        return "none"
    left_out = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {left_out} more" if left_out > 0 else "")


def _last(values: np.ndarray) -> float:
    """Return the last value that was logged; NaN if there is none."""
    logged = values[~np.isnan(values)]
    return float(logged[-1]) if len(logged) else math.nan


def _drawing(epochs: np.ndarray, losses: np.ndarray) -> str:
    """Return the logged loss as a line; nothing if fewer than two of its values are finite."""
    finite = np.flatnonzero(np.isfinite(losses))
    if len(finite) < 2:
        return ""
    # The line needs no more positions than the drawing has pixels, but always the last one.
    kept = np.unique(np.linspace(0, len(finite) - 1, _MOST_POSITIONS).round().astype(int))
    xs, ys = epochs[finite[kept]].astype(float), losses[finite[kept]]
    across = (xs - xs[0]) / (xs[-1] - xs[0]) * _WIDTH
    down = (1 - (ys - ys.min()) / ((ys.max() - ys.min()) or 1)) * _HEIGHT
    positions = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))
    caption = f"Loss, from {ys[0]:.3g} to {ys[-1]:.3g}"
    return _DRAWING.format(caption=caption, width=_WIDTH, height=_HEIGHT, path=f"M{positions}")
