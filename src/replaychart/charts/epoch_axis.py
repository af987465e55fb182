"""The axis of charts that draw curves over the epochs."""

import altair as alt

from replaychart.charts.epoch_parameter import Clock


def epoch_axis(clock: Clock) -> alt.X:
    """Return the encoding of the epochs, whose title says what fractions of them are.

    Parameters
    ----------
    clock : Clock
        The chart's epochs.
    """
    first, last = clock.epochs[0].item(), clock.epochs[-1].item()
    # Without a least step, an axis of few epochs would count halves of them.
    least = alt.Undefined if clock.fractional else 1
    return alt.X(
        "epoch:Q",
        title=_title(clock),
        axis=alt.Axis(labelFlush=False, tickCount=5, tickMinStep=least),
        scale=alt.Scale(domain=[first, last if last > first else first + 1], nice=False),
    )


def _title(clock: Clock) -> str:
    if not clock.fractional:
        return "Epoch"
    return f"Epoch ({clock.batches} batches each)" if clock.batches else "Epoch, with fractions"
