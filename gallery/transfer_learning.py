"""Transfer learning: what a backbone has thrown away

A network has learned the digits 0 to 4. Now it is to tell 5 to 9 apart, of which there are only ten
pictures each. The charts show 300 others, which it does not learn, in the layer before the output.

The usual advice is to keep the layers before the output, the backbone, as they are, and to learn a
new output only. On the left, the backbone is frozen: the points cannot move, only the regions
behind them can. All digits lie on top of each other. To tell 0 to 4 apart, the backbone never had
to know in what a 5 and a 9 differ, so it has learned to ignore it. At epoch 20, 40 % are right, and
at epoch 60, one in four is still wrong.

In the middle, the same backbone learns on, and has pulled the digits apart by epoch 15. But look at
the right: a network that has never seen a digit starts from random weights, and is ahead of both
from epoch 2 on. A backbone helps with what it had to know for its own task. Compare it with a
network from scratch before you rely on it.

See J. Yosinski et al., `How transferable are features in deep neural networks?
<https://arxiv.org/abs/1411.1792>`_.
"""
# category: Comparisons
# thumbnail-epoch: 20

from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_digits

import replaychart as rc

recording = Path("transfer_learning.h5")
kinds = ["Frozen backbone", "Backbone learns on", "From scratch"]


def network(backbone=None, *, frozen=False):
    """Return a network with two layers before the output, with the weights of another network."""
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64, "relu", name="first"),
            keras.layers.Dense(32, "relu", name="second"),
            keras.layers.Dense(5, "softmax", name="output"),
        ]
    )
    if backbone is not None:
        for layer, learned in zip(model.layers[:2], backbone.layers[:2], strict=True):
            layer.set_weights(learned.get_weights())
            layer.trainable = not frozen
    model.compile(
        keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


if not recording.exists():
    X, y = load_digits(return_X_y=True)
    X = X / 16
    keras.utils.set_random_seed(0)
    backbone = network()
    backbone.fit(X[y < 5], y[y < 5], epochs=20, batch_size=32, verbose=0)

    shuffled = np.random.default_rng(0).permutation(np.flatnonzero(y >= 5))
    few = np.concatenate([shuffled[y[shuffled] == digit][:10] for digit in range(5, 10)])
    others = np.setdiff1d(shuffled, few)[:300]
    for kind in kinds:
        keras.utils.set_random_seed(0)
        learned = None if kind == "From scratch" else backbone
        model = network(learned, frozen=kind == "Frozen backbone")
        recorder = rc.Recorder(X[others], y[others] - 5, recording, kind, class_names=list("56789"))
        model.fit(X[few], y[few] - 5, epochs=60, batch_size=10, verbose=0, callbacks=[recorder])

runs = {kind: rc.open_run(recording, kind) for kind in kinds}
epoch = rc.epoch_param(*runs.values())

spaces = rc.small_multiples(
    runs, chart=rc.feature_space, layer="second", epoch=epoch, width=280, height=250
)
accuracies = rc.compare(
    runs, metric="accuracy", source="replay", epoch=epoch, width=980, height=170
)
(spaces & accuracies).resolve_scale(color="independent", fill="independent", stroke="independent")
