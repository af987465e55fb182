"""Which points are learned last?

``run.points()`` returns a tidy DataFrame with one row per epoch and point, so a few lines of pandas
answer questions of your own. In this example, a point counts as learned from the epoch after its
last misclassification. The chart on the left shows each point once it is learned for good; the
color is the epoch at which that happened. The outer arms are right from the start. The inner tips
of the moons have to wait until the boundary bends. The points that are still gray at the end, deep
in the other moon, are never learned.

Both charts use the parameter ``epoch``, so they share a slider. The question goes back to
M. Toneva et al., `An Empirical Study of Example Forgetting <https://arxiv.org/abs/1812.05159>`_.
"""
# category: Your own charts
# thumbnail-epoch: 40

from pathlib import Path

import altair as alt
import keras
from sklearn.datasets import make_moons

import replaychart as rc

recording = Path("moons.h5")

if not recording.exists():
    X, y = make_moons(500, noise=0.2, random_state=11)
    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(10, "tanh"),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile(
        loss="binary_crossentropy", optimizer=keras.optimizers.SGD(0.5), metrics=["accuracy"]
    )
    recorder = rc.Recorder(X, y, recording, "moons")
    model.fit(X, y, epochs=80, batch_size=50, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "moons")
epoch = rc.epoch_param(run)
end = run.epochs[-1]

points = run.points()
wrong = points[points["prediction"] != points["target"]]
last_wrong = wrong.groupby("point")["epoch"].max()

frame = points.query("epoch == @end")[["point", "x", "y"]]
frame = frame.assign(learned=frame["point"].map(last_wrong).fillna(-1) + 1)

xlim, ylim = (-1.7, 2.7), (-1.9, 2.5)
places = alt.Chart(frame).encode(
    x=alt.X("x", title="input 1").scale(domain=xlim, nice=False),
    y=alt.Y("y", title="input 2").scale(domain=ylim, nice=False),
)
color = alt.Color("learned", title="Learned at epoch").scale(
    scheme="plasma", type="symlog", domain=[0, end]
)
learned = places.mark_circle(size=45, opacity=1).encode(
    color=color.legend(orient="bottom", gradientLength=200), tooltip=["point", "learned"]
)
map_of_points = (
    places.mark_circle(size=20, color="lightgray")
    + learned.transform_filter("datum.learned <= epoch")
).properties(width=400, height=400, title="Learned for good")

boundary = rc.decision_boundary(run, xlim=xlim, ylim=ylim, epoch=epoch)
alt.hconcat(map_of_points, boundary).resolve_scale(color="independent", fill="independent")
