"""Slices through four features

An iris is described by four measurements, and a chart can show two. Each of these charts is a
slice: the two features of the axes vary, and the other two are fixed. In the first chart the sepals
are fixed at their median. In the other two, the features that are not on the axes are fixed at
those of flower 106, the one with the ring: a virginica whose petals look like those of a
versicolor.

At epoch 5 the network still takes it for a versicolor, and from epoch 12 on for a virginica. At the
end, the ring is in the region of versicolor in the first chart, which assumes sepals of median
size, but in the region of virginica in the second. The third chart shows why. Its points are the
flowers with similar petals, and none of the others has sepals as small as flower 106: the network
has drawn its boundary around a single flower. In a slice, the colour under a point is the network's
answer for that point only if the point has the same fixed features.
"""
# category: Decision boundaries

from pathlib import Path

import altair as alt
import keras
import numpy as np
from vega_datasets import data

import replaychart as rc

recording = Path("slices.h5")

if not recording.exists():
    iris = data.iris()
    X = iris.drop(columns="species")
    X.columns = ["sepal length", "sepal width", "petal length", "petal width"]
    species = iris["species"].astype("category").cat
    y, names = species.codes.to_numpy(), list(species.categories)

    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Normalization(name="normal"),
            keras.layers.Dense(12, "tanh", name="hidden"),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    model.get_layer("normal").adapt(X.to_numpy())
    model.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=keras.optimizers.Adam(0.01),
        metrics=["accuracy"],
    )
    recorder = rc.Recorder(X, y, recording, "iris", class_names=names)
    model.fit(X.to_numpy(), y, epochs=60, batch_size=16, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "iris")
flower = 106
petals = {"features": ("petal length", "petal width"), "xlim": (0.5, 7.5), "ylim": (-0.2, 2.8)}
sepals = {"features": ("sepal length", "sepal width"), "xlim": (4.5, 7.5), "ylim": (1.8, 3.8)}


def ringed(points, title, **options):
    """Draw a slice with some of the points and a ring around the flower."""
    title = f"{title} \N{MIDDLE DOT} epoch {{epoch}}"
    chart = rc.decision_boundary(run, title=title, width=290, height=290, **options)
    drawn = alt.FieldOneOfPredicate(field="point", oneOf=np.flatnonzero(points).tolist())
    ring = chart.layer[1].mark_point(size=150, strokeWidth=2, clip=True)
    ring = ring.encode(color=alt.value("black")).transform_filter(alt.datum.point == flower)
    chart.layer[1] = chart.layer[1].transform_filter(drawn)
    return chart + ring


every = np.full(len(run.inputs), fill_value=True)
alike = abs(run.inputs[:, 2:] - run.inputs[flower, 2:]).max(axis=1) < 0.45

(
    ringed(every, "Petals", **petals)
    | ringed(every, "Petals", at=flower, **petals)
    | ringed(alike, "Sepals", at=flower, **sepals)
)
