"""Who is right

Two networks with the same layers and the same initial weights learn the same points, one with plain
gradient descent, the other with Adam. After 40 epochs, they get 89 % and 97 % of the points right,
but which points make the difference? In the shaded regions, the networks predict different
classes. Triangles are points that only one of them gets right, crosses those that neither does.
Beside it, each circle stands for the points that both learned at the same pair of epochs: below the
diagonal are those that Adam learned earlier, and at the right edge those that gradient descent did
not learn.

The heat map says how similar the layers of one network are to those of the other.
"""
# category: Comparisons
# thumbnail-epoch: 20

from pathlib import Path

import keras
from sklearn.datasets import make_moons

import replaychart as rc

recording = Path("who_is_right.h5")

X, y = make_moons(500, noise=0.2, random_state=1)
optimizers = {"SGD": keras.optimizers.SGD(0.05), "Adam": keras.optimizers.Adam(0.01)}

if not recording.exists():
    for name, optimizer in optimizers.items():
        keras.utils.set_random_seed(4)
        model = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dense(16, "tanh", name="first"),
                keras.layers.Dense(16, "tanh", name="second"),
                keras.layers.Dense(8, "tanh", name="third"),
                keras.layers.Dense(1, "sigmoid", name="output"),
            ]
        )
        model.compile(optimizer, "binary_crossentropy")
        recorder = rc.Recorder(X, y, recording, name)
        model.fit(X, y, epochs=40, batch_size=32, verbose=0, callbacks=[recorder])

runs = rc.open_runs(recording)

rc.difference(runs["SGD"], runs["Adam"]) | rc.similarity(
    runs["SGD"], runs["Adam"], width=240, height=240
)
