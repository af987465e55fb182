"""Penguins: three species, two measurements

The length and the depth of the bill are almost enough to tell Adelie, Chinstrap and Gentoo penguins
apart. The hidden layer has two units, so you can watch training from both sides. On the left, the
three regions take shape in the plane of the measurements: by epoch 5 only Adelie and Gentoo have
one, and by epoch 15 a wedge for Chinstrap has opened between them. On the right, the layer moves
each species to a corner of its own. The few penguins that stay on the wrong side are where the
species overlap.

Both measurements are standardized. Two of the 344 `Palmer penguins
<https://allisonhorst.github.io/palmerpenguins/>`_ have no measurements and are left out.
"""
# category: Decision boundaries

from pathlib import Path

import keras
from palmerpenguins import load_penguins

import replaychart as rc

recording = Path("penguins.h5")

if not recording.exists():
    measures = ["bill_length_mm", "bill_depth_mm"]
    penguins = load_penguins().dropna(subset=measures)
    bills = penguins[measures].astype("float32")
    X = (bills - bills.mean()) / bills.std()
    X.columns = ["bill length, standardized", "bill depth, standardized"]
    species = penguins["species"].astype("category").cat
    y, names = species.codes.to_numpy(), list(species.categories)

    keras.utils.set_random_seed(4)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(2, "tanh", name="hidden"),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    model.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=keras.optimizers.Adam(0.02),
        metrics=["accuracy"],
    )
    recorder = rc.Recorder(X, y, recording, "penguins", class_names=names)
    model.fit(X, y, epochs=50, batch_size=32, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "penguins")

boundary = rc.decision_boundary(run)
space = rc.feature_space(run, "hidden")

boundary | space
