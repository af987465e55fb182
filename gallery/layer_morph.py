"""Two spirals on their way through the layers

The slider "Layer" moves all points from the inputs to the output of the network, and the other one
through the epochs. Drag the dot on the line below the spirals: three hidden layers of two tanh
units turn and bend the plane, until the output only has to tell one end from the other. Whatever
the layers do, neighboring points stay neighbors: no layer tears the grid.

Each layer is turned onto the one before, so you see only what it does to the shape. At a dot of the
line, the picture is what the network computes; in between, it is interpolated, and the surface
fades out. Start at epoch 0, where the layers hardly bend anything, and let it play half way between
two layers.
"""
# category: Feature spaces
# thumbnail-epoch: 60

from pathlib import Path

import keras
import numpy as np

import replaychart as rc

recording = Path("spirals.h5")

if not recording.exists():
    distance = np.linspace(0.15, 1, 150)
    angle = 1.5 * np.pi * distance
    arm = np.stack([distance * np.cos(angle), distance * np.sin(angle)], axis=1)
    X, y = np.concatenate([arm, -arm]), np.repeat([0, 1], 150)

    keras.utils.set_random_seed(12)
    hidden = [keras.layers.Dense(2, "tanh", name=f"layer_{number}") for number in (1, 2, 3)]
    output = keras.layers.Dense(1, "sigmoid", name="output")
    model = keras.Sequential([keras.Input((2,)), *hidden, output])
    model.compile(
        loss="binary_crossentropy", optimizer=keras.optimizers.Adam(0.02), metrics=["accuracy"]
    )
    recorder = rc.Recorder(X, y, recording, "spirals")
    model.fit(X, y, epochs=60, batch_size=30, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "spirals")
some = {"epochs": slice(None, None, 3)}

rc.layer_morph(run, depth=0.6, width=460, height=500, **some) | rc.loss_and_metric(
    run, width=260, height=260, **some
)
