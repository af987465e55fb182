"""The axis of charts that draw curves over the epochs."""

from typing import Any

import altair as alt

from replaychart.drawing.clock import Clock

# So many epochs have a tick each.
_FEW = 5


def epoch_axis(clock: Clock) -> alt.X:
    """Return the encoding of the epochs, whose title says what fractions of them are.

    Parameters
    ----------
    clock : Clock
        The chart's epochs.
    """
    first, last = clock.epochs[0].item(), clock.epochs[-1].item()
    ticks: dict[str, Any] = {"tickCount": 5}
    if not clock.fractional and last - first < _FEW:
        # Left to itself, an axis of few epochs counts halves of them.
        ticks = {"values": list(range(first, last + 1)), "format": "d"}
    return alt.X(
        "epoch:Q",
        title=_title(clock),
        axis=alt.Axis(labelFlush=False, **ticks),
        scale=alt.Scale(domain=[first, last if last > first else first + 1], nice=False),
    )


def _title(clock: Clock) -> str:
    if not clock.fractional:
        return "Epoch"
    return f"Epoch ({clock.batches} batches each)" if clock.batches else "Epoch, with fractions"
