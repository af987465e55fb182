"""A regression

The network learns a number at every place of the plane: a wave across, a bowl upwards. The points
have the colour of their target, the surface that of the prediction, in the same colours but
lighter; where the network is right, a point is the darker form of its ground. The residuals start
wide and lopsided, and gather around 0.
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

beside = rc.residual_histogram(run, width=300) & rc.loss_and_metric(run, metric="mae", width=300)

rc.decision_boundary(run) | beside
