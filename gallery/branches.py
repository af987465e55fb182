"""Two branches, BatchNormalization and Dropout

A functional model processes the same two features in two branches. One is a wide ReLU layer that
drops half of its units during training; the other is a narrow layer whose outputs are normalized
before the tanh. The branches are joined in a layer of two units, shown on the left. The charts show
the network as it predicts: without dropout, and with the moving averages of the normalization. The
training curves that Keras logs (solid) are measured during each epoch, with dropout; the validation
curves (dashed) are measured at its end, without. This is why the validation loss starts below the
training loss.
"""
# category: Feature spaces

from pathlib import Path

import keras
from sklearn.datasets import make_moons

import replaychart as rc

recording = Path("branches.h5")

if not recording.exists():
    X, y = make_moons(1200, noise=0.12, random_state=8)
    keras.utils.set_random_seed(6)
    inputs = keras.Input((2,))
    wide = keras.layers.Dropout(0.5)(keras.layers.Dense(16, "relu", name="wide")(inputs))
    narrow = keras.layers.BatchNormalization()(keras.layers.Dense(4, name="narrow")(inputs))
    narrow = keras.layers.Activation("tanh")(narrow)
    both = keras.layers.Concatenate()([wide, narrow])
    plane = keras.layers.Dense(2, "tanh", name="plane")(both)
    model = keras.Model(inputs, keras.layers.Dense(1, "sigmoid", name="output")(plane))
    model.compile(
        loss="binary_crossentropy", optimizer=keras.optimizers.Adam(0.01), metrics=["accuracy"]
    )
    recorder = rc.Recorder(X[:600], y[:600], recording, "moons")
    model.fit(
        X[:600],
        y[:600],
        validation_data=(X[600:], y[600:]),
        epochs=30,
        batch_size=32,
        verbose=0,
        callbacks=[recorder],
    )

run = rc.open_run(recording, "moons")

curves = rc.loss_and_metric(run, "accuracy", source="training", width=280)

rc.feature_space(run, "plane") | (curves & rc.pre_activations(run, width=280))
