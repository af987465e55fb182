"""Circles: a boundary closes on itself

No straight line parts a ring from what lies inside it, so the network has to build a closed
boundary out of the straight edges that its ReLU units bring. At the start two edges cut the plane
in a wedge that ignores the rings. By epoch 15 they have closed around the inner ring, still too
tight at one side; by epoch 40 every point is on its side. From there on the polygon hardly moves:
what changes is the colour, as the probabilities move to 0 and 1.
"""
# category: Decision boundaries
# thumbnail-epoch: 30

from pathlib import Path

import keras
from sklearn.datasets import make_circles

import replaychart as rc

recording = Path("circles.h5")

if not recording.exists():
    X, y = make_circles(500, noise=0.07, factor=0.5, random_state=27)
    keras.utils.set_random_seed(42)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(10, "relu"),
            keras.layers.Dense(10, "relu"),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile(
        loss="binary_crossentropy", optimizer=keras.optimizers.SGD(0.1), metrics=["accuracy"]
    )
    recorder = rc.Recorder(X, y, recording, "circles")
    model.fit(X, y, epochs=80, batch_size=50, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "circles")

limits = (-1.5, 1.5)
boundary = rc.decision_boundary(run, xlim=limits, ylim=limits, width=380, height=380)
probabilities = rc.probability_histogram(run)
curves = rc.loss_and_metric(run)
losses = rc.loss_histogram(run)

boundary | probabilities | (curves & losses)
