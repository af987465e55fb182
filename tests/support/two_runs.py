"""A file with two runs: one of a model, with stored evaluations, and one of outputs."""

from pathlib import Path

import numpy as np

import replaychart as rc
from support.training import dense, small_model, train


def record(path: Path) -> Path:
    """Record runs "model" and "outputs" into a file, and return its path."""
    X, y = rc.datasets.parabola(15)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    train(path, "model", model, X, y, epochs=2, class_names=["no", "yes"])
    rc.open_run(path, "model").store()
    epochs = [
        {
            "epoch": epoch,
            "layers": {"hidden": X * epoch},
            "probabilities": np.full(30, 0.2 * epoch + 0.1),
            "losses": np.full(30, 1.0 / (1 + epoch)),
            "logs": {"loss": 1.0},
            "learning_rate": 0.1,
        }
        for epoch in range(3)
    ]
    rc.record_outputs(path, "outputs", inputs=X, targets=y, epochs=epochs)
    return path
