"""Networks of any architecture, with any weights, recorded without a training."""

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import keras
import numpy as np
from hypothesis import strategies as st

import replaychart as rc

ACTIVATIONS = (
    None, "relu", "tanh", "sigmoid", "elu", "selu", "softplus", "silu", "gelu", "softsign",
    "leaky_relu", "hard_sigmoid",
)  # fmt: skip

# Loss by head: the number of outputs, their activation, and how targets are given.
HEADS = ("sigmoid", "one logit", "softmax", "sparse softmax", "sparse logits", "number")

_numbers = itertools.count()


@dataclasses.dataclass(frozen=True)
class Hidden:
    """A Dense layer, and what stands behind it."""

    units: int
    activation: str | None
    bias: bool = True
    normalized: bool = False
    dropout: bool = False


@dataclasses.dataclass(frozen=True)
class AnyNetwork:
    """What is to be recorded; `seed` makes points, targets and the weights of each epoch."""

    features: int
    hidden: tuple[Hidden, ...]
    head: str
    classes: int
    points: int
    epochs: tuple[float, ...]
    gain: float
    seed: int

    def model(self) -> keras.Model:
        layers: list[keras.layers.Layer] = []
        for number, one in enumerate(self.hidden):
            name = f"hidden_{number}"
            layers.append(
                keras.layers.Dense(
                    one.units, activation=one.activation, use_bias=one.bias, name=name
                )
            )
            if one.normalized:
                layers.append(keras.layers.BatchNormalization(name=f"normal_{number}"))
            if one.dropout:
                layers.append(keras.layers.Dropout(0.3, name=f"dropout_{number}"))
        units = self.classes if self.head in ("softmax", "sparse softmax", "sparse logits") else 1
        activation = {"sigmoid": "sigmoid", "softmax": "softmax", "sparse softmax": "softmax"}
        layers.append(keras.layers.Dense(units, activation.get(self.head), name="output"))
        model = keras.Sequential([keras.Input((self.features,)), *layers])
        metrics = ["mae"] if self.head == "number" else ["accuracy"]
        # Eagerly: what takes long is to compile each of many small networks.
        model.compile(loss=self.loss(), metrics=metrics, run_eagerly=True)
        return model

    def loss(self) -> Any:
        return {
            "sigmoid": "binary_crossentropy",
            "one logit": keras.losses.BinaryCrossentropy(from_logits=True),
            "softmax": "categorical_crossentropy",
            "sparse softmax": "sparse_categorical_crossentropy",
            "sparse logits": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            "number": "mse",
        }[self.head]

    def targets(self, rng: np.random.Generator) -> np.ndarray:
        if self.head == "number":
            return rng.normal(size=self.points)
        labels = rng.integers(
            0, 2 if self.head in ("sigmoid", "one logit") else self.classes, self.points
        )
        return np.eye(self.classes)[labels] if self.head == "softmax" else labels

    def record(self, directory: Path) -> "Recorded":
        """Record the network at each epoch, with other weights each time."""
        rng = np.random.default_rng(self.seed)
        X = rng.normal(size=(self.points, self.features)).astype("float32")
        y = self.targets(rng)
        model = self.model()
        path = directory / f"any-{next(_numbers)}.h5"
        kept = []
        with rc.Recorder(X, y, path, "any") as recorder:
            for epoch in self.epochs:
                model.set_weights([self._weight(variable, rng) for variable in model.weights])
                kept.append(model.get_weights())
                recorder.snapshot(model, epoch)
        return Recorded(rc.open_run(path), model, kept, X, y)

    def _weight(self, variable: Any, rng: np.random.Generator) -> np.ndarray:
        values = rng.normal(size=variable.shape)
        if "variance" in variable.path or "gamma" in variable.path:
            return np.abs(values) + 0.5
        if len(variable.shape) == 2:
            return values * self.gain / np.sqrt(variable.shape[0])
        return values * 0.5


@dataclasses.dataclass(frozen=True)
class Recorded:
    """A recorded network, and what Keras itself knows of it."""

    run: rc.Run
    model: keras.Model
    weights: list[list[np.ndarray]]
    X: np.ndarray
    y: np.ndarray

    def at(self, snapshot: int) -> keras.Model:
        """The model with the weights of one snapshot."""
        self.model.set_weights(self.weights[snapshot])
        return self.model

    def part(self, begin: str | None, end: str | None) -> keras.Model:
        """The model between two layers; None for its inputs and its output."""
        inputs = self.model.inputs if begin is None else self.model.get_layer(begin).output
        output = self.model.outputs[0] if end is None else self.model.get_layer(end).output
        return keras.Model(inputs, output)


def given_by(model: keras.Model, points: np.ndarray) -> np.ndarray:
    """What a model gives for points, as Keras computes it in inference."""
    outputs = model(keras.ops.convert_to_tensor(points, "float32"), training=False)
    return keras.ops.convert_to_numpy(outputs)


def hidden_layers(units: st.SearchStrategy[int]) -> st.SearchStrategy[Hidden]:
    return st.builds(
        Hidden, units, st.sampled_from(ACTIVATIONS), st.booleans(), st.booleans(), st.booleans()
    )


def epochs() -> st.SearchStrategy[tuple[float, ...]]:
    """One to four epochs, rising, whole or not."""
    some = st.one_of(st.integers(0, 40), st.integers(0, 400).map(lambda n: round(n / 7, 6)))
    return st.lists(some, min_size=1, max_size=4, unique=True).map(lambda one: tuple(sorted(one)))


def networks(
    *,
    features: st.SearchStrategy[int] | None = None,
    hidden: st.SearchStrategy[tuple[Hidden, ...]] | None = None,
    heads: tuple[str, ...] = HEADS,
    gains: tuple[float, ...] = (0.3, 1.0, 2.0),
) -> st.SearchStrategy[AnyNetwork]:
    """Networks of one to five features and up to three hidden layers, unless told otherwise."""
    any_features = st.integers(1, 5)
    any_hidden = st.lists(hidden_layers(st.integers(1, 7)), max_size=3).map(tuple)
    return st.builds(
        AnyNetwork,
        features=any_features if features is None else features,
        hidden=any_hidden if hidden is None else hidden,
        head=st.sampled_from(heads),
        classes=st.integers(2, 5),
        points=st.integers(1, 40),
        epochs=epochs(),
        gain=st.sampled_from(gains),
        seed=st.integers(0, 2**32 - 1),
    )
