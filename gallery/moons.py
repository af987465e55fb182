"""Moons pulled apart

The same network twice: on the left the moons as they are, with a boundary that winds between them;
on the right the moons as the last hidden layer sees them, where the boundary is a straight line at
every epoch, because all that follows the layer is a weighted sum. For twenty epochs the layer lays
both moons along each other, and their tips remain on the wrong side of a line that cuts through
both. Around epoch 25 it pulls them apart, tips last; by epoch 40 each moon is on its way into a
corner of its own, and the pale band between them is empty.

The axes of the right chart follow the points (``scale="per-epoch"``), so that small beginnings
fill the picture; the grid is left out, and ``surface="layer"`` colours the layer's whole plane.
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
