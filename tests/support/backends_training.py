"""Records, resumes, evaluates and charts under the backend that KERAS_BACKEND names.

Run as a script by the tests, because a process has one backend. Every number is compared with what
Keras itself computes under that backend.
"""

import sys
from pathlib import Path

import keras
import numpy as np

import replaychart as rc


def compiled_model() -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(6, activation="tanh", kernel_regularizer="l2", name="wide"),
            keras.layers.BatchNormalization(name="normal"),
            keras.layers.Dropout(0.2, name="dropout"),
            keras.layers.Dense(2, activation="tanh", name="hidden"),
            keras.layers.Dense(1, activation="sigmoid", name="output"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy", "mse"])
    return model


class KeepWeights(keras.callbacks.Callback):
    """Copies of the weights where the recorder takes its snapshots."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[list[np.ndarray]] = []

    def keep(self) -> None:
        self.weights.append([np.array(values) for values in self.model.get_weights()])

    def on_train_begin(self, logs: object = None) -> None:
        self.keep()

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        if batch == 1:
            self.keep()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        self.keep()


def check(directory: Path) -> None:
    keras.utils.set_random_seed(1)
    X, y = rc.datasets.parabola(48)
    path, model, kept = directory / "runs.h5", compiled_model(), KeepWeights()
    fit = {"batch_size": 24, "verbose": 0, "shuffle": False}
    recorder = rc.Recorder(X, y, path, "a", every="2 batches")
    history = model.fit(X, y, epochs=2, callbacks=[recorder, kept], **fit).history

    run = rc.open_run(path, "a")
    assert run.epochs.tolist() == [0, 0.5, 1, 1.5, 2], run.epochs
    assert run.witnessed_epochs == [0, 2], run.witnessed_epochs
    assert run.verified is True, run.differences
    logged = run.curves.values("loss", source="training")
    np.testing.assert_allclose(logged[[2, 4]], history["loss"], atol=1e-7)

    evaluated = compiled_model()
    inner = keras.Model(evaluated.inputs, evaluated.get_layer("hidden").output)
    names = ("loss with regularization", "accuracy")
    replayed = {name: run.curves.values(name, source="replay") for name in names}
    for snapshot, weights in enumerate(kept.weights):
        evaluated.set_weights(weights)
        probabilities = evaluated.predict(X, verbose=0)[:, 0]
        np.testing.assert_allclose(run.probabilities()[snapshot, :, 1], probabilities, atol=1e-6)
        hidden = inner.predict(X, verbose=0)
        np.testing.assert_allclose(run.coordinates("hidden")[snapshot], hidden, atol=1e-6)
        loss, accuracy, _ = evaluated.evaluate(X, y, verbose=0)
        assert abs(replayed["loss with regularization"][snapshot] - loss) < 1e-5
        assert abs(replayed["accuracy"][snapshot] - accuracy) < 1e-6

    other = compiled_model()
    run.restore(other)
    again = rc.Recorder(X, y, path, "a", if_exists="append")
    other.fit(X, y, initial_epoch=2, epochs=3, callbacks=[again], **fit)
    run = rc.open_run(path, "a")
    assert run.epochs.tolist() == [0, 0.5, 1, 1.5, 2, 3]
    last = other.predict(X, verbose=0)[:, 0]
    np.testing.assert_allclose(run.probabilities()[-1, :, 1], last, atol=1e-6)

    chart = rc.feature_space(run, "hidden") | rc.loss_and_metric(run) | rc.gradients(run)
    assert rc.save(chart, directory / "chart.png", epoch=0.5).stat().st_size > 10_000


def check_training_is_left_as_it_is(directory: Path) -> None:
    X, y = rc.datasets.parabola(48)
    found = []
    for recorders in ([], [rc.Recorder(X, y, directory / "runs.h5", "same")]):
        keras.utils.set_random_seed(3)
        model = compiled_model()
        fit = {"batch_size": 24, "verbose": 0, "epochs": 3}
        history = model.fit(X, y, callbacks=recorders, **fit).history
        states = [keras.ops.convert_to_numpy(variable) for variable in model.variables]
        drawn = keras.ops.convert_to_numpy(keras.random.normal((4,)))
        legacy = np.random.random()  # noqa: NPY002  (what users draw from)
        found.append((history, [*states, drawn, legacy]))
    (history, states), (recorded, recorded_states) = found
    assert history == recorded, (history, recorded)
    for own, other in zip(states, recorded_states, strict=True):
        np.testing.assert_array_equal(own, other)


def check_several_inputs(directory: Path) -> None:
    keras.utils.set_random_seed(2)
    words = keras.Input((4,), dtype="int32", name="words")
    features = keras.Input((2,), name="features")
    embedded = keras.layers.Flatten()(keras.layers.Embedding(9, 2, name="embedding")(words))
    both = keras.layers.Concatenate()([embedded, features])
    hidden = keras.layers.Dense(2, activation="tanh", name="hidden")(both)
    output = keras.layers.Dense(1, activation="sigmoid", name="output")(hidden)
    model = keras.Model({"words": words, "features": features}, output)
    model.compile("sgd", "binary_crossentropy")
    rng = np.random.default_rng(0)
    X = {
        "words": rng.integers(0, 9, (40, 4)),
        "features": rng.normal(size=(40, 2)).astype("float32"),
    }
    y = (X["features"].sum(axis=1) > 0).astype(int)
    recorder = rc.Recorder(X, y, directory / "runs.h5", "several")
    model.fit(X, y, epochs=2, verbose=0, callbacks=[recorder])
    run = rc.open_run(directory / "runs.h5", "several")
    expected = model.predict(X, verbose=0)[:, 0]
    np.testing.assert_allclose(run.probabilities()[-1, :, 1], expected, atol=1e-6)
    assert abs(run.losses()[-1].mean() - model.evaluate(X, y, verbose=0)) < 1e-6
    boundary = run.boundary(features=("features[0]", "features[1]"), at=3, epochs=2)
    held = np.repeat(X["words"][3:4], len(boundary), axis=0)
    moved = {"words": held, "features": boundary[["x", "y"]].to_numpy("float32")}
    assert len(boundary)
    np.testing.assert_allclose(model.predict(moved, verbose=0), 0.5, atol=1e-3)
    assert np.isfinite(run.distributions("gradients")["value"]).all()
    rc.feature_space(run, "hidden").to_dict()


if __name__ == "__main__":
    check(Path(sys.argv[1]))
    check_training_is_left_as_it_is(Path(sys.argv[1]))
    check_several_inputs(Path(sys.argv[1]))
    print(keras.backend.backend(), "passed")
