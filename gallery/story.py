"""A training run with captions

Captions tell the reader what to look at while the chart plays. Each appears at its epoch and stays
until the next one, also in films and filmstrips, and playing stops there for a moment, so that you
can read it. A saved page lists the captions as steps to click. `rc.key_epochs` proposes where
captions belong: it finds the step in which the outputs change the most, jumps of the accuracy, and
plateaus of the loss, and writes a sentence about each. Here its sentences are joined with two
written by hand.
"""
# category: Your own charts
# thumbnail-epoch: 30

from pathlib import Path

import keras
from sklearn.datasets import make_moons

import replaychart as rc

recording = Path("story.h5")

X, y = make_moons(400, noise=0.12, random_state=2)

if not recording.exists():
    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(12, "tanh", name="hidden"),
            keras.layers.Dense(1, "sigmoid", name="output"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.03), "binary_crossentropy", metrics=["accuracy"])
    recorder = rc.Recorder(X, y, recording, "moons")
    model.fit(X, y, epochs=60, batch_size=32, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "moons")

captions = {
    **rc.key_epochs(run),
    4: "A nearly straight line separates most points. To get any further, it has to bend.",
    30: "It bends around the tip of each moon.",
}

charts = rc.decision_boundary(run, width=320, height=320) | (
    rc.loss_and_metric(run, "accuracy", width=280, height=120)
    & rc.loss_histogram(run, width=280, height=120)
)

rc.story(charts, captions, width=700)
