"""The background on which a chart is drawn, and the colors that it leads to."""

from typing import Any

import altair as alt
import vl_convert
from altair.typing import ChartType
from PIL import ImageColor

from replaychart.drawing.backgrounds import BRIGHTEST_DARK, IS_DARK
from replaychart.drawing.colors import luminance

Spec = dict[str, Any]


def has_background(spec: Spec) -> bool:
    """Return whether a spec's own background is a color, not transparent."""
    return "background" not in spec or _rgb(spec["background"]) is not None


def has_dark_background(chart: ChartType) -> bool | None:
    """Return whether a chart's own background is dark, None if the theme decides."""
    config = chart._get("config")
    # A configuration may be an object or a dictionary.
    set_up = config.to_dict() if isinstance(config, alt.Config) else config
    others = [set_up.get("background")] if isinstance(set_up, dict) else []
    for own in (chart._get("background"), *others):
        color = _rgb(own)
        if color is not None:
            return luminance(color) < BRIGHTEST_DARK
    return None


def with_known_background(spec: Spec) -> Spec:
    """Return a spec whose colors no longer depend on the background.

    If the background is transparent, the theme decides: who enables a dark theme and makes the
    background of the chart transparent places it on something dark.

    Parameters
    ----------
    spec : dict
        A Vega-Lite spec.
    """
    replaced = "true" if is_dark(spec) else "false"
    return {
        key: value if key == "datasets" else _replaced(value, replaced)
        for key, value in spec.items()
    }


def is_dark(spec: Spec) -> bool:
    """Return whether a chart is drawn on a dark background."""
    config = spec.get("config", {})
    theme = spec.get("usermeta", {}).get("embedOptions", {}).get("theme")
    themes: Any = vl_convert.get_themes()
    for place in (spec, config, themes.get(str(theme), {})):
        color = _rgb(place.get("background"))
        if color is not None:
            return luminance(color) < BRIGHTEST_DARK
    return False


def _rgb(color: object) -> str | None:
    """Return a color as ``#rrggbb``, None for a transparent one and for anything else."""
    try:
        red, green, blue, *alpha = ImageColor.getrgb(str(color))
    except ValueError:
        return None
    return None if alpha == [0] else f"#{red:02x}{green:02x}{blue:02x}"


def _replaced(node: Any, replaced: str) -> Any:
    if isinstance(node, dict):
        return {key: _replaced(value, replaced) for key, value in node.items()}
    if isinstance(node, list):
        return [_replaced(value, replaced) for value in node]
    return node.replace(IS_DARK, replaced) if isinstance(node, str) else node
