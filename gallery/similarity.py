"""Seven hidden layers, four of which do the same

A deep network reads handwritten digits, and so does a second one with other initial weights. On the
left, each hidden layer of the first network is compared with all of its layers. Before training,
each layer changes what it receives: layers 4 and 7 have a similarity of 0.65. After 30 epochs it is
0.95, as for any two layers from 4 to 7: the last ones pass on what they get, so that fewer of them
may do as well.

On the right, the rows are the layers of the first network, the columns those of the second one.
Their outputs have nothing in common before training and are almost the same at the end, because
both recognize the digits. Their hidden layers become similar as well, the first ones the most.

The number is linear CKA, which does not depend on the order of the units. It can therefore compare
networks that were initialized differently, or that have different numbers of units.
"""
# category: Inside the network
# thumbnail-epoch: 30

from pathlib import Path

import keras
from sklearn.datasets import load_digits

import replaychart as rc

recording = Path("similarity.h5")

if not recording.exists():
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype("float32")
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        hidden = [keras.layers.Dense(32, "relu", name=f"layer_{n}") for n in range(1, 8)]
        output = keras.layers.Dense(10, "softmax", name="output")
        model = keras.Sequential([keras.Input((64,)), *hidden, output])
        model.compile(
            keras.optimizers.Adam(0.002), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        recorder = rc.Recorder(X[:400], y[:400], recording, f"seed {seed}")
        model.fit(X, y, epochs=30, batch_size=64, verbose=0, callbacks=[recorder])

first, second = (rc.open_run(recording, f"seed {seed}") for seed in (1, 2))
epoch = rc.epoch_param(first, second)

size = {"epoch": epoch, "width": 330, "height": 330}
within = rc.similarity(first, title="Within one network \N{MIDDLE DOT} epoch {epoch}", **size)
between = rc.similarity(first, second, title="Between two \N{MIDDLE DOT} epoch {epoch}", **size)
within | between
