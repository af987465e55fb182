"""XOR: two units are enough, with some luck

Opposite corners have the same class, so one straight line cannot separate the classes. Two hidden
units can, but four networks that differ only in their initial weights end in different places. At
epoch 5, seeds 1, 3 and 4 are right about three of the four corners. Seed 4 finds a way out by epoch
12. Seeds 1 and 3 never do: from epoch 20 on, hardly anything moves, and more training would
not help.

The second row shows why, in the plane of the two units. With seeds 4 and 6, they bend the inputs
into a right angle with both blue corners at its vertex, and one line cuts off the vertex. With seed
1, both units have learned the same thing, up to its sign, so the whole plane is squeezed into a
segment. With seed 3, they put an orange corner onto a blue one, where nothing can tell them apart.
"""
# category: Comparisons
# card-view: 2
# thumbnail-epoch: 20

from pathlib import Path

import keras
import numpy as np

import replaychart as rc

recording = Path("xor.h5")

if not recording.exists():
    random = np.random.default_rng(0)
    corners = random.choice([-1, 1], (200, 2))
    X = corners + random.normal(0, 0.2, corners.shape)
    y = (corners[:, 0] != corners[:, 1]).astype(int)
    for seed in (1, 3, 4, 6):
        keras.utils.set_random_seed(seed)
        model = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dense(2, "tanh", name="hidden"),
                keras.layers.Dense(1, "sigmoid", name="output"),
            ]
        )
        model.compile(keras.optimizers.Adam(0.03), "binary_crossentropy", metrics=["accuracy"])
        recorder = rc.Recorder(X, y, recording, f"seed {seed}")
        model.fit(X, y, epochs=50, batch_size=20, verbose=0, callbacks=[recorder])

runs = rc.open_runs(recording)
epoch = rc.epoch_param(*runs.values())
size = {"columns": 4, "epoch": epoch, "width": 195, "height": 195}

boundaries = rc.small_multiples(runs, chart=rc.decision_boundary, **size)
spaces = rc.small_multiples(runs, chart=rc.feature_space, **size)
(boundaries & spaces).resolve_scale(color="independent", fill="independent", stroke="independent")
