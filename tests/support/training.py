"""Small models, and a training of one that keeps what the recording is compared with."""

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np

import replaychart as rc

EPOCHS = 6


class KeepWeights(keras.callbacks.Callback):
    """Copies of the weights at every epoch: what the recording is compared with."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[list[np.ndarray]] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.weights = [self.model.get_weights()]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.weights.append(self.model.get_weights())


@dataclasses.dataclass(frozen=True)
class Training:
    """A training that was recorded, and what Keras itself knows of it."""

    path: Path
    group: str
    model: keras.Model
    weights: list[list[np.ndarray]]
    history: dict[str, list[float]]
    X: Any
    y: np.ndarray
    _opened: dict[int, rc.Run] = dataclasses.field(default_factory=dict, repr=False)

    def open(self, **options: Any) -> rc.Run:
        """The run: the one that is open already, unless there are options or the file changed."""
        if options:
            return rc.open_run(self.path, self.group, **options)
        changed = self.path.stat().st_mtime_ns
        if changed not in self._opened:
            self._opened[changed] = rc.open_run(self.path, self.group)
        return self._opened[changed]

    def at(self, snapshot: int) -> keras.Model:
        """The model with the weights of one snapshot."""
        self.model.set_weights(self.weights[snapshot])
        return self.model


def train(
    path: Path,
    group: str,
    model: keras.Model,
    X: Any,
    y: np.ndarray,
    *,
    class_names: list[str] | None = None,
    callbacks: tuple[keras.callbacks.Callback, ...] = (),
    epochs: int = EPOCHS,
    **fit: Any,
) -> Training:
    """Train and record."""
    kept = KeepWeights()
    recorder = rc.Recorder(X, y, path, group, class_names=class_names)
    history = model.fit(
        X,
        y,
        epochs=epochs,
        batch_size=32,
        verbose=0,
        callbacks=[recorder, kept, *callbacks],
        **fit,
    )
    return Training(path, group, model, kept.weights, history.history, X, y)


def small_model(
    *layers: keras.layers.Layer, loss: Any = "binary_crossentropy", features: int = 2
) -> keras.Model:
    """A compiled Sequential model."""
    model = keras.Sequential([keras.Input((features,)), *layers])
    model.compile(loss=loss, optimizer=keras.optimizers.SGD(0.5), metrics=["accuracy"])
    return model


def dense(units: int, activation: str | None, name: str) -> keras.layers.Dense:
    return keras.layers.Dense(units, activation=activation, name=name)
