"""An invisible ruler of epochs over a chart: dragging over it moves an animated chart."""

from collections.abc import Sequence

import altair as alt

from replaychart.drawing import packing
from replaychart.drawing.clock import Clock
from replaychart.drawing.epoch_axis import epoch_axis

SCRUB_FROM, SCRUB_TO = "scrub_from", "scrub_to"


def scrubber(clock: Clock, described: Sequence[str]) -> list[alt.Chart]:
    """Return a layer with an invisible ruler along the epoch axis; none for a single epoch.

    It belongs on top of a chart whose x axis is `epoch_axis`. In a chart that is animated, pressing
    and dragging on it shows the epoch under the pointer. It hides the marks below it from the
    pointer, so it has tooltips of its own, with the values at the nearest epoch.

    Parameters
    ----------
    clock : Clock
        The chart's epochs.
    described : sequence of str
        The values at each of the clock's epochs, in words.
    """
    epochs = clock.epochs.tolist()
    if len(epochs) == 1:
        return []
    borders = [epochs[0], *((clock.epochs[:-1] + clock.epochs[1:]) / 2).tolist(), epochs[-1]]
    rows = [
        {SCRUB_FROM: start, SCRUB_TO: end, "at": epoch, "values": values}
        for start, end, epoch, values in zip(
            borders[:-1], borders[1:], epochs, described, strict=True
        )
    ]
    along = epoch_axis(clock)
    along.shorthand = f"{SCRUB_FROM}:Q"
    ruler = alt.Chart(packing.PackedData(rows)).mark_rect(opacity=0, aria=False, cursor="ew-resize")
    tooltip = [alt.Tooltip("at:Q", title="Epoch"), alt.Tooltip("values:N", title="Values")]
    return [ruler.encode(x=along, x2=alt.X2(f"{SCRUB_TO}:Q"), tooltip=tooltip)]
