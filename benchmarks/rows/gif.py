"""Time and size of a GIF and of the other animation formats."""

import importlib.util
import statistics
from pathlib import Path
from typing import NamedTuple

from benchmarks.measuring import Missing, Result, Settings, Unit, in_process, seconds_of
from benchmarks.reference import evaluated_run

# Saves the dashboard in a new process, and prints the seconds and the seconds of computing that it
# takes, those of other processes included, which end first.
_SAVING = r"""
import contextlib, os, sys, time
import joblib
from joblib.externals.loky import get_reusable_executor
import replaychart as rc
from benchmarks.reference import SCALE, evaluated_run
from replaychart.charts.dashboard import dashboard

if __name__ == "__main__":
    path, count, way = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    run = evaluated_run()
    chart = dashboard(run)
    # Set up, joblib draws with vl-convert alone.
    alone = joblib.parallel_config(n_jobs=-1) if way == "alone" else contextlib.nullcontext()
    started, before = time.perf_counter(), sum(os.times()[:4])
    with alone:
        epochs = run.epochs[:: 151 // count][:count].tolist()
        rc.save(chart, path, epochs=epochs, scale=SCALE, progress=False)
    seconds = time.perf_counter() - started
    if way == "alone":
        get_reusable_executor().shutdown(wait=True)
    print(seconds, sum(os.times()[:4]) - before)
"""
_WITHOUT = "without the extra `films`"


class _Cost(NamedTuple):
    """The seconds for a frame, and the seconds of computing, of all cores together."""

    seconds: float
    computing: float


def measure(settings: Settings) -> list[Result]:
    """Save the dashboard in both ways, then the same five panels with matplotlib and Pillow."""
    try:
        from benchmarks.others.matplotlib_dashboard import dashboard_as_gif

        importlib.import_module("matplotlib")
    except ImportError as error:
        raise Missing(f"pip install '.[benchmarks]' ({error})") from error
    run = evaluated_run()
    some = run.epochs[::10].tolist()
    path = settings.directory / "matplotlib.gif"
    matplotlib = seconds_of(lambda: dashboard_as_gif(run, some, path)) / len(some)
    megabytes = path.stat().st_size / 1e6 * len(run.epochs) / len(some)
    many = 50 if settings.quick else len(run.epochs)
    results = [
        *_rows(settings, ".gif", 40, "<= 0.06 s on 2 cores", {}),
        *_rows(
            settings, ".gif", many, "<= 0.04 s on 2 cores", {"matplotlib and Pillow": matplotlib}
        ),
        _size(settings, ".gif", many, "<= 6 MB", {"matplotlib and Pillow": megabytes}),
    ]
    for suffix in (".webp", *([".mp4", ".webm"] if importlib.util.find_spec("av") else [])):
        results += _rows(settings, suffix, many, "<= 0.04 s on 2 cores", {})
        results.append(_size(settings, suffix, many, "", {}))
    return results


def _rows(
    settings: Settings, suffix: str, count: int, goal: str, others: dict[str, float]
) -> list[Result]:
    """Return the time per frame of a film with this number of frames, its start included."""
    costs: dict[str, list[_Cost]] = {"fast": [], "alone": []}
    for _ in range(settings.rounds(3)):
        for way, measured in costs.items():
            measured.append(_saved(_path(settings, suffix, count, way), count, way))
    fast, alone = (
        _Cost(*map(statistics.median, zip(*measured, strict=True))) for measured in costs.values()
    )
    what = f"{suffix}, 1440 pixels wide, {count} frames, start included"
    return [
        Result(f"{what}: time per frame", fast.seconds, Unit.SECONDS, goal,
               {_WITHOUT: alone.seconds, **others}),
        Result(f"{what}: computing per frame, all cores", fast.computing, Unit.SECONDS,
               "", {_WITHOUT: alone.computing}),
    ]  # fmt: skip


def _saved(path: Path, count: int, way: str) -> _Cost:
    seconds, computing = map(float, in_process(_SAVING, path, count, way).split())
    return _Cost(seconds / count, computing / count)


def _size(
    settings: Settings, suffix: str, count: int, goal: str, others: dict[str, float]
) -> Result:
    megabytes = _path(settings, suffix, count).stat().st_size / 1e6
    return Result(f"{suffix}, {count} frames: file size", megabytes, Unit.MEGABYTES, goal, others)


def _path(settings: Settings, suffix: str, count: int, way: str = "fast") -> Path:
    return settings.directory / f"{way}_{count}{suffix}"
