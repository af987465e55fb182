"""One line that explains the colors of all panels of a dashboard."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import altair as alt

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import IS_DARK, adaptive
from replaychart.drawing.expressions import outright
from replaychart.drawing.texts import displayed, fitted, width_of

CLASS_NUMBER = "class_number"

_APART = 18
_SYMBOL = 12
_RAMP_LENGTH, _RAMP_STEPS = 100, 25
_MOST_LINES = 3
_LONGEST_NAME = 160


@dataclasses.dataclass(frozen=True)
class Ramp:
    """A scale of colors from a low to a high number.

    Attributes
    ----------
    title, low, high : str
        What it shows, and the texts at its ends.
    light, dark : tuple of str
        The colors from low to high, on a light and on a dark background.
    """

    title: str
    low: str
    high: str
    light: tuple[str, ...]
    dark: tuple[str, ...]


@dataclasses.dataclass
class _Line:
    """What is on the lines so far: symbols, texts and pieces of ramps, each with its position."""

    width: int
    size: int
    symbols: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    texts: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    pieces: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    right: float = 0.0
    line: int = 0

    @property
    def middle(self) -> float:
        """The middle of the line in pixels."""
        return (self.line + 0.5) * round(1.5 * self.size)

    def make_room(self, pixels: float) -> None:
        """Begin a new line unless there is room on this one."""
        if self.right > 0 and self.right + pixels > self.width:
            self.right, self.line = 0.0, self.line + 1

    def write(self, shown: str) -> None:
        """Add a text."""
        self.texts.append({"x": self.right, "y": self.middle, "text": shown})
        self.right += width_of(shown, size=self.size)


def legend_line(
    *, names: Sequence[str], wrong: bool, ramp: Ramp | None, width: int, size: int
) -> alt.LayerChart | None:
    """Return the legend of a dashboard; None if there is nothing to explain.

    Parameters
    ----------
    names : sequence of str
        The names of the classes.
    wrong : bool
        Whether wrong points are ringed.
    ramp : Ramp or None
        The colors of a surface or of targets.
    width : int
        The width of the dashboard in pixels. What does not fit begins a new line.
    size : int
        The size of the texts.
    """
    line = _Line(width, size)
    _add_classes(line, names)
    if wrong:
        _add_wrong(line)
    if ramp is not None:
        _add_ramp(line, ramp)
    layers = [*_symbols(line), *_pieces(line), *_texts(line)]
    if not layers:
        return None
    return alt.LayerChart(
        layer=layers,
        width=width,
        height=(line.line + 1) * round(1.5 * size),
        view=alt.ViewBackground(stroke=None),
    )


def _add_classes(line: _Line, names: Sequence[str]) -> None:
    light, dark = (colors.class_colors(len(names), dark=dark) for dark in (False, True))
    for number, name in enumerate(names):
        shown = fitted(displayed(name), _LONGEST_NAME, size=line.size)
        left = len(names) - number
        more = f"and {left} more classes"
        needed = _SYMBOL + width_of(shown, size=line.size)
        reserved = 0.0 if left == 1 else _APART + width_of(more, size=line.size)
        if line.line == _MOST_LINES - 1 and line.right + needed + reserved > line.width:
            line.write(more)
            line.right += _APART
            return
        line.make_room(needed)
        line.symbols.append(
            {
                "x": line.right + _SYMBOL / 2 - 2,
                "y": line.middle,
                "color": light[number],
                "dark": dark[number],
                "ring": False,
                # By which `link` knows what was clicked.
                CLASS_NUMBER: number,
            }
        )
        line.right += _SYMBOL
        line.write(shown)
        line.texts[-1][CLASS_NUMBER] = number
        line.right += _APART


def _add_wrong(line: _Line) -> None:
    line.make_room(_SYMBOL + width_of("wrong", size=line.size))
    ring = {"color": colors.WRONG, "dark": colors.on_dark(colors.WRONG), "ring": True}
    line.symbols.append({"x": line.right + _SYMBOL / 2 - 2, "y": line.middle, **ring})
    line.right += _SYMBOL + 2
    line.write("wrong")
    line.right += _APART


def _add_ramp(line: _Line, ramp: Ramp) -> None:
    """Add a ramp at the right end of the line."""
    title = fitted(ramp.title, line.width / 3, size=line.size)
    texts = sum(width_of(shown, size=line.size) for shown in (title, ramp.low, ramp.high))
    needed = texts + _RAMP_LENGTH + 8 + 6 + 6
    line.make_room(needed)
    line.right = max(line.right, line.width - needed)
    line.write(title)
    line.right += 8
    line.write(ramp.low)
    line.right += 6
    piece = _RAMP_LENGTH / _RAMP_STEPS
    for step in range(_RAMP_STEPS):
        place = step / (_RAMP_STEPS - 1)
        start = line.right + step * piece
        line.pieces.append(
            {
                "x": start,
                # A little wider, so that there are no gaps between the pieces.
                "x2": start + piece + (0.5 if step < _RAMP_STEPS - 1 else 0),
                "y": line.middle - 5,
                "color": colors.ramp(ramp.light, place),
                "dark": colors.ramp(ramp.dark, place),
            }
        )
    line.right += _RAMP_LENGTH + 6
    line.write(ramp.high)


def _symbols(line: _Line) -> list[alt.Chart]:
    filled = [symbol for symbol in line.symbols if not symbol["ring"]]
    rings = [symbol for symbol in line.symbols if symbol["ring"]]
    tone = f"{IS_DARK} ? datum.dark : datum.color"
    place = {
        "x": outright(alt.XValue, "datum.x"),
        "y": outright(alt.YValue, "datum.y"),
    }
    layers = []
    if filled:
        marks = alt.Chart(packing.PackedData(filled)).mark_point(
            filled=True, size=70, opacity=1, shape="circle", tooltip=None, aria=False
        )
        layers.append(marks.encode(color=outright(alt.ColorValue, tone), **place))
    if rings:
        marks = alt.Chart(packing.PackedData(rings)).mark_point(
            filled=False, size=70, strokeWidth=2, opacity=1, tooltip=None, aria=False
        )
        layers.append(marks.encode(stroke=outright(alt.StrokeValue, tone), **place))
    return layers


def _pieces(line: _Line) -> list[alt.Chart]:
    if not line.pieces:
        return []
    marks = alt.Chart(packing.PackedData(line.pieces)).mark_rect(
        strokeWidth=0, height=10, tooltip=None, aria=False
    )
    return [
        marks.encode(
            color=outright(alt.ColorValue, f"{IS_DARK} ? datum.dark : datum.color"),
            x=outright(alt.XValue, "datum.x"),
            x2=outright(alt.X2Value, "datum.x2"),
            y=outright(alt.YValue, "datum.y"),
            y2=outright(alt.Y2Value, "datum.y + 10"),
        )
    ]


def _texts(line: _Line) -> list[alt.Chart]:
    if not line.texts:
        return []
    return [
        alt.Chart(packing.PackedData(line.texts))
        .mark_text(
            align="left",
            baseline="middle",
            color=adaptive(colors.INK),
            fontSize=line.size,
            tooltip=None,
            aria=False,
        )
        .encode(
            text=alt.Text("text:N"),
            x=outright(alt.XValue, "datum.x"),
            y=outright(alt.YValue, "datum.y"),
        )
    ]
