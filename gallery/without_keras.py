"""Training without Keras, recorded from outputs

Here scikit-learn trains the network. ``record_outputs`` records the hidden layer, the probabilities
and the losses of the points after each epoch; all charts that do not need the model itself can draw
them. Watch the hidden layer, which has two units: until about epoch 40 both moons lie along the
same path, and the accuracy stays just below 0.9. Then the moons separate, and the loss falls again.
"""
# category: Trainings

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import make_moons
from sklearn.neural_network import MLPClassifier

import replaychart as rc

recording = Path("without_keras.h5")


def training(X: np.ndarray, y: np.ndarray) -> Iterator[dict[str, Any]]:
    """Train for an epoch whenever the recorder asks for the next snapshot."""
    model = MLPClassifier((8, 2), activation="tanh", learning_rate_init=0.02, random_state=5)
    for epoch in range(1, 61):
        model.partial_fit(X, y, classes=[0, 1])
        hidden = X
        for weights, bias in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
            hidden = np.tanh(hidden @ weights + bias)
        probabilities = model.predict_proba(X)
        losses = -np.log(probabilities[np.arange(len(y)), y] + 1e-12)
        yield {
            "epoch": epoch,
            "layers": {"hidden": hidden},
            "probabilities": probabilities,
            "losses": losses,
            "logs": {"loss": model.loss_},
        }


if not recording.exists():
    X, y = make_moons(500, noise=0.15, random_state=1)
    rc.record_outputs(recording, "moons", inputs=X, targets=y, epochs=training(X, y))

run = rc.open_run(recording, "moons")

(
    rc.feature_space(run)
    | rc.probability_histogram(run)
    | (rc.loss_and_metric(run) & rc.loss_histogram(run))
)
