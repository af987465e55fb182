"""`enable`: sets up a notebook."""

import importlib.util
from typing import Any, Literal, get_args

import altair as alt

from replaychart.arguments import require_one_of
from replaychart.drawing.theme import DARK_NAME, NAME
from replaychart.errors import MissingDependencyError
from replaychart.export.html import Scheme
from replaychart.export.page import page_of
from replaychart.export.specs import ChartSpec, Spec
from replaychart.playback.parameter import find_parameter

Renderer = Literal["page", "jupyter", "html"]

_PAGES = "replaychart-page"
_WIDGETS = "replaychart-jupyter"


def enable(*, theme: Scheme = "auto", renderer: Renderer = "page") -> None:
    """Set up Altair for a notebook: theme, renderer, and no limit on the number of rows.

    One line at the top of a notebook. It applies to all Altair charts, your own included.

    Parameters
    ----------
    theme : {"auto", "light", "dark"}, default "auto"
        The theme of the charts: ``replaychart`` or, for "dark", ``replaychart-dark``. With
        ``renderer="page"``, "auto" follows the preference of the reader, and "light" does not.
        Elsewhere, both are the same.
    renderer : {"page", "jupyter", "html"}, default "page"
        How a notebook shows a chart.

        "page" shows it as `page` does: offline, with a player, in every notebook that shows HTML.
        Each chart takes 0.4 MB for the libraries, plus its data.

        "jupyter" is Altair's widget for Jupyter, ``alt.JupyterChart``, without a network. It needs
        ``pip install anywidget``, and a running kernel.

        "html" is Altair's default. It loads the libraries over the network.

    Raises
    ------
    ArgumentError
        An argument is invalid.
    MissingDependencyError
        anywidget is not installed, and `renderer` is "jupyter".

    See Also
    --------
    page : Shows a single chart.

    Notes
    -----
    The data transformer ``default`` is enabled with ``max_rows=None``. The settings last until you
    enable others with ``alt.theme``, ``alt.renderers`` and ``alt.data_transformers``.

    Examples
    --------
    >>> import altair as alt
    >>> import replaychart as rc
    >>> rc.enable(theme="light")
    >>> alt.theme.active
    'replaychart'

    To go back to the defaults of Altair:

    >>> parts = alt.theme, alt.renderers, alt.data_transformers
    >>> defaults = [part.enable("default") for part in parts]
    """
    require_one_of("theme", theme, get_args(Scheme))
    require_one_of("renderer", renderer, get_args(Renderer))
    if renderer == "jupyter" and importlib.util.find_spec("anywidget") is None:
        message = "renderer='jupyter' needs anywidget: pip install anywidget"
        raise MissingDependencyError(message)
    alt.theme.enable(DARK_NAME if theme == "dark" else NAME)
    alt.data_transformers.enable("default", max_rows=None)
    if renderer == "page":
        alt.renderers.register(_PAGES, _page_bundle)
        alt.renderers.enable(_PAGES, scheme=theme)
    elif renderer == "jupyter":
        alt.JupyterChart.enable_offline(offline=True)
        alt.renderers.register(_WIDGETS, _widget_bundle)
        alt.renderers.enable(_WIDGETS)
    else:
        alt.renderers.enable("html")


def _page_bundle(spec: Spec, *, scheme: Scheme = "auto", **_: Any) -> dict[str, str]:
    """Return the page of a spec by its media type, as Altair's renderers do."""
    shown = page_of(ChartSpec(spec, find_parameter(spec)), scheme=scheme)
    return {"text/html": shown.frame, "text/plain": repr(shown)}


def _widget_bundle(spec: Spec, **_: Any) -> Any:
    """Return the widget of a spec by its media type, as Altair's renderer ``jupyter`` does.

    That one makes a chart of the spec, and of this a spec again, which for a large chart takes 15
    seconds. The spec was checked when Altair made it, and the widget takes one as it is.
    """
    widget = alt.JupyterChart(chart=None)  # type: ignore[arg-type]
    widget.spec = spec
    return widget._repr_mimebundle_()
