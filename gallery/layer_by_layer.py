"""Two spirals, layer by layer

Three hidden layers of two tanh units each have to separate two spirals. Such a layer can turn,
stretch and bend the plane, but it cannot tear or fold it, so the network must unwind the spirals
step by step. The charts show every step: the inputs with the decision boundary, then the plane
after each layer. Follow one color from chart to chart: the spiral of the first chart becomes an
open arc in the second, and after the last layer a straight line is enough. Up to epoch 11 that line
cuts through both arms. From epoch 12 on it separates them, and the network only pushes each arm
farther towards a corner.

After C. Olah's `Neural Networks, Manifolds, and Topology
<https://colah.github.io/posts/2014-03-NN-Manifolds-Topology/>`_.
"""
# category: Feature spaces

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
    model = keras.Sequential([keras.Input((2,)), *hidden, keras.layers.Dense(1, "sigmoid")])
    model.compile(
        loss="binary_crossentropy", optimizer=keras.optimizers.Adam(0.02), metrics=["accuracy"]
    )
    recorder = rc.Recorder(X, y, recording, "spirals")
    model.fit(X, y, epochs=60, batch_size=30, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "spirals")
size = {"width": 300, "height": 300}

inputs = rc.decision_boundary(run, grid=True, **size)
first = rc.feature_space(run, "layer_1", surface=None, **size)
second = rc.feature_space(run, "layer_2", surface=None, **size)
third = rc.feature_space(run, "layer_3", surface="layer", **size)

(inputs | first) & (second | third)
