"""Two optimizers and their loss landscapes

The same network, with the same initial weights, learns two parabolas with plain SGD and with Adam.
Each chart shows the loss over the plane that contains most of the path of the weights: 98 % of its
variance lies along the first direction, and the contours are at equal ratios of the loss. Compare
the axes. In 40 epochs, SGD moves the weights by about 2 and is still on the slope, at a loss of
0.43. Adam scales the step of each weight, moves them by about 15 in the same time, and ends at a
loss of 0.004. The dots have the color of the true loss: where one differs from the background, the
path is off the plane. The text at the bottom gives both values.
"""
# category: Trainings
# thumbnail-epoch: 40

from pathlib import Path

import keras

import replaychart as rc

recording = Path("loss_landscapes.h5")

X, y = rc.datasets.parabola(150)
optimizers = {"SGD": keras.optimizers.SGD(0.1), "Adam": keras.optimizers.Adam(0.1)}

if not recording.exists():
    for name, optimizer in optimizers.items():
        keras.utils.set_random_seed(1)
        model = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dense(4, "tanh", name="hidden"),
                keras.layers.Dense(1, "sigmoid", name="output"),
            ]
        )
        model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
        recorder = rc.Recorder(X, y, recording, name)
        model.fit(X, y, epochs=40, batch_size=50, verbose=0, callbacks=[recorder])

sgd, adam = (rc.open_run(recording, name) for name in optimizers)

charts = [
    rc.loss_landscape(
        run, title=f"{run.name} \N{MIDDLE DOT} epoch {{epoch}}", width=360, height=360
    )
    for run in (sgd, adam)
]

charts[0] | charts[1]
