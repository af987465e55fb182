"""The Altair themes ``replaychart`` and ``replaychart-dark``: charts ready to be published.

They are registered when `replaychart` is imported. `save` and the demo apply the first; elsewhere,
enable one of them with ``alt.theme.enable("replaychart")``.
"""

from typing import Any

import altair as alt

from replaychart.drawing import colors
from replaychart.drawing.texts import AXIS_TITLE_SIZE, SMALL_SIZE, TITLE_SIZE

NAME = "replaychart"
DARK_NAME = "replaychart-dark"
LIGHT_BACKGROUND = "white"
DARK_BACKGROUND = "#22272e"
_DARK_HAIRLINE = "#4b535d"
# What differs on a dark background, by section of the configuration. Saved pages use it as well.
DARK_COLORS: dict[str, Any] = {
    "background": DARK_BACKGROUND,
    "view": {"stroke": _DARK_HAIRLINE},
    "title": {"color": colors.DARK_INK, "subtitleColor": colors.DARK_MUTED},
    "axis": {
        "labelColor": colors.DARK_MUTED,
        "tickColor": _DARK_HAIRLINE,
        "titleColor": colors.DARK_INK,
    },
    "legend": {"labelColor": colors.DARK_INK, "titleColor": colors.DARK_INK},
    "text": {"color": colors.DARK_INK},
}
_FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"


@alt.theme.register(NAME, enable=False)
def replaychart_theme() -> alt.theme.ThemeConfig:
    """Return the theme's configuration."""
    return {
        "config": {
            "background": LIGHT_BACKGROUND,
            "font": _FONT,
            "padding": 12,
            "view": {
                "stroke": colors.HAIRLINE,
                "continuousWidth": 400,
                "continuousHeight": 400,
            },
            "title": {
                "color": colors.INK,
                "fontSize": TITLE_SIZE,
                "fontWeight": 600,
                "anchor": "start",
                "frame": "group",
                "offset": 8,
                "subtitleColor": colors.MUTED,
                "subtitleFontSize": SMALL_SIZE,
            },
            "axis": {
                "domain": False,
                "grid": False,
                "labelColor": colors.MUTED,
                "labelFontSize": SMALL_SIZE,
                "labelPadding": 4,
                "tickColor": colors.HAIRLINE,
                "tickSize": 4,
                "titleColor": colors.INK,
                "titleFontSize": AXIS_TITLE_SIZE,
                "titleFontWeight": "normal",
                "titlePadding": 8,
            },
            # Labels that nearly touch would read as one number.
            "axisQuantitative": {"labelLimit": 0, "labelOverlap": True, "labelSeparation": 4},
            "legend": {
                "labelColor": colors.INK,
                "labelFontSize": SMALL_SIZE,
                "titleColor": colors.INK,
                "titleFontSize": SMALL_SIZE,
                "titleFontWeight": "normal",
            },
            "concat": {"spacing": 18},
            "range": {"category": list(colors.CLASSES)},
        }
    }


@alt.theme.register(DARK_NAME, enable=False)
def replaychart_dark_theme() -> alt.theme.ThemeConfig:
    """Return the configuration of the dark theme."""
    config: Any = {**replaychart_theme()["config"]}
    for section, changed in DARK_COLORS.items():
        own = config.get(section)
        config[section] = {**(own or {}), **changed} if isinstance(changed, dict) else changed
    return {"config": config}
