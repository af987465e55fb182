"""Runs that DeepReplay recorded: real files if they are available, and files written here."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from support.deepreplay_files import (
    OldTraining,
    ReplayData,
    functional_config,
    sequential_config,
    train,
    training_config,
    write_model_file,
)
from support.training import dense

import replaychart as rc
from replaychart.charts.dashboard import dashboard

REAL = Path(__file__).parents[3] / "shared/data/deepreplay"
REAL_FILES = {
    20: REAL / "hyperparms_in_action.h5",
    150: REAL / "part1_150/part1_150.h5",
}
real = pytest.mark.skipif(not REAL.is_dir(), reason="needs DeepReplay's own recordings")

X, Y = rc.datasets.parabola(40)
Y = Y[:, None].astype(np.float64)


def sequential(*layers: keras.layers.Layer, shape: tuple[int, ...] = (2,)) -> keras.Model:
    keras.utils.set_random_seed(5)
    return keras.Sequential([keras.Input(shape), *layers])


def two_two_one() -> keras.Model:
    return sequential(dense(2, "sigmoid", "hidden"), dense(1, "sigmoid", "output"))


def branches() -> keras.Model:
    """Two branches with the same shapes, so that shapes do not reveal a wrong order."""
    keras.utils.set_random_seed(5)
    inputs = keras.Input((2,), name="points")
    left = dense(2, "tanh", "left")(inputs)
    right = keras.layers.BatchNormalization(name="norm")(dense(2, None, "right")(inputs))
    right = keras.layers.LeakyReLU(0.2, name="leaky")(right)
    shared = dense(2, "tanh", "shared")
    both = keras.layers.Concatenate(name="both")([left, shared(shared(right))])
    both = keras.layers.Dropout(0.3, name="dropout")(both)
    return keras.Model(inputs, dense(1, "sigmoid", "output")(dense(2, "tanh", "hidden")(both)))


def record_sequential(path: Path, **options: Any) -> OldTraining:
    model = two_two_one()
    return train(path, "old", model, X, Y, model_config=sequential_config(model), **options)


def record_named(path: Path) -> OldTraining:
    model = sequential(
        dense(4, None, "first"),
        keras.layers.BatchNormalization(scale=False, name="norm"),
        keras.layers.Activation("relu", name="relu"),
        dense(2, "softsign", "hidden"),
        dense(1, "sigmoid", "output"),
    )
    config = sequential_config(model, named=True)
    return train(path, "old", model, X, Y, model_config=config, as_bytes=False)


def record_functional(path: Path) -> OldTraining:
    model = branches()
    order = [
        "points",
        "right",
        "norm",
        "leaky",
        "shared",
        "left",
        "both",
        "dropout",
        "hidden",
        "output",
    ]
    layers = [model.get_layer(name) for name in order]
    config = functional_config(model, layers)
    return train(path, "old", model, X, Y, layers=layers, model_config=config)


def record_convolutions(path: Path) -> OldTraining:
    model = sequential(
        keras.layers.Conv2D(2, 3, padding="same", activation="relu", name="conv"),
        keras.layers.MaxPooling2D(name="pool"),
        keras.layers.AveragePooling2D(2, name="average"),
        keras.layers.Flatten(name="flat"),
        dense(2, "tanh", "hidden"),
        dense(1, "sigmoid", "output"),
        shape=(8, 8, 1),
    )
    images = np.random.default_rng(1).normal(size=(len(X), 8, 8, 1))
    return train(path, "old", model, images, Y, model_config=sequential_config(model))


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> OldTraining:
    return record_sequential(tmp_path_factory.mktemp("old") / "old.h5")


@pytest.fixture
def copied(old: OldTraining, tmp_path: Path) -> Path:
    """A copy of the recording and its model file, to be changed."""
    shutil.copy(old.model_file, tmp_path)
    return Path(shutil.copy(old.path, tmp_path))


def assert_agrees(
    run: rc.Run, training: OldTraining, layers: tuple[str, ...] | None = None
) -> None:
    """Compare probabilities, losses and the outputs of (all) layers with those of Keras."""
    assert run.epochs.tolist() == sorted(training.weights)
    for epoch in run.epochs.tolist():
        model = training.at(epoch)
        predicted = model.predict(training.X, verbose=0)
        np.testing.assert_allclose(
            run.probabilities(epochs=epoch)[0, :, 1], predicted[:, 0], atol=1e-6
        )
        targets = training.y.reshape(-1, 1)
        losses = keras.losses.binary_crossentropy(targets, predicted)
        np.testing.assert_allclose(run.losses(epochs=epoch)[0], losses, atol=1e-6)
        for name, outputs in layer_outputs(model, training.X).items():
            if layers is not None and name not in layers:
                continue
            seen = run.coordinates(name, epochs=epoch)[0]
            np.testing.assert_allclose(seen, outputs.reshape(len(outputs), -1), atol=1e-6)


def layer_outputs(model: keras.Model, points: np.ndarray) -> dict[str, np.ndarray]:
    """Return the outputs that Keras computes for each layer that is called once."""
    values = keras.ops.convert_to_tensor(points, dtype="float32")
    if isinstance(model, keras.Sequential):
        outputs = {}
        for layer in model.layers:
            values = layer(values, training=False)
            outputs[layer.name] = keras.ops.convert_to_numpy(values)
        return outputs
    names = [layer.name for layer in model.layers[1:] if layer.name != "shared"]
    part = keras.Model(model.inputs, [model.get_layer(name).output for name in names])
    values = part(values, training=False)
    return dict(zip(names, map(keras.ops.convert_to_numpy, values), strict=True))


@pytest.mark.parametrize(
    "record", [record_sequential, record_named, record_functional, record_convolutions]
)
def test_values_match_those_of_keras_with_the_recorded_weights(
    record: Callable[[Path], OldTraining], tmp_path: Path
) -> None:
    training = record(tmp_path / "old.h5")
    assert rc.list_runs(training.path) == ["old"]
    run = rc.open_run(training.path)
    names = {layer.name for layer in training.model.layers} - {"points"}
    assert set(run.layers) == names
    assert_agrees(run, training)
    assert dashboard(run).to_dict()


def test_layers_are_counted_by_number(tmp_path: Path) -> None:
    """Sorted by name, layer10 comes before layer2; all of them have the same shape."""
    inner = [dense(2, "tanh", f"h{number}") for number in range(12)]
    model = sequential(*inner, dense(1, "sigmoid", "output"))
    config = sequential_config(model)
    training = train(tmp_path / "a.h5", "old", model, X, Y, model_config=config, epochs=1)
    assert_agrees(rc.open_run(training.path), training, layers=("h1", "h2", "h10", "output"))


def test_attributes_of_a_run(old: OldTraining) -> None:
    run = rc.open_run(old.path)
    assert repr(run) == "Run('old': 80 points, epochs 0 to 3, layers 'hidden', 'output')"
    np.testing.assert_array_equal(run.inputs, X)
    np.testing.assert_array_equal(run.targets, Y[:, 0])
    assert run.targets.dtype == np.int64
    assert run.layer_shape("hidden") == (2,)


def test_compile_configuration_contains_the_optimizer(old: OldTraining) -> None:
    config = json.loads(rc.open_run(old.path)._stored.compile_config)
    optimizer = keras.optimizers.deserialize(config["optimizer"])
    assert isinstance(optimizer, keras.optimizers.SGD)
    optimizer.iterations.assign(7)
    # Keras 2: lr / (1 + decay * iterations)
    assert float(optimizer.learning_rate) == pytest.approx(0.5 / (1 + 0.01 * 7))


def test_training_curves_are_the_logged_ones_and_replayed_curves_match_the_weights(
    old: OldTraining,
) -> None:
    run = rc.open_run(old.path)
    history = run.history().set_index(["source", "name", "epoch"])["value"].sort_index()
    for name in ("loss", "acc"):
        assert history["training", name].index.tolist() == [1, 2, 3]
        np.testing.assert_allclose(history["training", name], old.history[name], rtol=1e-6)
    assert history["training", "learning_rate"].to_dict() == {1: 0.5, 2: 0.5, 3: 0.5}
    for epoch in range(4):
        loss, accuracy = old.at(epoch).evaluate(X, Y, verbose=0)
        assert history["replay", "loss", epoch] == pytest.approx(loss, abs=1e-6)
        assert history["replay", "acc", epoch] == pytest.approx(accuracy, abs=1e-6)


def test_targets_of_older_files_have_one_axis_and_no_learning_rate(tmp_path: Path) -> None:
    model = two_two_one()
    config = sequential_config(model)
    training = train(
        tmp_path / "a.h5", "old", model, X, Y[:, 0], model_config=config, with_rates=False
    )
    run = rc.open_run(training.path)
    assert_agrees(run, training)
    logged = run.history().query("source == 'training'")
    assert set(logged["name"]) == {"loss", "acc"}
    assert rc.loss_and_metric(run, source="training").to_dict()


def test_accuracy_that_deepreplay_missed_is_replayed(tmp_path: Path) -> None:
    training = record_sequential(tmp_path / "a.h5", metrics=["accuracy"])
    run = rc.open_run(training.path)
    assert run.curves.names("training") == ["loss", "learning_rate"]
    assert run.curves.names("replay") == ["loss", "accuracy"]
    accuracy = training.at(3).evaluate(X, Y, verbose=0)[1]
    assert run.curves.values("accuracy", source="replay")[3] == pytest.approx(accuracy, abs=1e-6)
    assert "accuracy" in json.dumps(rc.loss_and_metric(run).to_dict())


class StopAfter(keras.callbacks.Callback):
    def __init__(self, epochs: int) -> None:
        super().__init__()
        self._epochs = epochs

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        if epoch + 1 == self._epochs:
            self.model.stop_training = True


@pytest.mark.parametrize(
    ("options", "epochs", "message"),
    [
        ({"epochs": 9, "callbacks": [StopAfter(2)]}, [0, 1, 2], "7 of the 9 epochs .*: 3 to 9"),
        ({"epochs": 5, "initial_epoch": 3}, [3, 4, 5], "3 of the 5 epochs .*: 1 to 3"),
        (
            {"epochs": 9, "initial_epoch": 1, "callbacks": [StopAfter(3)]},
            [1, 2, 3],
            "7 of the 9 epochs .*: 1 and 4 to 9",
        ),
    ],
)
def test_epochs_that_were_not_trained_are_ignored_with_a_warning(
    options: dict[str, Any], epochs: list[int], message: str, tmp_path: Path
) -> None:
    training = record_sequential(tmp_path / "a.h5", **options)
    path = training.path
    with pytest.warns(UserWarning, match=f"{message}. Training stopped early or started") as warned:
        run = rc.open_run(path)
    assert warned[0].filename == __file__
    assert run.epochs.tolist() == epochs
    for place, epoch in enumerate(epochs):
        expected = training.at(epoch if place else 0).predict(training.X, verbose=0)
        np.testing.assert_allclose(run.outputs(epochs=epoch)[0], expected, rtol=0, atol=1e-6)
    training_loss = run.history().query("source == 'training' and name == 'loss'")
    assert training_loss["epoch"].tolist() == epochs[1:]
    assert (run.losses() > 0).all()
    assert dashboard(run).to_dict()


def test_epoch_that_started_but_did_not_finish_is_ignored(copied: Path) -> None:
    with h5py.File(copied, "a") as file:
        group = file["old"]
        for name in ("loss", "acc"):
            group[name][2] = 0
        for layer in ("layer0", "layer1"):
            for weights in group[layer].values():
                weights[3] = 0
        assert group["lr"][2] == 0.5, "written when the epoch began"
    with pytest.warns(UserWarning, match="1 of the 3 epochs .*: 3"):
        assert rc.open_run(copied).epochs.tolist() == [0, 1, 2]


def test_zeros_that_were_recorded_are_kept(copied: Path) -> None:
    with h5py.File(copied, "a") as file:
        group = file["old"]
        group["loss"][1] = 0  # a loss of exactly zero, with weights
        for layer in ("layer0", "layer1"):
            for weights in group[layer].values():
                weights[0] = 0  # a network that starts at zero
                weights[3] = 0  # and one that arrives at zero, with a loss
    run = rc.open_run(copied)
    assert run.epochs.tolist() == [0, 1, 2, 3]
    assert run.curves.values("loss", source="training")[2] == 0


def test_untrained_model_is_found_with_and_without_its_suffix(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    model = two_two_one()
    callback = ReplayData(X, Y, path, "start_init", layers=model.layers)
    callback.begin(0, batch_size=len(X))
    write_model_file(
        tmp_path / "start_init_model.h5",
        sequential_config(model),
        training_config("binary_crossentropy"),
    )
    for group in (None, "start", "start_init"):
        run = rc.open_run(path, group)
        assert run.name == "start_init"
        assert run.epochs.tolist() == [0]
        expected = model.predict(X, verbose=0)[:, 0]
        np.testing.assert_allclose(run.probabilities()[0, :, 1], expected, atol=1e-6)
        assert run.curves.names("training") == []
    assert dashboard(run).to_dict()


def test_one_file_contains_runs_of_both_kinds(copied: Path) -> None:
    model = two_two_one()
    model.compile(loss="binary_crossentropy", optimizer="sgd")
    rc.Recorder(X, Y, copied, "new", model=model)
    assert rc.list_runs(copied) == ["new", "old"]
    assert rc.open_run(copied, "new").epochs.tolist() == [0]
    assert rc.open_run(copied, "old").epochs.tolist() == [0, 1, 2, 3]
    with pytest.raises(rc.RunFileError, match="group must be one of 'new', 'old'"):
        rc.open_run(copied)
    with pytest.raises(rc.ArgumentError, match=r"model must be a Keras model for run 'new'.* path"):
        rc.open_run(copied, "new", model=copied.parent / "old_model.h5")


def test_model_file_is_found_in_the_working_directory_or_passed(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = tmp_path / "old_model.h5"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = beside.rename(elsewhere / "old_model.h5")
    with pytest.raises(
        rc.RunFileError, match=r"Neither .*/old_model.h5' nor .* as model="
    ) as caught:
        rc.open_run(copied)
    assert repr(str(beside)) in str(caught.value)
    assert repr(str(Path.cwd() / "old_model.h5")) in str(caught.value)
    assert rc.open_run(copied, model=str(moved)).layers == ["hidden", "output"]
    monkeypatch.chdir(elsewhere)
    assert rc.open_run(copied).layers == ["hidden", "output"]


def test_keras_model_replaces_the_model_file(old: OldTraining, tmp_path: Path) -> None:
    alone = Path(shutil.copy(old.path, tmp_path))
    model = two_two_one()
    before = model.get_weights()
    model.compile(loss="mse", optimizer="sgd", metrics=["mae"])
    run = rc.open_run(alone, model=model)
    assert_probabilities(run, old)
    np.testing.assert_allclose(run.losses(), (run.probabilities()[:, :, 1] - Y[:, 0]) ** 2, 1e-5)
    assert run.curves.names("replay") == ["loss", "mae", "accuracy"]
    for left, right in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def assert_probabilities(run: rc.Run, training: OldTraining) -> None:
    predicted = training.at(3).predict(training.X, verbose=0)
    np.testing.assert_allclose(run.probabilities()[3, :, 1], predicted[:, 0], atol=1e-6)


def test_model_that_is_not_compiled_takes_the_loss_of_the_model_file(
    old: OldTraining, tmp_path: Path
) -> None:
    run = rc.open_run(old.path, model=two_two_one())
    assert_agrees(run, old)
    assert run.curves.names("replay") == ["loss", "acc", "accuracy"]

    alone = Path(shutil.copy(old.path, tmp_path))
    run = rc.open_run(alone, model=two_two_one())
    assert_probabilities(run, old)
    with pytest.raises(rc.EvaluationError, match="'old' must have a single loss"):
        run.losses()


def test_functional_model_fits_a_recording_that_counts_its_input_layer_or_not(
    old: OldTraining, tmp_path: Path
) -> None:
    inputs = keras.Input((2,))
    hidden = dense(2, "sigmoid", "hidden")(inputs)
    functional = keras.Model(inputs, dense(1, "sigmoid", "output")(hidden))
    assert_probabilities(rc.open_run(old.path, model=functional), old)

    config = functional_config(functional, functional.layers)
    counted = train(tmp_path / "a.h5", "old", functional, X, Y, model_config=config)
    assert_probabilities(rc.open_run(counted.path, model=two_two_one()), counted)


def hard_sigmoid(x: Any) -> Any:
    return keras.ops.clip(0.2 * x + 0.5, 0, 1)


def test_hard_sigmoid_is_that_of_keras_2(tmp_path: Path) -> None:
    model = sequential(dense(2, hard_sigmoid, "hidden"), dense(1, "sigmoid", "output"))
    training = train(tmp_path / "a.h5", "old", model, X, Y, model_config=sequential_config(model))
    run = rc.open_run(training.path)
    assert_agrees(run, training)
    assert run._stored.layers[0].activation == "hard_sigmoid"


@pytest.mark.parametrize(
    ("loss", "version", "labels"),
    [("hinge", "2.2.0", "as they are"), ("squared_hinge", "2.3.1", "as they are"),
     ("hinge", "2.2.4-tf", "as -1 and 1"), ("squared_hinge", "2.11.0", "as -1 and 1")],
)  # fmt: skip
def test_hinge_accepts_labels_as_its_version_of_keras_did(
    loss: str, version: str, labels: str, copied: Path
) -> None:
    texts = training_config(loss, [loss])
    write_model_file(
        copied.parent / "old_model.h5",
        sequential_config(two_two_one()),
        texts,
        keras_version=version,
    )
    run = rc.open_run(copied)
    probability = run._evaluations.predictions([3])[0, :, 0]
    signs = Y[:, 0] if labels == "as they are" else 2 * Y[:, 0] - 1
    margins = np.maximum(1 - signs * probability, 0)
    expected = margins if loss == "hinge" else margins**2
    np.testing.assert_allclose(run.losses()[3], expected, atol=1e-6)
    replayed = run.curves.values(loss, source="replay")[3]
    assert replayed == pytest.approx(expected.mean(), abs=1e-6)


@pytest.mark.parametrize(
    ("loss", "today"),
    [
        ("kullback_leibler_divergence", "kl_divergence"),
        ("logcosh", "log_cosh"),
        (["mse"], "mse"),
        ({"output": "mean_absolute_error"}, "mae"),
        (
            {"class_name": "BinaryCrossentropy",
             "config": {"reduction": "auto", "name": "b", "from_logits": False,
                        "label_smoothing": 0}},
            "binary_crossentropy",
        ),
    ],
)  # fmt: skip
def test_old_names_of_losses(loss: Any, today: str, copied: Path) -> None:
    beside = copied.parent / "old_model.h5"
    write_model_file(
        beside, sequential_config(two_two_one()), training_config(loss, {"output": ["acc", "mse"]})
    )
    run = rc.open_run(copied)
    predictions = run._evaluations.predictions([3])[0]
    expected = keras.losses.get(today)(Y, predictions)
    np.testing.assert_allclose(run.losses()[3], expected, atol=1e-6)
    assert run.curves.names("replay") == ["loss", "acc", "mse", "accuracy"]


def test_model_file_that_keras_3_wrote_opens_too(old: OldTraining, tmp_path: Path) -> None:
    path = Path(shutil.copy(old.path, tmp_path))
    old.model.save(tmp_path / "old_model.h5")
    assert_agrees(rc.open_run(path), old)


class Scale(keras.layers.Layer):
    """A layer that is not part of Keras."""

    def build(self, input_shape: Any) -> None:
        self.factor = self.add_weight(shape=(2,), initializer="ones", name="factor")
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor


def test_custom_layer_needs_custom_objects(tmp_path: Path) -> None:
    model = sequential(dense(2, "tanh", "hidden"), Scale(name="scale"), dense(1, "sigmoid", "out"))
    training = train(tmp_path / "a.h5", "old", model, X, Y, model_config=sequential_config(model))
    with pytest.raises(rc.EvaluationError, match="Layer 'scale' .* is a Scale.*model=.*custom_obj"):
        rc.open_run(training.path)
    assert_agrees(rc.open_run(training.path, custom_objects={"Scale": Scale}), training)


def _lambda(config: Any) -> None:
    config["config"][0]["class_name"] = "Lambda"


def _unknown_setting(config: Any) -> None:
    config["config"][0]["config"]["magic"] = 1


def _unknown_activation(config: Any) -> None:
    config["config"][1]["config"]["activation"] = "magic"


def _other_shape(config: Any) -> None:
    config["config"][0]["config"]["units"] = 3


def _one_layer_less(config: Any) -> None:
    del config["config"][1]


def _subclass(config: Any) -> None:
    config["class_name"] = "MyModel"


def _nonsense(config: Any) -> None:
    config["config"] = [7]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_lambda, "Layer 'hidden' of the model of run 'old' is a Lambda, and code .* model="),
        (_unknown_setting, r"Layer 'hidden' \(Dense\) .*cannot be rebuilt: .*magic.* model="),
        (_unknown_activation, "Layer 'output' .* has the activation 'magic'.* model="),
        (
            _other_shape,
            r"Layer 'hidden' of the model has weights of shapes \(2, 3\), \(3,\), but its "
            r"recording 'layer0' in run 'old' has \(2, 2\), \(2,\). This is a different model",
        ),
        (
            _one_layer_less,
            r"The model has 1 layers \('hidden' .*\), but the .* of run 'old' has 2 \('layer0' ",
        ),
        (_subclass, "'old' has the class 'MyModel'.* model="),
        (_nonsense, "The description of the model of run 'old' in .*old_model.h5' cannot be read"),
    ],
)
def test_model_that_cannot_be_rebuilt_or_does_not_match(
    change: Callable[[Any], None], message: str, copied: Path
) -> None:
    config = sequential_config(two_two_one())
    change(config)
    write_model_file(copied.parent / "old_model.h5", config, training_config("binary_crossentropy"))
    with pytest.raises(rc.EvaluationError, match=message):
        rc.open_run(copied)
    run = rc.open_run(copied, model=two_two_one())
    assert run.layers == ["hidden", "output"], "the way out"


def test_several_outputs_are_refused(copied: Path) -> None:
    inputs = keras.Input((2,), name="points")
    outputs = [dense(1, "sigmoid", name)(inputs) for name in ("a", "b")]
    model = keras.Model(inputs, outputs)
    config = functional_config(model, model.layers)
    config["config"]["output_layers"] = [["a", 0, 0], ["b", 0, 0]]
    write_model_file(copied.parent / "old_model.h5", config, training_config("mse"))
    with pytest.raises(rc.EvaluationError, match="run 'old' has 2 outputs; only models with one"):
        rc.open_run(copied)
    with pytest.raises(rc.EvaluationError, match="run 'old' has 2 outputs; only models with one"):
        rc.open_run(copied, model=model)


@pytest.mark.parametrize("value", [3, np.array([1, 2]), "{", "[1]", b"\xff"])
def test_model_file_with_an_attribute_that_is_not_json(value: Any, copied: Path) -> None:
    with h5py.File(copied.parent / "old_model.h5", "a") as file:
        file.attrs["model_config"] = value
    with pytest.raises(rc.RunFileError, match="model file .*old_model.h5' is damaged"):
        rc.open_run(copied)


def test_file_that_is_not_a_model_file(copied: Path, tmp_path: Path) -> None:
    with pytest.raises(rc.RunFileError, match="a.h5' contains no Keras model.* model="):
        rc.open_run(copied, model=shutil.copy(copied, tmp_path / "a.h5"))
    with pytest.raises(rc.RunFileError, match="There is no file 'missing.h5'"):
        rc.open_run(copied, model="missing.h5")
    with pytest.raises(rc.ArgumentError, match="model must be a Keras model, .* Got 3"):
        rc.open_run(copied, model=3)  # type: ignore[arg-type]


def _without_loss(group: h5py.Group) -> None:
    del group["loss"]


def _without_weights(group: h5py.Group) -> None:
    del group["layer1"]


def _with_text(group: h5py.Group) -> None:
    del group["inputs"]
    group["inputs"] = ["a", "b"]


def _with_fewer_targets(group: h5py.Group) -> None:
    del group["targets"]
    group["targets"] = Y[:5]


def _with_fewer_rows(group: h5py.Group) -> None:
    del group["acc"]
    group["acc"] = [0.5]


def _with_other_epochs(group: h5py.Group) -> None:
    group.attrs["n_epochs"] = "three"


@pytest.mark.parametrize(
    "damage",
    [_without_loss, _without_weights, _with_text, _with_fewer_targets, _with_fewer_rows,
     _with_other_epochs],
)  # fmt: skip
def test_damaged_recording_raises(damage: Callable[[h5py.Group], None], copied: Path) -> None:
    with h5py.File(copied, "a") as file:
        damage(file["old"])
    with pytest.raises(rc.RunFileError, match="Run 'old' of '.*' is damaged: "):
        rc.open_run(copied)


def test_recording_that_was_replaced_raises(copied: Path) -> None:
    run = rc.open_run(copied)
    with h5py.File(copied, "a") as file:
        file["old/loss"][0] += 1
    with pytest.raises(rc.RunFileError, match="was replaced or removed since it was opened"):
        run.losses()


def test_file_of_deepreplay_is_never_written_to(copied: Path) -> None:
    before = copied.read_bytes()
    with pytest.raises(rc.RunFileError, match=r"recorded by DeepReplay.* replaychart convert"):
        rc.open_run(copied).store()
    assert copied.read_bytes() == before


def test_without_keras_the_runs_are_listed_and_the_error_says_how_to_continue(
    old: OldTraining,
) -> None:
    code = (
        "import sys; sys.modules['keras'] = None\n"
        "import replaychart as rc\n"
        f"print(rc.list_runs({str(old.path)!r}))\n"
        "try:\n"
        f"    rc.open_run({str(old.path)!r})\n"
        "except rc.MissingDependencyError as error:\n"
        "    print(error)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert result.stdout.startswith("['old']\nRun 'old' of ")
    assert "replaychart convert" in result.stdout


@real
@pytest.mark.parametrize("epochs", REAL_FILES)
def test_real_recording_agrees_with_keras(epochs: int) -> None:
    path = REAL_FILES[epochs]
    run = rc.open_run(path, "part1_activation_functions")
    assert run.epochs.tolist() == list(range(epochs + 1))
    assert run.layers == ["hidden", "output"]
    assert run.curves.names("training") == ["loss", "acc", "learning_rate"]
    assert run.curves.names("replay") == ["loss", "acc", "accuracy"]
    model = two_two_one()
    model.compile(loss="binary_crossentropy", metrics=["acc"])
    for epoch in (0, 1, epochs // 2, epochs):
        with h5py.File(path, "r") as file:
            group = file[run.name]
            model.set_weights(
                [group[f"layer{i}/weights{j}"][epoch] for i in range(2) for j in range(2)]
            )
            inputs, targets = group["inputs"][()], group["targets"][()]
            logged = group["loss"][epoch - 1]
        predicted = model.predict(inputs, verbose=0)[:, 0]
        seen = run.probabilities(epochs=epoch)[0, :, 1]
        np.testing.assert_allclose(seen, predicted, atol=1e-6)
        hidden = layer_outputs(model, inputs)["hidden"]
        np.testing.assert_allclose(run.coordinates("hidden", epochs=epoch)[0], hidden, atol=1e-6)
        loss, accuracy = model.evaluate(inputs, targets, batch_size=2000, verbose=0)
        assert run.losses(epochs=epoch).mean() == pytest.approx(loss, abs=1e-6)
        curves = {name: run.curves.values(name, source="replay")[epoch] for name in ("loss", "acc")}
        assert curves == pytest.approx({"loss": loss, "acc": accuracy}, abs=1e-6)
        if epoch:
            assert run.curves.values("loss", source="training")[epoch] == logged


@real
@pytest.mark.parametrize("epochs", REAL_FILES)
def test_five_charts_draw_a_real_recording(epochs: int, tmp_path: Path) -> None:
    run = rc.open_run(REAL_FILES[epochs])
    charts = dashboard(run, epoch="last") & rc.decision_boundary(run)
    still = rc.save(charts, tmp_path / "a.svg", epoch=15).read_text()
    for text in ("Hidden layer", "boundary \u00b7 epoch 15", "693 correct", "230 wrong"):
        assert text in still  # the counts in DeepReplay's own picture of epoch 15
