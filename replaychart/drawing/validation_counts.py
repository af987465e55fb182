"""The distribution of the validation points, as an outline over the bars of the other points."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import altair as alt
import pandas as pd

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive
from replaychart.drawing.clock import Clock
from replaychart.drawing.count_axes import CountAxes
from replaychart.drawing.sizes import Width, width_for_texts
from replaychart.drawing.titles import add_subtitle

_BINS = ["epoch", "bin_start", "bin_end"]


class Outline(NamedTuple):
    """The counts of validation points, in the bins of the others.

    Attributes
    ----------
    counts : pandas.DataFrame
        One row per epoch and bin: ``epoch``, ``bin_start``, ``bin_end`` and ``count``, multiplied
        so that there are as many points as bars count.
    scaled : bool
        Whether this changed the counts.
    side : {1, -1}, default 1
        -1 for an outline that hangs down.
    """

    counts: pd.DataFrame
    scaled: bool
    side: int = 1

    @classmethod
    def of(cls, frame: pd.DataFrame, *, count: int, like: int, side: int = 1) -> "Outline | None":
        """Return the outline of a frame of counts, None if it counts nothing.

        Parameters
        ----------
        frame : pandas.DataFrame
            Any number of rows per epoch and bin, which are added up.
        count : int
            How many values are counted at each epoch.
        like : int
            How many the bars count.
        side : {1, -1}, default 1
            See `Outline`.
        """
        if not count:
            return None
        counts = frame.groupby(_BINS, as_index=False)[["count"]].sum()
        return cls(counts.assign(count=counts["count"] * (like / count)), count != like, side)

    def layer(self, clock: Clock, axes: CountAxes) -> alt.Chart:
        """Return the outline, with the axes of the bars."""
        first = self.counts[self.counts["epoch"] == clock.epochs[0]]
        edges = [*first["bin_start"], first["bin_end"].iloc[-1]]
        heights = self.counts["count"].to_numpy().reshape(len(clock.epochs), -1) * self.side
        # It begins and ends at 0, at the outer edges.
        steps = [[packing.shortened(one) for one in of_bin] for of_bin in heights.T]
        flat = [0.0] * len(clock.epochs)
        constant: dict[str, list[Any]] = {
            "bin_start": list(map(packing.shortened, [edges[0], *edges])),
            "order": list(range(len(edges) + 1)),
        }
        rows = packing.by_epoch(clock, constant, {"height": [flat, *steps, flat]})
        return (
            alt.Chart(packing.PackedData(rows))
            .transform_calculate(height=packing.entry("height", clock))
            .mark_line(
                interpolate="step-after",
                strokeWidth=1.4,
                color=adaptive(colors.INK),
                tooltip=None,
                aria=False,
            )
            .encode(x=axes.x(), y=axes.y(), order=alt.Order("order:Q"))
        )


def highest_outline(outlines: Sequence[Outline | None]) -> int:
    """Return how far outlines reach, 0 if there are none."""
    return max((math.ceil(one.counts["count"].max()) for one in outlines if one), default=0)


def note_outline(title: alt.TitleParams, outline: Outline, width: Width) -> None:
    """Say in the subtitle of a chart what its outline is."""
    how = ", scaled" if outline.scaled else ""
    add_subtitle(title, f"outline: validation{how}", width_for_texts(width))
