"""Trains and is killed, again and again; run as a script, which forks after its imports.

Arguments: a file of runs, a directory, how many trainings to kill, and a seed for the moments. Run
``k`` is recorded into the group ``k``. What it should be is told by ``k.weights`` in the directory,
which the training writes just before the recorder is called, and by ``k.epochs``, which it writes
just behind. For each kill a line is printed, and one is waited for. The last training is not
killed.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

import replaychart as rc


class Tell(keras.callbacks.Callback):
    """Writes the epoch, and the weights with it, as numbers of float64."""

    def __init__(self, path: Path, *, weights: bool) -> None:
        super().__init__()
        self._file = path.open("wb", buffering=0)
        self._weights = weights

    def _tell(self, epoch: int) -> None:
        weights = [one.ravel() for one in self.model.get_weights()] if self._weights else []
        self._file.write(np.concatenate([[epoch], *weights]).astype(np.float64).tobytes())

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == 0:
            self._tell(0)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._tell(epoch + 1)


class Progress(keras.callbacks.Callback):
    """Tells the parent that the training begins, and every epoch's begin."""

    def __init__(self, pipe: int) -> None:
        super().__init__()
        self._pipe = pipe

    def on_train_begin(self, logs: Any = None) -> None:
        os.write(self._pipe, b".")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        os.write(self._pipe, b".")


def train(path: Path, directory: Path, number: int, *, pipe: int, epochs: int) -> None:
    keras.utils.set_random_seed(number)
    X, y = rc.datasets.parabola(32)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(20, activation="tanh", name="hidden"),
            keras.layers.Dense(1, activation="sigmoid", name="output"),
        ]
    )
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    callbacks = [
        Progress(pipe),
        Tell(directory / f"{number}.weights", weights=True),
        rc.Recorder(X, y, path, str(number)),
        Tell(directory / f"{number}.epochs", weights=False),
    ]
    model.fit(X, y, epochs=epochs, batch_size=32, verbose=0, callbacks=callbacks)


def main() -> None:
    path, directory, kills = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    moments = random.Random(int(sys.argv[4]))
    for number in range(kills + 1):
        heard, told = os.pipe()
        child = os.fork()
        if child == 0:
            train(path, directory, number, pipe=told, epochs=100_000 if number < kills else 3)
            os._exit(0)
        os.close(told)
        if number < kills:
            # One in four in the first moments, in which the run itself is made.
            for _ in range(1 if moments.random() < 0.25 else moments.randrange(3, 30)):
                os.read(heard, 1)
            time.sleep(moments.uniform(0, 0.02))
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(heard)
        print(number, flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main()
