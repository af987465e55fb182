"""Validation points: recorded, replayed like Keras evaluates them, and told apart."""

import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import KeepWeights, dense, small_model

import replaychart as rc

EPOCHS = 4


def _data(points: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    X = np.random.default_rng(seed).normal(size=(points, 2)).astype("float32")
    return X, (X[:, 0] > X[:, 1] ** 2 - 0.5).astype(int)


def _model() -> keras.Model:
    keras.utils.set_random_seed(3)
    return small_model(
        dense(6, "tanh", "wide"), dense(2, "tanh", "hidden"), dense(1, "sigmoid", "y")
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, keras.Model, list[Any], Any]:
    path = tmp_path_factory.mktemp("validation") / "runs.h5"
    X, y = _data(60, 0)
    validation = _data(25, 1)
    model, kept = _model(), KeepWeights()
    recorder = rc.Recorder(X, y, path, "a", validation=validation, class_weight={0: 1, 1: 3})
    history = model.fit(
        X, y, epochs=EPOCHS, verbose=0, validation_data=validation, callbacks=[recorder, kept]
    )
    return path, model, kept.weights, history.history


def test_validation_points_are_replayed_as_keras_evaluates_them(trained: Any) -> None:
    path, model, weights, history = trained
    run = rc.open_run(path)
    X, y = _data(25, 1)
    validation = run.validation
    assert validation is not None
    np.testing.assert_array_equal(validation.inputs, X)
    np.testing.assert_array_equal(validation.targets, y)
    # Keras's own numbers at the end of each epoch, and also before training.
    for name in ("loss", "accuracy"):
        replayed = run.curves.values(f"val_{name}", source="replay")
        np.testing.assert_allclose(replayed[1:], history[f"val_{name}"], atol=1e-6)
        np.testing.assert_array_equal(replayed, validation.curves.values(name, source="replay"))
    model.set_weights(weights[0])
    expected = model.predict(X, verbose=0)[:, 0]
    np.testing.assert_allclose(validation.point_probabilities(epochs=0)[0], expected, atol=1e-6)
    frame = run.history()
    replayed = frame[(frame["source"] == "replay") & (frame["name"] == "val_loss")]
    assert replayed["epoch"].tolist() == list(range(EPOCHS + 1))
    # What exists is still about the training points.
    assert run.losses().shape == (EPOCHS + 1, 60)
    assert run.verified
    assert validation.verified


def test_frames_tell_the_two_sets_apart(trained: Any) -> None:
    run = rc.open_run(trained[0])
    points = run.points("wide", projection="pca", epochs=[0, EPOCHS])
    assert points.groupby("subset").size().to_dict() == {"training": 120, "validation": 50}
    assert points["epoch"].is_monotonic_increasing
    own = points[(points["subset"] == "validation") & (points["epoch"] == EPOCHS)]
    assert own["point"].tolist() == list(range(25))
    view = run.planes.view("wide", "pca", "flatten")
    outputs = run.validation.coordinates("wide", epochs=EPOCHS)[0]
    expected = view.coordinates(outputs, EPOCHS)
    np.testing.assert_allclose(own[["x", "y"]], expected, atol=1e-6)
    np.testing.assert_allclose(own["loss"], run.validation.losses(epochs=EPOCHS)[0], atol=1e-7)
    samples = run.samples()
    assert samples["subset"].value_counts().to_dict() == {"training": 60, "validation": 25}
    without = samples[samples["subset"] == "validation"].reset_index(drop=True)
    assert without.equals(run.validation.samples())


def test_charts_of_both_sets(trained: Any) -> None:
    run = rc.open_run(trained[0])
    for chart in (rc.loss_histogram, rc.probability_histogram, rc.feature_space, rc.data_map):
        chart(run.validation).to_dict()
        chart(run).to_dict()
    curves = rc.loss_and_metric(run).to_dict()
    assert curves["title"]["subtitle"] == "dashed: validation"


def _rows_with(chart: Any, column: str) -> list[dict[str, Any]]:
    datasets = chart.to_dict()["datasets"].values()
    return next((rows for rows in datasets if column in rows[0]), [])


def test_hollow_points_are_where_the_network_puts_them(trained: Any) -> None:
    run = rc.open_run(trained[0])
    X, _ = _data(25, 1)
    rows = _rows_with(rc.decision_boundary(run), "validation_point")
    assert [row["validation_point"] for row in rows] == list(range(25))
    np.testing.assert_allclose([(row["x"], row["y"]) for row in rows], X, atol=0.02)
    assert not _rows_with(rc.decision_boundary(run, validation=False), "validation_point")
    space = rc.feature_space(run, "hidden")
    assert len(_rows_with(space, "validation_point")) == 25
    assert "hollow: validation points" in str(space.to_dict()["title"])
    # Axes and surfaces enclose both sets.
    (x_low, x_high), (y_low, y_high) = run.planes.input_limits()
    assert x_low < X[:, 0].min() < X[:, 0].max() < x_high
    assert y_low < X[:, 1].min() < X[:, 1].max() < y_high


def test_stored_evaluations_of_both_sets(trained: Any, tmp_path: Path) -> None:
    path = tmp_path / "copy.h5"
    shutil.copy(trained[0], path)
    rc.open_run(path).store()
    run, fresh = rc.open_run(path), rc.open_run(trained[0])
    losses = run.validation.losses()
    assert not run._network.is_rebuilt, "they were read from the file"
    np.testing.assert_array_equal(losses, fresh.validation.losses())
    np.testing.assert_array_equal(run.losses(), fresh.losses())
    assert losses.shape == (EPOCHS + 1, 25)


def test_a_run_is_continued_only_with_the_same_validation_points(
    trained: Any, tmp_path: Path
) -> None:
    path, model, weights, _ = trained
    copy = tmp_path / "copy.h5"
    shutil.copy(path, copy)
    X, y = _data(60, 0)
    options: dict[str, Any] = {"if_exists": "append", "class_weight": {0: 1, 1: 3}}
    for validation in (None, _data(25, 2)):
        recorder = rc.Recorder(X, y, copy, "a", validation=validation, on_error="raise", **options)
        with pytest.raises(rc.RecordingError, match="its validation points differ"):
            model.fit(X, y, initial_epoch=EPOCHS, epochs=5, verbose=0, callbacks=[recorder])
    model.set_weights(weights[-1])
    again = rc.Recorder(X, y, copy, "a", validation=_data(25, 1), **options)
    model.fit(X, y, initial_epoch=EPOCHS, epochs=EPOCHS + 1, verbose=0, callbacks=[again])
    run = rc.open_run(copy)
    assert run.validation.losses().shape == (EPOCHS + 2, 25)


def test_a_run_without_validation_points(parabola: Any) -> None:
    run = parabola.open()
    assert run.validation is None
    assert "val_loss" not in run.curves.names("replay")
    assert set(run.points(epochs=0)["subset"]) == {"training"}


@pytest.mark.parametrize(
    ("validation", "message"),
    [
        (np.zeros((5, 2)), r"must be a pair of points and targets, \(X_val, y_val\). Got "),
        ((np.zeros((5, 2)),), "a pair of points and targets.*Got 1 items"),
        ((np.zeros((5, 2)), None), "Got None for the targets"),
        ((np.zeros((0, 2)), np.zeros(0)), r"validation\[0\] must contain at least one point"),
        ((np.zeros((5, 2)), np.zeros(4)), "the same length. Got 5 points and 4 targets"),
        ((np.full((5, 2), np.nan), np.zeros(5)), r"validation\[0\] must be finite"),
        ((np.zeros((5, 3)), np.zeros(5)), r"validation\[0\] must have the shape \(points, 2\)"),
        ((np.zeros((5, 2)), np.full(5, 0.5)), r"validation\[1\] must have values of the kind of y"),
        ((np.zeros((5, 2)), np.zeros((5, 2))), r"validation\[1\] must have the shape of y"),
        ((np.zeros((5, 2)), np.full(5, 7)), r"validation\[1\] must be between 0 and 1"),
    ],
)
def test_bad_validation_points_raise_an_error(
    validation: Any, message: str, tmp_path: Path
) -> None:
    X, y = _data(10, 0)
    with pytest.raises(rc.ArgumentError, match=message):
        rc.Recorder(X, y, tmp_path / "a.h5", "a", validation=validation, model=_model())
    assert not (tmp_path / "a.h5").exists()


def test_several_inputs(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    place, kind = keras.Input((2,), name="place"), keras.Input((1,), dtype="int32", name="kind")
    known = keras.layers.Flatten()(keras.layers.Embedding(3, 2)(kind))
    both = keras.layers.Concatenate()([place, known])
    model = keras.Model([place, kind], keras.layers.Dense(1, "sigmoid")(both))
    model.compile(loss="binary_crossentropy", optimizer="sgd")
    rng = np.random.default_rng(0)
    sets = [
        ({"place": rng.normal(size=(n, 2)), "kind": rng.integers(0, 3, (n, 1))}, np.arange(n) % 2)
        for n in (12, 7)
    ]
    (X, y), (X_val, y_val) = sets
    rc.Recorder(X, y, tmp_path / "a.h5", "a", validation=(X_val, y_val), model=model)
    run = rc.open_run(tmp_path / "a.h5")
    expected = model.evaluate(X_val, y_val, verbose=0)
    assert run.validation.losses()[0].mean() == pytest.approx(expected, abs=1e-6)
    X_val["kind"] = X_val["kind"] + 0.5
    with pytest.raises(rc.ArgumentError, match="values of the kind of X"):
        rc.Recorder(X, y, tmp_path / "b.h5", "b", validation=(X_val, y_val), model=model)
