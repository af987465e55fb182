"""Learning rates: too small, right, too large

One network, the same initial weights, three learning rates. With the small rate, the boundary moves
in the right direction but too slowly: at the end it is still almost straight. With the middle rate,
it winds between the moons from epoch 30 on. With the large rate, the weights jump so far that
within two epochs no ReLU unit responds to any point. The network then predicts the same probability
everywhere, no gradient is left to change that, and the loss stays flat.

All runs share one slider and the limits of the axes. On the logarithmic axis below, a loss that
still falls stays visible.
"""
# category: Comparisons
# thumbnail-epoch: 45

from pathlib import Path

import keras
from sklearn.datasets import make_moons

import replaychart as rc

recording = Path("learning_rates.h5")
rates = [0.01, 0.3, 4.0]

if not recording.exists():
    X, y = make_moons(400, noise=0.12, random_state=3)
    for rate in rates:
        keras.utils.set_random_seed(7)  # the same weights to start from
        model = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dense(10, "relu"),
                keras.layers.Dense(10, "relu"),
                keras.layers.Dense(1, "sigmoid"),
            ]
        )
        model.compile(
            loss="binary_crossentropy",
            optimizer=keras.optimizers.SGD(rate),
            metrics=["accuracy"],
        )
        recorder = rc.Recorder(X, y, recording, f"{rate:g}")
        model.fit(X, y, epochs=60, batch_size=40, verbose=0, callbacks=[recorder])

runs = {f"{rate:g}": rc.open_run(recording, f"{rate:g}") for rate in rates}
epoch = rc.epoch_param(*runs.values())

boundaries = rc.small_multiples(
    {f"Learning rate {name}": run for name, run in runs.items()},
    chart=rc.decision_boundary,
    epoch=epoch,
    width=280,
    height=230,
)
losses = rc.compare(runs, source="replay", loss_scale="log", epoch=epoch, width=982, height=160)
(boundaries & losses).resolve_scale(color="independent", fill="independent", stroke="independent")
