"""The Altair theme ``replaychart``, for charts that are ready to be published.

It is registered when `replaychart` is imported. `save` and the demo apply it; elsewhere, enable it
with ``alt.theme.enable("replaychart")``.
"""

import altair as alt

from replaychart.drawing import colors
from replaychart.drawing.texts import AXIS_TITLE_SIZE, SMALL_SIZE, TITLE_SIZE

NAME = "replaychart"
_FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"


@alt.theme.register(NAME, enable=False)
def replaychart_theme() -> alt.theme.ThemeConfig:
    """Return the theme's configuration."""
    return {
        "config": {
            "background": "white",
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
