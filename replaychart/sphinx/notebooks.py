"""Charts in notebooks that myst-nb turns into pages, as Jupyter Book does.

A notebook in which `enable` was called shows its charts as pages, each with the libraries that draw
it. In a site, they become charts as those of the directive ``replaychart``, which share one copy of
the libraries, whether the site runs the notebook or uses the outputs stored in it.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from docutils import nodes

from replaychart.errors import ReplayChartError
from replaychart.export.page import chart_in
from replaychart.export.specs import ChartSpec
from replaychart.sphinx.chart_files import of_content
from replaychart.sphinx.charts import chart_node, folder

_EXTENSION = "replaychart.sphinx"
# The key of a cell's metadata with the options of its chart.
_METADATA = "replaychart"


class NotebookCharts:
    """The plugin of myst-nb, which finds it by its entry point."""

    mime_priority_overrides: ClassVar[Sequence[tuple[str, str, int | None]]] = ()

    @staticmethod
    def handle_mime(renderer: Any, data: Any, inline: bool) -> list[nodes.Element] | None:
        """Return the node of a chart, or None for an output that is something else.

        Parameters
        ----------
        renderer : myst_nb.core.render.NbElementRenderer
        data : myst_nb.core.render.MimeData
            The output of a cell. In the cell's metadata, ``replaychart`` may have the entries
            ``alt``, the alternative text, and ``epoch``, the epoch of the still.
        inline : bool
            Whether the output is part of a line of text.
        """
        env = getattr(renderer.renderer, "sphinx_env", None)
        if inline or data.mime_type != "text/html" or env is None:
            return None
        found = chart_in(data.string) if _EXTENSION in env.app.extensions else None
        if found is None:
            return None
        chart, scheme = found
        options = data.cell_metadata.get(_METADATA, {})
        try:
            files = of_content(
                folder(env), chart, epoch=options.get("epoch"), follows=scheme != "light"
            )
        except ReplayChartError as error:
            return [renderer.renderer.document.reporter.error(str(error), line=data.line)]
        return [chart_node(env, files, alt=options.get("alt") or _described(chart))]


def _described(chart: ChartSpec) -> str:
    """Return what a chart says of itself: its description, or else its title."""
    title = chart.spec.get("title", "")
    text = title.get("text", "") if isinstance(title, dict) else title
    said = chart.spec.get("description") or text
    return said if isinstance(said, str) and said else "A chart of a training run."
