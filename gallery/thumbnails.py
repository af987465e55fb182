"""Points as pictures

Each point is a handwritten digit, so it is drawn as one, in the color of its class; those that the
network takes for another digit have a second frame. That shows what dots cannot: which ones it
confuses, and why. After three epochs, not one 0, 1 or 3 is recognized. The 0s are among the 4s, and
most 3s are between the 2s and the 7s, with which they share the strokes on the right. At the end,
24 of the 700 digits are left with a second frame, and every fourth of them is a 2 that is taken for
a 9.

`images=(8, 8)` turns the 64 recorded numbers of each point back into a picture. For a network whose
inputs are pictures, it is `images=True`. The other points stay dots, with their pictures in the
tooltips.
"""
# category: Feature spaces
# thumbnail-epoch: 3

from pathlib import Path

import keras
from sklearn.datasets import load_digits

import replaychart as rc

recording = Path("thumbnails.h5")

if not recording.exists():
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype("float32")
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64, "relu"),
            keras.layers.Dense(2, name="latent"),
            keras.layers.Dense(10, "softmax"),
        ]
    )
    model.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=keras.optimizers.Adam(0.003),
        metrics=["accuracy"],
    )
    recorder = rc.Recorder(X[:700], y[:700], recording, "digits")
    model.fit(X, y, epochs=40, batch_size=64, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "digits")

rc.feature_space(
    run,
    "latent",
    images=(8, 8),
    most_images=200,
    scale="per-epoch",
    resolution=200,
    labels=False,
    width=640,
    height=640,
)
