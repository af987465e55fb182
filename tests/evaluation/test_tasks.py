"""What a network's outputs are for is judged by its loss, its last layer, and their values."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import dense, small_model

import replaychart as rc


def contrastive(targets: Any, distances: Any) -> Any:
    """Similar pairs (1) should be close, other pairs (0) far apart."""
    far = keras.ops.maximum(2 - distances, 0)
    return keras.ops.mean(targets * distances**2 + (1 - targets) * far**2, axis=-1)


def of_first(targets: Any, outputs: Any) -> Any:
    """The squared error of the first output."""
    return keras.ops.mean((targets - outputs[:, :1]) ** 2, axis=-1)


def _pairs() -> tuple[list[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(60, 2)).astype("float32") for _ in range(2)]
    return X, (np.linalg.norm(X[0] - X[1], axis=1) < 1.5).astype("int64")


def _twins(last: keras.layers.Layer, loss: Any) -> keras.Model:
    """A network of two points whose last layer has no activation."""
    keras.utils.set_random_seed(0)
    first, second = keras.Input((2,), name="first"), keras.Input((2,), name="second")
    shared = keras.Sequential([keras.Input((2,)), dense(8, "tanh", "wide"), dense(2, None, "code")])
    model = keras.Model([first, second], last([shared(first), shared(second)]))
    model.compile(keras.optimizers.SGD(0.1), loss)
    return model


def _fitted(trained: keras.Model, X: Any, y: Any, path: Path, **options: Any) -> rc.Run:
    recorder = rc.Recorder(X, y, path, "a")
    trained.fit(X, y, epochs=2, batch_size=16, verbose=0, shuffle=False, callbacks=[recorder])
    return rc.open_run(path, **options)


def test_distances_are_not_probabilities(tmp_path: Path) -> None:
    X, y = _pairs()
    model = _twins(keras.layers.Dot(1, name="product"), contrastive)
    run = _fitted(model, X, y, tmp_path / "a.h5", custom_objects={"contrastive": contrastive})
    outputs = model.predict(X, verbose=0)
    assert outputs.max() > 1.1, "no probabilities"
    assert run.classes == 0
    np.testing.assert_array_equal(run.targets, y)
    np.testing.assert_allclose(run.residuals()[-1], outputs[:, 0] - y, rtol=0, atol=1e-5)
    with pytest.raises(rc.EvaluationError, match=r"its outputs, which range from"):
        rc.probability_histogram(run)
    assert rc.residual_histogram(run).to_dict()


def test_without_a_witness_the_outputs_themselves_are_judged(tmp_path: Path) -> None:
    X, y = _pairs()
    model = _twins(keras.layers.Dot(1, name="product"), "mse")
    run = _fitted(model, X, y, tmp_path / "a.h5")
    stored = rc.open_run(tmp_path / "a.h5")
    object.__setattr__(stored._stored, "witnesses", ())
    assert run.classes == stored.classes == 0


def test_a_layer_without_activation_can_give_probabilities(tmp_path: Path) -> None:
    X, y = _pairs()

    class Closeness(keras.layers.Layer):
        def call(self, both: Any) -> Any:
            apart = keras.ops.sum((both[0] - both[1]) ** 2, axis=-1, keepdims=True)
            return keras.ops.exp(-apart)

    model = _twins(Closeness(name="closeness"), contrastive)
    run = _fitted(model, X, y, tmp_path / "a.h5", model=model)
    assert run.classes == 2
    np.testing.assert_allclose(
        run.point_probabilities()[-1], model.predict(X, verbose=0)[:, 0], rtol=0, atol=1e-6
    )


def test_whole_numbers_are_classes_only_if_the_outputs_are_shares(tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(40, 2)).astype("float32")
    y = np.arange(40) % 2
    for name, shares in (("shares", True), ("spread", False)):
        keras.utils.set_random_seed(1)
        inputs = keras.Input((2,))
        mean = dense(1, "sigmoid", "mean")(inputs)
        other = 1 - mean if shares else dense(1, "sigmoid", "spread")(inputs)
        model = keras.Model(inputs, keras.layers.Concatenate(name="both")([mean, other]))
        model.compile("sgd", of_first)
        run = _fitted(model, X, y, tmp_path / f"{name}.h5", model=model)
        assert run.classes == (2 if shares else 0)


def test_a_crossentropy_of_forgotten_logits_says_so(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(20)
    model = small_model(dense(1, None, "output"))
    model.set_weights([np.full((2, 1), 9.0), np.zeros(1)])
    run = _fitted(model, X, y, tmp_path / "a.h5")
    with pytest.raises(rc.EvaluationError, match="compile the loss with from_logits=True"):
        run.probabilities()


def test_a_diverged_classifier_is_a_classifier(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(20)
    model = small_model(dense(1, "sigmoid", "output"))
    model.set_weights([np.full((2, 1), np.nan), np.zeros(1)])
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    assert rc.open_run(tmp_path / "a.h5").classes == 2


def _squeezed(path: Path, y: np.ndarray, **options: Any) -> tuple[rc.Run, keras.Model]:
    """A sigmoid for each point without an axis of its own."""
    X = np.random.default_rng(0).normal(size=(len(y), 2)).astype("float32")
    keras.utils.set_random_seed(0)
    inputs = keras.Input((2,))
    last = dense(1, "sigmoid", "output")(dense(2, "tanh", "hidden")(inputs))
    model = keras.Model(inputs, keras.layers.Reshape((), name="squeezed")(last))
    model.compile("sgd", "binary_crossentropy", metrics=[keras.metrics.BinaryAccuracy()])
    recorder = rc.Recorder(X, y, path, "a", **options)
    model.fit(X, y, epochs=2, batch_size=16, verbose=0, callbacks=[recorder])
    return rc.open_run(path), model


@pytest.mark.parametrize("names", [None, ["no", "yes"]])
def test_a_squeezed_sigmoid_is_a_binary_classifier(names: list[str] | None, tmp_path: Path) -> None:
    y = np.arange(40) % 2
    run, model = _squeezed(tmp_path / "a.h5", y, class_names=names)
    X = run.inputs
    expected = model.predict(X, verbose=0)
    assert expected.shape == (40,)
    assert run.classes == 2
    assert run.verified
    np.testing.assert_array_equal(run.targets, y)
    np.testing.assert_allclose(run.point_probabilities()[-1], expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(run.probabilities()[-1, :, 0], 1 - expected, rtol=0, atol=1e-6)
    history = run.history().query("source == 'replay' and epoch == 2").set_index("name")["value"]
    evaluated = model.evaluate(X, y, verbose=0, batch_size=len(y), return_dict=True)
    assert history["loss"] == pytest.approx(evaluated["loss"], abs=1e-6)
    for name in ("accuracy", "binary_accuracy"):
        assert history[name] == pytest.approx(evaluated["binary_accuracy"], abs=1e-6)
    assert rc.probability_histogram(run).to_dict()
    inside = run.boundary(xlim=(-9, 9), ylim=(-9, 9), epochs=2)[["x", "y"]].to_numpy("float32")
    assert len(inside)
    np.testing.assert_allclose(model.predict(inside, verbose=0), 0.5, atol=1e-3)
    assert rc.decision_boundary(run).to_dict()
    assert rc.feature_space(run, "hidden").to_dict()


def test_a_squeezed_number_has_residuals(tmp_path: Path) -> None:
    run, model = _squeezed(tmp_path / "a.h5", np.linspace(0, 1, 40))
    assert run.classes == 2, "shares of class 1"
    again = keras.Model(model.inputs, model.outputs)
    again.compile("sgd", "mse")
    y = np.linspace(-1, 1, 40)
    rc.Recorder(run.inputs, y, tmp_path / "b.h5", "b", model=again)
    numbers = rc.open_run(tmp_path / "b.h5")
    residuals = numbers.residuals()
    assert residuals.shape == (1, 40)
    expected = again.predict(run.inputs, verbose=0) - y
    np.testing.assert_allclose(residuals[0], expected, rtol=0, atol=1e-6)
    assert rc.decision_boundary(numbers).to_dict()
    assert rc.residual_histogram(numbers).to_dict()


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge", keras.losses.Hinge()])
@pytest.mark.parametrize("low", [-1, 0])
def test_a_hinge_loss_is_a_binary_classifier_with_its_boundary_at_0(
    loss: Any, low: int, tmp_path: Path
) -> None:
    X, labels = rc.datasets.parabola(40)
    y = np.where(labels == 1, 1, low)
    keras.utils.set_random_seed(0)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, None, "score"), loss=loss)
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model, class_names=["below", "above"])
    run = rc.open_run(tmp_path / "a.h5")
    assert run.classes == 2
    assert not run.has_probabilities
    np.testing.assert_array_equal(run.targets, labels)
    scores = model.predict(X, verbose=0)[:, 0]
    assert scores.min() < 0 < scores.max()
    np.testing.assert_allclose(run.outputs()[0, :, 0], scores, rtol=0, atol=1e-6)
    points = run.points()
    np.testing.assert_array_equal(points["prediction"], scores > 0)
    assert points["probability"].isna().all()
    inside = run.boundary()[["x", "y"]].to_numpy("float32")
    np.testing.assert_allclose(model.predict(inside, verbose=0), 0, atol=1e-3)
    for asked in (run.probabilities, run.probability_histogram):
        with pytest.raises(rc.EvaluationError, match="outputs are scores, not probabilities"):
            asked()
    with pytest.raises(rc.EvaluationError, match="predicts classes, not numbers"):
        run.residuals()
    right = ((scores > 0) == labels).mean()
    model.compile(loss=loss)
    rc.Recorder(X, y, tmp_path / "b.h5", "b", model=model)
    history = rc.open_run(tmp_path / "b.h5").history().query("source == 'replay'")
    assert history.set_index("name")["value"]["accuracy"] == pytest.approx(right, abs=1e-12)
    spec = str(rc.decision_boundary(run).to_dict())
    assert "Score of class above" in spec
    assert "Probability" not in spec
    assert rc.feature_space(run, "hidden").to_dict()


@pytest.mark.parametrize("classes", [2, 3])
def test_the_largest_score_of_a_categorical_hinge_is_the_class(
    classes: int, tmp_path: Path
) -> None:
    X, _ = rc.datasets.parabola(40)
    labels = np.arange(len(X)) % classes
    keras.utils.set_random_seed(0)
    model = small_model(dense(classes, None, "scores"), loss="categorical_hinge")
    rc.Recorder(X, np.eye(classes)[labels], tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5")
    assert run.classes == classes
    scores = model.predict(X, verbose=0)
    np.testing.assert_array_equal(run.points()["prediction"], scores.argmax(axis=1))
    inside = run.boundary()[["x", "y"]].to_numpy("float32")
    assert len(inside)
    best = np.sort(model.predict(inside, verbose=0), axis=1)[:, -2:]
    np.testing.assert_allclose(best[:, 0], best[:, 1], rtol=0, atol=1e-3)
    assert rc.decision_boundary(run).to_dict()
    with pytest.raises(rc.EvaluationError, match="scores, not probabilities"):
        rc.probability_histogram(run)


def test_the_sigmoid_of_a_hinge_loss_is_a_probability(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(20)
    model = small_model(dense(1, "sigmoid", "output"), loss="hinge")
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    assert rc.open_run(tmp_path / "a.h5").has_probabilities


def gaussian(targets: Any, outputs: Any) -> Any:
    """The negative log-likelihood of a mean and a log-variance."""
    mean, log_variance = outputs[:, :1], outputs[:, 1:]
    return keras.ops.mean(
        (targets - mean) ** 2 * keras.ops.exp(-log_variance) + log_variance, axis=-1
    )


def pinball(targets: Any, outputs: Any) -> Any:
    """The loss of three quantiles."""
    quantiles = keras.ops.convert_to_tensor([0.1, 0.5, 0.9])
    below = targets - outputs
    return keras.ops.mean(keras.ops.maximum(quantiles * below, (quantiles - 1) * below), axis=-1)


def of_two_of_six(targets: Any, outputs: Any) -> Any:
    """A loss of two targets, each with three outputs."""
    return keras.ops.mean((targets - outputs[:, :2]) ** 2, axis=-1) + outputs[:, 5] ** 2


@pytest.mark.parametrize(
    ("loss", "units", "targets"), [(gaussian, 2, 1), (pinball, 3, 1), (of_two_of_six, 6, 2)]
)
def test_outputs_that_differ_in_number_from_the_targets_are_drawn_as_points(
    loss: Any, units: int, targets: int, tmp_path: Path
) -> None:
    X = np.random.default_rng(0).normal(size=(40, 2)).astype("float32")
    y = X[:, 0] * 2 if targets == 1 else X * 2
    keras.utils.set_random_seed(0)
    model = small_model(dense(2, "tanh", "hidden"), dense(units, None, "numbers"))
    model.compile("sgd", loss)
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5", custom_objects={loss.__name__: loss})
    expected = keras.ops.convert_to_numpy(
        loss(keras.ops.convert_to_tensor(y.reshape(40, -1).astype("float32")), model(X))
    )
    np.testing.assert_allclose(run.losses()[0], expected, rtol=1e-5)
    np.testing.assert_allclose(run.outputs()[0], model.predict(X, verbose=0), atol=1e-6)
    chart = rc.feature_space(run, "hidden").to_dict()
    assert f"no surface: the model predicts {units} values for each point" in str(chart["title"])
    with_grid = rc.feature_space(run, "hidden", surface=None).to_dict()
    assert len(with_grid["layer"]) == 2, "grid lines and points"
    for draw in (rc.decision_boundary, rc.Run.surface, rc.Run.boundary):
        with pytest.raises(rc.EvaluationError, match=rf"predicts {units} values.*surface=None"):
            draw(run)
    some = "1 target" if targets == 1 else "2 targets"
    with pytest.raises(rc.EvaluationError, match=f"has {units} outputs and {some} for each point"):
        rc.residual_histogram(run)
    if targets == 1:
        assert run.points("hidden")["prediction"].isna().all()
    run.store()
    assert rc.feature_space(rc.open_run(tmp_path / "a.h5"), "hidden").to_dict()
