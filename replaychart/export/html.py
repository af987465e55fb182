"""A single HTML file with the chart, its data and the libraries that draw it.

The page, its style and its script are in the directory ``page_files``.
"""

import html
import json
import re
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from replaychart.drawing.theme import DARK_BACKGROUND, DARK_COLORS, LIGHT_BACKGROUND
from replaychart.export.bundles import embedding_script
from replaychart.export.compression import gzipped, with_steps
from replaychart.export.files import written_beside
from replaychart.export.specs import Spec
from replaychart.playback.parameter import find_slider
from replaychart.playback.story_steps import story_steps

Scheme = Literal["auto", "light", "dark"]


def write_html(spec: Spec, path: Path, *, title: str, description: str | None = None) -> None:
    """Write a page that works offline.

    Parameters
    ----------
    spec : dict
        A chart's Vega-Lite spec.
    path : pathlib.Path
        The file.
    title : str
        The page's title.
    description : str, optional
        A caption below the chart. Blank lines separate paragraphs.
    """
    page = page_text(spec, title=title, description=description)
    with written_beside(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def page_text(
    spec: Spec, *, title: str, description: str | None = None, scheme: Scheme = "auto"
) -> str:
    """Return a page that works offline.

    Parameters
    ----------
    spec : dict
        A chart's Vega-Lite spec.
    title : str
        The page's title.
    description : str, optional
        A caption below the chart. Blank lines separate paragraphs.
    scheme : {"auto", "light", "dark"}, default "auto"
        Whether the page is light or dark; "auto" follows the preference of the reader. A chart with
        a background or a theme of the user's own keeps it.
    """
    background = spec.get("config", {}).get("background")
    parts = {
        "title": html.escape(title),
        "scheme": "dark" if background == DARK_BACKGROUND else scheme,
        "style": _file("page.css"),
        "caption": _caption(description or ""),
        "steps": json_for_script(_steps(spec)),
        "libraries": _libraries(),
        "spec": gzipped(json.dumps(with_steps(spec), separators=(",", ":"))),
        "dark": json_for_script(dark_config(spec)),
        "background": _file("replaychart-background.js", folder="scripts"),
        "rows": _file("replaychart-rows.js", folder="scripts"),
        "fitting": _file("replaychart-fitting.js", folder="scripts"),
        "script": _file("page.js"),
    }
    return re.sub(r"@(\w+)@", lambda found: parts[found[1]], _file("page.html"))


def json_for_script(value: Any) -> str:
    """Return a value as JSON that cannot end the script element that contains it.

    Parameters
    ----------
    value : JSON value
        A spec that may contain any text from an untrusted file.
    """
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _caption(description: str) -> str:
    paragraphs = re.split(r"\n\s*\n", description.strip())
    texts = [html.escape(" ".join(paragraph.split())) for paragraph in paragraphs]
    return "\n".join(f'<p class="caption">{text}</p>' for text in texts if text)


def _steps(spec: Spec) -> list[dict[str, Any]]:
    """Return the steps of the chart's story, for the list in the page."""
    return [
        {"epoch": f"{step.epoch:g}", "setting": step.setting, "text": step.text}
        for step in story_steps(spec, find_slider(spec))
    ]


def dark_config(spec: Spec) -> Any:
    """Return the colors of the chart for readers who prefer dark pages; None to leave them.

    A chart with a background or a theme of the user's own stays as it is.
    """
    ours = spec.get("config", {}).get("background") == LIGHT_BACKGROUND
    return DARK_COLORS if ours and "background" not in spec else None


@cache
def _file(name: str, *, folder: str = "page_files") -> str:
    return (resources.files("replaychart.export") / folder / name).read_text(encoding="utf-8")


@cache
def _libraries() -> str:
    """Return Vega, Vega-Lite and vega-embed as one script, compressed."""
    return gzipped(embedding_script())
