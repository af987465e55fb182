"""Charts in pages: a still image that becomes a playing chart when it scrolls into view.

Each chart consists of two files in ``_static/charts``: a PNG, shown while the chart loads and to
readers without JavaScript, and a script that passes the Vega-Lite spec to ``playing-charts.js``.
The spec is in a script because browsers do not let a page opened from disk fetch JSON. The
libraries that draw the charts come from vl-convert and are part of the site. A page with charts
loads them once.
"""

import dataclasses
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert
from docutils import nodes
from PIL import Image
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.osutil import relative_uri

import replaychart as rc
from replaychart.playback.parameter import find_slider
from replaychart.playback.player import PLAYING

FOLDER = "_static/charts"
LIBRARY = f"_static/vega-{vl_convert.__version__}.js"
# Pixels of a still per pixel of its chart. Sharp enough on most screens, with half the bytes of 2.
STILL_SCALE = 1.5


@dataclasses.dataclass(frozen=True)
class ChartFiles:
    """The files of one chart.

    Attributes
    ----------
    folder : pathlib.Path
        The folder that contains them.
    name : str
        Their common stem, which depends on their content.
    """

    folder: Path
    name: str

    @property
    def script(self) -> Path:
        """The script with the spec."""
        return self.folder / f"{self.name}.js"

    @property
    def still(self) -> Path:
        """The image of one epoch."""
        return self.folder / f"{self.name}.png"

    def exist(self) -> bool:
        """Return whether both files exist."""
        return self.script.exists() and self.still.exists()

    def write(self, chart: Any, *, epoch: int | None) -> None:
        """Write both files. The script comes last, so its presence means the chart is complete.

        Parameters
        ----------
        chart : altair chart
            A chart that plays if it was passed through `animate`.
        epoch : int or None
            The epoch of the still. If None, the epoch that the chart shows initially.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        rc.save(chart, self.still, epoch=epoch, scale=STILL_SCALE)
        spec = _spec_text(chart)
        self.script.write_text(f'playingCharts.receive("{self.name}", {spec});\n', "utf-8")

    def size(self) -> tuple[int, int]:
        """Return the width and height of the chart in pixels."""
        with Image.open(self.still) as image:
            width, height = image.size
        return round(width / STILL_SCALE), round(height / STILL_SCALE)


def chart_files(app: Sphinx, chart: Any, *, epoch: int | None) -> ChartFiles:
    """Return the files of a chart, named after its content. Missing files are written.

    Parameters
    ----------
    app : sphinx.application.Sphinx
    chart : altair chart
    epoch : int or None
        The epoch of the still.
    """
    content = f"{rc.__version__} {STILL_SCALE} {epoch} {_spec_text(chart)}"
    name = hashlib.sha256(content.encode()).hexdigest()[:20]
    files = ChartFiles(Path(app.outdir) / FOLDER, name)
    if not files.exist():
        files.write(chart, epoch=epoch)
    return files


def playing(chart: Any, *, fps: float = 10) -> Any:
    """Return a chart that plays. A chart that plays already or has no epochs is returned as it is.

    Parameters
    ----------
    chart : altair chart
    fps : float, default 10
        Epochs per second, if the chart is not animated yet.
    """
    names = {parameter["name"] for parameter in _spec(chart).get("params", [])}
    return chart if PLAYING in names or not epochs_of(chart) else rc.animate(chart, fps=fps)


def epochs_of(chart: Any) -> list[int]:
    """Return the epochs at which a chart's slider stops, or none if it has no slider."""
    slider = find_slider(_spec(chart))
    return slider.epochs() if slider else []


def _spec(chart: Any) -> dict[str, Any]:
    with alt.data_transformers.disable_max_rows():
        return chart.to_dict(validate=False)


class PlayingChart(nodes.General, nodes.Element):
    """A chart in a page, with the attributes name, alt, width and height."""


def chart_node(env: BuildEnvironment, files: ChartFiles, *, alt_text: str) -> PlayingChart:
    """Return the node of a chart, and note that the current page uses its files.

    Parameters
    ----------
    env : sphinx.environment.BuildEnvironment
    files : ChartFiles
    alt_text : str
        Alternative text that describes the chart.
    """
    note_chart(env, files.name)
    width, height = files.size()
    return PlayingChart("", name=files.name, alt=alt_text, width=width, height=height)


def note_chart(env: BuildEnvironment, name: str) -> None:
    """Note that the current page uses the files with this name, so the build keeps them."""
    _used(env).setdefault(env.docname, set()).add(name)


def _used(env: BuildEnvironment) -> dict[str, set[str]]:
    if not hasattr(env, "playing_charts"):
        env.playing_charts = {}  # type: ignore[attr-defined]
    return env.playing_charts  # type: ignore[attr-defined]


def _spec_text(chart: Any) -> str:
    """Return a chart's spec, as `save` writes it."""
    with tempfile.TemporaryDirectory() as folder:
        text = rc.save(chart, Path(folder) / "chart.json").read_text("utf-8")
    return json.dumps(json.loads(text), separators=(",", ":"))


def _visit(translator: Any, node: PlayingChart) -> None:
    page = translator.builder.get_target_uri(translator.builder.current_docname)
    files = {
        "data-name": node["name"],
        "data-script": relative_uri(page, f"{FOLDER}/{node['name']}.js"),
        "data-library": relative_uri(page, LIBRARY),
    }
    translator.body.append(translator.starttag(node, "figure", CLASS="playing-chart", **files))
    translator.body.append(
        translator.emptytag(
            node,
            "img",
            src=relative_uri(page, f"{FOLDER}/{node['name']}.png"),
            alt=node["alt"],
            width=node["width"],
            height=node["height"],
            loading="lazy",
        )
    )
    translator.body.append('<div class="playing-chart-live"></div></figure>\n')
    raise nodes.SkipNode


def _visit_text(translator: Any, node: PlayingChart) -> None:
    translator.add_text(f"[chart: {node['alt']}]")
    raise nodes.SkipNode


def _forget_page(app: Sphinx, env: BuildEnvironment, docname: str) -> None:  # noqa: ARG001
    _used(env).pop(docname, None)


def _finish(app: Sphinx, error: Exception | None) -> None:
    """Write the libraries, and delete the files of charts that no page uses any more."""
    if error is not None or app.builder.format != "html":
        return
    library = Path(app.outdir) / LIBRARY
    if not library.exists():
        # Wrap the bundle in a function, because its short global names clash with some of Sphinx's.
        bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
        library.write_text(f"(() => {{\n{bundle}\n}})();\n", "utf-8")
    used = set().union(*_used(app.env).values())
    for file in (Path(app.outdir) / FOLDER).glob("*"):
        if file.stem not in used:
            file.unlink()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_node(PlayingChart, html=(_visit, None), text=(_visit_text, None))
    app.add_js_file("playing-charts.js")
    app.add_css_file("playing-charts.css")
    app.connect("env-purge-doc", _forget_page)
    app.connect("build-finished", _finish)
    return {"version": rc.__version__, "parallel_read_safe": False}
