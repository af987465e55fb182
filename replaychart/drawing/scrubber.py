"""An invisible ruler of epochs over a chart: dragging over it moves an animated chart."""

import altair as alt

from replaychart.drawing import packing
from replaychart.drawing.clock import Clock
from replaychart.drawing.epoch_axis import epoch_axis

SCRUB_FROM, SCRUB_TO = "scrub_from", "scrub_to"


def scrubber(clock: Clock) -> list[alt.Chart]:
    """Return a layer with an invisible ruler along the epoch axis; none for a single epoch.

    It belongs on top of a chart whose x axis is `epoch_axis`. In a chart that is animated, pressing
    and dragging on it shows the epoch under the pointer.

    Parameters
    ----------
    clock : Clock
        The chart's epochs.
    """
    if len(clock.epochs) == 1:
        return []
    first, last = clock.epochs[0].item(), clock.epochs[-1].item()
    along = epoch_axis(clock)
    along.shorthand = f"{SCRUB_FROM}:Q"
    ruler = alt.Chart(packing.PackedData([{SCRUB_FROM: first, SCRUB_TO: last}])).mark_rect(
        opacity=0, tooltip=None, aria=False, cursor="ew-resize"
    )
    return [ruler.encode(x=along, x2=f"{SCRUB_TO}:Q")]
