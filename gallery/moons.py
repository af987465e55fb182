"""Moons pulled apart

The same network, seen from two sides. On the left are the moons as they are, with a boundary that
winds between them. On the right are the moons as the last hidden layer sees them. There the
boundary is a straight line at every epoch, because the output is a weighted sum of the two units.
For the first twenty epochs the layer places both moons along the same path, and the line cuts
through both, so the tips are misclassified. Around epoch 25 the moons separate, tips last. By epoch
40 each one is on its way to a corner of its own, and the pale band between them is empty.

In the right chart, the axes follow the points (``scale="per-epoch"``), so that early, small changes
fill the picture. The grid is hidden, and ``surface="layer"`` colors the whole plane of the layer.
"""
# category: Feature spaces
# thumbnail-epoch: 20

from pathlib import Path

import keras
from sklearn.datasets import make_moons

import replaychart as rc

recording = Path("moons.h5")

if not recording.exists():
    X, y = make_moons(600, noise=0.08, random_state=27)
    keras.utils.set_random_seed(42)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(6, "tanh"),
            keras.layers.Dense(2, "tanh", name="hidden"),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile(
        loss="binary_crossentropy", optimizer=keras.optimizers.SGD(0.5), metrics=["accuracy"]
    )
    recorder = rc.Recorder(X, y, recording, "moons")
    model.fit(X, y, epochs=80, batch_size=50, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "moons")

inputs = rc.decision_boundary(run)
space = rc.feature_space(run, "hidden", grid=False, surface="layer", scale="per-epoch")

inputs | space
