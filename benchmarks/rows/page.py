"""Size of an HTML page, without the libraries."""

import json

import altair as alt

import replaychart as rc
from benchmarks.measuring import Missing, Result, Settings, Unit
from benchmarks.reference import evaluated_run, long_form
from benchmarks.rows.building import scatter
from replaychart.charts.dashboard import dashboard


def measure(settings: Settings) -> list[Result]:
    """Compare the dashboard's page with pages by other libraries that show only its points."""
    paths = [
        rc.save(chart, settings.directory / name)
        for name, chart in (("a.html", dashboard(evaluated_run())), ("b.html", _empty()))
    ]
    ours, libraries = (path.stat().st_size for path in paths)
    with alt.data_transformers.disable_max_rows():
        altair = len(json.dumps(scatter().to_dict()))
    others = {"Altair in long form, points only": altair / 1e6}
    for name, size in (("plotly", _plotly), ("matplotlib to_jshtml", _matplotlib)):
        try:
            others[f"{name}, points only"] = size(settings) / 1e6
        except ImportError as error:
            raise Missing(f"pip install '.[benchmarks]' ({error})") from error
    goal = "<= 5 MB and <= 1/5 of long form"
    return [Result("HTML of the dashboard", (ours - libraries) / 1e6, Unit.MEGABYTES, goal, others)]


def _empty() -> alt.Chart:
    return alt.Chart(alt.Data(values=[{}])).mark_point()


def _plotly(_: Settings) -> int:
    from benchmarks.others.plotly_points import figure

    return len(figure(long_form()).to_html(include_plotlyjs=False))


def _matplotlib(settings: Settings) -> float:
    """Estimate the size for all epochs from every tenth, because all of them take a minute."""
    from benchmarks.others.matplotlib_dashboard import points_as_page

    stride = 50 if settings.quick else 10
    frame = long_form()
    shown = frame["epoch"].unique()[::stride]
    return len(points_as_page(frame, shown)) * frame["epoch"].nunique() / len(shown)
