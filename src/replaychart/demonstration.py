"""The canonical example: the training on two parabolas, and its five charts in one dashboard."""

from pathlib import Path

from replaychart import datasets

GROUP = "parabola"


def train(path: Path, *, epochs: int = 150, seed: int = 7, verbose: int = 0) -> None:
    """Train a 2-2-1 sigmoid network on the two parabolas and record it as run ``parabola``.

    Parameters
    ----------
    path : pathlib.Path
        The file to record into; a run of the same name is replaced.
    epochs : int, default 150
        How long to train, with SGD at 0.05 in batches of 16.
    seed : int, default 7
        Seed of initial weights and batches.
    verbose : int, default 0
        As in ``fit``.
    """
    import keras

    from replaychart.recording.recorder import Recorder

    X, y = datasets.parabola()  # noqa: N806
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
