"""The running example: a network trained on two parabolas.

``python -m replaychart.demonstration FILE`` records that training run into a new file.
"""

import sys
from pathlib import Path

from replaychart import datasets
from replaychart.opening import open_run

GROUP = "parabola"
TITLE = "Two parabolas"


def train(path: Path, *, epochs: int = 150, seed: int = 8, verbose: int = 0) -> None:
    """Train a 2-2-1 sigmoid network on the two parabolas and record it as run ``parabola``.

    Parameters
    ----------
    path : pathlib.Path
        The file to record to. An existing run with the same name is replaced.
    epochs : int, default 150
        Number of epochs to train, with SGD at a learning rate of 0.05 and batches of 16.
    seed : int, default 8
        Seed for the initial weights and the order of the batches.
    verbose : int, default 0
        Passed to ``fit``.
    """
    import keras

    from replaychart.recording.recorder import Recorder

    X, y = datasets.parabola()
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(2, activation="sigmoid", name="hidden"),
            keras.layers.Dense(1, activation="sigmoid", name="output"),
        ]
    )
    model.compile(
        loss="binary_crossentropy",
        optimizer=keras.optimizers.SGD(learning_rate=0.05),
        metrics=["acc"],
    )
    recorder = Recorder(X, y, path, GROUP, if_exists="overwrite")
    model.fit(X, y, epochs=epochs, batch_size=16, verbose=verbose, callbacks=[recorder])


def record(path: Path, *, epochs: int = 150) -> None:
    """Train as `train` does and record into a new file, with evaluations, to chart without Keras.

    Parameters
    ----------
    path : pathlib.Path
        The file to write; one that exists is replaced.
    epochs : int, default 150
        How long to train.
    """
    # HDF5 does not give back the space of a run that is replaced.
    path.unlink(missing_ok=True)
    train(path, epochs=epochs)
    open_run(path, GROUP).store()
    print(f"Recorded {path} ({path.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m replaychart.demonstration FILE")
    record(Path(sys.argv[1]))
