"""Vanishing gradients: ten sigmoid layers

Three networks with ten hidden layers each, on the same moons. Below each, how large the gradients
of every layer are, on the same logarithmic axis: yellow for the first layer, dark blue for the
output.

With sigmoid layers, each layer passes back only a fraction of the gradient it gets. What reaches
the first layer at epoch 0 is more than 100,000 times smaller than at the output. Nothing moves: at
epoch 40, the network still predicts one half everywhere. ReLU layers pass the gradient on, so all
eleven lines stay close together, and at epoch 10 the network is right about 99 % of the points.

The third network is the first one with a ``BatchNormalization`` before each sigmoid. Its lines rise
during the first five epochs, as they scale each layer's inputs up to where a sigmoid is steep. Then
the order is reversed: the first layer now has the largest gradients. It learns what the first one
could not, though the boundary comes later than with ReLU, around epoch 20.
"""
# card-view: 4
# category: Inside the network
# thumbnail-epoch: 40

from pathlib import Path

import keras
from sklearn.datasets import make_moons

import replaychart as rc

recording = Path("vanishing_gradients.h5")


def block(kind, number):
    """Return the layers of one of the ten blocks."""
    if kind == "ReLU":
        return [keras.layers.Dense(16, "relu", name=f"layer_{number}")]
    dense = keras.layers.Dense(16, name=f"layer_{number}")
    if kind == "sigmoid":
        return [dense, keras.layers.Activation("sigmoid")]
    return [
        dense,
        keras.layers.BatchNormalization(momentum=0.9),
        keras.layers.Activation("sigmoid"),
    ]


kinds = ["sigmoid", "ReLU", "normalized sigmoid"]

if not recording.exists():
    X, y = make_moons(400, noise=0.12, random_state=3)
    for kind in kinds:
        keras.utils.set_random_seed(2)
        blocks = [layer for number in range(1, 11) for layer in block(kind, number)]
        output = keras.layers.Dense(1, "sigmoid", name="output")
        model = keras.Sequential([keras.Input((2,)), *blocks, output])
        model.compile(keras.optimizers.Adam(0.003), "binary_crossentropy", metrics=["accuracy"])
        recorder = rc.Recorder(X, y, recording, kind)
        model.fit(X, y, epochs=40, batch_size=40, verbose=0, callbacks=[recorder])

runs = {f"Ten {kind} layers": rc.open_run(recording, kind) for kind in kinds}
epoch = rc.epoch_param(*runs.values())

boundaries = rc.small_multiples(
    runs, chart=rc.decision_boundary, epoch=epoch, width=265, height=220
)
gradients = rc.small_multiples(
    runs, chart=rc.spread, kind="gradients", epoch=epoch, width=215, height=220
)
(boundaries & gradients).resolve_scale(
    color="independent", fill="independent", stroke="independent"
)
