"""Titles and sizes of charts: checked texts, with the epoch shown in them."""

import altair as alt
import numpy as np

from replaychart.charts.epoch_parameter import Clock, require_run
from replaychart.charts.expressions import text_with_epoch
from replaychart.charts.texts import displayed
from replaychart.errors import ArgumentError
from replaychart.run import Run


def chart_title(title: str | None, default: str, clock: Clock) -> alt.TitleParams:
    """Return a title in which ``{epoch}`` is the epoch shown.

    Parameters
    ----------
    title : str or None
        What the user asked for; None for the default.
    default : str
        The chart's own title.
    clock : Clock
        The chart's epochs.
    """
    if title is not None and not isinstance(title, str):
        message = f"title must be a text, in which {{epoch}} stands for the epoch. Got {title!r}."
        raise ArgumentError(message)
    text = displayed(default if title is None else title)
    if "{epoch}" not in text:
        return alt.TitleParams(text)
    return alt.TitleParams(alt.ExprRef(text_with_epoch(text, clock.text_expression())))


def check_chart(run: Run, width: int, height: int) -> None:
    """Raise `ArgumentError` unless there is a run, and both sizes are numbers of pixels."""
    require_run(run)
    for argument, value in (("width", width), ("height", height)):
        if not isinstance(value, (int, float, np.number)) or not 0 < value < np.inf:
            message = f"{argument} must be a positive number of pixels. Got {value!r}."
            raise ArgumentError(message)
