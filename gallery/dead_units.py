"""Dead units in a diagram of the network

The same network, with the same initial weights, learns to separate two rings with two learning
rates. Each tile shows what a unit responds to over the plane of the inputs, each edge is as wide as
the weight, green if it is positive and purple if it is negative. With a learning rate of 0.01, all
units take part: the first layer cuts the plane along straight lines, the second combines the
pieces. With 0.3, the first updates are so large that 10 of the 16 ReLU units end up at 0 for all
points. Their gradient is 0, so they never recover. They are crossed out, and what is left of the
network cannot close the ring: the accuracy stays below 80 %. `Run.units` counts dead units.
"""
# card-view: 2
# category: Inside the network
# thumbnail-epoch: 40

from pathlib import Path

import keras
from sklearn.datasets import make_circles

import replaychart as rc

recording = Path("dead_units.h5")

X, y = make_circles(400, noise=0.1, factor=0.5, random_state=0)

if not recording.exists():
    for rate in (0.01, 0.3):
        keras.utils.set_random_seed(1)
        model = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dense(8, "relu", name="first"),
                keras.layers.Dense(8, "relu", name="second"),
                keras.layers.Dense(1, "sigmoid", name="output"),
            ]
        )
        model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])
        recorder = rc.Recorder(X, y, recording, str(rate))
        model.fit(X, y, epochs=40, batch_size=32, verbose=0, callbacks=[recorder])

slow, fast = (rc.open_run(recording, rate) for rate in ("0.01", "0.3"))
epoch = rc.epoch_param(slow, fast)
dead = [int(run.units(epochs=40)["constant"].sum()) for run in (slow, fast)]

diagrams = [
    rc.network_diagram(
        run,
        epoch=epoch,
        title=f"Learning rate {run.name}: {count} of 17 units die \N{MIDDLE DOT} epoch {{epoch}}",
        width=480,
        height=440,
    )
    for run, count in zip((slow, fast), dead, strict=True)
]

diagrams[0] | diagrams[1]
