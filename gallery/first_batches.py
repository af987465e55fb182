"""The first two epochs, batch by batch

Most of what it takes to separate two moons is learned within a few batches. This run is recorded
after every batch (``every="1 batch"``), so the slider moves in fractions of an epoch. After five
batches, a boundary with a single bend already classifies 87 % of the points correctly. During the
second epoch the boundary starts to wind around the tips of the moons.
"""
# category: Trainings

from pathlib import Path

import keras
from sklearn.datasets import make_moons

import replaychart as rc

recording = Path("first_batches.h5")

if not recording.exists():
    X, y = make_moons(640, noise=0.12, random_state=1)
    keras.utils.set_random_seed(4)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(64, "relu"),
            keras.layers.Dense(32, "relu"),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile(
        loss="binary_crossentropy", optimizer=keras.optimizers.Adam(0.03), metrics=["accuracy"]
    )
    recorder = rc.Recorder(X, y, recording, "moons", every="1 batch")
    model.fit(X, y, epochs=2, batch_size=32, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "moons")

rc.decision_boundary(run) | (rc.loss_and_metric(run, width=300) & rc.loss_histogram(run, width=300))
