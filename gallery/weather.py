"""Rare weather, with and without class weights

Of these 1,461 days in Seattle, 714 were sunny, but only 54 had drizzle and 23 had snow. The same
network is trained twice to classify a day by its highest temperature, its wind, and whether it was
wet. In the upper row, all days count the same; in the lower row, ``class_weight`` makes rare kinds
of weather count more. The first two columns are slices: one for dry days and one for wet days, each
with only its own days as points. The third shows the recall, the share of each kind's days that the
network recognizes.

Without weights, the network calls every dry day sunny and never recognizes drizzle. Snow appears
from epoch 4 on, among the cold wet days. With weights, drizzle gets the calm dry days and snow the
cold wet ones within two epochs. In the end the network recognizes 59 % of the drizzle and 87 % of
the snow. The common kinds pay the price: of the sunny days, it now recognizes only 55 % instead of
90 %, and its accuracy over all days falls from 68 % to 47 %. Rain and fog overlap in both networks,
because these three features hardly distinguish them.
"""
# category: Comparisons

from pathlib import Path

import altair as alt
import keras
import numpy as np
import pandas as pd
from vega_datasets import data

import replaychart as rc

recording = Path("weather.h5")
kinds = ["rain", "sun", "fog", "drizzle", "snow"]
names = ["unweighted", "weighted"]

weather = data.seattle_weather()
wet = weather["precipitation"] > 0

if not recording.exists():
    X = weather[["temp_max", "wind"]].assign(wet=wet.astype(int))
    X.columns = ["highest temperature, °C", "wind, m/s", "wet"]
    y = weather["weather"].map(kinds.index).to_numpy()
    balanced = dict(enumerate(len(y) / len(kinds) / np.bincount(y)))
    for name, class_weight in zip(names, [None, balanced], strict=True):
        keras.utils.set_random_seed(1)
        model = keras.Sequential(
            [
                keras.Input((3,)),
                keras.layers.Normalization(name="normal"),
                keras.layers.Dense(12, "tanh"),
                keras.layers.Dense(5, "softmax"),
            ]
        )
        model.get_layer("normal").adapt(X.to_numpy())
        model.compile(
            loss="sparse_categorical_crossentropy",
            optimizer=keras.optimizers.Adam(0.02),
            metrics=["accuracy"],
        )
        recorder = rc.Recorder(X, y, recording, name, class_names=kinds)
        model.fit(
            X.to_numpy(),
            y,
            class_weight=class_weight,
            epochs=30,
            batch_size=64,
            verbose=0,
            callbacks=[recorder],
        )

runs = [rc.open_run(recording, name) for name in names]
epoch = rc.epoch_param(*runs)
size = {"width": 265, "height": 250}


def days(run, value, name):
    """Draw the slice of the dry days or of the wet days, with only those days as points."""
    chart = rc.decision_boundary(
        run,
        features=("highest temperature, °C", "wind, m/s"),
        at={"wet": value},
        xlim=(-3, 37),
        ylim=(0, 10),
        epoch=epoch,
        title=f"{name} days, {run.name} \N{MIDDLE DOT} epoch {{epoch}}",
        **size,
    )
    there = weather.index[wet == value].tolist()
    own_days = alt.FieldOneOfPredicate(field="point", oneOf=there)
    chart.layer = [
        layer.transform_filter(own_days) if layer.mark.type in ("circle", "point") else layer
        for layer in chart.layer
    ]
    return chart


def recognized(run):
    """Draw the recall of each kind of weather: the share of its days that is recognized."""
    right = run.probabilities().argmax(axis=2) == run.targets
    shares = {kind: right[:, run.targets == i].mean(axis=1) for i, kind in enumerate(kinds)}
    frame = pd.DataFrame({"epoch": run.epochs, **shares}).melt("epoch", var_name="target")
    title = alt.Title("Recognized", subtitle="share of the days of each kind")
    lines = (
        alt.Chart(frame, title=title, **size)
        .mark_line()
        .encode(
            x=alt.X("epoch", title="Epoch"),
            y=alt.Y("value", title="Recall").scale(domain=[0, 1]),
            color="target",
        )
    )
    return lines.mark_line(strokeOpacity=0.25) + lines.transform_filter("datum.epoch <= epoch")


rows = [days(run, 0, "Dry") | days(run, 1, "Wet") | recognized(run) for run in runs]

rows[0] & rows[1]
