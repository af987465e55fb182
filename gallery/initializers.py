"""Weight initializers: does the signal get through?

Three networks with ten hidden layers of 32 ReLU units, which differ only in how their weights are
drawn. The lower charts show how far the outputs of each layer spread, on the same logarithmic
axis. Yellow is the first layer, dark blue the tenth.

With small normal weights, each layer passes on about a fifth of the spread that it gets, so at
epoch 0 the tenth layer has a millionth of that of the first. The output is the same for every
point, and at epoch 40 it still is. Glorot's weights fit the width of the layers, but were derived
for activations that are symmetric around zero. A ReLU discards half of the signal, which fades
here by a factor of twenty. It takes the network ten epochs to make up for it. He's weights
compensate for that half: all layers spread alike, and at epoch 1 a boundary is there, with 87 % of
the points on the right side. It is not the smoothest, though: at epoch 15, it falls back to 50 %,
and recovers by epoch 20.

After part II of `Hyper-parameters in Action!
<https://towardsdatascience.com/hyper-parameters-in-action-part-ii-weight-initializers-35aee1a28404>`_;
K. He et al., `Delving Deep into Rectifiers <https://arxiv.org/abs/1502.01852>`_.
"""
# card-view: 5
# category: Inside the network
# thumbnail-epoch: 40

from pathlib import Path

import keras
from sklearn.datasets import make_moons

import replaychart as rc

recording = Path("initializers.h5")
initializers = {
    "Normal, 0.05": keras.initializers.RandomNormal(stddev=0.05),
    "Glorot": keras.initializers.GlorotNormal(),
    "He": keras.initializers.HeNormal(),
}

if not recording.exists():
    X, y = make_moons(400, noise=0.12, random_state=3)
    for name, initializer in initializers.items():
        keras.utils.set_random_seed(1)
        hidden = [
            keras.layers.Dense(
                32, "relu", kernel_initializer=initializer.clone(), name=f"layer_{number}"
            )
            for number in range(1, 11)
        ]
        output = keras.layers.Dense(1, "sigmoid", name="output")
        model = keras.Sequential([keras.Input((2,)), *hidden, output])
        model.compile(keras.optimizers.SGD(0.05), "binary_crossentropy", metrics=["accuracy"])
        recorder = rc.Recorder(X, y, recording, name)
        model.fit(X, y, epochs=40, batch_size=20, verbose=0, callbacks=[recorder])

runs = {name: rc.open_run(recording, name) for name in initializers}
epoch = rc.epoch_param(*runs.values())

boundaries = rc.small_multiples(
    runs, chart=rc.decision_boundary, epoch=epoch, width=265, height=220
)
signals = rc.small_multiples(
    runs, chart=rc.spread, kind="activations", output=False, epoch=epoch, width=215, height=220
)
(boundaries & signals).resolve_scale(color="independent", fill="independent", stroke="independent")
