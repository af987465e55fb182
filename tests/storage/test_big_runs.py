"""Runs with many epochs, with many weights, and with only some of the weights."""

import re
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
from support.training import KeepWeights, Training, dense, small_model, train

import replaychart as rc
from replaychart.facts.layers import Variable
from replaychart.facts.snapshots import RunDescription, Snapshot
from replaychart.storage import layout, weights
from replaychart.storage.reader import read_run
from replaychart.storage.writer import RunWriter


def test_thousands_of_epochs_take_few_bytes_each(tmp_path: Path) -> None:
    """A 2-2-1 network has 36 bytes of weights; epoch, learning rate and three logs take 40."""
    rng = np.random.default_rng(0)
    variables = tuple(
        Variable("hidden", shape, "float32") for shape in [(2, 2), (2,), (2, 1), (1,)]
    )
    description = RunDescription(np.zeros((50, 2)), np.zeros(50), "null", "null", (), {}, variables)
    epochs, path = 3000, tmp_path / "long.h5"
    recorded = [
        [rng.normal(size=v.shape).astype(np.float32) for v in variables] for _ in range(epochs)
    ]
    snapshots = [
        Snapshot(epoch, values, 0.1, {"loss": epoch / 2, "accuracy": 0.5, "val_loss": 1.0})
        for epoch, values in enumerate(recorded)
    ]
    writer = RunWriter(path, "a", description)
    writer.append(snapshots[0])
    empty = path.stat().st_size
    for start in range(1, epochs, 10):
        writer.append(*snapshots[start : start + 10])
    assert (path.stat().st_size - empty) / epochs < 150
    stored = read_run(path, "a")
    np.testing.assert_array_equal(stored.epochs, np.arange(epochs))
    np.testing.assert_array_equal(stored.logs["loss"], np.arange(epochs) / 2)
    for index, values in enumerate(stored.weights()):
        np.testing.assert_array_equal(values, [one[index] for one in recorded])


def test_many_weights_take_little_more_than_their_bytes_and_are_read_one_snapshot_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keras.utils.set_random_seed(1)
    X, y = rc.datasets.parabola(16)
    # Variables of two dtypes are stored in two blocks.
    wide = keras.layers.Dense(300, activation="tanh", name="wide")
    half = keras.layers.Dense(300, activation="tanh", name="half", dtype="float16")
    model = small_model(wide, half, dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    training = train(tmp_path / "wide.h5", "wide", model, X, y, epochs=3)
    of_weights = sum(np.asarray(values).nbytes for values in model.get_weights())
    points = X.nbytes + y.nbytes
    assert training.path.stat().st_size < 1.15 * (4 * of_weights + points) + 60_000

    read_at_once = training.open()
    expected = read_at_once.probabilities()
    monkeypatch.setattr(weights, "IN_MEMORY", 0)
    run = training.open()
    assert all(isinstance(one, weights.WeightInFile) for one in run._stored.weights())
    np.testing.assert_array_equal(run.probabilities(), expected)
    pairs = zip(run._stored.weights(), read_at_once._stored.weights(), strict=True)
    for in_file, in_memory in pairs:
        assert in_file.shape == in_memory.shape
        assert in_file.dtype == in_memory.dtype
        np.testing.assert_array_equal(in_file[[0, 2]], in_memory[[0, 2]])
        np.testing.assert_array_equal(in_file[-1], in_memory[-1])
        np.testing.assert_array_equal(np.asarray(in_file), in_memory)


@pytest.mark.parametrize("in_memory", [weights.IN_MEMORY, 0])
def test_weights_of_the_last_layers_are_read_without_those_of_the_first(
    in_memory: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "IN_MEMORY", in_memory)
    keras.utils.set_random_seed(1)
    X, y = rc.datasets.parabola(16)
    wide = keras.layers.Dense(400, activation="tanh", name="second")
    model = small_model(
        dense(400, "tanh", "first"), wide, dense(2, "tanh", "last"), dense(1, "sigmoid", "output")
    )
    training = train(tmp_path / "a.h5", "a", model, X, y, epochs=3)
    run = training.open()
    whole = {layer: run.distributions("weights", layers=[layer]) for layer in ("last", "output")}
    _damage_first_chunks(training.path, f"a/{layout.WEIGHTS}/float32")

    for layer, expected in whole.items():
        found = training.open().distributions("weights", layers=[layer])
        pd.testing.assert_frame_equal(found, expected)
    of_last = ["last", "output"]
    assert rc.weights(training.open(), layers=of_last).to_dict()
    assert rc.updates(training.open(), layers=of_last).to_dict()
    assert rc.spread(training.open(), kind="weights", layers=of_last).to_dict()
    dense_layers = training.open().dense_layers
    last = {one.name: one for one in dense_layers.chain(lambda _: True)}["last"]
    kernels = [weights[4] for weights in training.weights]
    np.testing.assert_array_equal(dense_layers.kernels(last, range(4)), kernels)
    with pytest.raises(rc.RunFileError, match=re.escape("a.h5")):
        training.open().distributions("weights", layers=["first"])


def test_filters_of_the_last_convolution_are_read_alone(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    X = np.random.default_rng(0).normal(size=(8, 6, 6, 1)).astype("float32")
    convolution = keras.layers.Conv2D
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            convolution(200, 3, padding="same", name="first"),
            convolution(100, 3, padding="same", name="second"),
            convolution(2, 3, name="last"),
            keras.layers.Flatten(),
            dense(1, "sigmoid", "output"),
        ]
    )
    model.compile("sgd", "binary_crossentropy")
    y = (X[:, 0, 0, 0] > 0).astype(int)
    training = train(tmp_path / "a.h5", "a", model, X, y, epochs=2)
    whole = training.open().convolutions.kernels("last", range(3))
    chart = rc.filters(training.open(), "last").to_dict()
    _damage_first_chunks(training.path, f"a/{layout.WEIGHTS}/float32")

    np.testing.assert_array_equal(whole, [weights[4] for weights in training.weights])
    np.testing.assert_array_equal(training.open().convolutions.kernels("last", range(3)), whole)
    assert rc.filters(training.open(), "last").to_dict() == chart
    with pytest.raises(rc.RunFileError, match=re.escape("a.h5")):
        rc.filters(training.open(), "first")


def _damage_first_chunks(path: Path, dataset: str) -> None:
    """Make the values with which the rows of a dataset begin unreadable: their checksums differ."""
    with h5py.File(path) as file:
        rows = file[dataset]
        assert rows.shape[1] > rows.chunks[1], "a row has several chunks"
        chunks = [rows.id.get_chunk_info(number) for number in range(rows.id.get_num_chunks())]
    with path.open("r+b") as raw:
        for chunk in chunks:
            if chunk.chunk_offset[1] == 0:
                raw.seek(chunk.byte_offset)
                raw.write(b"\xff" * 64)


def _three_layers() -> keras.Model:
    return small_model(
        dense(2, "tanh", "first"), dense(2, "tanh", "second"), dense(1, "sigmoid", "output")
    )


@pytest.fixture(scope="module")
def first_layer(directory: Path) -> Training:
    """A training run of which only the first hidden layer was recorded."""
    keras.utils.set_random_seed(7)
    X, y = rc.datasets.parabola(40)
    model = _three_layers()
    path = directory / "first_layer.h5"
    recorder = rc.Recorder(X, y, path, "first", layers=["first"])
    keep = KeepWeights()
    history = model.fit(X, y, epochs=3, verbose=0, callbacks=[recorder, keep])
    return Training(path, "first", model, keep.weights, history.history, X, y)


def test_recorded_layer_is_replayed(first_layer: Training, tmp_path: Path) -> None:
    run = first_layer.open()
    inner = keras.Model(first_layer.model.inputs, first_layer.model.get_layer("first").output)
    for snapshot in range(4):
        first_layer.at(snapshot)
        np.testing.assert_allclose(
            run.coordinates("first")[snapshot],
            inner.predict(first_layer.X, verbose=0),
            atol=1e-6,
        )
    chart = rc.feature_space(run, "first") | rc.weights(run, layers=["first"])
    chart |= rc.loss_and_metric(run, source="training")
    assert rc.save(chart, tmp_path / "first.png", epoch=1).stat().st_size > 5_000


@pytest.mark.parametrize(
    ("ask", "layer"),
    [
        (lambda run: run.coordinates("second"), "second"),
        (lambda run: run.losses(), "second"),
        (lambda run: run.surface("first"), "second"),
        (lambda run: rc.loss_histogram(run), "second"),
        (lambda run: rc.decision_boundary(run), "second"),
        (lambda run: run.distributions("weights", layers=["output"]), "output"),
        (lambda run: run.restore(_three_layers()), "second"),
    ],
)
def test_what_needs_unrecorded_weights_raises(ask: Any, layer: str, first_layer: Training) -> None:
    message = f"weights of layer '{layer}', which run 'first' does not contain: .* layers='first'"
    with pytest.raises(rc.EvaluationError, match=message):
        ask(first_layer.open())


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (["hiden"], "layers must be among the layers with weights: 'hidden', 'output'. Got 'hid"),
        ([], "layers must be names of at least one layer"),
        ([1], "layers must be names of at least one layer"),
    ],
)
def test_unknown_layers_are_rejected(layers: Any, message: str, tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(8)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    with pytest.raises(rc.ArgumentError, match=message):
        rc.Recorder(X, y, tmp_path / "a.h5", "a", layers=layers, model=model)
    assert not list(tmp_path.iterdir())
