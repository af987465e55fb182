"""Five seeds agree, and are wrong together

Five networks, with different initial weights, learn the same noisy points of a sine wave (dashed).
The band reaches from their lowest to their highest prediction, a common way to see where a network
is unsure. At epoch 5, none has more than a slope and a bump. At epoch 20, they follow most
of the data, and disagree most beyond its left end. At epoch 60, the band is
twice as wide in the gap in the middle as on the data.

But agreement is not knowledge. At the right end, where there is no data, all five predict between 0
and 0.3, while the wave has risen to 0.99, far outside the band. In most of the gap, too, the wave
is below all five.

The chart is made of the predictions that `Run.outputs` returns, and moves with `epoch_param`.
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
                keras.layers.Dense(64, "relu"),
                keras.layers.Dense(64, "relu"),
                keras.layers.Dense(1),
            ]
        )
        model.compile(keras.optimizers.Adam(0.01), "mse")
        recorder = rc.Recorder(
            everywhere[:, None], np.sin(2 * everywhere), recording, f"seed {seed}"
        )
        model.fit(x, y, epochs=60, batch_size=15, verbose=0, callbacks=[recorder])

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
    y=alt.Y("min(y):Q", title="y").scale(domain=[-2, 2]), y2="max(y):Q"
)
lines = seeds.mark_line(strokeWidth=1, clip=True, color="#6a3d9a").encode(
    y=alt.Y("y:Q"), detail="seed:N"
)
points = (
    alt.Chart(pd.DataFrame({"x": x, "y": y}).round(3))
    .mark_circle(color="#d95f02", size=22, opacity=0.8)
    .encode(x=place, y="y")
)

truth = (
    alt.Chart(pd.DataFrame({"x": everywhere, "y": np.sin(2 * everywhere)}).round(3))
    .mark_line(color="gray", strokeDash=[4, 4])
    .encode(x=place, y="y")
)

picture = (band + lines + truth + points).properties(
    width=560, height=380, title="Five networks and the points that they learn"
)
losses = rc.compare(
    {"five seeds": list(runs.values())}, epochs=epochs, epoch=epoch, loss_scale="log", height=380
)
picture | losses.properties(width=280)
