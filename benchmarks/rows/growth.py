"""How time, size and memory grow with the number of points and epochs."""

import json
from pathlib import Path

import replaychart as rc
from benchmarks.measuring import (
    Result,
    Settings,
    Unit,
    in_process,
    require_keras,
    require_peak_memory,
    seconds_of,
)
from replaychart.charts.dashboard import dashboard
from replaychart.export.specs import spec_of

# Prints the seconds to evaluate and build, and the megabytes of the spec and of peak memory.
_WITHIN_BUDGET = r"""
import json, re, sys, time, warnings
from pathlib import Path
import keras
import replaychart as rc
from replaychart.charts.dashboard import dashboard
from replaychart.export.specs import spec_of
warnings.simplefilter("ignore")
start = time.perf_counter()
spec = spec_of(dashboard(rc.open_run(sys.argv[1])))
seconds = time.perf_counter() - start
peak = int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1]) / 1e3
print(seconds, len(json.dumps(spec, separators=(",", ":"))) / 1e6, peak)
"""


def measure(settings: Settings) -> list[Result]:
    """Compare the dashboard with one of ten times the points, and one of ten times the epochs."""
    require_keras()
    points, epochs = (200, 20) if settings.quick else (1000, 150)
    once = _costs(settings.directory, points, epochs)
    more_points = _costs(settings.directory, 10 * points, epochs)
    # The same training run, recorded ten times as often.
    more_epochs = _costs(settings.directory, points, 10 * epochs, steps=1)
    factors = [
        Result(f"10 x the {many}, no thinning: {name}", costs[name] / once[name],
               Unit.TIMES, "<= 10 x")
        for many, costs in (("points", more_points), ("epochs", more_epochs))
        for name in once
    ]  # fmt: skip
    return factors if settings.quick else factors + _within_budget(settings.directory)


def _costs(directory: Path, points: int, epochs: int, *, steps: int = 10) -> dict[str, float]:
    recorded = seconds_of(lambda: _recorded(directory, points, epochs, steps=steps))
    run = rc.open_run(_path(directory, points, epochs))
    costs = {"train and record": recorded}
    costs["evaluate and build"] = seconds_of(lambda: dashboard(run, max_bytes=None))
    chart = dashboard(run, max_bytes=None)
    costs["build, already evaluated"] = seconds_of(lambda: spec_of(dashboard(run, max_bytes=None)))
    costs["size of the spec"] = len(json.dumps(spec_of(chart)))
    still = directory / "still.png"
    rc.save(chart, still)
    costs["a PNG"] = seconds_of(lambda: rc.save(chart, still))
    film = directory / "a.gif"
    costs["a GIF of all epochs"] = seconds_of(lambda: rc.save(chart, film, progress=False))
    return costs


def _within_budget(directory: Path) -> list[Result]:
    """Build charts that would be far too large, with the default size limit."""
    require_peak_memory()
    results = []
    for what, points, epochs in (("100,000 points", 50_000, 150), ("10,000 epochs", 1000, 10_000)):
        _recorded(directory, points, epochs, steps=1)
        printed = in_process(_WITHIN_BUDGET, _path(directory, points, epochs))
        seconds, spec, peak = map(float, printed.split()[-3:])
        results += [
            Result(f"{what}: evaluate and build within the size limit", seconds, Unit.SECONDS),
            Result(f"{what}: size of the spec", spec, Unit.MEGABYTES, "<= 20 MB per chart"),
            Result(f"{what}: peak memory, including Keras", peak, Unit.MEGABYTES),
        ]
    return results


def _path(directory: Path, points: int, epochs: int) -> Path:
    return directory / f"{points}-{epochs}.h5"


def _recorded(directory: Path, points: int, epochs: int, *, steps: int) -> None:
    """Record a run with this many points per parabola and this many steps per epoch."""
    import keras

    keras.utils.set_random_seed(8)
    X, y = rc.datasets.parabola(points)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(2, activation="sigmoid", name="hidden"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.SGD(0.5), metrics=["acc"])
    with rc.Recorder(X, y, _path(directory, points, epochs), "run") as recorder:
        recorder.snapshot(model, 0)
        for epoch in range(1, epochs + 1):
            for _ in range(steps):
                logs = model.train_on_batch(X, y, return_dict=True)
            recorder.snapshot(model, epoch, logs)
