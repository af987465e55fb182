"""Three spirals, in one line

One line draws this picture: ``rc.dashboard(run)``. It reads the task from the recording, so three
classes get the accuracy of each class, where two would get their probabilities and a regression its
residuals. Watch both planes together. Up to epoch 35 the network only cuts the inputs into three
sectors, and two thirds of the points are ringed as wrong. Then the boundaries start to wind, from
the outside in, while in the last hidden layer the arms are pulled out of the middle into three
fans, which straight lines separate. By epoch 100 no ring is left.
"""
# category: Feature spaces
# thumbnail-epoch: 63

from pathlib import Path

import keras
import numpy as np

import replaychart as rc

recording = Path("three_spirals.h5")

if not recording.exists():
    random = np.random.default_rng(5)
    radius = np.tile(np.linspace(0.1, 1, 150), 3)
    y = np.repeat([0, 1, 2], 150)
    angle = 7 * radius + 2 * np.pi / 3 * y + random.normal(0, 0.08, len(y))
    X = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(12, "tanh", name="first"),
            keras.layers.Dense(12, "tanh", name="second"),
            keras.layers.Dense(2, "linear", name="last"),
            keras.layers.Dense(3, "softmax", name="output"),
        ]
    )
    model.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=keras.optimizers.Adam(0.006),
        metrics=["accuracy"],
    )
    names = ["north", "west", "east"]
    recorder = rc.Recorder(X, y, recording, "three_spirals", class_names=names)
    model.fit(X, y, epochs=150, batch_size=45, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "three_spirals")

rc.dashboard(run, epochs=slice(None, None, 3))
