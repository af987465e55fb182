"""The space of a layer with many units, from many points and epochs."""

from pathlib import Path

import numpy as np
import pandas as pd

import replaychart as rc
from benchmarks.measuring import Missing, Result, Settings, Unit, in_process, medians

UNITS = 64

# Both print the seconds, and the megabytes of peak memory beyond what the imports take.
_START = r"""
import re, sys, time, warnings
from pathlib import Path
import keras, sklearn.decomposition
import replaychart as rc
from replaychart.charts.feature_space import feature_space
peak = lambda: int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1]) / 1e3
warnings.simplefilter("ignore")
before, start = peak(), time.perf_counter()
"""
_OURS = """
feature_space(rc.open_run(sys.argv[1]), "wide").to_dict()
"""
# Fitted to the outputs of each epoch in turn; then the outputs are projected.
_INCREMENTAL = """
run = rc.open_run(sys.argv[1])
layers = [keras.layers.Dense(64, "tanh", name="wide"), keras.layers.Dense(1, "sigmoid")]
model = keras.Sequential([keras.Input((10,)), *layers])
hidden = keras.Sequential(layers[:1])
fitted = sklearn.decomposition.IncrementalPCA(2)
for step in (fitted.partial_fit, fitted.transform):
    for epoch in run.epochs.tolist():
        run.restore(model, epoch=epoch)
        step(hidden.predict(run.inputs, batch_size=10_000, verbose=0))
"""
_END = """
print(time.perf_counter() - start, peak() - before)
"""


def measure(settings: Settings) -> list[Result]:
    """Project 64 units, alternating with scikit-learn's ``IncrementalPCA`` on the same outputs."""
    try:
        import keras  # noqa: F401
    except ImportError as error:
        raise Missing(f"pip install '.[tensorflow]' ({error})") from error
    if not Path("/proc/self/status").exists():
        raise Missing("peak memory is read from /proc, which only exists on Linux")
    points, epochs = (2_000, 11) if settings.quick else (20_000, 101)
    path = settings.directory / "wide.h5"
    _record(path, points, epochs)
    codes = {"ours": _OURS, "IncrementalPCA": _INCREMENTAL}
    found: dict[str, list[list[float]]] = {name: [] for name in codes}
    for _ in range(settings.rounds(3)):
        for name, code in codes.items():
            printed = in_process(_START + code + _END, path)
            found[name].append([float(number) for number in printed.split()[-2:]])
    seconds, megabytes = (
        {name: float(np.median([one[place] for one in every])) for name, every in found.items()}
        for place in (0, 1)
    )
    frames = _points(rc.open_run(path), settings)
    what = f"feature_space of {UNITS} units, {points:,} points, {epochs} epochs"
    name = "evaluated with predict, IncrementalPCA, no chart"
    return [
        Result(what, seconds["ours"], Unit.SECONDS, "<= 4 s", {name: seconds["IncrementalPCA"]}),
        Result(f"{what}: peak memory beyond that of the imports", megabytes["ours"],
               Unit.MEGABYTES, "<= 1 GB", {name: megabytes["IncrementalPCA"]}),
        frames,
    ]  # fmt: skip


def _points(run: rc.Run, settings: Settings) -> Result:
    """Build the frame of all points and units, next to what pandas takes to join it."""
    frame = run.points("wide")  # The outputs are evaluated now, and kept.
    by_epoch = [part.reset_index(drop=True) for _, part in frame.groupby("epoch")]
    seconds = medians(
        {
            "ours": lambda: run.points("wide"),
            "concat": lambda: pd.concat(by_epoch, ignore_index=True),
        },
        settings.rounds(5),
    )
    rows, columns = frame.shape
    what = f"points(layer), already evaluated: {rows / 1e6:.2g} million rows, {columns} columns"
    others = {"pandas concat of its epochs": seconds["concat"]}
    return Result(what, seconds["ours"], Unit.SECONDS, "<= 1.5 s", others)


def _record(path: Path, points: int, epochs: int) -> None:
    """Record a network whose weights drift, without training it."""
    import keras

    random = np.random.default_rng(0)
    X = random.normal(size=(points, 10)).astype("float32")
    y = (X[:, 0] * X[:, 1] + X[:, 2] > 0).astype(int)
    model = keras.Sequential(
        [
            keras.Input((10,)),
            keras.layers.Dense(UNITS, activation="tanh", name="wide"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("sgd", "binary_crossentropy")
    first = model.get_weights()
    steps = [random.normal(size=one.shape) / epochs for one in first]
    with rc.Recorder(X, y, path, "run") as recorder:
        for epoch in range(epochs):
            model.set_weights([one + epoch * step for one, step in zip(first, steps, strict=True)])
            recorder.snapshot(model, epoch)
