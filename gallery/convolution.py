"""Inside a convolution

A small convolution net reads handwritten digits. The output of its second convolution is 3 x 3
positions of 16 channels for each digit. Averaged over the positions there are 16 numbers, of which
the plot on the left shows the two directions that vary most; flattened there are 144, on the
right, with a way back to the layers behind and so with a surface. The violins tell how the layers'
outputs spread.
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

size = {"width": 310, "height": 310}
averaged = rc.feature_space(run, "second", positions="mean", **size)
flattened = rc.feature_space(run, "second", **size)
spread = rc.activations(run, output=False, width=200) & rc.loss_and_metric(run, width=200)

averaged | flattened | spread
