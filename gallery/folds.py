"""How ReLU units fold the plane

A ReLU network is linear within each of many regions. The lines in these charts are their borders:
each is where one unit switches on, thicker if its outgoing weights are larger. The units of the
first layer cut the plane along straight lines. Those of the second layer bend where they cross a
line of the first. The boundary between the classes is a zero of the output, so it has its corners
on these lines and is straight in between. While the network learns, the lines move to where the
boundary has to bend. Those that no part of the boundary needs keep thin.
"""
# category: Inside the network
# thumbnail-epoch: 60

from pathlib import Path

import keras
from sklearn.datasets import make_moons

import replaychart as rc

recording = Path("folds.h5")

X, y = make_moons(400, noise=0.12, random_state=2)

if not recording.exists():
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(8, "relu", name="first"),
            keras.layers.Dense(6, "relu", name="second"),
            keras.layers.Dense(1, "sigmoid", name="output"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
    recorder = rc.Recorder(X, y, recording, "moons")
    model.fit(X, y, epochs=60, batch_size=32, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "moons")

first, second = (
    rc.decision_boundary(run, units=layer, title=f"Units of the {layer} layer, epoch {{epoch}}")
    for layer in ("first", "second")
)

first | second
