"""A single HTML file with the chart, its data and the libraries that draw it."""

import html
import json
from functools import cache
from pathlib import Path

import vl_convert

from replaychart.export.files import written_beside
from replaychart.export.specs import Spec

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ margin: 24px; background: #fff; color: #24292f;
  font: 14px/1.4 "Helvetica Neue", Helvetica, Arial, "Liberation Sans", sans-serif; }}
#chart {{ display: inline-flex; flex-direction: column; max-width: 100%; overflow-x: auto; }}
#chart.filling {{ display: flex; }}
#chart .vega-bindings {{ display: flex; flex-wrap: wrap; align-items: center; gap: 8px 24px;
  margin: 4px 12px 12px; }}
#chart .vega-bind {{ display: flex; align-items: center; gap: 8px; }}
#chart .vega-bind label {{ display: flex; align-items: center; gap: 8px; }}
#chart .vega-bind-name {{ display: inline-block; margin: 0; }}
#chart input[type=range] {{ width: min(420px, 50vw); accent-color: #1b6ca8; }}
#chart input[type=checkbox] {{ width: 16px; height: 16px; accent-color: #1b6ca8; }}
body #vg-tooltip-element table tr td.value {{ max-height: none; overflow-wrap: anywhere; }}
</style>
</head>
<body>
<div id="chart"{filling}></div>
<script>{libraries}</script>
<script id="spec" type="application/json">{spec}</script>
<script>
const spec = JSON.parse(document.getElementById("spec").textContent);
const options = {{mode: "vega-lite", actions: {{export: true, source: false, compiled: false,
  editor: false}}}};
vegaEmbed("#chart", spec, options).then(
  (result) => {{ window.view = result.view; }},
  (error) => {{ document.getElementById("chart").textContent = String(error); }});
</script>
</body>
</html>
"""


def write_html(spec: Spec, path: Path, *, title: str) -> None:
    """Write a page that works offline.

    Parameters
    ----------
    spec : dict
        A chart's Vega-Lite spec.
    path : pathlib.Path
        The file.
    title : str
        The page's title.
    """
    # An element that is as wide as its content cannot tell a chart how wide to be.
    filling = ' class="filling"' if spec.get("width") == "container" else ""
    page = _PAGE.format(
        title=html.escape(title),
        filling=filling,
        libraries=_libraries(),
        spec=json_for_script(spec),
    )
    with written_beside(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def json_for_script(spec: Spec) -> str:
    """Return a spec as JSON that cannot end the script element that contains it.

    Parameters
    ----------
    spec : dict
        A spec that may contain any text from an untrusted file.
    """
    text = json.dumps(spec, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _libraries() -> str:
    """Return Vega, Vega-Lite and vega-embed as one script."""
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace(
        "</script", "<\\/script"
    )
