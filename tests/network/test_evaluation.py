"""Everything evaluated agrees with what Keras computes with the same weights."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import EPOCHS, Training, dense, small_model

import replaychart as rc

# The last one has no graph of layers.
TRAININGS = ["parabola", "folded", "branches", "one_hot", "three", "subclassed"]


@pytest.fixture(params=TRAININGS)
def training(request: pytest.FixtureRequest) -> Training:
    return request.getfixturevalue(request.param)


def test_probabilities_are_those_of_keras(training: Training) -> None:
    probabilities = training.open().probabilities()
    assert probabilities.dtype == np.float32
    for snapshot in range(EPOCHS + 1):
        outputs = training.at(snapshot).predict(training.X, verbose=0)
        if training.group == "branches":
            outputs = 1 / (1 + np.exp(-outputs))
        if training.group == "three":
            outputs = keras.ops.convert_to_numpy(keras.ops.softmax(outputs))
        expected = np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs
        np.testing.assert_allclose(probabilities[snapshot], expected, rtol=0, atol=1e-6)


def test_losses_average_to_the_loss_of_keras(training: Training) -> None:
    losses = training.open().losses()
    for snapshot in range(EPOCHS + 1):
        evaluated = training.at(snapshot).evaluate(
            training.X, training.y, verbose=0, batch_size=len(training.X), return_dict=True
        )
        assert losses[snapshot].mean() == pytest.approx(evaluated["loss"], abs=1e-6)


def test_loss_of_a_point_is_that_of_the_point_alone(training: Training) -> None:
    losses = training.open().losses()
    model = training.at(EPOCHS)
    for point in (0, 7, 31):
        alone = slice(point, point + 1)
        expected = model.evaluate(training.X[alone], training.y[alone], verbose=0, return_dict=True)
        assert losses[EPOCHS, point] == pytest.approx(expected["loss"], abs=2e-6)


def test_compiled_metrics_are_those_of_keras(training: Training) -> None:
    run = training.open()
    for name in run.curves.names("replay"):
        curve = run.curves.values(name, source="replay")
        for snapshot in (0, EPOCHS):
            evaluated = training.at(snapshot).evaluate(
                training.X, training.y, verbose=0, batch_size=len(training.X), return_dict=True
            )
            if name in evaluated:
                assert curve[snapshot] == pytest.approx(evaluated[name], abs=1e-6), name


def test_compiled_metrics_are_all_replayed(branches: Training) -> None:
    names = branches.open().curves.names("replay")
    assert names[:3] == ["loss", "binary_accuracy", "mse"]


@pytest.mark.parametrize("training", TRAININGS[:-1], indirect=True)
def test_layer_outputs_are_those_of_keras(training: Training) -> None:
    run = training.open()
    for layer in run.layers:
        outputs = run.coordinates(layer)
        for snapshot in (0, EPOCHS):
            model = training.at(snapshot)
            part = keras.Model(model.inputs, model.get_layer(layer).output)
            expected = part.predict(training.X, verbose=0)
            np.testing.assert_allclose(outputs[snapshot], expected, rtol=0, atol=1e-6)


def test_inputs_are_coordinates_of_their_own(parabola: Training) -> None:
    coordinates = parabola.open().coordinates()
    assert coordinates.shape == (EPOCHS + 1, 200, 2)
    np.testing.assert_array_equal(coordinates[3], parabola.X)


def test_some_epochs_are_evaluated_alone(parabola: Training) -> None:
    run = parabola.open()
    some = run.probabilities(epochs=[5, 2])
    np.testing.assert_array_equal(some, run.probabilities()[[2, 5]])
    np.testing.assert_array_equal(run.probabilities(epochs=slice(None, None, 3)).shape, (3, 200, 2))
    np.testing.assert_array_equal(run.probabilities(epochs=4)[0], run.probabilities()[4])


@pytest.mark.parametrize("epochs", [[99], range(5, 9), -1])
def test_epochs_outside_the_run_are_told(epochs: Any, parabola: Training) -> None:
    with pytest.raises(rc.ArgumentError, match="epochs must be among those recorded, 0 to 6"):
        parabola.open().points(epochs=epochs)


def test_no_epochs_are_told(parabola: Training) -> None:
    with pytest.raises(rc.ArgumentError, match="at least one epoch"):
        parabola.open().points(epochs=[])


def test_unknown_layer_is_told_with_those_there(parabola: Training) -> None:
    with pytest.raises(rc.ArgumentError, match="one of 'hidden', 'output'. Got 'hiden'"):
        parabola.open().points("hiden")


def test_large_inputs_are_evaluated_in_batches(
    parabola: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = parabola.open().probabilities()
    monkeypatch.setattr("replaychart.network.batches.VALUES_PER_BATCH", 14)
    np.testing.assert_allclose(parabola.open().probabilities(), whole, rtol=0, atol=1e-6)


def test_subclassed_model_has_probabilities_and_losses_but_no_layers(subclassed: Training) -> None:
    run = subclassed.open()
    assert run.probabilities().shape == (EPOCHS + 1, 100, 2)
    with pytest.raises(rc.EvaluationError, match="is a subclassed one"):
        run.points("first")
    with pytest.raises(rc.EvaluationError, match="build the model as Sequential or functional"):
        rc.feature_space(run)
    assert rc.probability_histogram(run).to_dict()


class Unregistered(keras.Model):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.dense = keras.layers.Dense(1, activation="sigmoid")

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


def test_unknown_model_class_opens_with_the_model(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    model = Unregistered()
    model.compile(loss="binary_crossentropy")
    model(X)
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    expected = model.predict(X, verbose=0)[:, 0]
    with pytest.raises(
        rc.EvaluationError, match=r"custom_objects=.* or the model itself as model="
    ):
        rc.open_run(tmp_path / "a.h5").probabilities()
    for options in ({"model": model}, {"custom_objects": {"Unregistered": Unregistered}}):
        run = rc.open_run(tmp_path / "a.h5", **options)  # type: ignore[arg-type]
        np.testing.assert_allclose(run.probabilities()[0, :, 1], expected, rtol=0, atol=1e-6)


def test_given_model_keeps_its_own_weights(parabola: Training) -> None:
    model = parabola.at(2)
    before = model.get_weights()
    parabola.open(model=model).probabilities()
    for kept, weight in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, weight)


def test_model_of_another_architecture_is_told(parabola: Training) -> None:
    wide = small_model(dense(3, "sigmoid", "hidden"), dense(1, "sigmoid", "output"))
    with pytest.raises(rc.EvaluationError, match=r"has the shape \(2, 3\).* has \(2, 2\)"):
        parabola.open(model=wide).probabilities()
    deep = small_model(dense(1, "sigmoid", "output"))
    with pytest.raises(
        rc.EvaluationError, match="2 variables, but the recording of 'parabola' has 4"
    ):
        parabola.open(model=deep).probabilities()


def _squared(y_true: Any, y_pred: Any) -> Any:
    return keras.ops.mean(keras.ops.square(keras.ops.cast(y_true, "float32") - y_pred), axis=-1)


def test_custom_loss_is_asked_for_and_used(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    model = small_model(dense(1, "sigmoid", "output"), loss=_squared)
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5")
    assert run.probabilities().shape == (1, 32, 2), "what needs no loss works without it"
    with pytest.raises(rc.EvaluationError, match="custom_objects"):
        run.losses()
    run = rc.open_run(tmp_path / "a.h5", custom_objects={"_squared": _squared})
    expected = (model.predict(X, verbose=0)[:, 0] - y) ** 2
    np.testing.assert_allclose(run.losses()[0], expected, rtol=0, atol=1e-6)


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    model = small_model(
        keras.layers.Lambda(lambda x: 2 * x, name="code"), dense(1, "sigmoid", "output")
    )
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    with pytest.raises(rc.EvaluationError, match="code from a file is never run.*model="):
        rc.open_run(tmp_path / "a.h5").probabilities()
    run = rc.open_run(tmp_path / "a.h5", model=model)
    assert run.probabilities().shape == (1, 32, 2)


def test_sparse_targets_of_three_classes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 4)).astype("float32")
    y = rng.integers(0, 3, 30)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = small_model(dense(3, None, "logits"), loss=loss, features=4)
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5")
    expected = keras.ops.convert_to_numpy(keras.ops.softmax(model.predict(X, verbose=0)))
    np.testing.assert_allclose(run.probabilities()[0], expected, rtol=0, atol=1e-6)
    points = run.points()
    np.testing.assert_allclose(points["probability"], expected[np.arange(30), y], atol=1e-6)
    np.testing.assert_array_equal(points["prediction"], expected.argmax(axis=1))
    assert run.losses().mean() == pytest.approx(model.evaluate(X, y, verbose=0)[0], abs=1e-6)


def test_regression_has_predictions_and_no_probabilities(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 2)).astype("float32")
    y = X[:, 0] * 3
    model = small_model(dense(1, None, "output"), loss="mse")
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5")
    assert run.classes == 0
    points = run.points()
    expected = model.predict(X, verbose=0)[:, 0]
    np.testing.assert_allclose(points["prediction"], expected, rtol=0, atol=1e-6)
    assert points["probability"].isna().all()
    np.testing.assert_allclose(points["loss"], (expected - y) ** 2, rtol=1e-5)
    with pytest.raises(rc.EvaluationError, match="predicts numbers, not classes"):
        run.probabilities()
    np.testing.assert_allclose(run.residuals()[0], expected - y, rtol=0, atol=1e-6)
    with pytest.raises(rc.EvaluationError, match="predicts numbers.*residual_histogram to see"):
        rc.probability_histogram(run)


def test_soft_targets_count_as_the_class_of_the_greatest_share(tmp_path: Path) -> None:
    X, labels = rc.datasets.parabola(16)
    y = keras.utils.to_categorical(labels, 2) * 0.8 + 0.1
    model = small_model(dense(2, "softmax", "output"), loss="categorical_crossentropy")
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5")
    np.testing.assert_array_equal(run.targets, labels)
    evaluated = model.evaluate(X, y, verbose=0, batch_size=len(X), return_dict=True)
    assert run.losses().mean() == pytest.approx(evaluated["loss"], abs=1e-6)


def test_multi_label_is_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 2)).astype("float32")
    y = np.stack([X[:, 0] > 0, X[:, 1] > 0, X.sum(axis=1) > 0], axis=1).astype(int)
    model = small_model(dense(2, "tanh", "hidden"), dense(3, "sigmoid", "output"))
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5")
    for chart in (rc.probability_histogram, rc.decision_boundary):
        with pytest.raises(rc.EvaluationError, match="multi-label|3 labels for each point"):
            chart(run)
    with pytest.raises(rc.EvaluationError, match="predicts labels, not numbers"):
        rc.residual_histogram(run)
    evaluated = model.evaluate(X, y, verbose=0, batch_size=len(X), return_dict=True)
    assert run.losses().mean() == pytest.approx(evaluated["loss"], abs=1e-6)
    rc.save(rc.feature_space(run) | rc.loss_histogram(run), tmp_path / "multi_label.png")


def _record(path: Path, model: keras.Model, X: np.ndarray, y: np.ndarray) -> rc.Run:
    rc.Recorder(X, y, path, model.name, model=model)
    return rc.open_run(path, model.name)


def test_adapted_normalization_is_rebuilt(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    X = 5 + 3 * X
    normal = keras.layers.Normalization()
    normal.adapt(X)
    model = small_model(normal, dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    run = _record(tmp_path / "a.h5", model, X, y)
    expected = model.predict(X, verbose=0)[:, 0]
    np.testing.assert_allclose(run.probabilities()[0, :, 1], expected, rtol=0, atol=1e-6)
    part = keras.Model(model.inputs, model.get_layer("hidden").output)
    np.testing.assert_allclose(
        run.coordinates("hidden")[0], part.predict(X, verbose=0), rtol=0, atol=1e-6
    )


def test_layers_around_a_nested_model(tmp_path: Path) -> None:
    inner_input = keras.Input((2,))
    inner = keras.Model(inner_input, dense(3, "tanh", "inside")(inner_input), name="inner")
    inputs = keras.Input((2,))
    plane = dense(2, "tanh", "plane")(inner(inputs))
    model = keras.Model(inputs, dense(1, "sigmoid", "output")(plane), name="outer")
    model.compile(loss="binary_crossentropy")
    X, y = rc.datasets.parabola(16)
    run = _record(tmp_path / "a.h5", model, X, y)
    for layer in ("inner", "plane"):
        tensor = {"inner": model.get_layer("plane").input, "plane": plane}[layer]
        expected = keras.Model(inputs, tensor).predict(X, verbose=0)
        np.testing.assert_allclose(run.coordinates(layer)[0], expected, rtol=0, atol=1e-6)
    assert rc.feature_space(run, surface="layer").to_dict()


@pytest.mark.parametrize(
    ("wrap", "metrics"),
    [
        (lambda loss: {"output": loss}, {"output": ["accuracy"]}),
        (lambda loss: [loss], ["accuracy"]),
    ],
    ids=["by name", "in a list"],
)
def test_loss_of_the_only_output_may_be_wrapped(wrap: Any, metrics: Any, tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    inputs = keras.Input((2,))
    model = keras.Model(inputs, dense(1, None, "output")(inputs))
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(loss=wrap(loss), metrics=metrics)
    run = _record(tmp_path / "a.h5", model, X, y)
    logits = model.predict(X, verbose=0)[:, 0]
    np.testing.assert_allclose(
        run.probabilities()[0, :, 1], 1 / (1 + np.exp(-logits)), rtol=0, atol=1e-6
    )
    assert run.losses().mean() == pytest.approx(model.evaluate(X, y, verbose=0)[0], abs=1e-6)
    assert run.curves.names("replay") == ["loss", "accuracy"]


@pytest.mark.parametrize(
    "metric",
    [
        lambda: keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.7),
        lambda: "accuracy",
        lambda: keras.metrics.binary_accuracy,
        lambda: keras.losses.MeanSquaredError(name="squared"),
        lambda: "mse",
    ],
)
@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_metrics_are_those_of_keras(metric: Any, activation: str | None, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 2)).astype("float32"), rng.integers(0, 2, (40, 1))
    model = small_model(dense(1, activation, "output"))
    loss = keras.losses.BinaryCrossentropy(from_logits=activation is None)
    model.compile(loss=loss, metrics=[metric()])
    run = _record(tmp_path / "a.h5", model, X, y)
    expected = model.evaluate(X, y, verbose=0, batch_size=40, return_dict=True)
    for name, value in expected.items():
        assert run.curves.values(name, source="replay")[0] == pytest.approx(value, abs=1e-6)


def test_metric_of_several_values_is_replayed(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2)).astype("float32")
    y = keras.utils.to_categorical(rng.integers(0, 3, 60), 3)
    model = small_model(dense(3, "softmax", "output"))
    model.compile(loss="categorical_crossentropy", metrics=[keras.metrics.F1Score()])
    model.fit(X, y, verbose=0, callbacks=[rc.Recorder(X, y, tmp_path / "a.h5", "a")])
    run = rc.open_run(tmp_path / "a.h5")
    expected = model.evaluate(X, y, verbose=0, batch_size=60, return_dict=True)["f1_score"]
    for index in range(3):
        curve = run.curves.values(f"f1_score[{index}]", source="replay")
        assert curve[1] == pytest.approx(float(expected[index]), abs=1e-6)


def _count_metric(y_true: Any, y_pred: Any) -> Any:
    return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)


def test_unknown_metric_is_left_out_with_a_warning(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    model = small_model(dense(1, "sigmoid", "output"))
    model.compile(loss="binary_crossentropy", metrics=[_count_metric])
    run = _record(tmp_path / "a.h5", model, X, y)
    with pytest.warns(UserWarning, match="Metric '_count_metric' cannot be replayed"):
        history = run.history()
    assert set(history["name"]) == {"loss", "accuracy"}


def test_loss_of_a_given_model_is_used(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    model = small_model(dense(1, "sigmoid", "output"))
    model.compile(loss=lambda t, p: keras.ops.mean(keras.ops.abs(t - p), axis=-1))
    rc.Recorder(X, y[:, None].astype("float32"), tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5", model=model)
    expected = np.abs(model.predict(X, verbose=0)[:, 0] - y)
    np.testing.assert_allclose(run.losses()[0], expected, rtol=0, atol=1e-6)


def test_linear_outputs_are_no_probabilities(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    run = _record(tmp_path / "a.h5", small_model(dense(1, "linear", "output"), loss="mse"), X, y)
    assert run.classes == 0
    with pytest.raises(rc.EvaluationError, match="predicts numbers, not classes"):
        rc.probability_histogram(run)


def test_several_targets_for_a_point_are_told(tmp_path: Path) -> None:
    X, _ = rc.datasets.parabola(16)
    run = _record(tmp_path / "a.h5", small_model(dense(2, None, "output"), loss="mse"), X, X)
    assert run.losses().shape == (1, 32)
    with pytest.raises(rc.EvaluationError, match=r"has targets of the shape \(2,\) for each point"):
        run.points()


def test_targets_of_one_output_are_refused_for_several(tmp_path: Path) -> None:
    inputs = keras.Input((2,))
    model = keras.Model(inputs, [dense(1, None, "a")(inputs), dense(1, None, "b")(inputs)])
    model.compile(loss="mse")
    with pytest.raises(rc.ArgumentError, match="the targets of each output.*'a', 'b'. Got one"):
        rc.Recorder([[0.0, 1.0]], [1], tmp_path / "a.h5", "a", model=model)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_losses_of_points_that_are_told_wrong_for_sure_are_those_of_keras(
    activation: str, behind: bool, tmp_path: Path
) -> None:
    units = 1 if activation == "sigmoid" else 3
    last = [dense(units, None if behind else activation, "last")]
    if behind:
        last.append(keras.layers.Activation(activation))
    loss = "binary_crossentropy" if units == 1 else "sparse_categorical_crossentropy"
    model = keras.Sequential([keras.Input((2,)), *last])
    # The metric is a crossentropy too.
    model.compile("sgd", loss, metrics=[loss])
    model.set_weights([20 * np.ones((2, units)) * np.arange(1, units + 1), np.zeros(units)])
    X = np.linspace(-3, 3, 60, dtype="float32").reshape(30, 2)
    y = np.zeros((30, 1), "int64")
    rc.Recorder(X, y, tmp_path / "sure.h5", "sure", model=model)
    run = rc.open_run(tmp_path / "sure.h5")
    evaluated = model.evaluate(X, y, batch_size=30, verbose=0, return_dict=True)
    assert run.losses().max() > 20, "more than the loss of a probability of 1e-7"
    np.testing.assert_allclose(run.losses().mean(), evaluated["loss"], rtol=1e-5)
    history = run.history().query("source == 'replay'").set_index("name")["value"]
    np.testing.assert_allclose(history[loss], evaluated[loss], rtol=1e-5)
