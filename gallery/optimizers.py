"""Optimizers: a race on one clock

Four optimizers start from the same weights and see the same batches of a two-armed spiral. At epoch
40, plain gradient descent (SGD) still cuts through both arms. Momentum has the same learning rate
but has wound around them long ago, because small steps in the same direction add up. RMSprop and
Adam scale the step of every weight by the size of its gradients. They are just as fast, but RMSprop
never settles: from epoch 50 on, its loss jumps up and down by a factor of a hundred.

All boundaries have the same limits, so you can compare them at a glance. Below, the strong part of
a curve ends at the epoch shown, and the logarithmic axis keeps the small losses apart.
"""
# category: Comparisons
# thumbnail-epoch: 40

from pathlib import Path

import keras
import numpy as np

import replaychart as rc

recording = Path("optimizers.h5")

if not recording.exists():
    random = np.random.default_rng(1)
    arm = np.arange(300) % 2
    turn = random.uniform(0.5, 2.2, 300) * np.pi
    angle = turn + np.pi * arm
    X = np.column_stack([turn * np.cos(angle), turn * np.sin(angle)]) / 5
    X += random.normal(scale=0.04, size=X.shape)
    optimizers = {
        "SGD": keras.optimizers.SGD(0.05),
        "Momentum": keras.optimizers.SGD(0.05, momentum=0.9),
        "RMSprop": keras.optimizers.RMSprop(0.01),
        "Adam": keras.optimizers.Adam(0.01),
    }
    for name, optimizer in optimizers.items():
        keras.utils.set_random_seed(4)  # the same weights and batches
        model = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dense(16, "tanh"),
                keras.layers.Dense(16, "tanh"),
                keras.layers.Dense(1, "sigmoid"),
            ]
        )
        model.compile(loss="binary_crossentropy", optimizer=optimizer, metrics=["accuracy"])
        recorder = rc.Recorder(X, arm, recording, name)
        model.fit(X, arm, epochs=80, batch_size=20, verbose=0, callbacks=[recorder])

runs = {name: rc.open_run(recording, name) for name in ("SGD", "Momentum", "RMSprop", "Adam")}
epoch = rc.epoch_param(*runs.values())

boundaries = rc.small_multiples(
    runs, chart=rc.decision_boundary, columns=4, epoch=epoch, width=195, height=195
)
losses = rc.compare(runs, source="replay", loss_scale="log", epoch=epoch, width=992, height=170)
(boundaries & losses).resolve_scale(color="independent", fill="independent", stroke="independent")
