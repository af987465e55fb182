"""Titles and sizes of charts: checked texts, with the epoch shown in them."""

import altair as alt
import numpy as np

from replaychart.arguments import is_number
from replaychart.drawing.budget import check_max_bytes
from replaychart.drawing.clock import Clock
from replaychart.drawing.expressions import text_with_epoch
from replaychart.drawing.texts import TITLE_SIZE, displayed, fitted, lines, width_of
from replaychart.errors import ArgumentError
from replaychart.run import Run, require_run


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
    if title is None and clock.every is not None and "{epoch}" not in default:
        # Between two of the epochs that it keeps, the chart shows another one than is asked for.
        default = f"{default} \N{MIDDLE DOT} epoch {{epoch}}"
    text = displayed(default if title is None else title)
    if "{epoch}" not in text:
        return alt.TitleParams(text)
    return alt.TitleParams(alt.ExprRef(text_with_epoch(text, clock.text_expression())))


def named_title(name: str, follows: str, width: float, *, before: str = "") -> str:
    """Return a title with a name in it, shortened to what there is room for.

    Parameters
    ----------
    name : str
        A name from a run.
    follows : str
        What stands behind it. ``{epoch}`` in it is the epoch shown.
    width : float
        The chart's width in pixels.
    before : str, default ""
        What stands before it.
    """
    rest = width_of(before + follows.replace("{epoch}", "0000"), size=TITLE_SIZE, bold=True)
    return before + fitted(name, width - rest, size=TITLE_SIZE, bold=True) + follows


def add_subtitle(title: alt.TitleParams, text: str, width: float) -> None:
    """Add a text below a title, in as many lines as it takes in a chart of a width in pixels.

    A longer line would push aside what stands beside the chart.
    """
    told = title._get("subtitle")
    known = [] if told is alt.Undefined else [told] if isinstance(told, str) else list(told)
    every = known + lines(text, width)
    title.subtitle = every[0] if len(every) == 1 else every


def tell_not_finite(
    title: alt.TitleParams,
    clock: Clock,
    what: str,
    width: float,
    *values: np.ndarray | None,
    how: str = "NaN or infinite",
) -> None:
    """Say below a title at which epochs values are NaN or infinite, and nothing if none are.

    A training that diverged is a training: it is shown as far as there is something to show.

    Parameters
    ----------
    title : altair.TitleParams
        The chart's title.
    clock : Clock
        The chart's epochs.
    what : str
        What the values are.
    width : float
        The chart's width in pixels.
    *values : numpy.ndarray or None, shape (frames, ...)
        The values at each of the clock's epochs.
    how : str, default "NaN or infinite"
        What they may be.
    """
    frames = np.zeros(len(clock.epochs), dtype=bool)
    for some in values:
        if some is not None:
            frames |= ~np.isfinite(some.reshape(len(frames), -1)).all(axis=1)
    if not frames.any():
        return
    first = clock.epochs[frames.argmax()]
    if frames[frames.argmax() :].all():
        when = f"from epoch {first:g} on"
    else:
        when = f"at {frames.sum()} of {len(frames)} epochs, first at {first:g}"
    add_subtitle(title, f"{what}: {how} {when}", width)


def check_chart(run: Run, width: int, height: int, max_bytes: float | None) -> None:
    """Raise `ArgumentError` unless there is a run, sizes are numbers of pixels, and a budget."""
    require_run(run)
    check_max_bytes(max_bytes)
    for argument, value in (("width", width), ("height", height)):
        if not is_number(value) or not 0 < value < np.inf:
            message = f"{argument} must be a positive number of pixels. Got {value!r}."
            raise ArgumentError(message)
