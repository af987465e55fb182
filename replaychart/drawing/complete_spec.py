"""The spec of a chart with all its data, whichever data transformer of Altair is enabled."""

from typing import Any

import altair as alt
from altair.typing import ChartType


def complete_spec(chart: ChartType, *, validate: bool = True) -> dict[str, Any]:
    """Return a chart's Vega-Lite spec, which contains every row of its data.

    The data transformer that the user enabled may put the data elsewhere: ``"json"`` writes it to a
    file, ``"vegafusion"`` keeps it in memory, and the default one limits the number of rows. A
    saved file must not depend on any of that. The user's transformer stays enabled.

    Parameters
    ----------
    chart : altair chart
        The chart.
    validate : bool, default True
        Whether to check the spec against the schema of Vega-Lite.
    """
    with alt.data_transformers.enable("default", max_rows=None):
        return chart.to_dict(validate=validate)
