"""`story`: captions that appear with their epochs."""

from collections.abc import Mapping
from typing import Any, Literal

import altair as alt
import numpy as np
from altair.typing import ChartType, is_chart_type

from replaychart.arguments import is_number, require_one_of, shown
from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive
from replaychart.drawing.complete_spec import complete_spec
from replaychart.drawing.epoch_parameter import NAME
from replaychart.drawing.texts import AXIS_TITLE_SIZE, lines
from replaychart.errors import ArgumentError
from replaychart.playback.parameter import EpochSlider, find_slider
from replaychart.playback.story_steps import FROM, PAUSE, TEXT, UNTIL

SIZE = AXIS_TITLE_SIZE + 2
_LINE_HEIGHT, _MARGIN = 20, 8
_NARROWEST = 100
_LONGEST_PAUSE = 60


def story(
    chart: ChartType,
    captions: Mapping[float, str],
    *,
    position: Literal["above", "below"] = "above",
    width: float = 400,
    pause: float = 2.0,
) -> alt.VConcatChart:
    """Return a chart with a caption that changes with the epoch.

    Each caption appears at its epoch and stays until the next one. Captions are part of the chart,
    so they are in pages, stills, filmstrips and films. The room for the longest one is kept free,
    so that nothing moves.

    A saved page also lists the captions as steps, beside the chart or below it. The step shown is
    marked, and a click, or Tab and Enter, moves the chart to a step. Saved as ``.md``, the story is
    the text of a post with one image for each step.

    Parameters
    ----------
    chart : altair chart
        Any chart with the ``epoch`` slider, single or composed.
    captions : mapping of float to str
        The caption from each epoch on. An epoch between two stops of the slider counts as the
        first stop after it. Each line break in a caption starts a new line. `key_epochs` proposes
        captions.
    position : {"above", "below"}, default "above"
        Whether the caption is above or below the chart. Legends that several charts share are
        below the caption in any case.
    width : float, default 400
        Width of the caption in pixels, at least 100. Longer captions are broken into lines.
    pause : float, default 2.0
        How long playing stops where a caption appears, in seconds, from 0 to 60: in animated
        charts, GIF, WebP and videos.

    Returns
    -------
    altair.VConcatChart
        The chart and its caption, which you can play, save and compose as usual.

    Raises
    ------
    ArgumentError
        The chart has no ``epoch`` slider, `captions` is not a mapping of epochs of the chart to
        strings, or another argument is invalid.

    See Also
    --------
    key_epochs : epochs at which much changes, with a sentence each.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> captions = {0: "Random weights.", 40: "A line, then a bend.", 100: "The classes are apart."}
    >>> told = rc.story(rc.decision_boundary(run), captions)
    >>> page = rc.save(rc.animate(told), "story.html")
    >>> post = rc.save(told, "story.md")
    """
    if not is_chart_type(chart):
        message = f"chart must be an Altair chart. Got {type(chart).__name__}."
        raise ArgumentError(message)
    require_one_of("position", position, ["above", "below"])
    if not is_number(width) or not _NARROWEST <= width < np.inf:
        message = f"width must be at least {_NARROWEST} pixels. Got {shown(width)}."
        raise ArgumentError(message)
    if not is_number(pause) or not 0 <= pause <= _LONGEST_PAUSE:
        message = f"pause must be from 0 to {_LONGEST_PAUSE} seconds. Got {shown(pause)}."
        raise ArgumentError(message)
    slider = find_slider(complete_spec(chart, validate=False))
    if slider is None:
        message = (
            f"chart must have the {NAME!r} parameter with a slider, as ReplayChart's charts of "
            "several epochs do. Got a chart without it."
        )
        raise ArgumentError(message)
    caption = _caption(_checked(captions, slider), width, float(pause))
    parts = [chart, caption] if position == "below" else [caption, chart]
    return alt.vconcat(*parts)


def _checked(captions: Mapping[float, str], slider: EpochSlider) -> dict[float, str]:
    """Return captions by epoch, in ascending order."""
    message = (
        "captions must be a mapping of epochs of the chart, from "
        f"{slider.first:g} to {slider.last:g}, to strings. Got {shown(captions)}."
    )
    if not isinstance(captions, Mapping) or not captions:
        raise ArgumentError(message)
    for epoch, text in captions.items():
        in_range = is_number(epoch) and slider.first <= float(epoch) <= slider.last
        if not in_range or not isinstance(text, str):
            raise ArgumentError(message)
    return {float(epoch): captions[epoch] for epoch in sorted(captions)}


def _caption(captions: Mapping[float, str], width: float, pause: float) -> alt.Chart:
    """Return the caption of the epoch shown, in a view with room for the longest."""
    broken = [
        [line for part in text.splitlines() or [""] for line in lines(part, width, size=SIZE)]
        for text in captions.values()
    ]
    starts = list(captions)
    rows: list[dict[str, Any]] = [
        {FROM: start, UNTIL: end, "caption": "\n".join(drawn), TEXT: text, PAUSE: pause}
        for start, end, drawn, text in zip(
            starts, [*starts[1:], None], broken, captions.values(), strict=True
        )
    ]
    return (
        alt.Chart(packing.PackedData(rows))
        .transform_filter(
            f"datum.{FROM} <= {NAME} && (datum.{UNTIL} === null || {NAME} < datum.{UNTIL})"
        )
        .mark_text(
            align="left",
            baseline="top",
            fontSize=SIZE,
            lineBreak="\n",
            lineHeight=_LINE_HEIGHT,
            color=adaptive(colors.INK),
            tooltip=None,
        )
        .encode(x=alt.XValue(0), y=alt.YValue(_MARGIN), text=alt.Text("caption:N"))
        .properties(
            width=width,
            height=max(map(len, broken)) * _LINE_HEIGHT + 2 * _MARGIN,
            view=alt.ViewConfig(stroke=None),
        )
    )
