"""Slices through four features

Irises are measured in four ways, and the plane can show two. Each chart is a slice: the network is
evaluated where the two features of the axes vary, and the other two are held. On the left they are
held at their median; on the right at the flower with the number 70, a versicolor that is easily
taken for a virginica. The points are shown where they are, whatever their other features, so some
of them lie on a colour that the network did not give them.
"""
# category: Decision boundaries

from pathlib import Path

import keras
from sklearn.datasets import load_iris

import replaychart as rc

recording = Path("slices.h5")

if not recording.exists():
    iris = load_iris(as_frame=True)
    X = iris.data.rename(columns=lambda name: name.removesuffix(" (cm)"))
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Normalization(),
            keras.layers.Dense(12, "tanh", name="hidden"),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    model.layers[0].adapt(X.to_numpy())
    model.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=keras.optimizers.Adam(0.01),
        metrics=["accuracy"],
    )
    recorder = rc.Recorder(X, iris.target, recording, "iris", class_names=iris.target_names)
    model.fit(X.to_numpy(), iris.target, epochs=60, batch_size=16, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "iris")

petals = rc.decision_boundary(run, features=("petal length", "petal width"))
sepals = rc.decision_boundary(run, features=("sepal length", "sepal width"), at=70)

petals | sepals
