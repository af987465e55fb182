"""Spam: 57 features in a plane of two

An e-mail is a point in 57 dimensions here, and its hidden layer has ten units: neither can be
drawn. The way round is an extra hidden layer with *two units and no activation* in front of the
output. It splits the network into an encoder, which carries an e-mail into a plane, and a decoder,
which cuts that plane with one straight line; and the plane can be watched. All e-mails begin in
one heap. Within five epochs they are drawn out along one direction, spam at one end, and what
stays near the line are the e-mails of which the network is not sure.

The 1,000 e-mails shown are not among those it is trained on.
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
