"""A regression with ten features

`Friedman's first problem
<https://scikit-learn.org/stable/modules/generated/sklearn.datasets.make_friedman1.html>`_ has ten
features: the first two interact in a sine wave, the third is a parabola, the next two are linear,
and five are noise. The upper row shows two slices through the ten dimensions, with all other
features fixed at their medians. At epoch 5 both slices show little more than a slope; by epoch 15
the wave (left) and the bowl (right) have appeared. At the bottom left, the second hidden layer is
projected to its two principal components, and the points sort themselves by their target. At the
bottom right, the residuals gather around 0.
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
    average = keras.initializers.Constant(y.mean())

    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input((10,)),
            keras.layers.Normalization(name="normal"),
            keras.layers.Dense(32, "tanh", name="hidden"),
            keras.layers.Dense(16, "tanh", name="second"),
            keras.layers.Dense(1, bias_initializer=average),
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
