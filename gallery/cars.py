"""Miles per gallon by weight and year

How far does a car go on a gallon of petrol? Each point is one of 398 cars, placed by its weight and
its model year and colored by its miles per gallon. The background shows the prediction in lighter
shades of the same colors.

At the start, the network predicts about the average for every car. By epoch 5 it has learned that
light cars go farther and that newer ones do, too: the edges between the shades are nearly straight
lines that lean to the right. By epoch 60 they have bent. Up to 1974 they are almost upright, so the
year hardly matters; after 1976 they lean far to the right. Follow a weight of 2,500 pounds: the
prediction is 22 miles per gallon for 1970 and still 22 for 1973, but 31 for 1982. The residuals
gather around 0; in the end the network is off by two miles per gallon on average.

The row for 1981 is empty because the data set dates the cars of 1981 to 1982.
"""
# category: Decision boundaries

from pathlib import Path

import keras
import pandas as pd
from vega_datasets import data

import replaychart as rc

recording = Path("cars.h5")

if not recording.exists():
    # data.cars() reads the same file with an option that pandas is about to remove.
    cars = pd.read_json(data.cars.filepath).dropna(subset="Miles_per_Gallon")
    X = pd.DataFrame(
        {
            "weight, hundreds of pounds": cars["Weight_in_lbs"] / 100,
            "model year, 19..": cars["Year"].str[2:4].astype(int),
        }
    )
    y = cars["Miles_per_Gallon"]
    average = keras.initializers.Constant(y.mean())

    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Normalization(name="normal"),
            keras.layers.Dense(16, "tanh", name="hidden"),
            keras.layers.Dense(8, "tanh"),
            keras.layers.Dense(1, bias_initializer=average),
        ]
    )
    model.get_layer("normal").adapt(X.to_numpy())
    model.compile(loss="mse", optimizer=keras.optimizers.Adam(0.005), metrics=["mae"])
    recorder = rc.Recorder(X, y, recording, "cars")
    model.fit(X.to_numpy(), y.to_numpy(), epochs=60, batch_size=32, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "cars")

boundary = rc.decision_boundary(run, xlim=(15, 52.5), ylim=(69.5, 82.5))
residuals = rc.residual_histogram(run, bins=40, width=300)
curves = rc.loss_and_metric(run, metric="mae", width=300)

boundary | (residuals & curves)
