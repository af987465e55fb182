"""Overfitting, and two ways to prevent it

The same network, with far more weights than it needs, learns the same forty points three times.
Their classes overlap, as the hollow circles show: 1,000 validation points that it does not learn.

Up to epoch 16, all three boundaries are simple curves, and the loss of the validation points falls.
Then the first network begins to learn single points by heart. By epoch 40 its boundary has grown a
bay around a few blue points, and by epoch 100 it is a claw that is right about 39 of the 40. The
claw is strongly colored where most hollow circles are orange, so the network is not just wrong
there, it is confident: the loss of the validation points ends at three times its minimum. With an
L2 penalty, weights stay small and the boundary smooth, and that loss is still falling at the end.
Dropout holds it down until epoch 80 and leaves more of the forty points on the wrong side.
"""
# category: Comparisons
# thumbnail-epoch: 100

from pathlib import Path

import keras
from sklearn.datasets import make_moons

import replaychart as rc

recording = Path("regularization.h5")
settings = {"Neither": (0, 0), "L2": (0.01, 0), "Dropout": (0, 0.5)}

if not recording.exists():
    X, y = make_moons(40, noise=0.35, random_state=5)
    validation = make_moons(1000, noise=0.35, random_state=6)
    for name, (penalty, share) in settings.items():
        keras.utils.set_random_seed(2)
        hidden = [
            layer
            for _ in range(2)
            for layer in (
                keras.layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(penalty)),
                keras.layers.Dropout(share),
            )
        ]
        model = keras.Sequential([keras.Input((2,)), *hidden, keras.layers.Dense(1, "sigmoid")])
        model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
        recorder = rc.Recorder(X, y, recording, name, validation=validation)
        model.fit(X, y, epochs=100, batch_size=20, verbose=0, callbacks=[recorder])

runs = {name: rc.open_run(recording, name) for name in settings}
some = {"epochs": slice(None, None, 2)}
epoch = rc.epoch_param(*runs.values(), **some)

boundaries = rc.small_multiples(
    runs, chart=rc.decision_boundary, epoch=epoch, width=280, height=240, **some
)
validation = {name: run.validation for name, run in runs.items()}
losses = rc.compare(
    validation,
    source="replay",
    epoch=epoch,
    title="Loss of the validation points",
    width=980,
    height=170,
    **some,
)
(boundaries & losses).resolve_scale(color="independent", fill="independent", stroke="independent")
