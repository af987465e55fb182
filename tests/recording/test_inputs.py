"""The points as they may be given: one array, or one for each input of a model."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from support.training import Training, dense, small_model

import replaychart as rc

RNG = np.random.default_rng(0)
A = RNG.normal(size=(6, 3)).astype("float32")
B = RNG.normal(size=(6, 2)).astype("float32")
Y = np.array([0, 1, 0, 1, 0, 1])


def _joined(inputs: Any, structure: Any) -> keras.Model:
    """A model that puts its inputs next to each other."""
    both = inputs[0] if len(inputs) == 1 else keras.layers.Concatenate()(inputs)
    model = keras.Model(structure, dense(1, "sigmoid", "output")(both))
    model.compile("sgd", "binary_crossentropy")
    return model


def _two(form: str = "list", shapes: tuple[Any, Any] = ((3,), (2,))) -> keras.Model:
    a, b = keras.Input(shapes[0], name="a"), keras.Input(shapes[1], name="b")
    structure = {"list": [a, b], "mapping": {"b": b, "a": a}, "nested": [a, {"b": b}]}[form]
    return _joined([a, b], structure)


def _recorded(X: Any, model: keras.Model, path: Path, y: Any = Y, **options: Any) -> rc.Run:
    rc.Recorder(X, y, path / "a.h5", "a", model=model, **options)
    return rc.open_run(path / "a.h5")


@pytest.mark.parametrize("model", ["list", "mapping", "nested"])
@pytest.mark.parametrize(
    "X",
    [
        [A, B],
        (A, B),
        {"b": B, "a": A},
        {"b": B.tolist(), "a": pd.DataFrame(A)},
        [keras.ops.convert_to_tensor(A), pd.DataFrame(B)],
    ],
)
def test_a_list_or_a_mapping_for_any_structure(X: Any, model: str, tmp_path: Path) -> None:
    built = _two(model)
    run = _recorded(X, built, tmp_path)
    assert list(run.inputs) == ["a", "b"]
    np.testing.assert_array_equal(run.inputs["a"], A)
    np.testing.assert_array_equal(run.inputs["b"], B.astype(run.inputs["b"].dtype))
    nested = {"list": [A, B], "mapping": {"a": A, "b": B}, "nested": [A, {"b": B}]}[model]
    expected = built.predict(nested, verbose=0)[:, 0]
    np.testing.assert_allclose(run.probabilities()[0, :, 1], expected, rtol=0, atol=1e-6)


def test_a_structure_like_that_of_the_model(tmp_path: Path) -> None:
    run = _recorded([A, {"b": B}], _two("nested"), tmp_path)
    np.testing.assert_array_equal(run.inputs["b"], B)


@pytest.mark.parametrize("wrap", [lambda X: [X], lambda X: {"only": X}, lambda X: X])
@pytest.mark.parametrize("structure", [lambda x: [x], lambda x: {"only": x}, lambda x: x])
def test_one_input_stays_one_array(wrap: Any, structure: Any, tmp_path: Path) -> None:
    only = keras.Input((3,), name="only")
    model = _joined([only], structure(only))
    run = _recorded(wrap(A), model, tmp_path)
    np.testing.assert_array_equal(run.inputs, A)
    expected = keras.ops.convert_to_numpy(model(structure(keras.ops.convert_to_tensor(A))))[:, 0]
    np.testing.assert_allclose(run.probabilities()[0, :, 1], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "X", [A.tolist(), list(A), tuple(A), [list(map(np.float32, row)) for row in A]]
)
def test_a_list_of_rows_is_one_array(X: Any, tmp_path: Path) -> None:
    run = _recorded(X, small_model(dense(1, "sigmoid", "output"), features=3), tmp_path)
    np.testing.assert_array_equal(run.inputs, A)


def test_the_model_decides_where_a_list_may_be_either(tmp_path: Path) -> None:
    """As many arrays as targets, each with as many rows."""
    pair = [np.eye(2, dtype="float32"), np.ones((2, 2), "float32")]
    two = _two(shapes=((2,), (2,)))
    assert list(_recorded(pair, two, tmp_path, y=[0, 1]).inputs) == ["a", "b"]
    flat = keras.layers.Flatten(name="flat")
    one = keras.Sequential([keras.Input((2, 2)), flat, dense(1, "sigmoid", "output")])
    one.compile("sgd", "binary_crossentropy")
    run = _recorded(pair, one, tmp_path, y=[0, 1], if_exists="overwrite")
    np.testing.assert_array_equal(run.inputs, np.stack(pair))
    with pytest.raises(rc.ArgumentError, match=r"can be one array of shape \(2, 2, 2\) or the"):
        rc.record_outputs(tmp_path / "b.h5", "b", inputs=pair, targets=[0, 1])
    rows = rc.record_outputs(tmp_path / "b.h5", "b", inputs=list(np.eye(2)), targets=[0, 1])
    rows.snapshot(0, losses=[1, 2])
    np.testing.assert_array_equal(rc.open_run(tmp_path / "b.h5").inputs, np.eye(2))


def test_an_axis_of_length_one_may_be_missing(tmp_path: Path) -> None:
    model = _two(shapes=((3,), (1,)))
    run = _recorded([A, B[:, 0]], model, tmp_path)
    assert run.inputs["b"].shape == (6, 1)
    expected = model.predict([A, B[:, :1]], verbose=0)[:, 0]
    np.testing.assert_allclose(run.probabilities()[0, :, 1], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (A, r"with one array for each input: .*'a' \(3,\), 'b' \(2,\). Got one array of shape"),
        (A.tolist(), "Got one array of shape"),
        ([A], r"X must be a list or a mapping.* Got 1 arrays of shapes \(6, 3\)"),
        ([A, B, B], r"of shapes \(6, 3\), \(6, 2\), \(6, 2\)"),
        ({"a": A, "c": B}, r"The keys of X must be input names: .* Got 'c'"),
        ({"a": A}, r"'b' is missing"),
        ({}, "X must contain one array for each input. Got none"),
        ([A, B[:5]], r"the same number of points in every input. Got 6 in X\[0\], 5 in X\[1\]"),
        ({"a": A, "b": B[:5]}, r"Got 6 in X\['a'\], 5 in X\['b'\]"),
        ([A[:5], B[:5]], "X and y must have the same length. Got 5 points and 6 targets"),
        ([B, A], r"X\[0\] must have the shape \(points, 3\) for the input 'a'.*\(6, 2\)"),
        ({"a": A, "b": A}, r"X\['b'\] must have the shape \(points, 2\).* Got the shape \(6, 3\)"),
        ({"a": A, "b": B * np.nan}, r"X\['b'\] must be finite"),
        ({"a": A, "b": [["x", "y"]] * 6}, r"X\['b'\] must contain numbers"),
        ({"a": A, "b": None}, r"X\['b'\] must contain at least one point"),
        ([A, {"c": B}], "X must be nested like the model's inputs"),
    ],
)
def test_points_that_do_not_fit_the_inputs_are_told(X: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(rc.ArgumentError, match=message):
        rc.Recorder(X, Y, tmp_path / "a.h5", "a", model=_two())
    assert not list(tmp_path.iterdir())


def test_points_are_told_when_the_training_begins(tmp_path: Path) -> None:
    model = _two()
    recorder = rc.Recorder([B, A], Y, tmp_path / "a.h5", "a")
    with pytest.raises(rc.ArgumentError, match="for the input 'a'"):
        model.fit([A, B], Y, verbose=0, callbacks=[recorder])
    assert not list(tmp_path.iterdir())


def test_a_model_with_one_input_takes_one_array(tmp_path: Path) -> None:
    model = small_model(dense(1, "sigmoid", "output"), features=3)
    for X, message in (
        ([A, A], "with one array for each input"),
        (B, r"X must have the shape \(points, 3\)"),
        ({"other": A}, "Got 'other'"),
    ):
        with pytest.raises(rc.ArgumentError, match=message):
            rc.Recorder(X, Y, tmp_path / "a.h5", "a", model=model)


def test_names_of_features_by_input(tmp_path: Path) -> None:
    frames = {"a": pd.DataFrame(A, columns=["x", "y", "z"]), "b": B}
    assert _recorded(frames, _two(), tmp_path).feature_names == ["x", "y", "z", "b[0]", "b[1]"]
    again = {"if_exists": "overwrite"}
    named = _recorded([A, B], _two(), tmp_path, feature_names={"b": ["p", "q"]}, **again)
    assert named.feature_names == ["a[0]", "a[1]", "a[2]", "p", "q"]
    same = [pd.DataFrame(A, columns=["x", "y", "z"]), pd.DataFrame(B, columns=["x", "w"])]
    clash = _recorded(same, _two(), tmp_path, **again)
    assert clash.feature_names == ["a: x", "y", "z", "b: x", "w"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["p", "q"], r"feature_names must map input names \('a', 'b'\) to lists"),
        ({"c": ["p"]}, "feature_names must map input names"),
        ({"b": ["p"]}, r"one for each feature of points of shape \(2,\). Got \['p'\]"),
    ],
)
def test_names_that_do_not_fit_are_told(names: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(rc.ArgumentError, match=message):
        rc.Recorder([A, B], Y, tmp_path / "a.h5", "a", model=_two(), feature_names=names)


def test_several_inputs_are_appended_to(two_inputs: Training, tmp_path: Path) -> None:
    path, X = tmp_path / "a.h5", two_inputs.X
    model = two_inputs.at(0)
    rc.Recorder(X, two_inputs.y, path, "a", model=model)
    again = {"if_exists": "append"}
    for other, message in (
        ([X[0] + 1, X[1]], "its inputs have other values"),
        ([X[0][:50], X[1][:50]], r"its inputs have the shape \(70, 3\), these \(50, 3\)"),
    ):
        recorder = rc.Recorder(other, two_inputs.y[: len(other[0])], path, "a", **again)
        with pytest.raises(rc.RecordingError, match=message):
            model.fit(X, two_inputs.y, initial_epoch=0, epochs=1, verbose=0, callbacks=[recorder])
    named = {"beta": X[1], "zeta": X[0]}
    with rc.Recorder(named, two_inputs.y, path, "a", **again) as recorder:
        recorder.snapshot(model, 1)
    run = rc.open_run(path)
    assert run.epochs.tolist() == [0, 1]
    assert list(run.inputs) == ["zeta", "beta"]


def test_outputs_of_several_inputs(tmp_path: Path) -> None:
    inputs = {"words": np.arange(12).reshape(6, 2), "numbers": A}
    outputs = rc.record_outputs(tmp_path / "a.h5", "a", inputs=inputs, targets=Y)
    outputs.snapshot(0, layers={"hidden": B}, probabilities=[0.5] * 6, losses=[1.0] * 6)
    run = rc.open_run(tmp_path / "a.h5")
    for name, values in inputs.items():
        np.testing.assert_array_equal(run.inputs[name], values)
    assert run.feature_names == ["words[0]", "words[1]", "numbers[0]", "numbers[1]", "numbers[2]"]
    np.testing.assert_array_equal(run.coordinates()[0], np.hstack(list(inputs.values())))
    assert rc.feature_space(run).to_dict()


def test_targets_of_several_outputs_are_named(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(30)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(loss="mse")
    for targets in ([y, y], (y, np.eye(2)[y])):
        with pytest.raises(rc.ArgumentError, match="y must be the targets of one output.*of 2"):
            rc.Recorder(X, targets, tmp_path / "a.h5", "a", model=model)
    with pytest.raises(rc.ArgumentError, match="Got 60 points and 2 targets"):
        rc.Recorder(X, y[:2], tmp_path / "a.h5", "a")


def test_long_values_are_shortened_in_messages(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(30)
    long = ["name"] * 5_000
    for options in (
        {"class_names": long},
        {"feature_names": long},
        {"class_weight": np.zeros(5_000)},
        {"layers": list(range(5_000))},
        {"loss": long},
    ):
        with pytest.raises(rc.ArgumentError) as raised:
            rc.Recorder(X, y, tmp_path / "a.h5", "a", **options)
        assert len(str(raised.value)) < 500


def test_a_sparse_tensor_is_named_not_printed(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    sparse = tf.sparse.from_dense(np.eye(60, dtype="float32"))
    with pytest.raises(rc.ArgumentError, match="a sparse one, SparseTensor.*tf.sparse.to_dense"):
        rc.Recorder(sparse, np.arange(60), tmp_path / "a.h5", "a")
    ragged = tf.ragged.constant([[1.0], [2.0, 3.0]] * 300)
    with pytest.raises(rc.ArgumentError) as raised:
        rc.Recorder(ragged, np.arange(600), tmp_path / "a.h5", "a")
    assert len(str(raised.value)) < 500
