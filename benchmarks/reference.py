"""The workload of the benchmarks: the demo dashboard with 2,000 points and 151 epochs."""

import shutil
from functools import cache
from pathlib import Path

import pandas as pd

import replaychart as rc
from replaychart.charts.dashboard import dashboard
from replaychart.export.specs import Spec, spec_of

# The dashboard is 838 pixels wide, and its films 1,440.
SCALE = 1440 / 838


def evaluated_run() -> rc.Run:
    """Return the run of the bundled recording, with everything the dashboard needs evaluated."""
    run = rc.open_run(rc.datasets.parabola_recording())
    dashboard(run)
    return run


def without_evaluations(directory: Path) -> Path:
    """Return a copy of the bundled recording without its stored evaluations."""
    import h5py

    path = directory / "recorded.h5"
    shutil.copy(rc.datasets.parabola_recording(), path)
    with h5py.File(path, "r+") as file:
        for run in file.values():
            run.pop("evaluations", None)
    return path


@cache
def dashboard_spec() -> Spec:
    """Return the dashboard's spec."""
    return spec_of(dashboard(evaluated_run()))


@cache
def long_form() -> pd.DataFrame:
    """Return one row per point and epoch, with epoch, x, y, target and probability."""
    points = evaluated_run().points("hidden")
    return points[["epoch", "x", "y", "target", "probability"]].round(3)
