"""The space of a layer with many units, from many points and epochs."""

from pathlib import Path

import numpy as np
import pandas as pd

import replaychart as rc
from benchmarks.measuring import (
    Result,
    Settings,
    Task,
    Unit,
    cost_in_process,
    medians,
    require_keras,
    require_peak_memory,
)

UNITS = 64

_OTHER = "evaluated with predict, IncrementalPCA, no chart"
_IMPORTS = """
import sklearn.decomposition
from replaychart.charts.feature_space import feature_space
"""
_OURS = 'feature_space(rc.open_run(sys.argv[1]), "wide").to_dict()'
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


def measure(settings: Settings) -> list[Result]:
    """Project 64 units, alternating with scikit-learn's ``IncrementalPCA`` on the same outputs."""
    require_keras()
    require_peak_memory()
    points, epochs = (2_000, 11) if settings.quick else (20_000, 101)
    path = settings.directory / "wide.h5"
    record(path, points, epochs)
    rounds = [
        [cost_in_process(task) for task in tasks(path).values()] for _ in range(settings.rounds(3))
    ]
    seconds, megabytes = (
        np.median([[cost[place] for cost in costs] for costs in rounds], axis=0) for place in (0, 1)
    )
    frames = _points(rc.open_run(path), settings)
    what = f"feature_space of {UNITS} units, {points:,} points, {epochs} epochs"
    return [
        Result(what, seconds[0], Unit.SECONDS, "<= 4 s", {_OTHER: seconds[1]}),
        Result(f"{what}: peak memory beyond that of the imports", megabytes[0],
               Unit.MEGABYTES, "<= 1 GB", {_OTHER: megabytes[1]}),
        frames,
    ]  # fmt: skip


def tasks(path: Path) -> dict[str, Task]:
    """Return what is measured, by name."""
    codes = {"ReplayChart": _OURS, _OTHER: _INCREMENTAL}
    return {name: Task(code, _IMPORTS, path) for name, code in codes.items()}


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


def record(path: Path, points: int = 20_000, epochs: int = 101) -> None:
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
