"""An autoencoder lays out a map of digits

The network has to redraw images of 64 pixels, but all that it knows of an image must pass through
two numbers. The chart on the right places 150 digits at their two numbers. The one on the left
shows what the decoder draws for each place of the same plane.

At epoch 2, the decoder draws much the same smudge everywhere. By epoch 10, the 0s, the 6s and the
7s have regions of their own, and the other digits still share the middle, where the tiles are
blurred. At epoch 60, four of five nearest neighbors are the same digit, although training never
used the labels; only the 2s are still scattered. Follow a row or a column of tiles: each digit
turns into the next without a jump.

`Run.restore` puts the weights of an epoch back into the model, so you can draw anything it does.
"""
# category: Your own charts
# thumbnail-epoch: 60

import base64
import io
from pathlib import Path

import altair as alt
import keras
import numpy as np
import pandas as pd
from PIL import Image
from sklearn.datasets import load_digits

import replaychart as rc

recording = Path("autoencoder.h5")

digits = load_digits()
X = digits.data / 16

keras.utils.set_random_seed(3)
decoder = keras.Sequential(
    [
        keras.layers.Dense(32, "relu"),
        keras.layers.Dense(128, "relu"),
        keras.layers.Dense(64, "sigmoid"),
    ]
)
model = keras.Sequential(
    [
        keras.Input((64,)),
        keras.layers.Dense(128, "relu"),
        keras.layers.Dense(32, "relu"),
        keras.layers.Dense(2, name="code"),
        *decoder.layers,
    ]
)

if not recording.exists():
    model.compile(keras.optimizers.Adam(0.003), "mse")
    recorder = rc.Recorder(X[:150], X[:150], recording, "digits")
    model.fit(X, X, epochs=60, batch_size=64, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "digits")
some = {"epochs": slice(None, None, 2)}
epoch = rc.epoch_param(run, **some)

places = run.coordinates("code", **some)
(left, bottom), (right, top) = np.quantile(places[-1], [0.04, 0.96], axis=0)
codes = [(x, y) for y in np.linspace(top, bottom, 16) for x in np.linspace(left, right, 16)]


def decoded(at):
    """Return what the decoder draws at each of 16 x 16 places, as one picture."""
    run.restore(model, at)
    tiles = decoder(np.array(codes)).numpy().reshape(16, 16, 8, 8).swapaxes(1, 2).reshape(128, 128)
    file = io.BytesIO()
    Image.fromarray(255 - (255 * tiles).astype("uint8")).resize((256, 256)).save(file, "webp")
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


at = run.epochs[some["epochs"]]
pictures = pd.DataFrame({"epoch": at, "picture": [decoded(one) for one in at]})
tiles = (
    alt.Chart(pictures, title="What the decoder draws at each place", width=440, height=440)
    .mark_image(width=440, height=440)
    .encode(url="picture:N", x=alt.XValue(220), y=alt.YValue(220))
    .transform_filter("datum.epoch == epoch")
)

frame = pd.DataFrame(places.reshape(-1, 2).round(3), columns=["x", "y"])
frame["epoch"] = np.repeat(at, 150)
frame["digit"] = np.tile(digits.target[:150], len(at)).astype(str)
codes_of_digits = (
    alt.Chart(frame, title="Where the encoder puts each digit", width=440, height=440)
    .mark_text(fontWeight="bold", fontSize=13, clip=True)
    .encode(
        x=alt.X("x", axis=None).scale(domain=[left, right], nice=False),
        y=alt.Y("y", axis=None).scale(domain=[bottom, top], nice=False),
        text="digit",
        color=alt.Color("digit", legend=None).scale(scheme="tableau10"),
    )
    .transform_filter("datum.epoch == epoch")
)

(tiles | codes_of_digits).add_params(epoch)
