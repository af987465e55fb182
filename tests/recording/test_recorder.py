"""What a Recorder writes is what happened in the training."""

import json
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import tensorflow
from support.recordings import Subclassed
from support.training import EPOCHS, Training, dense, small_model

import replaychart as rc
from replaychart.storage.hdf5.checked import text_in
from replaychart.storage.reader import read_run


def test_weights_of_every_epoch_are_those_of_the_model(branches: Training) -> None:
    weights = read_run(branches.path, "branches").weights()
    assert len(weights) == len(branches.model.weights)
    for index, recorded in enumerate(weights):
        assert len(recorded) == EPOCHS + 1
        for snapshot, kept in enumerate(branches.weights):
            np.testing.assert_array_equal(recorded[snapshot], kept[index])


def test_batch_normalization_statistics_move(branches: Training) -> None:
    names = [weight.path for weight in branches.model.weights]
    moving_mean = names.index(next(name for name in names if "moving_mean" in name))
    recorded = read_run(branches.path, "branches").weights()[moving_mean]
    assert np.abs(np.diff(recorded, axis=0)).max() > 0


def test_logs_are_what_keras_reported(parabola: Training) -> None:
    history = parabola.open().history().query("source == 'training'")
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(history["name"])
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        rows = history[history["name"] == name]
        assert rows["epoch"].tolist() == list(range(1, EPOCHS + 1))
        np.testing.assert_allclose(rows["value"], parabola.history[name], rtol=0, atol=1e-12)


def test_learning_rate_is_that_of_the_epoch_even_of_a_later_scheduler(parabola: Training) -> None:
    rates = parabola.open().curves.values("learning_rate", source="training")
    assert np.isnan(rates[0])
    np.testing.assert_allclose(rates[1:], [0.5 / (epoch + 1) for epoch in range(EPOCHS)], rtol=1e-6)


def test_learning_rate_follows_an_optimizer_schedule(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(32)
    model = small_model(dense(1, "sigmoid", "output"))
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=2, decay_rate=0.5)
    model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.SGD(schedule))
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a")
    model.fit(X, y, epochs=3, batch_size=32, verbose=0, callbacks=[recorder])
    rates = rc.open_run(tmp_path / "a.h5").curves.values("learning_rate", source="training")
    np.testing.assert_allclose(rates[1:], [0.1, 0.05, 0.025], rtol=1e-6)


def _generator(X: np.ndarray, y: np.ndarray) -> Any:
    class Batches(keras.utils.PyDataset):
        def __len__(self) -> int:
            return 4

        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            return X[index::4], y[index::4]

    return Batches()


def _dataset(X: np.ndarray, y: np.ndarray) -> Any:
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((X, y[:, None])).batch(16)


@pytest.mark.parametrize("feed", [_generator, _dataset])
def test_training_data_may_come_from_anywhere(feed: Any, tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(32)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    recorder = rc.Recorder(X[:10], y[:10], tmp_path / "a.h5", "a")
    model.fit(feed(X, y), epochs=2, shuffle=False, verbose=0, callbacks=[recorder])
    run = rc.open_run(tmp_path / "a.h5")
    assert run.epochs.tolist() == [0, 1, 2]
    assert len(run.inputs) == 10
    np.testing.assert_allclose(
        run.probabilities()[-1, :, 1], model.predict(X[:10], verbose=0)[:, 0], atol=1e-6
    )


def test_early_stopping_leaves_the_epochs_that_happened(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(32)
    model = small_model(dense(1, "sigmoid", "output"))
    stopping = keras.callbacks.EarlyStopping(monitor="loss", patience=1, min_delta=10)
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a")
    model.fit(X, y, epochs=50, verbose=0, callbacks=[recorder, stopping])
    assert rc.open_run(tmp_path / "a.h5").epochs.tolist() == [0, 1, 2]


class _Interruption(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.params and self.model.optimizer.iterations >= 5:
            raise KeyboardInterrupt


def test_interrupted_training_leaves_the_epochs_that_happened(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(32)
    model = small_model(dense(1, "sigmoid", "output"))
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a")
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y, epochs=9, batch_size=32, verbose=0, callbacks=[recorder, _Interruption()])
    with pytest.warns(UserWarning, match="run 'a' was interrupted after epoch 2"):
        run = rc.open_run(tmp_path / "a.h5")
    assert run.epochs.tolist() == [0, 1, 2]
    assert len(run.losses()) == 3


def test_validation_every_other_epoch_has_no_invented_values(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(32)
    model = small_model(dense(1, "sigmoid", "output"))
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a")
    model.fit(
        X, y, epochs=4, verbose=0, validation_data=(X, y), validation_freq=2, callbacks=[recorder]
    )
    history = rc.open_run(tmp_path / "a.h5").history()
    rows = history.query("source == 'training' and name == 'val_loss'")
    assert rows["epoch"].tolist() == [2, 4]


def test_training_that_begins_later_keeps_its_epochs(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(32)
    model = small_model(dense(1, "sigmoid", "output"))
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a")
    model.fit(X, y, initial_epoch=3, epochs=5, verbose=0, callbacks=[recorder])
    assert rc.open_run(tmp_path / "a.h5").epochs.tolist() == [3, 4, 5]


def test_untrained_model_is_recorded_without_fit(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(32)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    rc.Recorder(X, y, tmp_path / "a.h5", "start", model=model)
    run = rc.open_run(tmp_path / "a.h5")
    assert run.epochs.tolist() == [0]
    expected = model.predict(X, verbose=0)[:, 0]
    np.testing.assert_allclose(run.probabilities()[0, :, 1], expected, atol=1e-6)


def test_several_runs_live_in_one_file(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    for group in ("b", "a"):
        model = small_model(dense(1, "sigmoid", "output"))
        rc.Recorder(X, y, tmp_path / "a.h5", group, model=model)
    assert rc.list_runs(tmp_path / "a.h5") == ["a", "b"]


def test_existing_run_is_kept_unless_overwritten(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    model = small_model(dense(1, "sigmoid", "output"))
    path = tmp_path / "a.h5"
    rc.Recorder(X, y, path, "run", model=model)
    with pytest.raises(
        rc.RecordingError, match=r"group 'run' already exists .* if_exists='overwrite'"
    ):
        rc.Recorder(X, y, path, "run")
    recorder = rc.Recorder(X[:8], y[:8], path, "run", if_exists="overwrite")
    assert len(rc.open_run(path).inputs) == 32, "replaced only when the new training begins"
    model.fit(X, y, epochs=1, verbose=0, callbacks=[recorder])
    assert len(rc.open_run(path).inputs) == 8


def test_group_of_somebody_else_is_never_replaced(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["run/data"] = [1, 2, 3]
    X, y = rc.datasets.parabola(16)
    with pytest.raises(rc.RecordingError, match="was not recorded by ReplayChart"):
        rc.Recorder(X, y, tmp_path / "a.h5", "run", if_exists="overwrite")
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["run/data"][()].tolist() == [1, 2, 3]


def test_frames_and_lists_are_accepted(tmp_path: Path) -> None:
    frame = pd.DataFrame({"length": [0.1, 0.2, 0.3], "depth": [1, 2, 3]})
    model = small_model(dense(1, "sigmoid", "output"))
    rc.Recorder(frame, pd.Series([0, 1, 0]), tmp_path / "a.h5", "frame", model=model)
    rc.Recorder(frame.to_numpy().tolist(), [0, 1, 0], tmp_path / "a.h5", "list", model=model)
    run = rc.open_run(tmp_path / "a.h5", "frame")
    assert run.feature_names == ["length", "depth"]
    other = rc.open_run(tmp_path / "a.h5", "list")
    np.testing.assert_array_equal(run.inputs, other.inputs)
    np.testing.assert_array_equal(run.targets, [0, 1, 0])


@pytest.mark.parametrize("shape", ["flat", "column", "one-hot"])
def test_targets_of_any_usual_shape_become_class_numbers(shape: str, tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    targets = {"flat": y, "column": y[:, None], "one-hot": keras.utils.to_categorical(y)}[shape]
    units, loss = (2, "categorical_crossentropy") if shape == "one-hot" else (1, None)
    activation = "softmax" if shape == "one-hot" else "sigmoid"
    model = small_model(dense(units, activation, "output"), loss=loss or "binary_crossentropy")
    rc.Recorder(X, targets, tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5")
    np.testing.assert_array_equal(run.targets, y)
    assert run.probabilities().shape == (1, 32, 2)
    expected = model.evaluate(X, targets, verbose=0)[0]
    assert run.losses().mean() == pytest.approx(expected, abs=1e-6)


def test_metric_of_several_values_becomes_several_curves(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2)).astype("float32")
    y = keras.utils.to_categorical(rng.integers(0, 3, 60), 3)
    model = small_model(dense(3, "softmax", "output"), loss="categorical_crossentropy")
    model.compile(
        loss="categorical_crossentropy", optimizer="sgd", metrics=[keras.metrics.F1Score()]
    )
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a")
    history = model.fit(X, y, epochs=1, verbose=0, callbacks=[recorder]).history
    values = rc.open_run(tmp_path / "a.h5").curves
    for index in range(3):
        curve = values.values(f"f1_score[{index}]", source="training")
        assert curve[1] == pytest.approx(float(np.asarray(history["f1_score"][0])[index]))


X_GOOD, Y_GOOD = [[0.0, 1.0], [1.0, 0.0]], [0, 1]


def _frame(second: list[Any], dtype: Any = None) -> pd.DataFrame:
    return pd.DataFrame({"a": [0.0, 1.0], "b": pd.Series(second, dtype=dtype)})


def test_frames_of_numbers_in_other_dtypes_are_accepted(tmp_path: Path) -> None:
    frame = _frame([1, 2], "Int64").assign(a=np.ma.array([0.0, 1.0], mask=False))
    frame["b"] = frame["b"].astype("category")
    rc.Recorder(frame, pd.Series([0, 1], dtype="Int8"), tmp_path / "a.h5", "run")
    objects = pd.DataFrame({"a": [0.0, 1.0], "b": [True, False]}).astype(object)
    rc.Recorder(objects, [False, True], tmp_path / "a.h5", "run")


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ([[0.0, np.nan], [1.0, 0.0]], Y_GOOD, "X must be finite.* 1 of 2 points.* row 0"),
        ([[0.0, 1.0], [np.inf, 0.0]], Y_GOOD, "X must be finite.* row 1"),
        (X_GOOD, [0, 1, 1], "same length. Got 2 points and 3 targets"),
        (X_GOOD, [0, np.nan], "y must be finite"),
        (X_GOOD, 1, "same length. Got 2 points and a single value"),
        ([0.0, 1.0], Y_GOOD, r"X must have the shape \(points, features, ...\)"),
        (np.empty((0, 2)), [], "X must contain at least one point"),
        ([["a", "b"]], [0], "X must contain numbers. Got the dtype <U1, such as 'a'. Encode it"),
        ([[0.0, None], [0.0, 1.0]], Y_GOOD, "X must be finite.* row 0"),
        ([[0.0, pd.NA]], [0], "X must contain numbers. Got <NA>. Fill in missing values"),
        ([[0.0], [1.0, 2.0]], Y_GOOD, "rows of equal length"),
        ("text", [0], "X must be one array, DataFrame or list of numbers. Got str"),
        (_frame(["red", "blue"]), Y_GOOD, "Got 'red' in column 'b'.* Encode it as numbers"),
        (_frame(["red", "blue"], "category"), Y_GOOD, "'red' in column 'b', of dtype category"),
        (_frame([1, None], "Int64"), Y_GOOD, "Got a missing value in row 1 in column 'b'. Fill"),
        (_frame([1.0, np.nan]), Y_GOOD, "X must be finite.* first at row 1, column 'b'"),
        (
            _frame(["2026-01-01", "2026-01-02"], "datetime64[ns]"),
            Y_GOOD,
            r"the dtype datetime64\[ns\].* in column 'b'. Convert it to a number, such as days",
        ),
        (iter(X_GOOD), Y_GOOD, "X must be an array, a DataFrame or a list.* Got list_iterator"),
        ((row for row in X_GOOD), Y_GOOD, "Got generator, which yields its data in batches. Draw"),
        (_dataset(np.eye(2), np.eye(2)[0]), Y_GOOD, "Got _BatchDataset, which yields its data"),
        (
            _generator(np.eye(2), np.eye(2)[0]),
            Y_GOOD,
            "Got Batches, which yields its data in batches",
        ),
        (
            scipy.sparse.eye_array(2).tocsr(),
            Y_GOOD,
            "Got a sparse one, csr_array. Pass .* toarray",
        ),
        (np.ma.masked_less(X_GOOD, 0.5), Y_GOOD, "masked array, with 2 of 4 values masked. Fill"),
        (X_GOOD, np.ma.masked_less([0, 1], 1), "y must have no missing values.* 1 of 2 values"),
        (
            X_GOOD,
            ["no", "yes"],
            "Got the dtype <U3, such as 'no'. .* integers from 0.*class_n",
        ),
        (X_GOOD, pd.Series(["no", "yes"]), "Got 'no'.* integers from 0.*class_names="),
        (X_GOOD, pd.Series([1, None], dtype="Int64"), "y must contain numbers. Got a missing"),
        (X_GOOD, np.array(["no", 1], object), "y must contain numbers. Got 'no'. Encode"),
    ],
)
def test_bad_points_are_told_before_anything_is_written(
    X: Any, y: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(rc.ArgumentError, match=message):
        rc.Recorder(X, y, tmp_path / "a.h5", "run")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("group", ["", "a/b", ".", 3, "a\0b", "\ud800", None])
def test_bad_group_names_are_told(group: Any, tmp_path: Path) -> None:
    with pytest.raises(
        rc.ArgumentError,
        match="group must be a non-empty string of Unicode characters, without '/'",
    ):
        rc.Recorder(X_GOOD, Y_GOOD, tmp_path / "a.h5", group)


def test_bad_destinations_are_told(tmp_path: Path) -> None:
    with pytest.raises(rc.RunFileError, match="path must be in an existing directory"):
        rc.Recorder(X_GOOD, Y_GOOD, tmp_path / "nowhere" / "a.h5", "run")
    text = tmp_path / "notes.txt"
    text.write_text("not HDF5")
    with pytest.raises(rc.RunFileError, match="must be an HDF5 file"):
        rc.Recorder(X_GOOD, Y_GOOD, text, "run")
    assert text.read_text() == "not HDF5"
    with pytest.raises(
        rc.ArgumentError, match="if_exists must be one of 'error', 'overwrite', 'append', 'new'"
    ):
        rc.Recorder(X_GOOD, Y_GOOD, tmp_path / "a.h5", "run", if_exists="replace")


@pytest.mark.parametrize("path", [None, 5, "", b"a.h5", "a\0.h5", ["a.h5"]])
def test_paths_are_texts(path: Any) -> None:
    for use in (
        lambda: rc.Recorder(X_GOOD, Y_GOOD, path, "run"),
        lambda: rc.record_outputs(path, "run", inputs=X_GOOD, targets=Y_GOOD),
        lambda: rc.open_run(path),
        lambda: rc.list_runs(path),
    ):
        with pytest.raises(
            rc.ArgumentError, match="path must be a path: a non-empty string .* Got "
        ):
            use()


def test_models_that_cannot_be_recorded_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    unbuilt = keras.Sequential([keras.layers.Dense(1)])
    unbuilt.compile(loss="mse")
    with pytest.raises(rc.RecordingError, match="is not built"):
        rc.Recorder(X_GOOD, Y_GOOD, path, "run", model=unbuilt)
    uncompiled = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(rc.RecordingError, match="is not compiled"):
        rc.Recorder(X_GOOD, Y_GOOD, path, "run", model=uncompiled)
    with pytest.raises(rc.RecordingError, match="must be a Keras model. Got str"):
        rc.Recorder(X_GOOD, Y_GOOD, path, "run", model="model")  # type: ignore[arg-type]
    assert not path.exists()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "b", "c"], "class_names must contain 2 names, .* Got 3"),
        (["a"], "class_names must contain 2 names, .* Got 1"),
        (["a", "a"], "class_names must be distinct strings"),
        ([0, 1], "class_names must be distinct strings"),
        (5, "class_names must be distinct strings, one for each class. Got 5"),
    ],
)
def test_class_names_that_do_not_fit_are_told(names: Any, message: str, tmp_path: Path) -> None:
    model = small_model(dense(1, "sigmoid", "output"))
    with pytest.raises(rc.ArgumentError, match=message):
        rc.Recorder(X_GOOD, Y_GOOD, tmp_path / "a.h5", "a", model=model, class_names=names)
    assert not list(tmp_path.iterdir())


def test_recorder_records_one_training(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    model = small_model(dense(1, "sigmoid", "output"))
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a")
    model.fit(X, y, epochs=1, verbose=0, callbacks=[recorder])
    with pytest.raises(rc.RecordingError, match="already recorded 'a'"):
        model.fit(X, y, epochs=1, verbose=0, callbacks=[recorder])


def test_file_holds_the_model_and_its_compile_configuration(parabola: Training) -> None:
    with h5py.File(parabola.path) as file:
        architecture = json.loads(text_in(file, "parabola/model/architecture"))
        compiled = json.loads(text_in(file, "parabola/model/compile_config"))
    assert architecture["class_name"] == "Sequential"
    assert compiled["loss"] == "binary_crossentropy"
    assert compiled["optimizer"]["class_name"] == "SGD"


@pytest.mark.parametrize("how", ["class_weight", "sample_weight"])
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
def test_weights_of_classes_and_points_are_those_of_keras(
    how: str, reduction: str, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(9)
    X, y = rc.datasets.parabola(30)
    loss = keras.losses.BinaryCrossentropy(reduction=reduction)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"), loss=loss)
    weights = np.where(y == 1, 3.0, 0.5)
    if how == "sample_weight":
        weights = np.random.default_rng(0).uniform(0, 2, len(y))
    given = {"class_weight": {0: 0.5, 1: 3.0}} if how == "class_weight" else {how: weights}
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model, **given)
    run = rc.open_run(tmp_path / "a.h5")
    losses = run.losses()[0]
    model.compile(loss=loss)
    expected = model.evaluate(
        X, y, sample_weight=weights, batch_size=len(X), verbose=0, return_dict=True
    )["loss"]
    total = losses.sum() if reduction == "sum" else losses.mean()
    assert total == pytest.approx(expected, rel=1e-5)
    with tensorflow.GradientTape() as tape:
        value = model.compute_loss(X, y[:, None], model(X), sample_weight=weights)
    kernel = model.get_layer("hidden").kernel.value
    gradients = run.distributions("gradients", layers=["hidden"])["value"].to_numpy()
    np.testing.assert_allclose(
        gradients, tape.gradient(value, kernel).numpy().ravel(), rtol=1e-4, atol=1e-6
    )


def test_features_can_be_named(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(10)
    model = small_model(dense(1, "sigmoid", "output"))
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model, feature_names=["width", "height"])
    run = rc.open_run(tmp_path / "a.h5")
    assert run.feature_names == ["width", "height"]
    named = rc.decision_boundary(run, features=("height", "width")).to_dict()
    assert named["layer"][1]["encoding"]["x"]["title"] == "height"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"feature_names": ["a"]}, "feature_names must be distinct strings, one for each feature"),
        ({"feature_names": ["a", "a"]}, "feature_names must be distinct strings"),
        ({"feature_names": 5}, "feature_names must be strings, one for each feature. Got 5"),
        ({"layers": 5}, "layers must be names of at least one layer. Got 5"),
        ({"sample_weight": []}, r"sample_weight must be .* 20 points. Got the shape \(0,\)\."),
        ({"sample_weight": np.ma.masked_less(range(20), 1)}, "sample_weight must have no miss"),
        ({"sample_weight": ["a"] * 20}, r"sample_weight must contain numbers. .* such as 'a'.$"),
        ({"on_error": "ignore"}, "on_error must be one of 'warn', 'raise'. Got 'ignore'"),
        ({"on_error": "ignore", "model": "any"}, "on_error must be one of 'warn', 'raise'"),
        ({"loss": "nonsense"}, "loss must be the name of a Keras loss.* Got 'nonsense'"),
        ({"loss": 5}, "loss must be the name of a Keras loss.* Got 5"),
        ({"loss": ["mse"]}, r"not a collection, because there is one output. Got \['mse'\]"),
        ({"loss": {"a": "mse"}}, "not a collection, because .* Got {'a': 'mse'}"),
        ({"loss": keras.metrics.Accuracy()}, "loss must be the name of a Keras loss"),
        ({"feature_names": [1, 2]}, "feature_names must be distinct strings.*Got \\[1, 2\\]"),
        ({"class_weight": {0: 1.0}}, "class_weight must contain a weight for class 1"),
        ({"class_weight": [1, 2]}, "class_weight must map class numbers to weights"),
        ({"class_weight": {0: 1, 1: -2}}, "finite number of at least 0.*from -2 to 1"),
        ({"sample_weight": [1, 2]}, "sample_weight must be .* of the 20 points"),
        ({"sample_weight": np.full(20, np.nan)}, "sample_weight must be .* of the 20 points"),
        (
            {"class_weight": {0: 1, 1: 1}, "sample_weight": np.ones(20)},
            "Pass either class_weight or sample_weight, not both",
        ),
    ],
)
def test_bad_weights_and_names_are_told(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    X, y = rc.datasets.parabola(10)
    with pytest.raises(rc.ArgumentError, match=message):
        rc.Recorder(X, y, tmp_path / "a.h5", "a", **options)
    assert not (tmp_path / "a.h5").exists()


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        ("sparse_categorical_crossentropy", [0, 1, 3], "class numbers from 0 to 2.*from 0 to 3"),
        ("sparse_categorical_crossentropy", [0, 1, -1], "class numbers from 0 to 2.*from -1 to 1"),
        ("sparse_categorical_crossentropy", np.eye(3), "class numbers from 0 to 2"),
        (
            "categorical_crossentropy",
            [0, 1, 2],
            "y must be one-hot, with the shape \\(points, 3\\)",
        ),
        ("mse", np.ones((3, 2)), "\\(points, 1\\) or \\(points, 3\\).*Got the shape \\(3, 2\\)"),
    ],
)
def test_targets_that_fit_no_output_are_told(
    loss: str, y: Any, message: str, tmp_path: Path
) -> None:
    model = small_model(dense(3, "softmax", "output"), loss=loss)
    with pytest.raises(rc.ArgumentError, match=message):
        rc.Recorder(np.ones((3, 2)), y, tmp_path / "a.h5", "a", model=model)
    assert not (tmp_path / "a.h5").exists()


def _sigmoid(loss: Any) -> keras.Model:
    return small_model(dense(1, "sigmoid", "output"), loss=loss)


LOGITS = keras.losses.BinaryCrossentropy(from_logits=True)


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        ("binary_crossentropy", [1, 2, 1], r"y must be between 0 and 1.*use \(y == 2\)"),
        (
            "binary_crossentropy",
            [-1, 1, 1],
            "crossentropy. Got values from -1 to 1. To convert the classes",
        ),
        ("bce", [1, 2, 1], "y must be between 0 and 1.* Got values from 1 to 2"),
        (keras.losses.binary_crossentropy, [1, 2, 1], "y must be between 0 and 1"),
        (LOGITS, [-1, 1, 1], "y must be between 0 and 1"),
        (
            keras.losses.BinaryFocalCrossentropy(),
            [0, 1, 2],
            "Got values from 0 to 2. Train the mod",
        ),
        ("hinge", [1, 2, 1], "y must be -1 or 1, or 0 or 1, because the loss is a hinge loss"),
        (keras.losses.SquaredHinge(), [-2, 1, 1], "y must be -1 or 1, .* Got values from -2 to 1"),
    ],
)
@pytest.mark.parametrize("own_code", [False, True])
def test_targets_beyond_what_the_loss_is_for_are_told(
    loss: Any, y: Any, message: str, own_code: bool, tmp_path: Path
) -> None:
    """Also where a model without a graph does not tell its outputs."""
    model = _sigmoid(loss)
    if own_code:
        model = Subclassed()
        model.compile(loss=loss)
    recorder = rc.Recorder(np.ones((3, 2)), y, tmp_path / "a.h5", "a")
    with pytest.raises(rc.ArgumentError, match=message):
        model.fit(np.ones((3, 2)), np.array(y), verbose=0, callbacks=[recorder])
    assert not (tmp_path / "a.h5").exists()


@keras.saving.register_keras_serializable("tests")
def signed_crossentropy(targets: Any, outputs: Any) -> Any:
    return keras.ops.mean(keras.ops.softplus(-targets * outputs), axis=-1)


@pytest.mark.parametrize(
    ("loss", "y"),
    [
        ("binary_crossentropy", [0.1, 0.9, 0.5]),
        ("hinge", [-1, 1, 1]),
        ("hinge", [0, 1, 1]),
        ("mse", [1, 2, 1]),
        (signed_crossentropy, [-1, 1, 1]),
    ],
)
def test_targets_that_a_loss_is_for_are_recorded(loss: Any, y: Any, tmp_path: Path) -> None:
    model = _sigmoid(loss)
    rc.Recorder(np.ones((3, 2)), y, tmp_path / "a.h5", "a", model=model)
    expected = model.evaluate(np.ones((3, 2)), np.array(y), verbose=0)[0]
    assert rc.open_run(tmp_path / "a.h5").losses().mean() == pytest.approx(expected, abs=1e-6)


def test_shares_of_a_class_are_classes_with_names(tmp_path: Path) -> None:
    model, names = _sigmoid("binary_crossentropy"), ["no", "yes"]
    y = [0.1, 0.9, 0.5]
    rc.Recorder(np.ones((3, 2)), y, tmp_path / "a.h5", "a", model=model, class_names=names)
    run = rc.open_run(tmp_path / "a.h5")
    assert run.class_names == names
    assert run.targets.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("layer", "loss", "y"),
    [
        (dense(1, None, "output"), "mse", [0.3, 2.5, -1]),
        (dense(1, "sigmoid", "output"), "mse", [1, 2, 1]),
        (dense(2, None, "output"), "mse", [[1, 2], [3, 4], [5, 6]]),
    ],
)
def test_a_regression_has_no_classes_to_name(layer: Any, loss: str, y: Any, tmp_path: Path) -> None:
    model = small_model(layer, loss=loss)
    with pytest.raises(rc.ArgumentError, match="class_names must be None for a regression"):
        rc.Recorder(np.ones((3, 2)), y, tmp_path / "a.h5", "a", model=model, class_names=["a", "b"])
    assert not (tmp_path / "a.h5").exists()
    rc.Recorder(np.ones((3, 2)), y, tmp_path / "a.h5", "a", model=model)
    assert rc.open_run(tmp_path / "a.h5").classes == 0


@pytest.mark.parametrize(
    "loss",
    ["mse", "MeanSquaredError", keras.losses.Huber(), keras.losses.log_cosh, signed_crossentropy],
)
def test_a_loss_in_place_of_the_compiled_one(loss: Any, tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(10)
    model = _sigmoid("binary_crossentropy")
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model, loss=loss)
    model.compile(loss=loss)
    expected = model.evaluate(X, y, verbose=0, return_dict=True)["loss"]
    assert rc.open_run(tmp_path / "a.h5").losses().mean() == pytest.approx(expected, abs=1e-6)
