"""How time, bytes and memory grow with points and epochs."""

import json
from pathlib import Path

import replaychart as rc
from benchmarks.measuring import Missing, Result, Settings, Unit, in_process, seconds_of
from replaychart.demonstration import dashboard
from replaychart.export.specs import spec_of

# Seconds to evaluate and build, megabytes of the spec, megabytes of memory at the peak.
_WITHIN_BUDGET = r"""
import json, re, sys, time, warnings
from pathlib import Path
import keras
import replaychart as rc
from replaychart.demonstration import dashboard
from replaychart.export.specs import spec_of
warnings.simplefilter("ignore")
start = time.perf_counter()
spec = spec_of(dashboard(rc.open_run(sys.argv[1])))
seconds = time.perf_counter() - start
peak = int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1]) / 1e3
print(seconds, len(json.dumps(spec, separators=(",", ":"))) / 1e6, peak)
"""


def measure(settings: Settings) -> list[Result]:
    """Compare ten times the points, and ten times the epochs, to the dashboard as it is."""
    try:
        import keras  # noqa: F401
    except ImportError as error:
        raise Missing(f"pip install '.[tensorflow]' ({error})") from error
    points, epochs = (200, 20) if settings.quick else (1000, 150)
    once = _costs(settings.directory, points, epochs)
    more_points = _costs(settings.directory, 10 * points, epochs)
    # The same training, looked at ten times as often.
    more_epochs = _costs(settings.directory, points, 10 * epochs, steps=1)
    factors = [
        Result(f"10 x the {many}, nothing left out: {name}", costs[name] / once[name],
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
    costs["build from what is evaluated"] = seconds_of(
        lambda: spec_of(dashboard(run, max_bytes=None))
    )
    costs["bytes of the spec"] = len(json.dumps(spec_of(chart)))
    still = directory / "still.png"
    rc.save(chart, still)
    costs["a PNG"] = seconds_of(lambda: rc.save(chart, still))
    film = run.epochs[:: len(run.epochs) // 20].tolist()
    seconds = seconds_of(lambda: rc.save(chart, directory / "a.gif", epochs=film, progress=False))
    # A film of all epochs takes as many times longer as there are more of them.
    costs["a GIF of all epochs"] = seconds / len(film) * len(run.epochs)
    return costs


def _within_budget(directory: Path) -> list[Result]:
    """Build what would be far too large, as it is built by default."""
    if not Path("/proc/self/status").exists():
        raise Missing("the peak is read from /proc, which only Linux has")
    results = []
    for what, points, epochs in (("100,000 points", 50_000, 150), ("10,000 epochs", 1000, 10_000)):
        _recorded(directory, points, epochs, steps=1)
        printed = in_process(_WITHIN_BUDGET, _path(directory, points, epochs))
        seconds, spec, peak = map(float, printed.split()[-3:])
        results += [
            Result(f"{what}: evaluate and build within the budget", seconds, Unit.SECONDS),
            Result(f"{what}: the spec", spec, Unit.MEGABYTES, "<= 20 MB a chart"),
            Result(f"{what}: memory at its peak, Keras included", peak, Unit.MEGABYTES),
        ]
    return results


def _path(directory: Path, points: int, epochs: int) -> Path:
    return directory / f"{points}-{epochs}.h5"


def _recorded(directory: Path, points: int, epochs: int, *, steps: int) -> None:
    """Record so many points on each parabola, and epochs of so many steps."""
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
