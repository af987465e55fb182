"""Wrong labels on the data map

A tenth of these points was given the label of the other class. The network first learns what most
points have in common, so it stays confident that these labels are wrong: on the map, they gather at
the bottom left, in crimson, and among the inputs they lie between points of the other color. The
margin of a point says how much the network preferred its label over the other class, on average
over all epochs. Of the 60 points with the lowest margins, 57 have a wrong label: a precision and a
recall of 95 %. Points near the boundary are ambiguous: they move to the right, because the network
changes its mind about them.
"""
# card-view: 2
# category: Trainings
# thumbnail-epoch: 40

from pathlib import Path

import altair as alt
import keras
import numpy as np
from sklearn.datasets import make_moons

import replaychart as rc

recording = Path("data_map.h5")

X, right = make_moons(600, noise=0.15, random_state=1)
flipped = np.random.default_rng(0).choice(600, 60, replace=False)
y = right.copy()
y[flipped] = 1 - y[flipped]

if not recording.exists():
    keras.utils.set_random_seed(4)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(16, "relu"),
            keras.layers.Dense(16, "relu"),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile(
        loss="binary_crossentropy", optimizer=keras.optimizers.Adam(0.01), metrics=["accuracy"]
    )
    recorder = rc.Recorder(X, y, recording, "moons")
    model.fit(X, y, epochs=40, batch_size=32, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "moons")

samples = run.samples()
samples["label"] = np.where(np.isin(samples["point"], flipped), "wrong", "right")
lowest = samples.nsmallest(60, "margin")
found = (lowest["label"] == "wrong").sum()

margins = (
    alt.Chart(samples[["margin", "label"]])
    .mark_bar()
    .encode(
        x=alt.X("margin", bin=alt.Bin(maxbins=30), title="Margin, mean over all epochs"),
        y=alt.Y("count()", title="Number of points"),
        fill=alt.Fill("label", title="Label", scale=alt.Scale(range=["#8b949e", "#b3134f"])),
    )
    .properties(
        width=320,
        height=120,
        title=[
            f"{found} of the 60 lowest margins are wrong labels",
            f"precision {found / 60:.0%}, recall {found / len(flipped):.0%}",
        ],
    )
)

boundary = rc.decision_boundary(run, width=320, height=220)

rc.data_map(run) | (boundary & margins)
