"""The activations of a convolutional network, whose every snapshot returns 99 million values."""

from pathlib import Path
from typing import Any

import numpy as np

import replaychart as rc
from benchmarks.measuring import (
    Result,
    Settings,
    Task,
    Unit,
    cost_in_process,
    require_keras,
    require_peak_memory,
)

_OTHER = "predict of all layers, no statistics"
_IMPORTS = "from benchmarks.rows.convolutions import network"
_OURS = "rc.activations(rc.open_run(sys.argv[1])).to_dict()"
# Outputs of all layers, without any statistics of them.
_PREDICT = """
run, model = rc.open_run(sys.argv[1]), network()
outputs = [layer.output for layer in model.layers if layer.weights]
every = keras.Model(model.inputs, outputs)
for epoch in run.epochs.tolist():
    run.restore(model, epoch=epoch)
    for start_at in range(0, len(run.inputs), 500):
        every.predict(run.inputs[start_at : start_at + 500], batch_size=100, verbose=0)
"""


def measure(settings: Settings) -> list[Result]:
    """Draw the activations of all layers, next to evaluating them with ``predict``."""
    require_keras()
    require_peak_memory()
    images, epochs = (200, 3) if settings.quick else (2000, 20)
    path = settings.directory / "convolutions.h5"
    weights = record(path, images, epochs)
    ours, predicted = map(cost_in_process, tasks(path).values())
    what = (
        f"activations: {weights / 1e6:.3g} million weights, {images:,} images of 32 x 32 x 3, "
        f"{epochs} epochs"
    )
    return [
        Result(what, ours.seconds, Unit.SECONDS, "<= 15 s", {_OTHER: predicted.seconds}),
        Result(f"{what}: peak memory beyond that of the imports", ours.peak, Unit.MEGABYTES,
               "<= 1 GB", {_OTHER: predicted.peak}),
    ]  # fmt: skip


def tasks(path: Path) -> dict[str, Task]:
    """Return what is measured, by name."""
    codes = {"ReplayChart": _OURS, _OTHER: _PREDICT}
    return {name: Task(code, _IMPORTS, path) for name, code in codes.items()}


def network() -> Any:
    """Return a Keras model with two convolutions and a wide layer."""
    import keras

    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(64, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(256, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def record(path: Path, images: int = 2000, epochs: int = 20) -> int:
    """Record a network whose weights drift, without training it; return how many it has."""
    random = np.random.default_rng(0)
    X = random.uniform(size=(images, 32, 32, 3)).astype("float32")
    model = network()
    model.compile("sgd", "sparse_categorical_crossentropy")
    with rc.Recorder(X, random.integers(0, 10, images), path, "run") as recorder:
        for epoch in range(epochs):
            recorder.snapshot(model, epoch)
            model.set_weights([weight * 1.02 for weight in model.get_weights()])
    return int(model.count_params())
