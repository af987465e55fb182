"""Two inputs: the same bills on three islands

The network gets two inputs for each penguin: the measurements of its bill, and the island where it
lives. Each input has a layer of its own; the two are joined in a layer of two units, shown at the
bottom left. Chinstraps live only on Dream, Gentoos only on Biscoe and Adelies on all three islands,
and the network discovers this. Each chart in the upper row is a slice: the bill varies, the island
is fixed, and the points are the penguins that live there. In the end, the same bill can belong to a
Chinstrap on Dream and to an Adelie or a Gentoo elsewhere.
"""
# category: Decision boundaries

from pathlib import Path

import altair as alt
import keras
import pandas as pd
from palmerpenguins import load_penguins

import replaychart as rc

recording = Path("islands.h5")

measures = ["bill_length_mm", "bill_depth_mm"]
penguins = load_penguins().dropna(subset=measures).reset_index(drop=True)

if not recording.exists():
    bills = penguins[measures].astype("float32")
    bills = (bills - bills.mean()) / bills.std()
    bills.columns = ["bill length, standardized", "bill depth, standardized"]
    X = {"bill": bills, "island": pd.get_dummies(penguins["island"], dtype=int)}
    kinds = penguins["species"].astype("category").cat
    y, names = kinds.codes.to_numpy(), list(kinds.categories)

    keras.utils.set_random_seed(2)
    bill, island = keras.Input((2,), name="bill"), keras.Input((3,), name="island")
    shape = keras.layers.Dense(8, "tanh", name="shape")(bill)
    home = keras.layers.Dense(2, "tanh", name="home")(island)
    both = keras.layers.Concatenate()([shape, home])
    meeting = keras.layers.Dense(2, "tanh", name="meeting")(both)
    species = keras.layers.Dense(3, "softmax")(meeting)
    model = keras.Model({"bill": bill, "island": island}, species)
    model.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=keras.optimizers.Adam(0.01),
        metrics=["accuracy"],
    )
    recorder = rc.Recorder(X, y, recording, "islands", class_names=names)
    inputs = {name: frame.to_numpy() for name, frame in X.items()}
    model.fit(inputs, y, epochs=60, batch_size=32, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "islands")


def on(name, island):
    """Draw a slice with the island fixed, and only the penguins that live there as points."""
    chart = rc.decision_boundary(
        run,
        features=("bill length, standardized", "bill depth, standardized"),
        at={"island": island},
        title=f"{name} \N{MIDDLE DOT} epoch {{epoch}}",
        width=250,
        height=250,
    )
    there = penguins.index[penguins["island"] == name].tolist()
    living_there = alt.FieldOneOfPredicate(field="point", oneOf=there)
    chart.layer[1] = chart.layer[1].transform_filter(living_there)
    return chart


slices = on("Biscoe", [1, 0, 0]) | on("Dream", [0, 1, 0]) | on("Torgersen", [0, 0, 1])
space = rc.feature_space(run, "meeting", width=250, height=250)
curves = rc.loss_and_metric(run, width=250, height=250)

slices & (space | curves | rc.loss_histogram(run, width=250, height=250))
