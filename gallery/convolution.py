"""Inside a convolution

A small convolutional network reads handwritten digits. For each digit, its second convolution
outputs 16 channels at 3 x 3 positions. The chart on the left averages each channel over the
positions and shows the two directions in which these 16 values vary most. The chart in the middle
flattens the output to 144 values instead. Unlike the averages, these can be passed on to the output
layer, so this chart has decision regions. The axes of both charts follow the points
(``scale="per-epoch"``). The violins on the right show how the outputs of both convolutions spread
out during training.
"""
# category: Inside the network

from pathlib import Path

import keras
from sklearn.datasets import load_digits

import replaychart as rc

recording = Path("convolution.h5")

if not recording.exists():
    digits = load_digits()
    X, y = digits.images[..., None] / 16, digits.target
    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(8, 3, padding="same", activation="relu", name="first"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(16, 2, activation="relu", name="second"),
            keras.layers.Flatten(),
            keras.layers.Dense(10, "softmax", name="output"),
        ]
    )
    model.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=keras.optimizers.Adam(0.005),
        metrics=["accuracy"],
    )
    recorder = rc.Recorder(X[:400], y[:400], recording, "digits")
    model.fit(X, y, epochs=24, batch_size=64, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "digits")

options = {"scale": "per-epoch", "width": 320, "height": 380}
averaged = rc.feature_space(run, "second", positions="mean", **options)
flattened = rc.feature_space(run, "second", **options)
spread = rc.activations(run, output=False, width=200) & rc.loss_and_metric(run, width=200)

averaged | flattened | spread
