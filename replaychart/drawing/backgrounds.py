"""Colors that stay readable on a light and on a dark background.

A chart does not know on which background it will be drawn: that is up to the theme at that time.
Each color is therefore an expression, which chooses between two colors by the background of the
chart. `save` knows the background and resolves these expressions, see `export.backgrounds`.
"""

from collections.abc import Iterable, Mapping

import altair as alt

from replaychart.drawing.colors import on_dark
from replaychart.drawing.expressions import literal

# The luminance from which on black has more contrast than white. Vega has a signal `background`.
BRIGHTEST_DARK = 0.18
IS_DARK = f"luminance(background) < {BRIGHTEST_DARK}"


def adaptive(color: str, dark: str | None = None) -> alt.ExprRef:
    """Return a color for light backgrounds as one that adapts to the background.

    Parameters
    ----------
    color : str
        The color on a light background, as ``#rrggbb``.
    dark : str, optional
        The color on a dark background. Default: a lighter version of the same color.
    """
    return alt.ExprRef(adaptive_expression(color, dark))


def adaptive_expression(color: str, dark: str | None = None) -> str:
    """Return the expression for a color that adapts to the background; see `adaptive`."""
    return f"({IS_DARK} ? {literal(dark or on_dark(color))} : {literal(color)})"


def adaptive_range(colors: Iterable[str], dark: Iterable[str] | None = None) -> list[alt.ExprRef]:
    """Return the range of a scale of colors, each of which adapts to the background."""
    light = list(colors)
    others = [on_dark(color) for color in light] if dark is None else list(dark)
    return [adaptive(color, other) for color, other in zip(light, others, strict=True)]


def adaptive_column(column: str, dark: Mapping[str, str]) -> str:
    """Return the expression for a column of colors that adapt to the background.

    Parameters
    ----------
    column : str
        The expression for the color on a light background, such as ``datum.color``.
    dark : mapping of str to str
        The color on a dark background for each color in the column.
    """
    return f"({IS_DARK} ? {literal(dict(dark))}[{column}] : {column})"
