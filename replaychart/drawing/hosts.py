"""Web frameworks that read a chart and draw it in their own way."""

from importlib import metadata

import altair as alt

from replaychart.errors import MissingDependencyError

# Streamlit and Panel move the rows of a chart into tables of Arrow and NumPy, which distort columns
# of arrays. They leave geographic features alone, which they recognize by these entries of the
# first row. Vega-Lite looks at them only in charts with geographic channels.
UNTOUCHED = {"type": "Feature", "geometry": None}

# The data transformer of Altair that Streamlit enables while it reads a chart.
_OF_STREAMLIT = ("id", "to_arrow_dataset")
# The first version that leaves geographic features alone.
_FIRST_STREAMLIT = (1, 64)


def check_streamlit() -> None:
    """Raise `MissingDependencyError` if a Streamlit that would distort the rows reads the chart."""
    if alt.data_transformers.active not in _OF_STREAMLIT:
        return
    try:
        version = metadata.version("streamlit")
    except metadata.PackageNotFoundError:
        return
    if tuple(map(int, version.split(".")[:2])) < _FIRST_STREAMLIT:
        message = (
            "st.altair_chart needs Streamlit 1.64 or newer to draw this chart: pip install "
            f"'streamlit>=1.64'. Found {version}, in which you can show rc.page(chart).html with "
            "st.components.v1.html."
        )
        raise MissingDependencyError(message)
