"""Weight initializers: does the signal get through?

Draft.
"""
# card-view: 4
# category: Comparisons
# thumbnail-epoch: 10

from pathlib import Path

import keras
from sklearn.datasets import make_moons

import replaychart as rc

recording = Path("initializers.h5")
initializers = {
    "Normal, 0.05": keras.initializers.RandomNormal(stddev=0.05),
    "Glorot": keras.initializers.GlorotNormal(),
    "He": keras.initializers.HeNormal(),
}

if not recording.exists():
    X, y = make_moons(400, noise=0.12, random_state=3)
    for name, initializer in initializers.items():
        keras.utils.set_random_seed(1)
        hidden = [
            keras.layers.Dense(
                32, "relu", kernel_initializer=initializer.clone(), name=f"layer_{number}"
            )
            for number in range(1, 11)
        ]
        output = keras.layers.Dense(1, "sigmoid", name="output")
        model = keras.Sequential([keras.Input((2,)), *hidden, output])
        model.compile(keras.optimizers.SGD(0.05), "binary_crossentropy", metrics=["accuracy"])
        recorder = rc.Recorder(X, y, recording, name)
        model.fit(X, y, epochs=40, batch_size=20, verbose=0, callbacks=[recorder])

runs = {name: rc.open_run(recording, name) for name in initializers}
epoch = rc.epoch_param(*runs.values())

boundaries = rc.small_multiples(
    runs, chart=rc.decision_boundary, epoch=epoch, width=265, height=220
)
signals = rc.small_multiples(
    runs, chart=rc.spread, kind="activations", output=False, epoch=epoch, width=215, height=220
)
(boundaries & signals.resolve_scale(y="shared")).resolve_scale(
    color="independent", fill="independent"
)
