"""Ten digits unfold in a plane

Images of handwritten digits, 64 pixels each, pass through a hidden layer with two units before a
softmax classifies them. At first, all ten digits are in one heap. Within ten epochs the heap opens
like a fan: every digit gets its own sector, and the farther out an image is, the more certain the
network is. The axes follow the points, so read them, too: the fan grows throughout training. Look
at which digits become neighbors, and which separate last.
"""
# category: Feature spaces

from pathlib import Path

import keras
from sklearn.datasets import load_digits

import replaychart as rc

recording = Path("digits.h5")

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

space = rc.feature_space(run, "latent", scale="per-epoch", resolution=200, width=520, height=520)
curves = rc.loss_and_metric(run, width=260)
losses = rc.loss_histogram(run, width=260)

space | (curves & losses)
