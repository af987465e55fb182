"""Time to build the charts, from DataFrames to a spec."""

import altair as alt

import replaychart as rc
from benchmarks.measuring import Result, Settings, Unit, medians
from benchmarks.reference import evaluated_run, long_form
from replaychart.charts.dashboard import dashboard
from replaychart.export.specs import spec_of


def measure(settings: Settings) -> list[Result]:
    """Build the dashboard, alternating with a scatter plot of one row per point and epoch."""
    run = evaluated_run()
    seconds = medians(
        {"ours": lambda: spec_of(dashboard(run)), "Altair in long form, points only": _long_form},
        settings.rounds(5),
    )
    return [
        Result("charts, DataFrames to spec", seconds.pop("ours"), Unit.SECONDS, "<= 1 s", seconds)
    ]


def _long_form() -> None:
    with alt.data_transformers.disable_max_rows():
        scatter().to_dict()


def scatter() -> alt.Chart:
    """Return the points, drawn as you would with Altair alone."""
    epoch = rc.epoch_param(evaluated_run())
    return (
        alt.Chart(long_form())
        .mark_circle()
        .encode(x="x", y="y", color="target:N")
        .add_params(epoch)
        .transform_filter("datum.epoch == epoch")
    )
