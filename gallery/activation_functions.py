"""Sigmoid, tanh and ReLU side by side

Three networks that differ only in the activation of their two hidden units: the data, the seed and
the learning rate are the same. Sigmoid and tanh squeeze the plane into a square and push the points
along its edges. ReLU folds the plane along two lines and leaves the rest flat. Tanh has separated
the two curves by epoch 30 and ReLU by epoch 40. Sigmoid needs about three times as long, because
its slope is at most a quarter of that of tanh. Compare the axes, too: a ReLU is unbounded, so its
picture grows throughout training.

``epoch_param`` creates one slider for several runs.
"""
# category: Comparisons
# thumbnail-epoch: 30

from pathlib import Path

import keras

import replaychart as rc

recording = Path("activations.h5")
activations = ["sigmoid", "tanh", "relu"]

if not recording.exists():
    X, y = rc.datasets.parabola(150)
    for activation in activations:
        keras.utils.set_random_seed(42)
        model = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dense(2, activation, name="hidden"),
                keras.layers.Dense(1, "sigmoid"),
            ]
        )
        model.compile(
            loss="binary_crossentropy",
            optimizer=keras.optimizers.SGD(0.4),
            metrics=["accuracy"],
        )
        recorder = rc.Recorder(X, y, recording, activation)
        model.fit(X, y, epochs=100, batch_size=30, verbose=0, callbacks=[recorder])

runs = [rc.open_run(recording, activation) for activation in activations]
epochs = slice(None, None, 2)
epoch = rc.epoch_param(*runs, epochs=epochs)

spaces = [
    rc.feature_space(
        run,
        "hidden",
        epochs=epochs,
        epoch=epoch,
        title=f"{run.name}, epoch {{epoch}}",
        width=280,
        height=280,
    )
    for run in runs
]

spaces[0] | spaces[1] | spaces[2]
