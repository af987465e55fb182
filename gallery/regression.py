"""Regression on a known surface

The network learns a number for every point of the plane: a sine wave from left to right plus a bowl
from bottom to top. Each point has the color of its target. The background shows the prediction in
lighter shades of the same colors, so where the network is right, a point is a darker shade of its
background. At the start, the residuals are wide and lopsided. By epoch 6 the hills and the valley
are in place, and by epoch 20 nearly all residuals are close to 0.
"""
# category: Decision boundaries

from pathlib import Path

import keras
import numpy as np

import replaychart as rc

recording = Path("regression.h5")

if not recording.exists():
    X = np.random.default_rng(0).uniform(-2, 2, (800, 2)).astype("float32")
    y = np.sin(2 * X[:, 0]) + X[:, 1] ** 2 / 2
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(24, "tanh", name="hidden"),
            keras.layers.Dense(12, "tanh"),
            keras.layers.Dense(1),
        ]
    )
    model.compile(loss="mse", optimizer=keras.optimizers.Adam(0.01), metrics=["mae"])
    recorder = rc.Recorder(X, y, recording, "waves")
    model.fit(X, y, epochs=60, batch_size=32, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "waves")

boundary = rc.decision_boundary(run)
residuals = rc.residual_histogram(run, bins=40, width=300)
curves = rc.loss_and_metric(run, metric="mae", width=300)

boundary | (residuals & curves)
