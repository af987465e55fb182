"""Marks that are placed by pixels, in charts without axes."""

from typing import Any

import altair as alt


def pixels(column: str, length: float, *, down: bool = False) -> Any:
    """Return the encoding of a position that is given in pixels from the top left corner.

    Parameters
    ----------
    column : str
        The column with the positions.
    length : float
        The width or height of the chart.
    down : bool, default False
        Whether the position is vertical.
    """
    kind = alt.Y if down else alt.X
    ends = [length, 0] if down else [0, length]
    return kind(f"{column}:Q", axis=None, scale=alt.Scale(domain=ends, nice=False, zero=False))
