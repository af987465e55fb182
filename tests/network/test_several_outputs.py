"""A model with several outputs is recorded whole, and one output at a time is looked at."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import Training, train

import replaychart as rc

tensorflow = pytest.importorskip("tensorflow")

L = keras.layers
POINTS = 48
WEIGHTS = {"kind": 2.0, "size": 0.25}
LOSSES = {"kind": "sparse_categorical_crossentropy", "size": "mse"}
METRICS: dict[str, Any] = {"kind": ["accuracy"], "size": ["mae"]}


def _model(form: str, **compiled: Any) -> keras.Model:
    """Classes and a number from one hidden layer; in a list, or in a dict in another order."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((2,))
    hidden = L.Dense(2, "tanh", name="hidden", kernel_regularizer="l2")(inputs)
    size = L.Dense(1, name="size" if form == "list" else "last")(hidden)
    kind = L.Dense(3, "softmax", name="kind" if form == "list" else "first")(hidden)
    outputs = [size, kind] if form == "list" else {"size": size, "kind": kind}
    model = keras.Model(inputs, outputs)
    model.compile(
        "adam", **{"loss": LOSSES, "loss_weights": WEIGHTS, "metrics": METRICS, **compiled}
    )
    return model


@pytest.fixture(scope="module")
def points() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(POINTS, 2)).astype("float32")
    return X, rng.integers(0, 3, POINTS), (X[:, 0] - 2 * X[:, 1]).astype("float32")


@pytest.fixture(scope="module", params=["list", "dict"])
def training(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    points: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> Training:
    X, kind, size = points
    y: Any = [size, kind] if request.param == "list" else {"kind": kind, "size": size}
    path = tmp_path_factory.mktemp("outputs") / "runs.h5"
    return train(path, "both", _model(request.param), X, y, epochs=2)


def _evaluated(training: Training, snapshot: int) -> dict[str, float]:
    # In one batch: Keras averages the losses of outputs over batches of different sizes.
    model = training.at(snapshot)
    found = model.evaluate(training.X, training.y, batch_size=POINTS, verbose=0, return_dict=True)
    return dict(found)


def _predicted(training: Training, name: str, snapshot: int) -> np.ndarray:
    every = training.at(snapshot).predict(training.X, verbose=0)
    return np.asarray(
        every[name] if isinstance(every, dict) else every[["size", "kind"].index(name)]
    )


def test_curves_are_those_that_keras_evaluates(training: Training) -> None:
    run = training.open()
    for snapshot in range(3):
        expected = _evaluated(training, snapshot)
        names = {"loss": "loss with regularization"}
        for name, value in expected.items():
            curve = run.curves.values(names.get(name, name), source="replay")
            np.testing.assert_allclose(curve[snapshot], value, rtol=1e-6, err_msg=name)
    assert set(run.curves.names("replay")) == {"loss with regularization", *expected}
    history = run.history()
    replayed = history[(history["source"] == "replay") & (history["epoch"] == 2)]
    values = replayed.set_index("name")["value"]
    total = 2 * values["kind_loss"] + 0.25 * values["size_loss"]
    np.testing.assert_allclose(values["loss"], total, rtol=1e-6)
    assert set(training.history) <= set(history[history["source"] == "training"]["name"])


def test_each_output_is_a_run_of_its_own(training: Training) -> None:
    run = training.open()
    assert sorted(run.output_names) == ["kind", "size"]
    kind, size = run.output("kind"), training.open(output="size")
    assert (kind.output_name, kind.classes, size.classes) == ("kind", 3, 0)
    np.testing.assert_allclose(
        kind.probabilities(epochs=1)[0], _predicted(training, "kind", 1), atol=1e-6
    )
    predicted = _predicted(training, "size", 2)[:, 0]
    np.testing.assert_allclose(size.outputs(epochs=2)[0, :, 0], predicted, atol=1e-6)
    np.testing.assert_allclose(size.residuals(epochs=2)[0], predicted - size.targets, atol=1e-6)
    np.testing.assert_allclose(size.losses(epochs=2)[0], (predicted - size.targets) ** 2, atol=1e-5)
    whole = 2 * kind.losses() + 0.25 * size.losses()
    np.testing.assert_allclose(run.losses(), whole, rtol=1e-5)
    assert run.output("size").output("kind").classes == 3
    assert "output 'kind'" in repr(kind)
    assert "outputs 'kind', 'size'" in repr(run) or "outputs 'size', 'kind'" in repr(run)


def test_gradients_are_those_of_the_sum(training: Training) -> None:
    run = training.open()
    model = training.at(2)
    kind, size = run.output("kind").targets, run.output("size").targets[:, None]
    kernels = [model.get_layer("hidden").kernel.value]
    with tensorflow.GradientTape() as tape:
        tape.watch(kernels)
        every = model(training.X, training=False)
        every = (
            every if isinstance(every, dict) else dict(zip(["size", "kind"], every, strict=True))
        )
        loss = 2 * keras.ops.mean(keras.losses.sparse_categorical_crossentropy(kind, every["kind"]))
        loss += 0.25 * keras.ops.mean((every["size"] - size) ** 2) + sum(model.losses)
    (expected,) = tape.gradient(loss, kernels)
    for one in (run, run.output("kind")):
        found = one.distributions("gradients", layers=["hidden"], epochs=2)
        np.testing.assert_allclose(found["value"], np.asarray(expected).ravel(), atol=1e-6)


def test_what_needs_one_output_lists_them(training: Training) -> None:
    run = training.open()
    for chart in (rc.decision_boundary, rc.feature_space, rc.probability_histogram):
        with pytest.raises(rc.EvaluationError, match=r"has the outputs '.*', '.*'.*run\.output\("):
            chart(run)
    for chart in (rc.weights, rc.gradients, rc.activations, rc.loss_histogram, rc.loss_and_metric):
        assert chart(run).to_dict()
    assert run.coordinates("hidden").shape == (3, POINTS, 2)
    for name in ("color", 1):
        with pytest.raises(rc.ArgumentError, match=r"output must be one of '.*', '.*'\. Got"):
            training.open(output=name)


def test_charts_of_one_output(training: Training) -> None:
    run = training.open()
    kind, size = run.output("kind"), run.output("size")
    for chart in (rc.decision_boundary, rc.feature_space, rc.loss_and_metric, rc.loss_histogram):
        assert chart(kind).to_dict()
        assert chart(size).to_dict()
    assert rc.probability_histogram(kind).to_dict()
    assert rc.residual_histogram(size).to_dict()
    assert kind.planes.layers() == ["hidden"]
    assert kind.curves.names("replay")[2] == "kind_accuracy"
    assert size.curves.names("replay")[2] == "size_mae"


def test_replay_of_each_output_is_verified(training: Training) -> None:
    run = training.open()
    assert run.verified
    assert run.output("size").verified
    assert run.differences == []


def test_a_difference_names_the_output(
    tmp_path: Path, points: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    X, kind, size = points

    def off(targets: Any, outputs: Any) -> Any:
        return 3 * keras.ops.abs(targets - outputs)

    model = _model("list", loss={"kind": LOSSES["kind"], "size": off})
    rc.Recorder(X, [size, kind], tmp_path / "a.h5", "a", model=model)
    wrong = {"off": keras.losses.mean_absolute_error}
    run = rc.open_run(tmp_path / "a.h5", custom_objects=wrong)
    assert run.verified is False
    (difference,) = run.differences
    assert difference.startswith("Of output 'size': the loss")
    assert run.output("kind").verified
    assert rc.loss_histogram(run.output("kind")).to_dict()
    with pytest.raises(rc.EvaluationError, match="loss of run 'a' cannot be replayed"):
        run.losses()
    mended = rc.open_run(tmp_path / "a.h5", custom_objects={"off": off})
    assert mended.verified


def test_stored_outputs_need_no_model(training: Training) -> None:
    before = training.open()
    before.output("kind").store()
    again = training.open()
    for name in ("kind", "size"):
        one = again.output(name)
        np.testing.assert_array_equal(one.losses(), before.output(name).losses())
        np.testing.assert_array_equal(one.outputs(), before.output(name).outputs())
        rc.decision_boundary(one)
        rc.feature_space(one)
        assert one.verified
    np.testing.assert_array_equal(again.losses(), before.losses())
    assert rc.loss_and_metric(again).to_dict()
    assert rc.gradients(again.output("size")).to_dict()
    assert not again._network.is_rebuilt


def test_class_names_and_weights_of_one_output(
    tmp_path: Path, points: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    X, kind, size = points
    weights = np.linspace(0, 2, POINTS)
    y = {"size": size, "kind": kind}
    rc.Recorder(
        X,
        y,
        tmp_path / "a.h5",
        "a",
        model=_model("dict"),
        class_names={"kind": ["red", "green", "blue"]},
        sample_weight={"kind": weights},
    )
    run = rc.open_run(tmp_path / "a.h5")
    assert run.output("kind").class_names == ["red", "green", "blue"]
    model = _model("dict")
    both = {"kind": weights, "size": np.ones(POINTS)}
    expected = model.evaluate(
        X, y, sample_weight=both, batch_size=POINTS, verbose=0, return_dict=True
    )
    for name in ("kind_loss", "size_loss"):
        np.testing.assert_allclose(
            run.curves.values(name, source="replay")[0], expected[name], rtol=1e-6
        )


def test_an_output_without_targets_or_without_a_loss(
    tmp_path: Path, points: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    X, kind, size = points
    losses = {"size": "mse", "kind": None}
    model = _model("dict", loss=losses, loss_weights=None, metrics=None)
    for group, y in (("watched", {"size": size, "kind": kind}), ("left out", {"size": size})):
        rc.Recorder(X, y, tmp_path / "a.h5", group, model=model)
        run = rc.open_run(tmp_path / "a.h5", group)
        np.testing.assert_allclose(run.losses(), run.output("size").losses(), rtol=1e-6)
        assert "kind_loss" not in run.curves.names("replay")
        assert run.verified
        run.store()
    watched = rc.open_run(tmp_path / "a.h5", "watched").output("kind")
    assert watched.classes == 3
    assert np.isnan(watched.points()["loss"]).all()
    assert rc.decision_boundary(watched).to_dict()
    with pytest.raises(rc.ArgumentError, match="'size'.*Got 'kind', which was recorded without"):
        run.output("kind")


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        ("one", {}, r"y must have the targets of each output.*'size', 'kind'.*one array"),
        ("three", {}, r"y must have the targets of each output.*Got 3 arrays"),
        ("names", {}, r"y must have the targets of each output.*keys \['size', 'sort'\]"),
        ("none", {}, "y must have the targets of at least one output"),
        ("swapped", {}, r"y\['kind'\] must be class numbers"),
        ("both", {"class_names": ["a", "b", "c"]}, "class_names must map outputs to names"),
        ("both", {"class_names": {"kind": ["a"]}}, r"class_names\['kind'\] must contain 3 names"),
        ("both", {"class_names": {"size": ["a", "b"]}}, r"class_names\['size'\] must be None"),
        ("both", {"class_weight": {0: 1.0}}, "class_weight must be None for several outputs"),
        ("both", {"sample_weight": {"sort": np.ones(POINTS)}}, "sample_weight must belong to"),
        ("both", {"loss": ["mse"] * 3}, "loss must have one loss for each of the outputs"),
    ],
)
def test_what_does_not_fit_the_outputs(
    tmp_path: Path,
    points: tuple[np.ndarray, np.ndarray, np.ndarray],
    y: str,
    options: dict[str, Any],
    message: str,
) -> None:
    X, kind, size = points
    targets: dict[str, Any] = {
        "one": kind,
        "three": [size, kind, kind],
        "names": {"size": size, "sort": kind},
        "none": {"size": None},
        "swapped": [kind, size],
        "both": [size, kind],
    }
    with pytest.raises(rc.ArgumentError, match=message):
        rc.Recorder(X, targets[y], tmp_path / "a.h5", "a", model=_model("list"), **options)
    assert not list(tmp_path.iterdir())


def test_an_output_of_a_model_with_one() -> None:
    run = rc.open_run(rc.datasets.parabola_recording())
    assert run.output_names == []
    with pytest.raises(rc.ArgumentError, match="output must be None for run 'parabola'"):
        run.output("output")


class Pair(keras.Model):
    """Two outputs that only code connects."""

    def __init__(self, form: str = "dict") -> None:
        super().__init__()
        self.form = form
        self.kind, self.size = L.Dense(3, "softmax"), L.Dense(1)

    def call(self, inputs: Any) -> Any:
        if self.form == "dict":
            return {"size": self.size(inputs), "kind": self.kind(inputs)}
        return self.size(inputs), self.kind(inputs)


@pytest.mark.parametrize("form", ["dict", "tuple"])
def test_outputs_of_a_subclassed_model(
    tmp_path: Path, points: tuple[np.ndarray, np.ndarray, np.ndarray], form: str
) -> None:
    X, kind, size = points
    keras.utils.set_random_seed(0)
    model = Pair(form)
    model(X)
    y: Any = {"size": size, "kind": kind} if form == "dict" else [size, kind]
    losses = LOSSES if form == "dict" else list(reversed(LOSSES.values()))
    model.compile("adam", loss=losses)
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5", model=model)
    names = ["kind", "size"] if form == "dict" else ["output_1", "output_2"]
    assert run.output_names == names
    evaluated = model.evaluate(X, y, batch_size=POINTS, verbose=0, return_dict=True)["loss"]
    np.testing.assert_allclose(run.losses().mean(), evaluated, rtol=1e-6)
    every = model(X)
    classes = every["kind"] if form == "dict" else every[1]
    found = run.output(names[0] if form == "dict" else names[1])
    np.testing.assert_allclose(found.outputs()[0], classes, atol=1e-6)
    assert found.classes == 3
    assert rc.decision_boundary(found).to_dict()
    assert run.verified


def test_nested_outputs_are_refused(tmp_path: Path) -> None:
    inputs = keras.Input((2,))
    a, b, c = (L.Dense(1, name=name)(inputs) for name in "abc")
    model = keras.Model(inputs, [a, {"b": b, "c": c}])
    model.compile("sgd", loss="mse")
    X = np.ones((4, 2))
    with pytest.raises(rc.RecordingError, match="nested structure"):
        rc.Recorder(X, [X[:, 0]] * 3, tmp_path / "a.h5", "a", model=model)


def test_training_goes_on(
    tmp_path: Path, points: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    X, kind, size = points
    model, y = _model("list"), [size, kind]
    for first in (0, 1):
        recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a", if_exists="append")
        model.fit(X, y, initial_epoch=first, epochs=first + 1, verbose=0, callbacks=[recorder])
    run = rc.open_run(tmp_path / "a.h5")
    assert list(run.epochs) == [0, 1, 2]
    assert run.verified
    recorder = rc.Recorder(X, [size + 1, kind], tmp_path / "a.h5", "a", if_exists="append")
    with pytest.raises(rc.RecordingError, match="its targets have other values"):
        model.fit(X, y, initial_epoch=2, epochs=3, verbose=0, callbacks=[recorder])


def test_a_loss_for_each_output_of_a_model_that_is_not_compiled(
    tmp_path: Path, points: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    X, kind, size = points
    with rc.Recorder(X, [size, kind], tmp_path / "a.h5", "a", loss=LOSSES) as recorder:
        recorder.snapshot(_model("list"), 0)
    run = rc.open_run(tmp_path / "a.h5")
    one = run.output("kind").losses() + run.output("size").losses()
    np.testing.assert_allclose(run.losses(), one, rtol=1e-6)


def test_passed_model_and_heads_that_are_models(
    tmp_path: Path, points: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    X, kind, size = points
    keras.utils.set_random_seed(1)
    inputs = keras.Input((2,))
    heads = [
        keras.Sequential([keras.Input((2,)), L.Dense(2, "tanh"), last], name=name)(inputs)
        for name, last in (("size", L.Dense(1)), ("kind", L.Dense(3, "softmax", name="p")))
    ]
    model = keras.Model(inputs, heads)
    model.compile("sgd", loss=LOSSES)
    rc.Recorder(X, [size, kind], tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5", output="kind", model=model)
    assert run.layers[-3:] == [run.layers[-3], "kind/p", "kind"]
    assert len(run.planes.hidden_layers()) == 2
    np.testing.assert_allclose(run.probabilities()[0], model(X)[1], atol=1e-6)
    assert run.verified
