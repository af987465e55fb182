"""Turns charts into the panels of a dashboard, whose plots and titles line up to the pixel.

Vega-Lite places the title of a view above its highest label and starts a legend below its lowest
one, so the plots of neighbors are aligned only if their labels happen to be. A panel is its plot
and nothing else: its title is a text at a fixed distance, its labels reach into gaps of a fixed
size, and one legend line explains the colors of all panels.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import altair as alt

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive
from replaychart.drawing.texts import fitted, width_of

# Notes for which there is no room.
_DETAILS = ("background:", "first bar:")
# The distance of the title of a vertical axis from its labels: the gap between panels is narrow.
_CLOSE = 3
_WITH_LEGENDS = ("color", "fill", "stroke", "shape", "size", "opacity", "strokeDash")


@dataclasses.dataclass(frozen=True)
class Fonts:
    """The sizes of texts in pixels.

    Attributes
    ----------
    title : int
        The title of the dashboard.
    epoch : int
        The epoch in the readout.
    panel : int
        The titles of panels.
    text : int
        All other texts.
    """

    title: int
    epoch: int
    panel: int
    text: int


@dataclasses.dataclass(frozen=True)
class Panel:
    """A chart of a dashboard, with what stands above it.

    Attributes
    ----------
    chart : altair.Chart or altair.LayerChart
        The chart, whose own title is replaced.
    title : str
        The title.
    x_title, y_title : str or None
        Titles of the axes; None for no title.
    note : str
        What is written next to the title, before the notes of the chart.
    """

    chart: alt.Chart | alt.LayerChart
    title: str
    x_title: str | None = None
    y_title: str | None = None
    note: str = ""

    @property
    def has_surface(self) -> bool:
        """Whether the chart has filled contours."""
        return any(
            isinstance(view.mark, alt.MarkDef) and view.mark._get("filled") is True
            for view in _views(self.chart)
        )

    @property
    def rings_wrong_points(self) -> bool:
        """Whether wrong points have rings."""
        return any(
            isinstance(view.encoding._get("stroke"), alt.Stroke) for view in _views(self.chart)
        )

    def notes(self) -> list[str]:
        """Return the lines of the subtitle of the chart, such as where values are not finite."""
        title: Any = self.chart._get("title")
        given: Any = title._get("subtitle") if isinstance(title, alt.TitleParams) else []
        lines = [given] if isinstance(given, str) else [] if given is alt.Undefined else list(given)
        # The panel is too small for details of its background or of its bins.
        kept = [line for line in lines if not line.startswith(_DETAILS)]
        return [self.note, *kept] if self.note else kept

    def lines(self, fonts: Fonts) -> int:
        """Return how many lines of text are needed above the plot."""
        return 1 if self._note_beside_title(fonts) is not None else 1 + len(self.notes())

    def _note_beside_title(self, fonts: Fonts) -> str | None:
        """Return all notes if they fit next to the title, "" for none; None if they do not fit."""
        note = "; ".join(self.notes())
        if not note:
            return ""
        return note if width_of(note, size=fonts.text) <= self._beside(fonts) else None

    def _beside(self, fonts: Fonts) -> float:
        """Return the room next to the title in pixels."""
        used = width_of(self.title, size=fonts.panel, bold=True) + fonts.text
        return float(self.chart._get("width")) - used

    def drawn(self, fonts: Fonts, lines: int) -> alt.LayerChart:
        """Return the chart as a panel, with its title on the first of `lines` lines."""
        texts = list(self._texts(fonts, lines))
        for view in _views(self.chart):
            _adjust(view, *self._axis_titles(fonts), fonts)
        chart, options = self.chart, {}
        layers: list[Any] = [chart]
        size = {key: chart._get(key) for key in ("width", "height")}
        for key in ("title", "width", "height"):
            chart._kwds[key] = alt.Undefined
        if isinstance(chart, alt.LayerChart):
            layers = list(chart.layer)
            given = {key: chart._get(key) for key in ("resolve", "params", "data")}
            options = {key: value for key, value in given.items() if value is not alt.Undefined}
        return alt.LayerChart(layer=[*layers, *texts], **size, **options)

    def _axis_titles(self, fonts: Fonts) -> tuple[str | None, str | None]:
        """Return the titles of the axes, shortened to their lengths."""
        titles = ((self.x_title, "width"), (self.y_title, "height"))
        x_title, y_title = (
            None if title is None else fitted(title, self.chart._get(side), size=fonts.text)
            for title, side in titles
        )
        return x_title, y_title

    def _texts(self, fonts: Fonts, lines: int) -> Iterator[alt.Chart]:
        """Yield the title, and the notes next to it or below it."""
        width = float(self.chart._get("width"))
        line = round(1.25 * fonts.text)
        above = 8
        top = -above - (lines - 1) * line
        title = fitted(self.title, width, size=fonts.panel, bold=True)
        yield text(title, x=0, y=top, size=fonts.panel, color=colors.INK, fontWeight=600)
        beside = self._note_beside_title(fonts)
        if beside:
            left = width - self._beside(fonts)
            yield text(beside, x=left, y=top, size=fonts.text, color=colors.MUTED)
        elif beside is None:
            for number, note in enumerate(self.notes(), start=1):
                y = top + number * line
                shown = fitted(note, width, size=fonts.text)
                yield text(shown, x=0, y=y, size=fonts.text, color=colors.MUTED)


def text(
    shown: str | Sequence[str] | alt.ExprRef,
    *,
    x: float,
    y: float,
    size: float,
    color: str,
    align: Literal["left", "center", "right"] = "left",
    **options: Any,
) -> alt.Chart:
    """Return a text whose baseline is at a position in pixels."""
    return (
        alt.Chart(packing.PackedData([{"text": ""}]))
        .mark_text(
            text=shown,
            align=align,
            baseline="alphabetic",
            color=adaptive(color),
            fontSize=size,
            tooltip=None,
            aria=False,
            **options,
        )
        .encode(x=alt.XValue(x), y=alt.YValue(y))
    )


def _views(chart: Any) -> Iterator[alt.Chart]:
    """Yield the views with a mark."""
    if isinstance(chart, alt.LayerChart):
        for layer in chart.layer:
            yield from _views(layer)
    else:
        yield chart


def _adjust(view: alt.Chart, x_title: str | None, y_title: str | None, fonts: Fonts) -> None:
    """Leave out the legends of a view, and set the titles of its axes and the sizes of texts."""
    if isinstance(view.mark, alt.MarkDef) and view.mark._get("type") == "text":
        view.mark._kwds["fontSize"] = fonts.text
    encoding = view.encoding
    for name in _WITH_LEGENDS:
        channel = encoding._get(name)
        if isinstance(channel, (alt.Color, alt.Fill, alt.Stroke, alt.Shape, alt.Size)):
            channel._kwds["legend"] = None
    for name, title in (("x", x_title), ("y", y_title)):
        channel = encoding._get(name)
        if not isinstance(channel, (alt.X, alt.Y)) or channel._get("axis") is None:
            continue
        channel._kwds["title"] = title
        axis = channel._get("axis")
        if axis is alt.Undefined:
            axis = channel._kwds["axis"] = alt.Axis()
        axis._kwds["labelFontSize"] = axis._kwds["titleFontSize"] = fonts.text
        axis._kwds["title"] = title
        if name == "y":
            axis._kwds["titlePadding"] = _CLOSE
