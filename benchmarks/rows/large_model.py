"""Opening and charting a recording with many weights."""

import re
from pathlib import Path

import numpy as np

import replaychart as rc
from benchmarks.measuring import (
    Result,
    Settings,
    Unit,
    medians,
    require_keras,
)

_SNAPSHOTS = 50


def measure(settings: Settings) -> list[Result]:
    """Open a run of 10 million weights, and chart the weights of its last layers."""
    require_keras()
    path = settings.directory / "large.h5"
    weights = _record(path, snapshots=5 if settings.quick else _SNAPSHOTS)
    seconds = medians(
        {
            "open": lambda: rc.open_run(path),
            "chart": lambda: rc.weights(rc.open_run(path), layers=["third", "output"]).to_dict(),
        },
        settings.rounds(5),
    )
    what = f"{weights / 1e6:.0f} million weights, {len(rc.open_run(path).epochs)} snapshots"
    results = [
        Result(f"{what}: open", seconds["open"], Unit.SECONDS, "<= 0.2 s"),
        Result(f"{what}: open and chart the last two layers", seconds["chart"], Unit.SECONDS),
    ]
    if not Path("/proc/self/io").exists():
        return results
    before = _megabytes_read()
    rc.weights(rc.open_run(path), layers=["third", "output"]).to_dict()
    read = _megabytes_read() - before
    size = path.stat().st_size / 1e6
    what = f"{what}: read for this chart"
    return [*results, Result(what, read, Unit.MEGABYTES, "not all", {"the file": size})]


def _megabytes_read() -> float:
    found = re.search(r"rchar: (\d+)", Path("/proc/self/io").read_text())
    assert found is not None
    return int(found[1]) / 1e6


def _record(path: Path, snapshots: int) -> int:
    """Record a network that is not trained, and return how many weights it has."""
    import keras

    X = np.random.default_rng(0).normal(size=(200, 1000)).astype("float32")
    model = keras.Sequential(
        [
            keras.Input((1000,)),
            keras.layers.Dense(5000, "relu", name="first"),
            keras.layers.Dense(1000, "relu", name="second"),
            keras.layers.Dense(16, "relu", name="third"),
            keras.layers.Dense(1, "sigmoid", name="output"),
        ]
    )
    model.compile("sgd", "binary_crossentropy")
    with rc.Recorder(X, (X[:, 0] > 0).astype(int), path, "run") as recorder:
        for epoch in range(snapshots):
            recorder.snapshot(model, epoch)
    return int(model.count_params())
