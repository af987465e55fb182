"""Ten digits from all sides

The output of a network that reads digits has ten dimensions, one for each class. The tour turns the
view slowly through all of them; drag the end of an axis to turn it yourself. In the first epochs,
all points are in the middle: the network gives each class the same probability. Then each digit
moves out along its own axis. At the end of the run, look for points between two axes: the network
takes them for either of two digits. Which digits are confused most?
"""
# category: Feature spaces
# thumbnail-epoch: 12

from pathlib import Path

import keras
from sklearn.datasets import load_digits

import replaychart as rc

recording = Path("digits.h5")

if not recording.exists():
    keras.utils.set_random_seed(0)
    pixels, y = load_digits(return_X_y=True)
    X = (pixels / 16).astype("float32")
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(32, activation="relu", name="hidden"),
            keras.layers.Dense(10, activation="softmax", name="output"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.002), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    recorder = rc.Recorder(X[:500], y[:500], recording, "digits")
    model.fit(X, y, epochs=40, batch_size=32, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "digits")

tour = rc.tour(run, "output", width=460, height=460)
curves = rc.loss_and_metric(run, width=260)
matrix = rc.confusion(run, width=260, height=260)

tour | (matrix & curves)
