"""The points, animated with plotly."""

from typing import Any

import pandas as pd


def figure(points: pd.DataFrame) -> Any:
    """Return an animated scatter plot of points in long form."""
    import plotly.express as px

    return px.scatter(
        points.astype({"target": str}),
        x="x",
        y="y",
        color="target",
        animation_frame="epoch",
        range_x=[-0.05, 1.05],
        range_y=[-0.05, 1.05],
        width=500,
        height=500,
    )
