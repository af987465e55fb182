"""Charts in pages: stills that become playing charts when they are scrolled into view.

The files of all charts are kept in the folder of the doctrees. A site gets those that its pages
use, and the libraries that draw them, which a page loads once. Formats other than HTML get stills.
"""

import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.osutil import relative_uri

from replaychart.export.files import written_beside
from replaychart.sphinx.chart_files import ChartFiles, library, library_name

# In a site: the files of charts, and the libraries.
_CHARTS = "_static/replaychart"


class Chart(nodes.figure):
    """A chart, with the attributes chart (the name of its files) and alt, and maybe a caption."""


def folder(env: BuildEnvironment) -> Path:
    """Return the folder in which the files of charts are kept between builds."""
    return Path(env.doctreedir) / "replaychart"


def chart_node(env: BuildEnvironment, files: ChartFiles, *, alt: str) -> Chart:
    """Return the node of a chart, and note that the current page uses its files.

    Parameters
    ----------
    env : sphinx.environment.BuildEnvironment
    files : ChartFiles
        Existing files in the `folder`.
    alt : str
        Alternative text that describes the chart.
    """
    _used(env).setdefault(env.docname, set()).add(files.name)
    # Builders copy the images that pages are known to use.
    env.images.add_file(env.docname, str(files.still))
    return Chart("", chart=files.name, alt=alt)


def _used(env: BuildEnvironment) -> dict[str, set[str]]:
    """Return the names of the charts' files by page."""
    if not hasattr(env, "replaychart_charts"):
        env.replaychart_charts = {}  # type: ignore[attr-defined]
    return env.replaychart_charts  # type: ignore[attr-defined]


def _forget_page(app: Sphinx, env: BuildEnvironment, docname: str) -> None:  # noqa: ARG001
    _used(env).pop(docname, None)


def _merge(app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:  # noqa: ARG001
    """Take the pages that another process has read."""
    _used(env).update({name: used for name, used in _used(other).items() if name in docnames})


class Stills(SphinxPostTransform):
    """Turns charts into figures for formats in which nothing plays."""

    default_priority = 5

    def run(self, **kwargs: Any) -> None:  # noqa: ARG002
        """Replace the charts of a page."""
        builder = self.app.builder
        if builder.format == "html" and builder.name != "epub":
            return
        for node in list(self.document.findall(Chart)):
            files = ChartFiles(folder(self.env), node["chart"])
            path, about = str(files.still), files.about()
            image = nodes.image(uri=path, candidates={"*": path}, alt=node["alt"])
            image["width"] = f"{about.width}px"
            kept = {name: node[name] for name in ("ids", "names", "classes")}
            node.replace_self(nodes.figure("", image, *node.children, **kept))


def _visit(translator: Any, node: Chart) -> None:
    builder = translator.builder
    files = ChartFiles(folder(builder.env), node["chart"])
    about = files.about()
    for file in (files.script, files.picture):
        _copy(file, Path(builder.outdir) / _CHARTS / file.name)
    page = builder.get_target_uri(builder.current_docname).partition("#")[0]
    attributes = {
        "data-chart": node["chart"],
        "data-script": relative_uri(page, f"{_CHARTS}/{files.script.name}"),
        "data-library": relative_uri(page, f"_static/{library_name()}"),
        "CLASS": "replaychart follows" if about.follows else "replaychart",
    }
    still = {
        "src": relative_uri(page, f"{_CHARTS}/{files.picture.name}"),
        "alt": node["alt"],
        "width": about.width,
        "height": about.height,
        "loading": "lazy",
    }
    box = {"style": f"max-height: {node['height']}px"} if "height" in node else {}
    translator.body += [
        translator.starttag(node, "figure", **attributes),
        translator.starttag({}, "div", CLASS="replaychart-box", **box),
        translator.emptytag({}, "img", **still),
        '<div class="replaychart-live"></div></div>\n',
    ]


def _depart(translator: Any, node: Chart) -> None:
    # As a figure's, it is opened by the caption.
    translator.body.append("</figcaption></figure>\n" if len(node) else "</figure>\n")


def _copy(file: Path, copy: Path) -> None:
    """Copy a file whose name depends on its content."""
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        with written_beside(copy) as temporary:
            shutil.copyfile(file, temporary)


def _finish(app: Sphinx, error: Exception | None) -> None:
    """Write the libraries, and delete the files of charts that no page uses any more."""
    if error is not None:
        return
    used = set().union(*_used(app.env).values())
    site = Path(app.outdir) / _CHARTS
    for kept in (folder(app.env), site):
        for file in kept.glob("*"):
            if file.stem not in used:
                file.unlink()
    if site.exists():
        script = Path(app.outdir) / "_static" / library_name()
        if not script.exists():
            script.write_text(library(), "utf-8")


def setup(app: Sphinx) -> None:
    """Register the node, and what is done with it."""
    app.add_enumerable_node(Chart, "figure", html=(_visit, _depart))
    app.add_post_transform(Stills)
    app.add_js_file("replaychart-background.js")
    app.add_js_file("replaychart-fitting.js")
    app.add_js_file("replaychart-rows.js")
    app.add_js_file("replaychart-charts.js")
    app.add_css_file("replaychart-charts.css")
    app.connect("env-purge-doc", _forget_page)
    app.connect("env-merge-info", _merge)
    app.connect("build-finished", _finish)
