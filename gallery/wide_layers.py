"""A wide layer, projected

Digits of 8 x 8 pixels pass through a layer of 32 units, far too many dimensions for a screen. On
the left, the layer is projected to two principal components for all epochs: the view is fixed, so
any movement is that of the network. On the right, each epoch has its own components,
rotated to match those of the previous epoch: you see more of each epoch, but the view moves, too.

Watch the digits leave the heap in the middle during the first ten epochs. The background shows the
decision of the output layer on a slice through the space of the layer.
"""
# category: Feature spaces

from pathlib import Path

import keras
from sklearn.datasets import load_digits

import replaychart as rc

recording = Path("wide_layers.h5")

if not recording.exists():
    digits = load_digits()
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(32, "tanh", name="hidden"),
            keras.layers.Dense(10, "softmax"),
        ]
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    recorder = rc.Recorder(digits.data[:600] / 16, digits.target[:600], recording, "digits")
    model.fit(
        digits.data / 16, digits.target, epochs=30, batch_size=64, verbose=0, callbacks=[recorder]
    )

run = rc.open_run(recording, "digits")

one_view = rc.feature_space(run, "hidden", title="One view for all epochs \N{MIDDLE DOT} {epoch}")
aligned = rc.feature_space(
    run,
    "hidden",
    projection="aligned",
    title="Each epoch's own view, aligned \N{MIDDLE DOT} {epoch}",
)

one_view | aligned
