"""Learning rates: too small, right, too large

One network, the same initial weights, three learning rates. With the small rate, the boundary moves
in the right direction but too slowly: at the end it is still almost straight. With the middle rate,
it winds between the moons from epoch 30 on. With the large rate, the weights jump so far that
within two epochs no ReLU unit responds to any point. The network then predicts the same probability
everywhere, no gradient is left to change that, and the loss stays flat.

The loss curves are a custom chart on the same slider. The part up to the selected epoch is drawn in
full colour.
"""
# category: Comparisons
# thumbnail-epoch: 45

from pathlib import Path

import altair as alt
import keras
import pandas as pd
from sklearn.datasets import make_moons

import replaychart as rc

recording = Path("learning_rates.h5")
rates = [0.01, 0.3, 4.0]

if not recording.exists():
    X, y = make_moons(400, noise=0.12, random_state=3)
    for rate in rates:
        keras.utils.set_random_seed(7)  # the same weights to start from
        model = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dense(10, "relu"),
                keras.layers.Dense(10, "relu"),
                keras.layers.Dense(1, "sigmoid"),
            ]
        )
        model.compile(
            loss="binary_crossentropy",
            optimizer=keras.optimizers.SGD(rate),
            metrics=["accuracy"],
        )
        recorder = rc.Recorder(X, y, recording, f"{rate:g}")
        model.fit(X, y, epochs=60, batch_size=40, verbose=0, callbacks=[recorder])

runs = [rc.open_run(recording, f"{rate:g}") for rate in rates]
epoch = rc.epoch_param(*runs)

boundaries = [
    rc.decision_boundary(
        run,
        epoch=epoch,
        title=f"Learning rate {run.name}, epoch {{epoch}}",
        width=280,
        height=230,
    )
    for run in runs
]

history = pd.concat([run.history().assign(rate=run.name) for run in runs])
losses = history.query("source == 'replay' and name == 'loss'")
curve = (
    alt.Chart(losses)
    .mark_line(clip=True)
    .encode(
        x=alt.X("epoch", title="Epoch"),
        y=alt.Y("value", title="Loss").scale(type="log"),
        color=alt.Color("rate:N", title="Learning rate", sort=None)
        .scale(scheme="dark2")
        .legend(orient="right", symbolOpacity=1, symbolStrokeWidth=3),
    )
    .properties(width=900, height=160, title="Loss")
)
curves = curve.encode(opacity=alt.value(0.25)) + curve.transform_filter("datum.epoch <= epoch")

above = alt.hconcat(*boundaries)
alt.vconcat(above, curves).resolve_scale(color="independent", fill="independent")
