"""A learning rate that falls too soon

From epoch 20 to 40, nothing seems to happen: accuracy and loss are flat, as if the network had
learned all that it can. The updates say otherwise. In each layer, they shrink in step with the
learning rate, which the schedule halves every three epochs, until an epoch changes the weights by
less than a ten-thousandth. The run has not arrived; it has been stopped. At epoch 40, the learning
rate is set back to its first value, an epoch changes the weights by a hundredth again, the boundary
begins to bend, and at the end it winds between the moons.

`rc.updates` compares the weights of each recorded epoch with those of the one before, so it needs
neither the optimizer nor Keras. The learning rate below the curves is the one that was logged.
"""
# category: Trainings
# thumbnail-epoch: 50

from pathlib import Path

import keras
from sklearn.datasets import make_moons

import replaychart as rc

recording = Path("schedule.h5")


def rate(epoch: int) -> float:
    """Halve the rate every three epochs; begin again at epoch 40."""
    return 0.3 * 0.5 ** (epoch / 3) if epoch < 40 else 0.3


if not recording.exists():
    X, y = make_moons(400, noise=0.12, random_state=3)
    keras.utils.set_random_seed(7)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(10, "relu", name="first"),
            keras.layers.Dense(10, "relu", name="second"),
            keras.layers.Dense(1, "sigmoid", name="output"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.3), "binary_crossentropy", metrics=["accuracy"])
    recorder = rc.Recorder(X, y, recording, "schedule")
    schedule = keras.callbacks.LearningRateScheduler(rate)
    model.fit(X, y, epochs=80, batch_size=40, verbose=0, callbacks=[recorder, schedule])

run = rc.open_run(recording, "schedule")

curves = rc.loss_and_metric(run, learning_rate=True, width=300, height=190)
changes = rc.updates(run, width=300, height=130)
rc.decision_boundary(run, width=400, height=400) | (curves & changes)
