"""Three units, turned

A layer of three units lifts one ring out of the plane of the other, so that a flat cut can separate
them. Use the two sliders to turn and tilt the view, even while the animation plays. The grid is the
plane of the inputs: a sheet that the layer pushes up in the middle, until the inner ring lies at
the corner of a box and along its three edges. On the right is the same sheet, projected to its
principal components, with the decision regions.
"""
# category: Feature spaces

from pathlib import Path

import keras
from sklearn.datasets import make_circles

import replaychart as rc

recording = Path("three_units.h5")

if not recording.exists():
    X, y = make_circles(500, factor=0.4, noise=0.06, random_state=2)
    keras.utils.set_random_seed(11)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(3, "tanh", name="space"),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile(
        loss="binary_crossentropy", optimizer=keras.optimizers.Adam(0.05), metrics=["accuracy"]
    )
    recorder = rc.Recorder(X, y, recording, "rings")
    model.fit(X, y, epochs=80, batch_size=32, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "rings")

turned = rc.feature_space(run, "space", projection="rotate")
flat = rc.feature_space(run, "space")

turned | flat
