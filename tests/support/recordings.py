"""Recordings of small seeded trainings, each a function of the directory that it is written to."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from sklearn.datasets import make_blobs, make_moons

import replaychart as rc
from support.training import Training, dense, small_model, train


def parabola(directory: Path) -> Training:
    """A 2-2-1 sigmoid network with validation data and a learning-rate schedule."""
    keras.utils.set_random_seed(1)
    X, y = rc.datasets.parabola(100)
    X_val, y_val = rc.datasets.parabola(40, seed=3)
    model = small_model(dense(2, "sigmoid", "hidden"), dense(1, "sigmoid", "output"))
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch: 0.5 / (epoch + 1))
    return train(
        directory / "parabola.h5",
        "parabola",
        model,
        X,
        y,
        callbacks=(scheduler,),
        validation_data=(X_val, y_val),
    )


def folded(directory: Path) -> Training:
    """A network whose two-unit layer folds the plane."""
    keras.utils.set_random_seed(2)
    X, y = make_moons(150, noise=0.1, random_state=0)
    # Large initial weights: a layer that starts small does not fold.
    large = keras.initializers.RandomNormal(stddev=1.5, seed=0)
    model = small_model(
        keras.layers.Dense(8, activation="tanh", kernel_initializer=large, name="wide"),
        dense(2, "tanh", "fold"),
        dense(1, "sigmoid", "output"),
    )
    return train(directory / "folded.h5", "folded", model, X.astype("float32"), y)


def branches(directory: Path) -> Training:
    """A functional model with two branches, BatchNormalization, Dropout and logits."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((5,))
    left = keras.layers.Dense(4, activation="relu", name="left")(inputs)
    right = keras.layers.Dense(4, name="right")(inputs)
    right = keras.layers.BatchNormalization(name="normal")(right)
    both = keras.layers.Concatenate(name="both")([left, right])
    both = keras.layers.Dropout(0.4, name="dropout")(both)
    plane = keras.layers.Dense(2, activation="tanh", name="plane")(both)
    model = keras.Model(inputs, keras.layers.Dense(1, name="logit")(plane))
    model.compile(
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        optimizer="adam",
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.0), "mse"],
    )
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 5)).astype("float32")
    y = (X.sum(axis=1, keepdims=True) > 0).astype("int64")
    return train(directory / "branches.h5", "branches", model, X, y)


def one_hot(directory: Path) -> Training:
    """Three classes, softmax, one-hot targets, four features."""
    keras.utils.set_random_seed(4)
    rng = np.random.default_rng(1)
    X = rng.normal(size=(90, 4)).astype("float32")
    y = keras.utils.to_categorical(X[:, :3].argmax(axis=1), 3)
    model = small_model(
        dense(2, "tanh", "latent"),
        dense(3, "softmax", "output"),
        loss="categorical_crossentropy",
        features=4,
    )
    return train(directory / "one_hot.h5", "one_hot", model, X, y)


def three(directory: Path) -> Training:
    """Three named classes in the plane, sparse targets, logits."""
    keras.utils.set_random_seed(6)
    X, y = make_blobs(240, centers=[(-1, 0), (1, 0), (0, 1.5)], cluster_std=0.4, random_state=0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = small_model(dense(2, "tanh", "bend"), dense(3, None, "logits"), loss=loss)
    names = ["setosa", "versicolor", "virginica"]
    return train(directory / "three.h5", "three", model, X.astype("float32"), y, class_names=names)


def regression(directory: Path) -> Training:
    """A number to predict over the plane, through a wide layer and one with three units."""
    keras.utils.set_random_seed(7)
    X = np.random.default_rng(3).uniform(-2, 2, (150, 2)).astype("float32")
    y = np.sin(2 * X[:, 0]) + X[:, 1] ** 2 / 2
    model = small_model(
        dense(8, "tanh", "wide"), dense(3, "tanh", "space"), dense(1, None, "number"), loss="mse"
    )
    return train(directory / "regression.h5", "regression", model, X, y)


def images(directory: Path) -> Training:
    """Small images of three classes, a convolution in between."""
    keras.utils.set_random_seed(8)
    rng = np.random.default_rng(4)
    y = rng.integers(0, 3, 60)
    X = rng.normal(0, 0.3, (60, 6, 6, 1)).astype("float32")
    X[np.arange(60), 2 * y, :, 0] += 1
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(4, 3, activation="relu", name="convolution"),
            keras.layers.Flatten(name="flat"),
            dense(3, "softmax", "output"),
        ]
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer=keras.optimizers.SGD(0.3))
    return train(directory / "images.h5", "images", model, X, y)


@keras.saving.register_keras_serializable("tests")
class Subclassed(keras.Model):
    """A model whose layers are connected by code."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.first = keras.layers.Dense(2, activation="tanh", name="first")
        self.last = keras.layers.Dense(1, activation="sigmoid", name="last")

    def call(self, inputs: Any) -> Any:
        return self.last(self.first(inputs))


def subclassed(directory: Path) -> Training:
    keras.utils.set_random_seed(5)
    X, y = rc.datasets.parabola(50)
    model = Subclassed()
    model.compile(loss="binary_crossentropy", optimizer="sgd")
    return train(directory / "subclassed.h5", "subclassed", model, X, y)


def two_inputs(directory: Path) -> Training:
    """Two vectors in a list, a branch for each of them, and a plane behind both."""
    keras.utils.set_random_seed(9)
    first, second = keras.Input((3,), name="zeta"), keras.Input((2,), name="beta")
    left = dense(4, "tanh", "left")(first)
    right = dense(2, "tanh", "right")(second)
    both = keras.layers.Concatenate(name="both")([left, right])
    plane = dense(2, "tanh", "plane")(both)
    model = keras.Model([first, second], dense(1, "sigmoid", "output")(plane))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(5)
    X = [rng.normal(size=(70, units)).astype("float32") for units in (3, 2)]
    y = (X[0][:, 0] + X[1][:, 1] > 0).astype(int)
    return train(directory / "two_inputs.h5", "two_inputs", model, X, y)


def image_and_features(directory: Path) -> Training:
    """Images and features, by name; three classes."""
    keras.utils.set_random_seed(10)
    image, features = keras.Input((6, 6, 1), name="image"), keras.Input((3,), name="features")
    maps = keras.layers.Conv2D(2, 3, activation="relu", name="convolution")(image)
    both = keras.layers.Concatenate()([keras.layers.Flatten()(maps), features])
    plane = dense(2, "tanh", "plane")(both)
    output = dense(3, "softmax", "output")(plane)
    model = keras.Model({"image": image, "features": features}, output)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(6)
    X = {
        "image": rng.normal(size=(50, 6, 6, 1)).astype("float32"),
        "features": rng.normal(size=(50, 3)).astype("float32"),
    }
    y = X["features"].argmax(axis=1)
    return train(directory / "image.h5", "image", model, X, y)


def tokens_and_features(directory: Path) -> Training:
    """Sequences of tokens and features, in a list; numbers to predict."""
    keras.utils.set_random_seed(11)
    tokens = keras.Input((7,), dtype="int32", name="tokens")
    features = keras.Input((2,), name="features")
    embedded = keras.layers.Embedding(30, 4, mask_zero=True, name="embedding")(tokens)
    sequence = keras.layers.LSTM(3, name="lstm")(embedded)
    both = keras.layers.Concatenate()([sequence, features])
    model = keras.Model([tokens, features], dense(1, None, "number")(both))
    model.compile("adam", "mse", metrics=["mae"])
    rng = np.random.default_rng(7)
    X = [rng.integers(0, 30, (60, 7)), rng.normal(size=(60, 2)).astype("float32")]
    y = X[1].sum(axis=1) + (X[0] > 20).sum(axis=1)
    return train(directory / "tokens.h5", "tokens", model, X, y)
