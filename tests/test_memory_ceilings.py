"""Memory stays below ceilings, in a process that opens and charts a big recording."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from support.training import dense, small_model

import replaychart as rc

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(
        not Path("/proc/self/status").exists(), reason="peak memory is read from /proc"
    ),
]

# Prints how many megabytes the code in between takes beyond what the imports do.
_BEFORE = """
import re, sys, warnings
from pathlib import Path
import keras, sklearn.decomposition
import replaychart as rc
from replaychart.charts import feature_space, weights
import replaychart.storage.weights
peak = lambda: int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) / 1e3
warnings.simplefilter("ignore")
before = peak()
"""
_AFTER = "\nprint(peak() - before)"


def _megabytes(code: str, path: Path) -> float:
    command = [sys.executable, "-c", _BEFORE + code + _AFTER, str(path)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(result.stdout.split()[-1])


def _record(path: Path, model: keras.Model, X: np.ndarray, epochs: int) -> None:
    """Record a network whose weights drift."""
    random = np.random.default_rng(0)
    first = model.get_weights()
    steps = [random.normal(size=one.shape).astype("float32") / epochs for one in first]
    with rc.Recorder(X, (X[:, 0] > 0).astype(int), path, "run") as recorder:
        for epoch in range(epochs):
            model.set_weights([one + epoch * step for one, step in zip(first, steps, strict=True)])
            recorder.snapshot(model, epoch)


def test_the_space_of_a_wide_layer(tmp_path: Path) -> None:
    """Its outputs are 128 million numbers, which alone would take 517 MB."""
    X = np.random.default_rng(1).normal(size=(20_000, 10)).astype("float32")
    model = small_model(dense(64, "tanh", "wide"), dense(1, "sigmoid", "output"), features=10)
    _record(tmp_path / "a.h5", model, X, epochs=101)
    code = "rc.feature_space(rc.open_run(sys.argv[1]), 'wide').to_dict()"
    assert _megabytes(code, tmp_path / "a.h5") < 500


def test_weights_that_stay_in_the_file(tmp_path: Path) -> None:
    """2 million weights at 26 snapshots are 208 MB; those of the last layers, 0.2 MB."""
    X = np.random.default_rng(1).normal(size=(50, 1000)).astype("float32")
    model = small_model(dense(2000, "relu", "wide"), dense(1, "sigmoid", "output"), features=1000)
    _record(tmp_path / "a.h5", model, X, epochs=26)
    code = "replaychart.storage.weights.IN_MEMORY = {}\nrun = rc.open_run(sys.argv[1])\n"
    last = "rc.weights(run, layers=['output']).to_dict()"
    every = "rc.weights(run).to_dict()"
    assert _megabytes(code.format(512 * 1024**2) + last, tmp_path / "a.h5") < 80
    assert _megabytes(code.format(0) + every, tmp_path / "a.h5") < 180


@pytest.mark.parametrize(
    ("chart", "points", "units"), [("activations", 4000, 128), ("gradients", 100, 600)]
)
def test_distributions_of_many_epochs(chart: str, points: int, units: int, tmp_path: Path) -> None:
    """At 100 epochs, there are 103 million activations (411 MB), or 37 million weights (147 MB)."""
    X = np.random.default_rng(1).normal(size=(points, 10)).astype("float32")
    model = small_model(
        dense(units, "tanh", "first"),
        dense(units, "tanh", "second"),
        dense(1, "sigmoid", "output"),
        features=10,
    )
    code = f"rc.{chart}(rc.open_run(sys.argv[1])).to_dict()"
    taken = []
    for epochs in (10, 100):
        path = tmp_path / f"{epochs}.h5"
        _record(path, model, X, epochs)
        taken.append(_megabytes(code, path))
    few, many = taken
    assert many < few + 60, taken
