"""Overfitting: forty points learned by heart

A network with far more weights than it needs gets forty points whose classes overlap. Until about
epoch 15 the boundary is one sensible curve, and the loss over 1,000 other points of the same kind
(dashed) falls along with that of the training. Then the curve grows a bay around a few blue
points, which ends as an island. The training goes on improving, and the loss of the validation is
about three times its minimum in the end: the island is drawn in full colour where most new points
are orange, so the network is not only wrong there, it is sure of it.
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
    recorder = rc.Recorder(X, y, recording, "overfitting")
    model.fit(
        X,
        y,
        validation_data=validation,
        validation_batch_size=1000,
        epochs=100,
        batch_size=20,
        verbose=0,
        callbacks=[recorder],
    )

run = rc.open_run(recording, "overfitting")
epochs = slice(None, None, 2)

boundary = rc.decision_boundary(run, epochs=epochs)
curves = rc.loss_and_metric(run, source="training", epochs=epochs, width=380)
losses = rc.loss_histogram(run, epochs=epochs, width=380)

boundary | (curves & losses)
