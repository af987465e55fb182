"""Words find their kinds

A network reads 500 made-up sentences such as "Anna likes tea Friday", "owl sleeps Monday" and
"Ben drinks milk". From one word, it has to predict the others of its sentence. That tea
and milk are drinks is not part of the data, nor are the colors. Each word is a vector of 8 values.

At epoch 0, the vectors are random, and the nearest words are anything: next to Anna is Wednesday.
The kinds form out of this noise within a few passes over the text. At epoch 2, four of five nouns
have one of their own kind as the nearest, and at epoch 8 all but one. The network has never seen a
fish or a Friday. Words that keep the same company get similar vectors.

What differs little takes longer. Foods and drinks are both liked and bought, so for a while they
are almost one kind: at epoch 5, coffee is still nearest to rice. That some are eaten and others
are drunk pulls them apart slowly. From epoch 30 on, the three nearest of every noun are of its own
kind.

After T. Mikolov et al., `Efficient Estimation of Word Representations in Vector Space
<https://arxiv.org/abs/1301.3781>`_.
"""
# category: Trainings
# thumbnail-epoch: 5

from pathlib import Path

import altair as alt
import keras
import numpy as np
import pandas as pd

import replaychart as rc

recording = Path("word_vectors.h5")

kinds = {
    "person": ["Anna", "Ben", "Clara", "David", "Emma"],
    "food": ["bread", "rice", "cheese", "soup", "pasta"],
    "drink": ["tea", "milk", "juice", "water", "coffee"],
    "bird": ["owl", "duck", "robin", "crow", "goose"],
    "fish": ["trout", "shark", "salmon", "tuna", "eel"],
    "day": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"],
    "wish": ["likes", "buys", "wants", "orders"],
    "rest": ["sleeps", "hides", "waits", "grows"],
}
patterns = [
    *2 * ["person wish food day", "person wish drink day", "bird rest day", "fish rest day"],
    *["person eats food", "person drinks drink", "bird flies", "fish swims"],
]
words = [word for kind in kinds.values() for word in kind] + ["eats", "drinks", "flies", "swims"]
nouns = 30  # the words of the first six kinds

if not recording.exists():
    random = np.random.default_rng(0)
    pairs = []
    for _ in range(500):
        pattern = patterns[random.integers(len(patterns))].split()
        sentence = [random.choice(kinds.get(word, [word])) for word in pattern]
        pairs += [(words.index(a), words.index(b)) for a in sentence for b in sentence if a != b]
    word, neighbor = np.array(pairs).T

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((1,), dtype="int32"),
            keras.layers.Embedding(
                len(words), 8, keras.initializers.RandomNormal(stddev=0.02), name="embedding"
            ),
            keras.layers.Flatten(),
            keras.layers.Dense(len(words), "softmax", use_bias=False),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.002), "sparse_categorical_crossentropy", steps_per_execution=5
    )
    # The recorded points are the words, whose vectors are drawn. Their targets are not used.
    recorder = rc.Recorder(
        np.arange(len(words))[:, None], np.arange(len(words)), recording, "words"
    )
    model.fit(word[:, None], neighbor, epochs=60, batch_size=100, verbose=0, callbacks=[recorder])

run = rc.open_run(recording, "words")
epoch = rc.epoch_param(run)

# Only the directions of the vectors count, so all of them are drawn with length 1.
vectors = run.coordinates("embedding")[:, :nouns].reshape(len(run.epochs), nouns, 8)
vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
_, _, axes = np.linalg.svd(vectors[-1] - vectors[-1].mean(axis=0))
places = vectors @ axes[:2].T
kind = [name for name, members in kinds.items() for _ in members][:nouns]

frame = pd.DataFrame(places.reshape(-1, 2).round(3), columns=["x", "y"])
frame["epoch"] = np.repeat(run.epochs, nouns)
frame["word"] = np.tile(words[:nouns], len(run.epochs))
frame["kind"] = np.tile(kind, len(run.epochs))
limit = alt.Scale(domain=[-1.1, 1.1])
color = alt.Color("kind", title=None, legend=alt.Legend(orient="bottom", symbolOpacity=1)).scale(
    domain=list(kinds)[:6], scheme="dark2"
)
plane = (
    alt.Chart(
        frame,
        title=alt.Title({"expr": "'The nouns, as the network embeds them · epoch ' + epoch"}),
        width=440,
        height=440,
    )
    .transform_filter("datum.epoch == epoch")
    .mark_circle(size=170, opacity=0.75)
    .encode(
        x=alt.X("x", axis=None, scale=limit),
        y=alt.Y("y", axis=None, scale=limit),
        color=color,
        tooltip=["word", "kind"],
    )
)

# The three nouns nearest to some of them: first the one at the smallest angle.
nearest = np.argsort(-vectors @ vectors.swapaxes(1, 2), axis=2)[..., 1:4]
rows = [
    {"epoch": at, "word": words[of], "rank": rank, "near": words[near], "kind": kind[near]}
    for at, ranks in zip(run.epochs, nearest, strict=True)
    for of in [0, 1, 5, 6, 10, 11, 15, 16, 20, 21, 25, 26]
    for rank, near in enumerate(ranks[of])
]
table = (
    alt.Chart(pd.DataFrame(rows), title="The three nouns nearest to each", width=290, height=440)
    .transform_filter("datum.epoch == epoch")
    .mark_text(fontSize=13, fontWeight="bold")
    .encode(
        x=alt.X("rank:O", axis=None),
        y=alt.Y("word", sort=None, title=None, axis=alt.Axis(labelFontSize=13, ticks=False)),
        text="near",
        color=color,
    )
)

(plane | table).add_params(epoch)
