"""A page of several charts that vega-embed draws, as a blog has them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert

_PAGE = """<!DOCTYPE html>
<html><body style="margin: 0">
<input id="text"><textarea id="area"></textarea><div id="editable" contenteditable>text</div>
<script>{libraries}</script>
{charts}
<div id="end" style="height: 3000px"></div>
<script>
window.views = [];
const specs = {specs};
Promise.all(specs.map((spec, i) => vegaEmbed(`#chart-${{i}}`, spec, {{actions: false}})))
  .then((all) => {{ window.views = all.map((one) => one.view); window.ready = true; }});
</script></body></html>"""


def write_plain_page(path: Path, charts: list[alt.typing.ChartType]) -> Path:
    """Write a page whose charts are in `window.views`, below fields to type in."""
    with alt.data_transformers.disable_max_rows():
        specs = [chart.to_dict() for chart in charts]
    text = _PAGE.format(
        libraries=_libraries(),
        charts="".join(f'<div id="chart-{i}"></div>' for i in range(len(charts))),
        specs=json.dumps(specs),
    )
    path.write_text(text, "utf-8")
    return path


def opened_plainly(browser: Any, path: Path) -> Any:
    """Open the page."""
    page = browser.new_page(viewport={"width": 1000, "height": 900}, offline=True)
    page.goto(path.as_uri())
    page.wait_for_function("window.ready", timeout=20_000)
    return page


@cache
def _libraries() -> str:
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return bundle.replace("</script", "<\\/script")
