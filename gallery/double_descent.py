"""Double descent: more, worse, better

The hidden units of these networks are random and stay as they are. Only the weights of the output
are fitted to 100 digits, by least squares; if several weights fit equally well, the smallest ones
are taken. Here the slider counts hidden units instead of epochs, and the confusion matrix is that
of 600 other digits.

At epoch 40 (40 units), three of four of these are right. Then everything goes the way textbooks
warn of: with more units, the network bends for single digits of the 100, and knows less about the
others. At epoch 100, it has as many units as it has digits. There is just one way to fit all of
them, and it is a terrible one: the diagonal of the matrix dissolves, and over 80 % are wrong.

Now go on. With more units than digits, there are many ways to fit all of them, and the one with the
smallest weights gets better and better. At epoch 160 the network is already better than any of the
small ones, and from epoch 600 on, with six and more units for each digit, about 9 % are wrong.

After M. Belkin et al., `Reconciling modern machine-learning practice and the classical
bias-variance trade-off <https://doi.org/10.1073/pnas.1903070116>`_.
"""
# category: Trainings
# thumbnail-epoch: 100

from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

import replaychart as rc

recording = Path("double_descent.h5")
sizes = [*range(5, 60, 5), *range(60, 140, 4), *range(140, 300, 20), *range(300, 2001, 100)]


if not recording.exists():
    digits, labels = load_digits(return_X_y=True)
    random = np.random.default_rng(0)
    chosen = random.permutation(len(digits))
    few, others = chosen[:100], chosen[100:700]
    kernel, bias = random.normal(size=(64, sizes[-1])), random.uniform(-1, 1, sizes[-1])
    hidden = np.maximum((digits / 16 - 0.3) @ kernel + bias, 0)
    ones = np.eye(10)[labels]
    with rc.record_outputs(
        recording, "digits", inputs=digits[others], targets=labels[others]
    ) as outputs:
        for units in sizes:
            weights = np.linalg.lstsq(hidden[few, :units], ones[few])[0]
            scores = hidden[:, :units] @ weights
            predicted = scores.argmax(axis=1)
            wrong = predicted != labels
            outputs.snapshot(
                units,
                probabilities=np.eye(10)[predicted[others]],
                losses=((scores[others] - ones[others]) ** 2).mean(axis=1),
                logs={"fitted": wrong[few].mean(), "others": wrong[others].mean()},
            )

run = rc.open_run(recording, "digits")
epoch = rc.epoch_param(run)

frame = run.history().query("source == 'training'")
names = {"fitted": "100 digits that are fitted", "others": "600 other digits"}
frame = frame.assign(digits=frame["name"].map(names), wrong=100 * frame["value"])
errors = alt.Chart(frame, title="Predicted wrong", width=480, height=282).encode(
    x=alt.X("epoch", title="Hidden units").scale(type="log", nice=False),
    y=alt.Y("wrong", title="Share of the digits in %"),
    color=alt.Color("digits", title=None, sort=list(names.values()))
    .scale(range=["#1b6ca8", "#b3134f"])
    .legend(orient="bottom"),
)
now = errors.transform_filter("datum.epoch == epoch").mark_circle(size=90, opacity=1)
as_many = alt.Chart(pd.DataFrame({"units": [100], "text": ["as many units as digits"]})).encode(
    x="units", y=alt.value(0)
)
border = as_many.mark_rule(strokeDash=[4, 4], color="gray").encode(y2=alt.value(282))
note = as_many.mark_text(align="left", dx=6, dy=10, color="gray").encode(text="text")
descent = border + note + errors.mark_line() + now

matrix = rc.confusion(run, epoch=epoch, title="{epoch} hidden units, 600 other digits")
(matrix | descent.add_params(epoch)).resolve_scale(color="independent")
