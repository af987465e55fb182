"""Six projections of one layer

A network reads handwritten digits, and its hidden layer has 64 units. Each chart shows this layer
in two dimensions. The line below the title says for how many images the nearest neighbor in the
picture, at the last epoch, is the same digit. In all 64 dimensions it is 99 %: the rest is lost by
the projection.

The components *within epochs* (the default) are the directions in which the points of an epoch
differ most. The components of *all epochs together* also count how far all points drift. Those of
the *last epoch* show the end best. The *output weights* are the directions that the output layer
uses, and the *discriminants* separate the classes best: watch how little of that there is in the
beginning. The *aligned* components belong to each epoch, so the view moves, too.
"""
# category: Feature spaces

from pathlib import Path

import altair as alt
import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestNeighbors

import replaychart as rc

recording = Path("projections.h5")

if not recording.exists():
    digits = load_digits()
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64, "relu", name="hidden"),
            keras.layers.Dense(10, "softmax"),
        ]
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    recorder = rc.Recorder(digits.data[:700] / 16, digits.target[:700], recording, "digits")
    model.fit(
        digits.data / 16, digits.target, epochs=40, batch_size=64, verbose=0, callbacks=[recorder]
    )

run = rc.open_run(recording, "digits")


def in_the_plane(projection, name):
    """Draw a projection, and say below its title how well neighbors agree at the last epoch."""
    last = run.points("hidden", projection=projection, epochs=40)
    places = last[["x", "y"]].to_numpy()
    neighbors = NearestNeighbors(n_neighbors=2).fit(places).kneighbors(places)[1][:, 1]
    share = np.mean(run.targets[neighbors] == run.targets)
    title = [name, f"{share:.0%} of nearest neighbors agree"]
    return rc.feature_space(
        run, "hidden", projection=projection, surface=None, title=title, width=300, height=300
    )


charts = [
    in_the_plane("pca", "Components within epochs"),
    in_the_plane("pca-pooled", "Components of all epochs together"),
    in_the_plane("pca-last", "Components of the last epoch"),
    in_the_plane("output-weights", "Output weights"),
    in_the_plane("discriminants", "Linear discriminants"),
    in_the_plane("aligned", "Aligned components of each epoch"),
]

alt.vconcat(alt.hconcat(*charts[:3]), alt.hconcat(*charts[3:]))
