"""Grokking: first by heart, then with a circle

A network learns to add two of the numbers 0 to 30, where counting starts over after 30, as on a
clock: 20 + 15 is 4. It is shown half of the 961 sums; the other half is held back (dashed). At
epoch 4 it knows all sums that it was shown, and none of the others. For twenty epochs, a thousand
steps, nothing seems to happen, and on the sums held back its loss is nearly four times that of
guessing. Then it understands. At epoch 50 it gets two thirds of those sums right, and at epoch 80
practically all.

The numbers show what happened meanwhile. Each is a vector of 16 values that the network has to
choose, seen here in the plane of the strongest wave at the end. At epoch 20 they are in disorder.
While the weight decay takes away what only serves to remember, they move to a circle, on which
adding is turning: neighbors always differ by the same amount.

An epoch stands for 50 steps. After A. Power et al., `Grokking
<https://arxiv.org/abs/2201.02177>`_, and N. Nanda et al., `Progress measures for grokking
<https://arxiv.org/abs/2301.05217>`_.
"""
# category: Trainings
# thumbnail-epoch: 80

from pathlib import Path

import altair as alt
import keras
import numpy as np
import pandas as pd
import tensorflow as tf

import replaychart as rc

recording = Path("grokking.h5")

p = 31
X = np.array([(a, b) for a in range(p) for b in range(p)])
y = X.sum(axis=1) % p
order = np.random.default_rng(0).permutation(len(X))
known, held_back = order[: len(X) // 2], order[len(X) // 2 :]

if not recording.exists():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((2,), dtype="int32"),
            keras.layers.Embedding(p, 16, name="embedding"),
            keras.layers.Flatten(),
            keras.layers.Dense(96, "relu", name="hidden"),
            keras.layers.Dense(p, "softmax", name="output"),
        ]
    )
    model.compile(
        keras.optimizers.AdamW(0.005, weight_decay=1.0, beta_2=0.98),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=50,
    )
    recorder = rc.Recorder(
        X[known], y[known], recording, "sums", validation=(X[held_back], y[held_back])
    )
    # Each epoch is 50 steps, each with all known sums.
    sums = tf.data.Dataset.from_tensors((X[known], y[known])).repeat(50)
    model.fit(sums, epochs=100, shuffle=False, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "sums")

# The vector of each number is the embedding's output where that number comes first.
first = [list(X[known, 0]).index(number) for number in range(p)]
vectors = run.coordinates("embedding")[:, first, :16]
vectors -= vectors.mean(axis=1, keepdims=True)

# Show the plane of the wave that is strongest at the end.
frequency = np.abs(np.fft.rfft(vectors[-1], axis=0)).sum(axis=1).argmax()
angle = 2 * np.pi * frequency * np.arange(p) / p
axes = vectors[-1].T @ np.column_stack([np.cos(angle), np.sin(angle)])
places = vectors @ (axes / np.linalg.norm(axes, axis=0))

frame = pd.DataFrame(
    {
        "epoch": np.repeat(run.epochs, p),
        "number": np.tile(np.arange(p), len(run.epochs)),
        "place": np.tile(frequency * np.arange(p) % p, len(run.epochs)),
        "x": places[..., 0].ravel().round(3),
        "y": places[..., 1].ravel().round(3),
    }
)
limit = alt.Scale(domain=[-1.1 * abs(places).max(), 1.1 * abs(places).max()])
numbers = (
    alt.Chart(frame)
    .transform_filter("datum.epoch == epoch")
    .encode(x=alt.X("x", axis=None, scale=limit), y=alt.Y("y", axis=None, scale=limit))
)
circle = numbers.mark_line(interpolate="linear-closed", color="lightgray").encode(order="place")
dots = numbers.mark_circle(size=420, opacity=1).encode(
    color=alt.Color("place", legend=None).scale(scheme="rainbow")
)
names = numbers.mark_text(color="white", fontWeight="bold").encode(text="number")
embedding = (circle + dots + names).properties(
    width=440, height=440, title="The numbers 0 to 30, as the network embeds them"
)

embedding | rc.loss_and_metric(run, width=300, height=440)
