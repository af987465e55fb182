"""Time to save a PNG of one epoch in a warm process."""

import replaychart as rc
from benchmarks.measuring import Result, Settings, Unit, medians
from benchmarks.reference import SCALE, evaluated_run
from replaychart.charts.dashboard import dashboard


def measure(settings: Settings) -> list[Result]:
    """Save a dashboard that is already built."""
    chart = dashboard(evaluated_run())
    path = settings.directory / "still.png"
    seconds = medians(
        {"ours": lambda: rc.save(chart, path, epoch=75, scale=SCALE)}, settings.rounds(9)
    )
    return [Result("PNG still, 1440 pixels wide", seconds["ours"], Unit.SECONDS, "<= 0.5 s")]
