"""A regression with ten features

`Friedman's first problem
<https://scikit-learn.org/stable/modules/generated/sklearn.datasets.make_friedman1.html>`_ has ten
features: the first two work together in a wave, the third in a bowl, the next two add to that, and
five are noise. Two slices through the ten dimensions, with all other features at their median, show
what the network makes of it: a slope at first, then the wave (left) and the bowl (right). Below,
the second hidden layer, projected to its two principal components, lines the points up by their
target, and the residuals gather around 0.
"""
# category: Decision boundaries

from pathlib import Path

import keras
import pandas as pd
from sklearn.datasets import make_friedman1

import replaychart as rc

recording = Path("ten_features.h5")

if not recording.exists():
    X, y = make_friedman1(1200, n_features=10, noise=0.5, random_state=0)
    X = pd.DataFrame(X.astype("float32"))
    X.columns = ["wave, first", "wave, second", "bowl", "slope", "gentle slope", *"abcde"]
    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input((10,)),
            keras.layers.Normalization(name="normal"),
            keras.layers.Dense(32, "tanh", name="hidden"),
            keras.layers.Dense(16, "tanh", name="second"),
            keras.layers.Dense(1, name="number"),
        ]
    )
    model.get_layer("normal").adapt(X.to_numpy())
    model.compile(loss="mse", optimizer=keras.optimizers.Adam(0.01), metrics=["mae"])
    recorder = rc.Recorder(X[:600], y[:600], recording, "friedman")
    model.fit(X.to_numpy(), y, epochs=50, batch_size=50, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "friedman")

size = {"width": 290, "height": 290}
wave = rc.decision_boundary(run, features=("wave, first", "wave, second"), **size)
bowl = rc.decision_boundary(run, features=("bowl", "slope"), **size)
space = rc.feature_space(run, "second", **size)

(wave | bowl) & (space | rc.residual_histogram(run, bins=40, **size))
