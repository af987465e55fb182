"""`page`: shows a chart in a notebook as its saved page."""

import dataclasses
import html
import re
from collections.abc import Sequence
from numbers import Real
from typing import cast, get_args

import vl_convert
from altair.typing import ChartType, is_chart_type

from replaychart.arguments import is_number, require_one_of, shown
from replaychart.drawing.packing import is_packed
from replaychart.errors import ArgumentError
from replaychart.export.compression import unpacked
from replaychart.export.extents import Extent
from replaychart.export.html import Scheme, page_text
from replaychart.export.specs import ChartSpec, vega_theme
from replaychart.playback.parameter import find_parameter
from replaychart.playback.story_steps import Step, story_steps

_TITLE = "ReplayChart"
_LOWEST, _HIGHEST = 50, 20_000
# The heights of what is around a chart in its page, in pixels, as in page.css.
_MARGINS = 32
_PLAYER = 52
_KEYS = 29
_INPUTS = 32
_CAPTION_LINE = 20
_CAPTION_GAP = 8
_CHARACTERS_PER_LINE = 100
_ROWS_FOR_LAYOUT = 50
# The margins beside a chart in its page, in pixels.
_BESIDE = 32
# The steps of a story are beside the chart from a width on, otherwise below it.
_STEPS_BESIDE_FROM = 1000
_WIDTH_OF_STEPS = 304
_STEP = 36
_CHARACTERS_PER_STEP_LINE = 90
# The color scheme and the spec of a page, in the attribute of its frame.
_SCHEME_IN_FRAME = re.compile(r"data-scheme=&quot;(\w+)&quot;")
_SPEC_IN_FRAME = re.compile(
    r"id=&quot;spec&quot; type=&quot;application/gzip&quot;&gt;([\w+/=]+)&lt;"
)


@dataclasses.dataclass(frozen=True, repr=False)
class Page:
    """A page with a chart, which a notebook shows in a frame.

    Attributes
    ----------
    html : str
        The page, a whole document, as `save` writes it.
    height : int
        The height in pixels at which the page shows the whole chart in its own size.
    frame : str
        The element that shows the page in another page.
    """

    html: str
    height: int
    frame: str

    def _repr_html_(self) -> str:
        """Return the page in a frame, for notebooks."""
        return self.frame

    def __repr__(self) -> str:
        """Return a short description."""
        return f"<Page: {len(self.html) / 1e6:.2f} MB, {self.height} px high>"


def page(
    chart: ChartType,
    *,
    title: str | None = None,
    description: str | None = None,
    height: float | None = None,
    theme: Scheme = "auto",
) -> Page:
    """Return the page of a chart, which plays in every notebook, without a network.

    The last expression of a cell shows it. It is the page that `save` writes, in a frame: it
    contains the libraries that draw the chart, and has the same player. Because it is ordinary
    HTML, it also plays where Altair's charts need a network or lose their controls, such as in
    exported notebooks, and in web applications::

        st.iframe(rc.page(chart).html, height=rc.page(chart).height)  # Streamlit
        pn.pane.HTML(rc.page(chart), sizing_mode="stretch_width")     # Panel

    Parameters
    ----------
    chart : altair chart
        Any Altair chart, single or composed. It plays if it was animated with `animate`.
    title : str, optional
        The name of the page for screen readers. Default: "ReplayChart".
    description : str, optional
        A caption below the chart. Blank lines separate paragraphs.
    height : float, optional
        The height of the frame in pixels, from 50 to 20,000. The chart is made smaller to fit into
        it, if necessary, or scrolls. Default: the height of the chart, which follows the width of
        the notebook.
    theme : {"auto", "light", "dark"}, default "auto"
        Whether the page is light or dark; "auto" follows the preference of the reader. A chart with
        a background or a theme of your own keeps it.

    Returns
    -------
    Page
        The page, with the attributes `html` (str, the whole document), `height` (int, in pixels)
        and `frame` (str, the element that shows the page in another one).

    Raises
    ------
    ArgumentError
        An argument is invalid.

    See Also
    --------
    enable : Shows all charts of a notebook this way.
    save : Writes the page to a file.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.animate(rc.decision_boundary(run, epochs=range(0, 151, 10)))
    >>> shown = rc.page(chart)
    >>> shown.html[:15]
    '<!DOCTYPE html>'
    """
    if not is_chart_type(chart):
        message = f"chart must be an Altair chart. Got {type(chart).__name__}."
        raise ArgumentError(message)
    for argument, value in (("title", title), ("description", description)):
        if value is not None and not isinstance(value, str):
            message = f"{argument} must be a string or None. Got {shown(value)}."
            raise ArgumentError(message)
    is_height = isinstance(height, Real) and is_number(height) and _LOWEST <= height <= _HIGHEST
    if height is not None and not is_height:
        message = (
            f"height must be a number of pixels from {_LOWEST} to {_HIGHEST:,}, or None. Got "
            f"{shown(height)}."
        )
        raise ArgumentError(message)
    require_one_of("theme", theme, get_args(Scheme))
    return page_of(ChartSpec.of(chart), title, description, height, theme)


def page_of(
    chart: ChartSpec,
    title: str | None = None,
    description: str | None = None,
    height: float | None = None,
    scheme: Scheme = "auto",
) -> Page:
    """Return the page of a chart; see `page` for the parameters."""
    name = title or _TITLE
    whole = chart.starting_at(None)
    document = page_text(whole, title=name, description=description, scheme=scheme)
    size, around = _size(chart), _around(chart, description or "")
    if height is None:
        pixels = round(size[1] + around)
        steps = story_steps(chart.spec, chart.slider)
        drawn = _drawn_height(size, fills=whole.get("width") == "container", steps=bool(steps))
        style = f"calc({around}px + {drawn}{_height_of_steps(steps)})"
    else:
        pixels = round(height)
        style = f"{pixels}px"
    frame = (
        f'<iframe srcdoc="{html.escape(document)}" title="{html.escape(name)}" '
        f"{'data-replaychart ' if height is None else ''}"
        f'style="display: block; border: 0; width: 100%; height: {style}"></iframe>'
    )
    # The unit cqw is the width of the container, so that the height is right before the page is
    # drawn, and where its script has no access to the frame.
    container = f'<div style="width: 100%; container-type: inline-size">{frame}</div>'
    return Page(document, pixels, container)


def chart_in(frame: str) -> tuple[ChartSpec, Scheme] | None:
    """Return the chart of a page and its scheme, given the page's frame; None for other HTML.

    Parameters
    ----------
    frame : str
        The attribute ``frame`` of a page, maybe of an earlier version.
    """
    packed, scheme = _SPEC_IN_FRAME.search(frame), _SCHEME_IN_FRAME.search(frame)
    if packed is None or scheme is None:
        return None
    spec = unpacked(packed[1])
    return ChartSpec(spec, find_parameter(spec)), cast("Scheme", scheme[1])


def _size(chart: ChartSpec) -> tuple[float, float]:
    """Return the width and the height of a chart at the epoch that it shows initially.

    Axes have fixed domains, so that a few rows of large datasets give the same layout as all.
    """
    spec = chart.still(None)
    few = {
        name: rows[:_ROWS_FOR_LAYOUT] if is_packed(name) else rows
        for name, rows in spec.get("datasets", {}).items()
    }
    vega = vl_convert.vegalite_to_vega({**spec, "datasets": few}, theme=vega_theme(chart.spec))
    return Extent.of(vl_convert.vega_to_scenegraph(vega)).size


def _drawn_height(size: tuple[float, float], *, fills: bool, steps: bool) -> str:
    """Return the height of a chart in CSS: it shrinks if there is less room than its width."""
    width, height = size
    if fills:
        return f"{height:.0f}px"
    beside = f"{_BESIDE}px"
    if steps:
        # A step function of the width.
        above = f"(100cqw - {_STEPS_BESIDE_FROM - 1}px) * 9999"
        beside += f" - clamp(0px, {above}, {_WIDTH_OF_STEPS}px)"
    return f"min({height:.0f}px, (100cqw - {beside}) * {height / width:.4f})"


def _height_of_steps(steps: Sequence[Step]) -> str:
    """Return what is added in CSS for the list of a story's steps, if it is below the chart."""
    if not steps:
        return ""
    lines = sum(
        1 + len(line) // _CHARACTERS_PER_STEP_LINE
        for step in steps
        for line in step.text.splitlines()
    )
    height = _CAPTION_GAP + len(steps) * _STEP + lines * _CAPTION_LINE
    return f" + clamp(0px, ({_STEPS_BESIDE_FROM}px - 100cqw) * 9999, {height}px)"


def _around(chart: ChartSpec, description: str) -> int:
    """Return the height of everything in a page but the chart."""
    parameters = chart.spec.get("params", [])
    names = {one["name"] for one in parameters}
    bound = [one for one in parameters if "bind" in one]
    own = {"epoch", "snapshot", "playing", "speed", "loop"}
    height = _MARGINS
    if chart.slider is not None:
        height += _PLAYER + (_KEYS if "playing" in names else 0)
    height += _INPUTS * any(one["name"] not in own for one in bound)
    for paragraph in filter(str.strip, description.split("\n\n")):
        height += _CAPTION_GAP + _CAPTION_LINE * (1 + len(paragraph) // _CHARACTERS_PER_LINE)
    return height
