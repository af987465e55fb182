"""Circles: a boundary that closes

No straight line separates a ring from the points inside it, so the network has to build a closed
boundary from straight edges, the ones its ReLU units provide. At first, two edges cut the plane
like a wedge that ignores the rings. By epoch 15 the boundary has closed around the inner ring, but
it is still too tight on one side. By epoch 40 every point is on the correct side. After that the
polygon hardly moves, and only the colors change, as the probabilities approach 0 and 1.
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
