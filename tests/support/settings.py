"""Three settings, recorded by outputs: quick to make, and every number is known."""

from pathlib import Path

import numpy as np

import replaychart as rc

# The number of epochs of each run, and how fast its loss falls.
SETTINGS = {"slow": (8, 0.9), "fast": (5, 0.5), "fast-2": (5, 0.6)}
POINTS = 24


def losses(name: str) -> np.ndarray:
    """Return the loss that is logged at each epoch from 0."""
    epochs, factor = SETTINGS[name]
    return factor ** np.arange(epochs + 1)


def recorded_settings(path: Path) -> Path:
    """Record one run for each setting, with two classes and the losses of all points."""
    generator = np.random.default_rng(3)
    inputs = generator.normal(size=(POINTS, 2))
    targets = (inputs[:, 0] > 0).astype(int)
    noise = generator.uniform(0.5, 1.5, POINTS)
    for name in SETTINGS:
        with rc.record_outputs(path, name, inputs=inputs, targets=targets) as recorder:
            for epoch, loss in enumerate(losses(name)):
                right = np.exp(-loss * noise)
                recorder.snapshot(
                    epoch,
                    layers={"hidden": inputs * (1 + epoch)},
                    probabilities=np.where(targets == 1, right, 1 - right),
                    losses=loss * noise,
                    logs={"loss": loss, "acc": 1 - loss / 2},
                )
    return path
