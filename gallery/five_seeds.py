"""Five seeds agree only where there is data

Draft.
"""
# category: Your own charts
# thumbnail-epoch: 60

from pathlib import Path

import altair as alt
import keras
import numpy as np
import pandas as pd

import replaychart as rc

recording = Path("five_seeds.h5")

random = np.random.default_rng(0)
x = np.concatenate([random.uniform(-3, -1, 60), random.uniform(0.5, 3, 75)])
y = np.sin(2 * x) + random.normal(0, 0.1, len(x))
everywhere = np.linspace(-4, 4, 81)

if not recording.exists():
    for seed in range(5):
        keras.utils.set_random_seed(seed)
        model = keras.Sequential(
            [
                keras.Input((1,)),
                keras.layers.Dense(32, "tanh"),
                keras.layers.Dense(32, "tanh"),
                keras.layers.Dense(1),
            ]
        )
        model.compile(keras.optimizers.Adam(0.03), "mse")
        recorder = rc.Recorder(
            everywhere[:, None], np.sin(2 * everywhere), recording, f"seed {seed}"
        )
        model.fit(x, y, epochs=80, batch_size=45, verbose=0, callbacks=[recorder])

runs = rc.open_runs(recording)
epochs = slice(None, None, 2)
epoch = rc.epoch_param(*runs.values(), epochs=epochs)

predictions = np.stack([run.outputs(epochs=epochs)[..., 0] for run in runs.values()], axis=-1)
frame = pd.DataFrame(predictions.reshape(-1, 5).round(3), columns=list(runs))
frame["epoch"] = np.repeat(runs["seed 0"].epochs[epochs], len(everywhere))
frame["x"] = np.tile(everywhere, len(predictions)).round(3)

place = alt.X("x").scale(domain=[-4, 4], nice=False)
seeds = alt.Chart(frame).transform_filter("datum.epoch == epoch")
seeds = seeds.transform_fold(list(runs), ["seed", "y"]).encode(x=place)
band = seeds.mark_area(opacity=0.25, clip=True, color="#6a3d9a").encode(
    y=alt.Y("min(y):Q", title="y").scale(domain=[-3, 3]), y2="max(y):Q"
)
lines = seeds.mark_line(strokeWidth=1, clip=True, color="#6a3d9a").encode(
    y=alt.Y("y:Q"), detail="seed:N"
)
points = (
    alt.Chart(pd.DataFrame({"x": x, "y": y}).round(3))
    .mark_circle(color="#d95f02", size=22, opacity=0.8)
    .encode(x=place, y="y")
)

picture = (band + lines + points).properties(
    width=560, height=380, title="Five networks and the points that they learn"
)
losses = rc.compare(
    {"five seeds": list(runs.values())}, epochs=epochs, epoch=epoch, loss_scale="log", height=380
)
picture | losses.properties(width=280)
