"""Overfitting: forty points learned by heart

A network with far more weights than it needs learns forty points whose classes overlap. The hollow
circles are 1,000 validation points; their curves are dashed, their losses an outline. Until about
epoch 15 the boundary is one simple curve, and both losses fall together. Then the boundary grows a
bay around a few blue points, and the bay becomes an island. The training loss keeps falling, but
the validation loss ends at about three times its minimum: the island is strongly coloured in an
area where most of the hollow points are orange, so the network is not just wrong there, it is
confident.
"""
# category: Decision boundaries
# thumbnail-epoch: 40

from pathlib import Path

import keras
from sklearn.datasets import make_moons

import replaychart as rc

recording = Path("overfitting.h5")

if not recording.exists():
    X, y = make_moons(40, noise=0.35, random_state=5)
    validation = make_moons(1000, noise=0.35, random_state=6)
    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(64, "relu"),
            keras.layers.Dense(64, "relu"),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile(
        loss="binary_crossentropy", optimizer=keras.optimizers.Adam(0.01), metrics=["accuracy"]
    )
    recorder = rc.Recorder(X, y, recording, "overfitting", validation=validation)
    model.fit(
        X,
        y,
        epochs=100,
        batch_size=20,
        verbose=0,
        callbacks=[recorder],
    )

run = rc.open_run(recording, "overfitting")
epochs = slice(None, None, 2)

boundary = rc.decision_boundary(run, epochs=epochs)
curves = rc.loss_and_metric(run, epochs=epochs, width=380)
losses = rc.loss_histogram(run, epochs=epochs, width=380)

boundary | (curves & losses)
