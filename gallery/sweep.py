"""A sweep of settings

Which settings of a sweep matter? Twenty networks with random settings learn to read digits, for
ten epochs each. Every line is one of them: through its settings to the best validation accuracy
that it reached by the epoch shown. A learning rate is good or bad only together with the optimizer.
Drag along the axis of the optimizers to select SGD, and the good lines come from the top of the
axis of learning rates; select Adam or RMSprop, and they come from the middle, while the largest
learning rates do worse. A range on a second axis narrows the selection, and a click on an axis
clears it.

The table of `leaderboard` has the same numbers.
"""
# category: Comparisons

from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_digits

import replaychart as rc

recording = Path("sweep.h5")

X, y = load_digits(return_X_y=True)
X = X / 16
generator = np.random.default_rng(7)

for trial in range(0 if recording.exists() else 20):
    optimizer = ["SGD", "RMSprop", "Adam"][trial % 3]
    learning_rate = float(f"{10 ** generator.uniform(-3.5, 0):.2g}")
    units = int(2 ** generator.integers(3, 7))
    keras.utils.set_random_seed(trial)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(units, "relu", name="hidden"),
            keras.layers.Dense(10, "softmax", name="output"),
        ]
    )
    model.compile(
        getattr(keras.optimizers, optimizer)(learning_rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    recorder = rc.Recorder(X[:20], y[:20], recording, f"trial {trial}")
    model.fit(
        X[:600],
        y[:600],
        validation_data=(X[-600:], y[-600:]),
        epochs=10,
        batch_size=50,
        verbose=0,
        callbacks=[recorder],
    )

rc.parallel_coordinates(rc.open_runs(recording), metric="val_accuracy")
