"""Batch sizes on one clock

The same points and initial weights, but each step averages the gradients of a different number of
points. The first two networks have the same learning rate. With batches of 5, an epoch has 100
steps, with batches of 50 only ten. So at epoch 20, the first boundary winds between the moons,
while the second is still nearly straight at epoch 60.

Are small batches better, then? The third network has batches of 50, too, and ten times the learning
rate: its loss follows that of the first, as the linear scaling rule predicts. The rule holds until
steps become too long. The fourth network takes all 500 points at once, at a hundred times the rate.
At epoch 5, its loss has risen to 10, and after that it jumps for 30 epochs.

The rule is from P. Goyal et al., `Accurate, Large Minibatch SGD
<https://arxiv.org/abs/1706.02677>`_.
"""
# card-view: 4
# category: Comparisons
# thumbnail-epoch: 20

from pathlib import Path

import keras
from sklearn.datasets import make_moons

import replaychart as rc

recording = Path("batch_sizes.h5")
settings = {
    "5": (5, 0.05),
    "50": (50, 0.05),
    "50, ten times the rate": (50, 0.5),
    "500, a hundred times": (500, 5.0),
}

if not recording.exists():
    X, y = make_moons(500, noise=0.12, random_state=3)
    for name, (size, rate) in settings.items():
        keras.utils.set_random_seed(7)  # the same weights to start from
        model = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dense(16, "tanh"),
                keras.layers.Dense(16, "tanh"),
                keras.layers.Dense(1, "sigmoid"),
            ]
        )
        model.compile(keras.optimizers.SGD(rate), "binary_crossentropy", metrics=["accuracy"])
        recorder = rc.Recorder(X, y, recording, name)
        model.fit(X, y, epochs=60, batch_size=size, verbose=0, callbacks=[recorder])

runs = {name: rc.open_run(recording, name) for name in settings}
epoch = rc.epoch_param(*runs.values())

boundaries = rc.small_multiples(
    runs, chart=rc.decision_boundary, columns=4, epoch=epoch, width=195, height=195
)
losses = rc.compare(runs, source="replay", loss_scale="log", epoch=epoch, width=992, height=170)
(boundaries & losses).resolve_scale(color="independent", fill="independent", stroke="independent")
