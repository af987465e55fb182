"""Spam: from 57 features to a plane

Each e-mail has 57 features and the first hidden layer has ten units: too many dimensions to draw.
The solution is an extra hidden layer with *two units and no activation* before the output. It
splits the network into an encoder, which maps an e-mail to a point in a plane, and a decoder, which
divides that plane by one straight line. You can watch this plane. All e-mails start in one heap.
Within five epochs the heap stretches in one direction, with spam at one end. The e-mails that stay
near the line are the ones the network is unsure about.

The 1,000 e-mails shown are not part of the training data.
"""
# category: Feature spaces

from pathlib import Path

import keras
import numpy as np

import replaychart as rc

recording = Path("spambase.h5")

if not recording.exists():
    X, y = rc.datasets.spambase()
    X = np.log1p(X)  # frequencies have long tails
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    order = np.random.default_rng(0).permutation(len(X))
    unseen, training = order[:1000], order[1000:]

    keras.utils.set_random_seed(42)
    model = keras.Sequential(
        [
            keras.Input((57,)),
            keras.layers.Dense(10, "tanh", name="encoder"),
            keras.layers.Dense(2, name="latent"),
            keras.layers.Dense(1, "sigmoid", name="decoder"),
        ]
    )
    model.compile(
        loss="binary_crossentropy", optimizer=keras.optimizers.Adam(0.002), metrics=["accuracy"]
    )
    names = ["no spam", "spam"]
    recorder = rc.Recorder(X[unseen], y[unseen], recording, "spambase", class_names=names)
    model.fit(X[training], y[training], epochs=40, batch_size=128, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "spambase")

space = rc.feature_space(run, "latent", width=380, height=380)
probabilities = rc.probability_histogram(run)
curves = rc.loss_and_metric(run)
losses = rc.loss_histogram(run)

space | probabilities | (curves & losses)
