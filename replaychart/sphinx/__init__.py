"""A Sphinx extension: playing charts in the pages of a site.

Add ``"replaychart.sphinx"`` to ``extensions`` in ``conf.py``. The directive ``replaychart`` then
draws a chart: see `directive.ReplayChart`.
"""

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from replaychart.sphinx import charts
from replaychart.sphinx.directive import ReplayChart
from replaychart.version import __version__


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    # Code that runs before the code of each chart, such as imports and the opening of a recording.
    app.add_config_value("replaychart_setup", "", "env", str)
    # Epochs per second of charts that are not animated yet.
    app.add_config_value("replaychart_fps", 10, "env", (int, float))
    app.add_directive("replaychart", ReplayChart)
    app.connect("builder-inited", _add_static_files)
    charts.setup(app)
    return {"version": __version__, "parallel_read_safe": True, "parallel_write_safe": True}


def _add_static_files(app: Sphinx) -> None:
    package = Path(__file__).parents[1]
    app.config.html_static_path += map(str, (package / "sphinx/static", package / "export/scripts"))
