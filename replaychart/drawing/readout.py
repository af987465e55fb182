"""The heading of a dashboard: title and subtitle, and the epoch with what was reached by then."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive
from replaychart.drawing.clock import Clock
from replaychart.drawing.expressions import text_with_epoch
from replaychart.drawing.panels import Fonts, text
from replaychart.drawing.texts import fitted, width_of

_MOST_DECIMALS = 4
# From here on, numbers are not written out.
_LARGE = 1e6
# The distance between two texts of the readout, in relation to the font size.
_APART = 1.4


def heading(
    clock: Clock,
    *,
    title: Sequence[str],
    subtitle: str,
    readings: Sequence[list[str]],
    width: int,
    fonts: Fonts,
) -> alt.LayerChart:
    """Return title and subtitle at the left, and the readout at the right.

    Parameters
    ----------
    clock : Clock
        The epochs.
    title : sequence of str
        The lines of the title, in which ``{epoch}`` is replaced by the epoch shown.
    subtitle : str
        The line below the title.
    readings : sequence of list of str
        The columns of the second line of the readout, with a text for each of the clock's epochs.
    width : int
        The width of the dashboard in pixels.
    fonts : Fonts
        The sizes of texts.
    """
    line = round(1.2 * fonts.title)
    baseline = round(0.8 * fonts.epoch)
    second = baseline + round(1.8 * fonts.text)
    layers = list(_epoch(clock, width, baseline, fonts))
    room = width - _width_of_epoch(clock, fonts) - fonts.title
    for number, given in enumerate(title):
        shown = fitted(given, room, size=fonts.title, bold=True)
        layers.append(
            text(
                _with_epoch(shown, clock),
                x=0,
                y=baseline + number * line,
                size=fonts.title,
                color=colors.INK,
                fontWeight=700,
            )
        )
    below = second + (len(title) - 1) * line
    right = float(width)
    for column in reversed(readings):
        layers.append(_reading(clock, column, right, second, fonts))
        right -= _widest(column, fonts.text, bold=True) + _APART * fonts.text
    shown = fitted(subtitle, right, size=fonts.text)
    layers.append(text(shown, x=0, y=below, size=fonts.text, color=colors.MUTED))
    return alt.LayerChart(
        layer=layers,
        width=width,
        height=below + round(0.3 * fonts.text),
        view=alt.ViewBackground(stroke=None),
    )


def _with_epoch(line: str, clock: Clock) -> str | alt.ExprRef:
    """Return a line of the title, in which ``{epoch}`` is replaced by the epoch shown."""
    if "{epoch}" not in line:
        return line
    return alt.ExprRef(text_with_epoch(line, clock.text_expression()))


def _epoch(clock: Clock, width: int, baseline: int, fonts: Fonts) -> list[alt.Chart]:
    """Return the number of the epoch, large, between what it is and the number of all epochs."""
    total = _total(clock)
    right = width - (width_of(total, size=fonts.panel) + 5 if total else 0)
    left = right - _widest(_numbers(clock), fonts.epoch, bold=True) - 7
    small: dict[str, Any] = {
        "y": baseline,
        "size": fonts.panel,
        "color": colors.MUTED,
        "align": "right",
    }
    parts = [
        text("Epoch", x=left, **small),
        text(
            alt.ExprRef(f"'' + ({clock.number_expression()})"),
            x=right,
            y=baseline,
            size=fonts.epoch,
            color=colors.INK,
            align="right",
            fontWeight=700,
        ),
    ]
    return [*parts, text(total, x=width, **small)] if total else parts


def _total(clock: Clock) -> str:
    return f"/ {clock.epochs[-1]:g}" if len(clock.epochs) > 1 else ""


def _numbers(clock: Clock) -> list[str]:
    """Return texts as wide as the numbers of the epochs."""
    digits = clock.decimals if clock.fractional else 0
    return [f"{epoch:.{digits}f}" for epoch in (clock.epochs[0], clock.epochs[-1])]


def _width_of_epoch(clock: Clock, fonts: Fonts) -> float:
    around = width_of(f"Epoch {_total(clock)}", size=fonts.panel) + 12
    return around + _widest(_numbers(clock), fonts.epoch, bold=True)


def _reading(
    clock: Clock, texts: list[str], right: float, baseline: int, fonts: Fonts
) -> alt.Chart:
    """Return a text that follows the epoch, and ends at a position in pixels."""
    rows = packing.by_epoch(clock, {"of": ["reading"]}, {"text": [texts]})
    return (
        alt.Chart(packing.PackedData(rows))
        .transform_calculate(text=packing.entry("text", clock))
        .mark_text(
            align="right",
            baseline="alphabetic",
            color=adaptive(colors.INK),
            fontSize=fonts.text,
            fontWeight=600,
            tooltip=None,
            aria=False,
        )
        .encode(text=alt.Text("text:N"), x=alt.XValue(right), y=alt.YValue(baseline))
    )


def _widest(texts: Sequence[str], size: float, *, bold: bool) -> float:
    return max(width_of(one, size=size, bold=bold) for one in texts)


def percent_texts(shares: np.ndarray, suffix: str) -> list[str]:
    """Return shares as whole percents: 100% is all of them, and 0% none.

    Parameters
    ----------
    shares : numpy.ndarray of float64, shape (epochs,)
    suffix : str
        What the shares are of.
    """
    percents = np.round(100 * shares)
    whole = np.where((shares > 0) & (shares < 1), np.clip(percents, 1, 99), percents)
    return [f"{percent:.0f}% {suffix}" for percent in whole.tolist()]


def number_texts(name: str, values: np.ndarray) -> list[str]:
    """Return numbers with their name, with as many decimals as the smallest one needs.

    The number of decimals is the same at every epoch, so that the texts do not jump.

    Parameters
    ----------
    name : str
        What the numbers are.
    values : numpy.ndarray of float64, shape (epochs,)
    """
    finite = np.abs(values[np.isfinite(values)])
    positive = finite[finite > 0]
    least = float(positive.min()) if len(positive) else 1.0
    decimals = int(np.clip(np.ceil(-np.log10(least)) + 1, 0 if least >= 100 else 2, _MOST_DECIMALS))
    return [f"{name} {_number(value, decimals)}" for value in values.tolist()]


def _number(value: float, decimals: int) -> str:
    if not np.isfinite(value):
        return "NaN"
    return f"{value:.{decimals}f}" if abs(value) < _LARGE else f"{value:.3g}"
