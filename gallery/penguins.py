"""Penguins: three species, two measures

Length and depth of the bill are nearly enough to tell Adelie, Chinstrap and Gentoo penguins apart.
The hidden layer has two units, so the same training can be seen from both sides: on the left the
three regions swing into place in the plane of the measures, on the right the layer carries each
species into a corner of its own. The few penguins that remain on the wrong side lie where the
species overlap; no boundary through these two measures gets them all.

Both measures are standardized. Two of the 344 `Palmer penguins
<https://allisonhorst.github.io/palmerpenguins/>`_ were not measured and are left out.
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
