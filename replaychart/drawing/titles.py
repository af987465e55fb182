"""Titles that show the epoch, and checks of the arguments that all charts share."""

import re
from collections.abc import Sequence

import altair as alt
import numpy as np

from replaychart.arguments import is_number, shown
from replaychart.drawing.budget import check_max_bytes
from replaychart.drawing.clock import Clock
from replaychart.drawing.expressions import text_with_epoch
from replaychart.drawing.sizes import Width
from replaychart.drawing.texts import TITLE_SIZE, displayed, fitted, lines, width_of
from replaychart.errors import ArgumentError
from replaychart.run import Run, require_run

# A title, or its lines.
Title = str | Sequence[str]


def chart_title(title: Title | None, default: str, clock: Clock, **shown: str) -> alt.TitleParams:
    """Return a title in which ``{epoch}`` is replaced by the epoch shown.

    Parameters
    ----------
    title : str, sequence of str or None
        The user's title, or its lines; None for the default. Each line break starts a new line.
    default : str
        The default title of the chart. It may contain names from a run, which have no line breaks.
    clock : Clock
        The chart's epochs.
    **shown : str
        Expressions for other names in braces, such as ``{threshold}``.
    """
    if title is None and clock.every is not None and "{epoch}" not in default:
        # At an epoch that was left out, the chart shows an earlier one, so the title names it.
        default = f"{default} \N{MIDDLE DOT} epoch {{epoch}}"
    lines = [displayed(line) for line in ([default] if title is None else lines_of(title))]
    if not any(f"{{{name}}}" in line for line in lines for name in ("epoch", *shown)):
        return alt.TitleParams(lines[0] if len(lines) == 1 else lines)
    parts = [text_with_epoch(line, clock.text_expression(), **shown) for line in lines]
    return alt.TitleParams(alt.ExprRef(parts[0] if len(parts) == 1 else f"[{', '.join(parts)}]"))


def lines_of(title: Title) -> list[str]:
    """Return the lines of a user's title; each line break in it starts a new one.

    Raises
    ------
    ArgumentError
        It is neither a string nor a non-empty sequence of strings.
    """
    given = [title] if isinstance(title, str) else title
    if (
        not isinstance(given, Sequence)
        or not given
        or not all(isinstance(line, str) for line in given)
    ):
        message = (
            "title must be a string or a non-empty list of strings, which may contain {epoch}. "
            f"Got {shown(title)}."
        )
        raise ArgumentError(message)
    return [line for some in given for line in re.split("\r\n|\r|\n", some)]


def named_title(name: str, follows: str, width: float, *, before: str = "") -> str:
    """Return a title that contains a name, shortened to the available width.

    Parameters
    ----------
    name : str
        A name from a run.
    follows : str
        The text after the name. ``{epoch}`` in it is replaced by the epoch shown.
    width : float
        The chart's width in pixels.
    before : str, default ""
        The text before the name.
    """
    rest = width_of(before + follows.replace("{epoch}", "0000"), size=TITLE_SIZE, bold=True)
    return before + fitted(name, width - rest, size=TITLE_SIZE, bold=True) + follows


def add_subtitle(title: alt.TitleParams, text: str, width: float) -> None:
    """Add a subtitle below a title, broken into lines that fit the chart's width in pixels.

    A longer line would push neighboring charts aside.
    """
    every = [*_subtitle_lines(title), *lines(text, width)]
    title.subtitle = every[0] if len(every) == 1 else every


def level(titles: Sequence[alt.TitleParams]) -> None:
    """Give all titles the same number of lines, so that those of neighbors line up."""
    every = [_subtitle_lines(title) for title in titles]
    most = max(map(len, every))
    for title, own in zip(titles, every, strict=True):
        if len(own) < most:
            title.subtitle = [*own, *[" "] * (most - len(own))]


def _subtitle_lines(title: alt.TitleParams) -> list[str]:
    present = title._get("subtitle")
    if present is alt.Undefined:
        return []
    return [present] if isinstance(present, str) else list(present)


def note_not_finite(
    title: alt.TitleParams,
    clock: Clock,
    what: str,
    width: float,
    *values: np.ndarray | None,
    how: str = "NaN or infinite",
) -> None:
    """Add a subtitle that says at which epochs values are NaN or infinite, if there are any.

    A training run that diverged is a valid run, and its finite values are shown.

    Parameters
    ----------
    title : altair.TitleParams
        The chart's title.
    clock : Clock
        The chart's epochs.
    what : str
        The name of the values.
    width : float
        The chart's width in pixels.
    *values : numpy.ndarray or None, shape (epochs, ...)
        The values at each of the clock's epochs.
    how : str, default "NaN or infinite"
        The description of the values that are not finite.
    """
    affected = np.zeros(len(clock.epochs), dtype=bool)
    for some in values:
        if some is not None:
            affected |= ~np.isfinite(some.reshape(len(affected), -1)).all(axis=1)
    if not affected.any():
        return
    first = clock.epochs[affected.argmax()]
    if affected[affected.argmax() :].all():
        when = f"from epoch {first:g}"
    else:
        when = f"at {affected.sum()} of {len(affected)} epochs, first at {first:g}"
    add_subtitle(title, f"{what}: {how} {when}", width)


def check_chart(
    run: Run, width: Width, height: int, max_bytes: float | None, *, container: bool = True
) -> None:
    """Raise `ArgumentError` unless the run, the size in pixels and the size limit are valid.

    Parameters
    ----------
    run, width, height, max_bytes
        The arguments of a chart.
    container : bool, default True
        Whether the chart can be as wide as the element that contains it.
    """
    require_run(run)
    check_max_bytes(max_bytes)
    for argument, value in (("width", width), ("height", height)):
        fills = argument == "width" and isinstance(value, str) and value == "container"
        if fills and container:
            continue
        if not is_number(value) or not 0 < value < np.inf:
            also = " or 'container'" if argument == "width" and container else ""
            why = ": this chart cannot fill a container" if fills else ""
            message = f"{argument} must be a positive number of pixels{also}{why}. Got {value!r}."
            raise ArgumentError(message)
