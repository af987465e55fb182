"""Weight initializers: does the signal get through?

Five hidden layers of 100 ReLU units, before any training. The inputs are points in a 10-dimensional
ball, and each column uses a different weight initializer. With small normal weights, the
pre-activations (first row) shrink from layer to layer until almost nothing is left. So do the
gradients on their way back (last row): read the axes, they are about a thousand times smaller than
those on the right. Glorot's weights match the width of their layer, but they were derived for
activations that are symmetric around zero. A ReLU discards half of the signal, so it still fades.
He's weights compensate for that half, and the fifth layer gets as much signal as the first.

``Recorder(..., model=model)`` records an untrained model without ``fit``. After part II of
`Hyper-parameters in Action!
<https://towardsdatascience.com/hyper-parameters-in-action-part-ii-weight-initializers-35aee1a28404>`_;
K. He et al., `Delving Deep into Rectifiers <https://arxiv.org/abs/1502.01852>`_.
"""
# category: Inside the network

from pathlib import Path

import keras

import replaychart as rc

recording = Path("initialisers.h5")
initialisers = {
    "normal, 0.05": keras.initializers.RandomNormal(stddev=0.05, seed=13),
    "Glorot": keras.initializers.GlorotNormal(seed=13),
    "He": keras.initializers.HeNormal(seed=13),
}

if not recording.exists():
    X, y = rc.datasets.ball(1000, dimensions=10)
    for name, initialiser in initialisers.items():
        hidden = [
            keras.layers.Dense(
                100, "relu", kernel_initializer=initialiser.clone(), name=f"h{layer}"
            )
            for layer in range(1, 6)
        ]
        output = keras.layers.Dense(1, "sigmoid", kernel_initializer=initialiser.clone())
        model = keras.Sequential([keras.Input((10,)), *hidden, output])
        model.compile(loss="binary_crossentropy", optimizer="sgd")
        rc.Recorder(X, y, recording, name, model=model)

runs = [rc.open_run(recording, name) for name in initialisers]
size = {"output": False, "width": 260, "height": 120}

columns = [
    rc.pre_activations(run, title=f"{run.name}: pre-activations", **size)
    & rc.weights(run, title="Weights", **size)
    & rc.activations(run, title="Activations", **size)
    & rc.gradients(run, title="Gradients", **size)
    for run in runs
]

columns[0] | columns[1] | columns[2]
