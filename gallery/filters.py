"""What a convolution looks for

A small convolutional network learns to read handwritten digits. The chart on the left shows the
kernels of its first layer: green weights are positive, purple ones negative. At epoch 0 they are
noise, and what the filters return, on the right, are pale copies of each digit. During training
they turn into detectors of strokes. Filter 4 is green in the middle column and purple to the right
and left of it, so it returns upright strokes and leaves out flat ones. Filter 8 is green along one
diagonal and purple along the other: it returns strokes that rise to the right, such as the stem of
the 7, and is negative for those that fall, which the ReLU function turns into 0.
"""
# card-view: 2
# category: Inside the network
# thumbnail-epoch: 24

from pathlib import Path

import keras
from sklearn.datasets import load_digits

import replaychart as rc

recording = Path("filters.h5")

if not recording.exists():
    digits = load_digits()
    X, y = digits.images[..., None] / 16, digits.target
    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(9, 3, padding="same", activation="relu", name="convolution"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(10, "softmax", name="output"),
        ]
    )
    model.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=keras.optimizers.Adam(0.01),
        metrics=["accuracy"],
    )
    recorder = rc.Recorder(X[:200], y[:200], recording, "digits")
    model.fit(X, y, epochs=24, batch_size=32, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "digits")

kernels = rc.filters(run, "convolution", width=300)
maps = rc.feature_maps(run, "convolution", points=[0, 1, 2, 3, 4, 7], width=520)

kernels | maps
