"""Validation points: recorded, replayed like Keras evaluates them, and told apart."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import KeepWeights, dense, small_model

import replaychart as rc
from replaychart.drawing.validation_points import validation_bytes

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


def test_classes_must_be_those_of_the_other_points(tmp_path: Path) -> None:
    X = np.zeros((6, 2), np.float32)
    model = small_model(dense(1, None, "y"), loss="mse")
    model.compile("sgd", "mse")
    # Numbers are not classes, so others than those of y are allowed.
    numbers = np.array([0.1, 1.2, 2.3, 0.4, 1.5, 2.6], np.float32)
    recorder: dict[str, Any] = {"path": tmp_path / "a.h5", "model": model}
    rc.Recorder(X, numbers, group="a", validation=(X, 5 * numbers), **recorder)
    softmax = small_model(dense(4, "softmax", "y"), loss="sparse_categorical_crossentropy")
    own = np.array([0, 1, 2, 0, 1, 3])
    recorder["model"] = softmax
    with pytest.raises(rc.ArgumentError, match=r"validation\[1\] must be class numbers from 0 to"):
        rc.Recorder(X, own % 3, group="b", validation=(X, own + 4), **recorder)
    rc.Recorder(X, own % 3, group="b", validation=(X, own), **recorder)
    assert rc.open_run(tmp_path / "a.h5", "b").validation.targets.tolist() == own.tolist()


def _two_outputs() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((2,))
    hidden = keras.layers.Dense(2, "tanh", name="hidden", kernel_regularizer="l2")(inputs)
    kind = keras.layers.Dense(3, "softmax", name="kind")(hidden)
    size = keras.layers.Dense(1, name="size")(hidden)
    model = keras.Model(inputs, [kind, size])
    model.compile(
        "adam",
        ["sparse_categorical_crossentropy", "mse"],
        metrics=[["accuracy"], ["mae"]],
        loss_weights=[2.0, 0.5],
    )
    return model


def _for_two_outputs(points: int, seed: int) -> tuple[np.ndarray, list[np.ndarray]]:
    X, _ = _data(points, seed)
    return X, [np.arange(points) % 3, (X[:, 0] - X[:, 1]).astype("float32")]


def test_several_outputs(tmp_path: Path) -> None:
    path, model = tmp_path / "a.h5", _two_outputs()
    (X, y), validation = _for_two_outputs(30, 0), _for_two_outputs(20, 1)
    recorder = rc.Recorder(X, y, path, "a", validation=validation)
    # In one batch: Keras averages the losses of outputs over batches of different sizes.
    fitted = model.fit(
        X, y, epochs=2, verbose=0, batch_size=30, validation_data=validation, callbacks=[recorder]
    )
    run = rc.open_run(path)
    names = {"val_loss": "val_loss with regularization"}
    logged = [name for name in fitted.history if name.startswith("val_")]
    assert len(logged) == 5
    for name in logged:
        replayed = run.curves.values(names.get(name, name), source="replay")
        np.testing.assert_allclose(replayed[1:], fitted.history[name], atol=1e-6, err_msg=name)
    kind = run.output("kind")
    assert kind.validation.targets.tolist() == validation[1][0].tolist()
    expected = model.predict(validation[0], verbose=0)[0]
    np.testing.assert_allclose(kind.validation.probabilities()[-1], expected, atol=1e-6)
    assert kind.validation.losses().mean(axis=1)[1:] == pytest.approx(
        fitted.history["val_kind_loss"], abs=1e-6
    )
    assert run.verified
    assert kind.validation.verified
    rc.decision_boundary(kind).to_dict()
    assert len(run.output("size").points()) == 3 * 50
    run.store()
    stored = rc.open_run(path)
    replayed = stored.output("size").validation.outputs()
    assert not stored._network.is_rebuilt
    np.testing.assert_array_equal(replayed, run.output("size").validation.outputs())
    only_one = (validation[0], {"kind": validation[1][0]})
    message = r"validation\[1\] must have targets of the outputs of y: 'kind', 'size'. Got 'kind'"
    with pytest.raises(rc.ArgumentError, match=message):
        rc.Recorder(X, y, path, "b", validation=only_one, model=model)


def test_histograms_of_both_sets_have_the_same_bins(trained: Any) -> None:
    run = rc.open_run(trained[0])
    for frames in (
        [one.loss_histogram() for one in (run, run.validation)],
        [one.probability_histogram() for one in (run, run.validation)],
    ):
        assert frames[0]["bin_start"].equals(frames[1]["bin_start"])
        counts = [frame.groupby("epoch")["count"].sum().unique().tolist() for frame in frames]
        assert counts == [[60], [25]]
    losses = [*run.losses().ravel(), *run.validation.losses().ravel()]
    bins = run.loss_histogram(scale="linear")
    assert bins["bin_end"].max() == pytest.approx(max(losses))


def _outlines(chart: Any) -> list[list[list[float]]]:
    """The heights of each outline, by bin and epoch."""
    datasets = chart.to_dict()["datasets"].values()
    column = next(name for rows in datasets for name in rows[0] if name.endswith("height"))
    return [[row[column] for row in rows] for rows in datasets if column in rows[0]]


def test_outlines_are_scaled_to_the_number_of_training_points(trained: Any) -> None:
    run = rc.open_run(trained[0])
    chart = rc.loss_histogram(run)
    (heights,) = _outlines(chart)
    counts = run.validation.loss_histogram()["count"].to_numpy().reshape(EPOCHS + 1, -1)
    np.testing.assert_allclose(np.array(heights)[1:-1], counts.T * 60 / 25, rtol=1e-5)
    assert heights[0] == heights[-1] == [0] * (EPOCHS + 1)
    assert chart.to_dict()["title"]["subtitle"] == "outline: validation, scaled"
    combined = rc.probability_histogram(run, layout="combined")
    up, down = _outlines(combined)
    np.testing.assert_allclose(np.sum(up, axis=0) - np.sum(down, axis=0), 60, rtol=1e-5)
    assert np.min(up) == np.max(down) == 0
    panels = _outlines(rc.probability_histogram(run, count_axis="per-class"))
    totals = [np.sum(panel, axis=0)[0] for panel in panels]
    np.testing.assert_allclose(totals, np.bincount(run.targets), rtol=1e-5)
    plain = rc.loss_histogram(run, validation=False).to_dict()
    assert plain["mark"]["type"] == "bar"
    assert "outline" not in str(plain["title"])


def test_the_accuracy_of_each_class_has_a_line_for_validation(trained: Any) -> None:
    run = rc.open_run(trained[0])
    frame = run.validation.class_accuracy()
    shares = frame["accuracy"].to_numpy().reshape(EPOCHS + 1, 2)
    rows = [
        row
        for rows in rc.class_accuracy(run).to_dict()["datasets"].values()
        for row in rows
        if "points" in row and "color" not in row
    ]
    drawn = [next(value for name, value in row.items() if "accuracy" in name) for row in rows]
    np.testing.assert_allclose(drawn, shares.T, rtol=1e-5)


def test_dashboards_links_and_comparisons(trained: Any) -> None:
    run = rc.open_run(trained[0])
    dashboard = rc.dashboard(run)
    shares = run.validation.class_accuracy(epochs=EPOCHS)
    right = shares["correct"].sum() / shares["points"].sum()
    text = str(dashboard.to_dict())
    assert f"{int(100 * right)}% in validation" in text
    assert "hollow: validation points" in text
    rc.animate(rc.link(dashboard)).to_dict()
    curve = rc.compare({"a": run, "b": run}, metric="val_loss", source="replay").to_dict()
    assert curve["layer"]
    rc.small_multiples({"both": run, "validation": run.validation}, chart=rc.feature_space)
    best = int(np.argmin(run.curves.values("val_loss", source="replay")))
    assert rc.epoch_param(run, value="best").param.value == best


def test_planes_of_the_validation_points_are_those_of_the_run(trained: Any) -> None:
    run = rc.open_run(trained[0])
    planes, own = run.planes, run.validation.planes
    assert planes.input_limits() == own.input_limits()
    assert planes.layer_limits("hidden") == own.layer_limits("hidden")
    assert own.view("wide", "pca", "flatten") is planes.view("wide", "pca", "flatten")
    surfaces = [one.surface(epochs=EPOCHS) for one in (run, run.validation)]
    assert surfaces[0].equals(surfaces[1])


def test_what_a_run_says_of_itself(trained: Any) -> None:
    run = rc.open_run(trained[0])
    assert run.summary()["validation"] == "25 points"
    assert "60 points" in repr(run)
    assert "25 validation points" in repr(run.validation)
    assert [one.subset for one in run.subsets] == ["training", "validation"]
    assert run.validation.validation is None
    assert run.validation.subsets[1] is run.validation


def test_one_feature_and_one_of_several_values(tmp_path: Path) -> None:
    x = np.linspace(-1, 1, 12, dtype=np.float32)[:, None]
    line = small_model(dense(1, None, "y"), loss="mse", features=1)
    line.compile("sgd", "mse")
    path = tmp_path / "a.h5"
    rc.Recorder(x, x[:, 0] ** 2, path, "line", validation=(2 * x[:7], 3 * x[:7, 0]), model=line)
    run = rc.open_run(path, "line")
    rows = _rows_with(rc.decision_boundary(run), "validation_point")
    np.testing.assert_allclose([row["y"] for row in rows], 3 * x[:7, 0], atol=0.03)
    assert "hollow" in str(rc.dashboard(run).to_dict())
    residuals = rc.residual_histogram(run)
    assert np.sum(_outlines(residuals)) == pytest.approx(12, rel=1e-5)
    X, _ = _data(9, 0)
    pair = small_model(dense(2, None, "y"), loss="mse")
    pair.compile("sgd", "mse")
    rc.Recorder(X, X, path, "pair", validation=(X[:5], 2 * X[:5]), model=pair)
    unit = rc.open_run(path, "pair").of_unit(1)
    np.testing.assert_array_equal(unit.validation.targets, 2 * X[:5, 1])
    np.testing.assert_allclose(
        unit.validation.residuals()[0],
        pair.predict(X[:5], verbose=0)[:, 1] - 2 * X[:5, 1],
        atol=1e-6,
    )
    assert unit.validation.planes.surfaces is unit.validation._training.planes.surfaces
    rc.decision_boundary(rc.open_run(path, "pair"), unit=1).to_dict()


WITHOUT_KERAS = """
import sys, warnings
sys.modules["keras"] = None
warnings.simplefilter("error")
import replaychart as rc
run = rc.open_run(sys.argv[1])
text = str(rc.dashboard(run).to_dict())
assert "in validation" in text and "hollow" in text and "outline" in text, text[:500]
assert run.validation.verified and run.verified
frame = run.history()
print(len(run.points("hidden")), "val_loss" in set(frame["name"]), len(run.samples()))
try:
    run.validation.coordinates("wide")
except rc.MissingDependencyError as error:
    print(error)
"""


def test_a_stored_run_is_drawn_without_keras(trained: Any, tmp_path: Path) -> None:
    path = tmp_path / "copy.h5"
    shutil.copy(trained[0], path)
    # Stored from either of the two runs.
    rc.open_run(path).validation.store()
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_KERAS, str(path)], check=True, capture_output=True, text=True
    )
    numbers, error = done.stdout.splitlines()
    assert numbers == f"{85 * (EPOCHS + 1)} True 85"
    assert "does not contain the outputs of layer 'wide' of the validation points" in error


def test_points_that_move_count_for_the_size(trained: Any) -> None:
    run = rc.open_run(trained[0])
    both, alone = (
        drawing_bytes(rc.feature_space(run, "hidden", validation=shown)) for shown in (True, False)
    )
    assert both > alone
    assert validation_bytes(run.validation) == pytest.approx((both - alone) / (EPOCHS + 1), rel=0.8)
    assert validation_bytes(None) == 0


def drawing_bytes(chart: Any) -> int:
    return len(json.dumps(chart.to_dict()["datasets"]))
