"""The epoch axis of charts that draw curves over the epochs."""

from typing import Any

import altair as alt

from replaychart.drawing.clock import Clock

# If the epochs span less than this, the axis has a tick for every epoch.
_FEW = 5


def epoch_axis(clock: Clock) -> alt.X:
    """Return the encoding of the epochs. The axis title explains fractional epochs.

    Parameters
    ----------
    clock : Clock
        The chart's epochs.
    """
    first, last = clock.curve_epochs[0].item(), clock.curve_epochs[-1].item()
    if clock.newest is not None and clock.newest.planned is not None:
        last = max(last, clock.newest.planned)
    ticks: dict[str, Any] = {"tickCount": 5}
    if not clock.fractional and last - first < _FEW:
        # By default, an axis with few epochs would have ticks at fractions.
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
    return f"Epoch ({clock.batches} batches each)" if clock.batches else "Epoch (fractional)"
