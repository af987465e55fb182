"""Layers inside nested models are reached by their paths, with the values that Keras computes."""

import json
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from support.training import Training, train

import replaychart as rc
from replaychart.facts.layers import layers_from_json, layers_to_json
from replaychart.storage import layout
from replaychart.storage.hdf5 import fixed_texts
from replaychart.storage.hdf5.checked import Attributes, text_in, text_of

tensorflow = pytest.importorskip("tensorflow")

L = keras.layers


def _backbone() -> keras.Model:
    """A functional model with a Sequential one in it, and a layer that both name "conv"."""
    block = keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            L.Conv2D(3, 3, padding="same", use_bias=False, name="conv"),
            L.BatchNormalization(name="norm"),
            L.ReLU(name="relu"),
        ],
        name="block",
    )
    inputs = keras.Input((6, 6, 1))
    scaled = L.Rescaling(1 / 255, name="rescale")(inputs)
    first = L.Conv2D(3, 3, padding="same", activation="relu", name="conv")(scaled)
    both = L.Add(name="add")([first, block(first)])
    return keras.Model(inputs, L.GlobalAveragePooling2D(name="pool")(both), name="backbone")


def _transfer(*, training: bool | None) -> keras.Model:
    inputs = keras.Input((6, 6, 1))
    backbone = _backbone()
    backbone.trainable = training is not False
    features = backbone(L.RandomFlip(name="augment")(inputs), training=training)
    head = keras.Sequential(
        [
            keras.Input((3,)),
            L.Dense(2, "tanh", name="plane"),
            L.Dense(1, "sigmoid", name="out"),
        ],
        name="head",
    )
    model = keras.Model(inputs, head(features))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture(scope="module")
def images() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (24, 6, 6, 1)).astype("float32"), rng.integers(0, 2, 24)


@pytest.fixture(scope="module", params=[False, None], ids=["frozen", "trained"])
def transfer(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    images: tuple[np.ndarray, np.ndarray],
) -> Training:
    keras.utils.set_random_seed(1)
    path = tmp_path_factory.mktemp("nested") / "runs.h5"
    return train(path, "transfer", _transfer(training=request.param), *images, epochs=2)


def _loss_gradients(model: keras.Model, X: Any, y: Any) -> list[np.ndarray]:
    """Gradients of the crossentropy with respect to ``model.weights``."""
    values = [weight.value for weight in model.weights]
    with tensorflow.GradientTape() as tape:
        tape.watch(values)
        outputs = model(X, training=False)
        loss = keras.ops.mean(keras.losses.binary_crossentropy(y[:, None], outputs))
    zero = tensorflow.UnconnectedGradients.ZERO
    return [np.asarray(one) for one in tape.gradient(loss, values, unconnected_gradients=zero)]


def _inside(model: keras.Model, path: str, inputs: Any) -> np.ndarray:
    """The output of a layer in the backbone, from a submodel of the backbone itself."""
    owner = model.get_layer("backbone")
    values = model.get_layer("augment")(inputs, training=False)
    if "/block/" in path:
        values = keras.Model(owner.input, owner.get_layer("conv").output)(values)
        owner = owner.get_layer("block")
    layer = owner.get_layer(path.rpartition("/")[2])
    return np.asarray(keras.Model(owner.inputs[0], layer.output)(values))


def test_layers_of_nested_models_come_before_them_and_have_paths(transfer: Training) -> None:
    run = transfer.open()
    assert run.layers == [
        "augment",
        "backbone/rescale",
        "backbone/conv",
        "backbone/block/conv",
        "backbone/block/norm",
        "backbone/block/relu",
        "backbone/block",
        "backbone/add",
        "backbone/pool",
        "backbone",
        "head/plane",
        "head/out",
        "head",
    ]
    assert run.layer_shape("backbone/block/conv") == (6, 6, 3)
    assert "'backbone' (8 layers), 'head' (2 layers)" in repr(run)
    assert run.verified


@pytest.mark.parametrize(
    "layer", ["backbone/rescale", "backbone/conv", "backbone/block/norm", "backbone/add"]
)
def test_outputs_are_those_of_the_nested_model_itself(transfer: Training, layer: str) -> None:
    run = transfer.open()
    expected = _inside(transfer.at(2), layer, transfer.X).reshape(len(transfer.X), -1)
    np.testing.assert_allclose(run.coordinates(layer, epochs=2)[0], expected, atol=1e-5)


def test_activations_are_those_after_the_function(transfer: Training) -> None:
    run = transfer.open()
    model = transfer.at(2)
    after = _inside(model, "backbone/block/relu", transfer.X)
    before = _inside(model, "backbone/block/norm", transfer.X)
    for kind, expected in (("activations", after), ("pre_activations", before)):
        frame = run.distributions(kind, layers=["backbone/block/conv"], epochs=2)
        np.testing.assert_allclose(frame["value"], expected.ravel(), atol=1e-5)


def test_weights_and_gradients_have_one_entry_for_each_layer(transfer: Training) -> None:
    run = transfer.open()
    model = transfer.at(2)
    expected = dict(
        zip(
            [weight.path for weight in model.weights],
            _loss_gradients(model, transfer.X, transfer.y.astype("float32")),
            strict=True,
        )
    )
    kernels = ["backbone/conv", "backbone/block/conv", "head/plane", "head/out"]
    for kind in ("weights", "gradients"):
        frame = run.distributions(kind, epochs=2)
        assert list(frame["layer"].unique()) == kernels
    gradients = run.distributions("gradients", layers=["backbone/block/conv"], epochs=2)
    (own,) = (value for path, value in expected.items() if path.endswith("block/conv/kernel"))
    np.testing.assert_allclose(gradients["value"], own.ravel(), atol=1e-6)
    whole = run.distributions("weights", layers=["backbone"], epochs=2)
    assert len(whole) == sum(
        weight.numpy().size
        for weight in model.get_layer("backbone").weights
        if weight.path.endswith("kernel")
    )


def test_output_layer_is_the_innermost_one(transfer: Training) -> None:
    run = transfer.open()
    assert run.classes == 2
    assert run.planes.layers() == ["head/plane"]
    assert run.planes.hidden_layers()[-1] == "head/plane"


@pytest.mark.parametrize("layer", ["backbone/block/relu", "backbone/pool", "head/plane"])
def test_feature_space_of_an_inner_layer(transfer: Training, layer: str) -> None:
    run = transfer.open()
    chart = rc.feature_space(run, layer, epochs=[2]).to_dict()
    subtitle = chart["title"].get("subtitle")
    bypassed = layer == "backbone/block/relu"  # the Add also takes what the block got
    assert ("bypasses" in str(subtitle)) is bypassed


def test_surface_over_an_inner_layer_is_what_follows_it(transfer: Training) -> None:
    run = transfer.open()
    head = transfer.at(2).get_layer("head")
    points = run.coordinates("head/plane", epochs=2)[0]
    network = run.planes._network.rebuilt("{}")
    (found,) = network.outputs_by_snapshot(None, points, [2], plane_of="head/plane")
    np.testing.assert_allclose(found, head.get_layer("out")(points), atol=1e-6)
    pooled = run.coordinates("backbone/pool", epochs=2)[0]
    (found,) = network.outputs_by_snapshot(None, pooled, [2], plane_of="backbone/pool")
    np.testing.assert_allclose(found, head(pooled), atol=1e-6)


def test_losses_behind_a_nested_sigmoid_are_not_clipped(
    tmp_path: Path, images: tuple[np.ndarray, np.ndarray]
) -> None:
    X, y = images
    model = _transfer(training=False)
    out = model.get_layer("head").get_layer("out")
    out.set_weights([value + 90 for value in out.get_weights()])
    rc.Recorder(X, y, tmp_path / "runs.h5", "saturated", model=model)
    run = rc.open_run(tmp_path / "runs.h5")
    evaluated = model.evaluate(X, y, verbose=0, return_dict=True)["loss"]
    assert evaluated > 16.2  # more than a probability of 1e-7 would cost
    np.testing.assert_allclose(run.losses().mean(), evaluated, rtol=1e-5)


def test_stored_values_of_inner_layers_need_no_model(transfer: Training) -> None:
    run = transfer.open()
    run.store(layers=["backbone/pool", "head/plane"])
    again = transfer.open()
    before = run.coordinates("backbone/pool")
    np.testing.assert_array_equal(again.coordinates("backbone/pool"), before)
    assert not again._network.is_rebuilt


def test_a_shared_model_shows_its_first_call(tmp_path: Path) -> None:
    keras.utils.set_random_seed(2)
    tower = keras.Sequential([keras.Input((2,)), L.Dense(3, "relu", name="d")], name="tower")
    left, right = keras.Input((2,), name="left"), keras.Input((2,), name="right")
    gap = L.Subtract(name="gap")([tower(left), tower(right)])
    model = keras.Model([left, right], L.Dense(1, "sigmoid", name="out")(gap))
    model.compile("sgd", "binary_crossentropy")
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(20, 2)).astype("float32") for _ in range(2)]
    y = rng.integers(0, 2, 20)
    rc.Recorder(X, y, tmp_path / "runs.h5", "siamese", model=model)
    run = rc.open_run(tmp_path / "runs.h5")
    assert run.layers == ["tower/d", "tower", "gap", "out"]
    np.testing.assert_allclose(run.coordinates("tower/d")[0], tower(X[0]), atol=1e-6)
    assert not run.planes.continues_from("tower/d")


def test_only_the_weights_of_a_nested_model_are_recorded(
    tmp_path: Path, images: tuple[np.ndarray, np.ndarray]
) -> None:
    X, y = images
    for layers, kept in (
        (["backbone"], ["backbone/conv", "backbone/block/conv"]),
        (["head/plane"], ["head/plane"]),
    ):
        recorder = rc.Recorder(
            X, y, tmp_path / "runs.h5", "some", layers=layers, if_exists="overwrite"
        )
        with recorder:
            recorder.snapshot(_transfer(training=None), 0)
        run = rc.open_run(tmp_path / "runs.h5")
        frame = run.distributions("weights", layers=kept)
        assert list(frame["layer"].unique()) == kept
    recorder = rc.Recorder(X, y, tmp_path / "other.h5", "x", layers=["block"])
    with pytest.raises(rc.ArgumentError, match=r"'head/plane', 'head/out', 'head'\. Got 'block'"):
        recorder.snapshot(_transfer(training=None), 0)


class _Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.tower = keras.Sequential(
            [keras.Input((2,)), L.Dense(3, "relu", name="d")], name="tower"
        )
        self.out = L.Dense(1, "sigmoid", name="out")

    def call(self, inputs: Any) -> Any:
        return self.out(self.tower(inputs))


def test_nested_model_in_a_subclassed_one_has_weights_and_gradients(tmp_path: Path) -> None:
    model = _Subclassed()
    model.compile("sgd", "binary_crossentropy")
    X = np.random.default_rng(0).normal(size=(20, 2)).astype("float32")
    y = (X[:, 0] > 0).astype(int)
    model(X)
    rc.Recorder(X, y, tmp_path / "runs.h5", "code", model=model)
    run = rc.open_run(tmp_path / "runs.h5", model=model)
    assert run.layers == ["tower/d", "tower", "out"]
    gradients = run.distributions("gradients", layers=["tower/d"])["value"]
    expected = _loss_gradients(model, X, y.astype("float32"))[0]
    np.testing.assert_allclose(gradients, expected.ravel(), atol=1e-6)
    with pytest.raises(rc.EvaluationError, match="'tower/d' are not available.*subclassed"):
        run.coordinates("tower/d")


def test_layers_in_a_wrapper_are_not_listed(tmp_path: Path) -> None:
    inner = keras.Sequential([keras.Input((2,)), L.Dense(2, "tanh", name="d")], name="inner")
    model = keras.Sequential(
        [
            keras.Input((4, 2)),
            L.TimeDistributed(inner, name="steps"),
            L.Flatten(name="flat"),
            L.Dense(1, "sigmoid", name="out"),
        ]
    )
    model.compile("sgd", "binary_crossentropy")
    X = np.random.default_rng(0).normal(size=(20, 4, 2)).astype("float32")
    rc.Recorder(X, np.arange(20) % 2, tmp_path / "runs.h5", "wrapped", model=model)
    run = rc.open_run(tmp_path / "runs.h5")
    assert run.layers == ["steps", "flat", "out"]
    assert set(run.distributions("weights")["layer"]) == {"steps", "out"}


class Block(keras.Model):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.dense = L.Dense(3, "relu", name="d")

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


def test_charts_leave_out_what_only_code_connects(tmp_path: Path) -> None:
    inputs = keras.Input((2,))
    outputs = L.Dense(1, "sigmoid", name="out")(Block(name="block")(inputs))
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "binary_crossentropy")
    X = np.random.default_rng(0).normal(size=(20, 2)).astype("float32")
    rc.Recorder(X, np.arange(20) % 2, tmp_path / "runs.h5", "mixed", model=model)
    run = rc.open_run(tmp_path / "runs.h5", custom_objects={"Block": Block})
    assert run.layers == ["block/d", "block", "out"]
    assert list(run.distributions("weights")["layer"].unique()) == ["block/d", "out"]
    assert "block/d" not in set(run.distributions("activations")["layer"])
    run.store()
    with pytest.raises(rc.EvaluationError):
        run.coordinates("block/d")


def test_recordings_from_before_list_only_the_outer_layers(
    tmp_path: Path, images: tuple[np.ndarray, np.ndarray]
) -> None:
    X, y = images
    path = tmp_path / "runs.h5"
    model = _transfer(training=None)
    rc.Recorder(X, y, path, "old", model=model)
    with h5py.File(path, "r+") as file:
        run = file["old"]
        layers = layers_from_json(text_in(run, layout.LAYERS))
        outer = tuple(layer for layer in layers if "/" not in layer.name)
        details = json.loads(text_of(Attributes(run)["details"], "details"))
        del details["output_layer"]
        fixed_texts.write(run, layout.LAYERS, layers_to_json(outer))
        fixed_texts.set_attribute(run, "details", json.dumps(details))
    old = rc.open_run(path)
    assert old.layers == ["augment", "backbone", "head"]
    assert list(old.distributions("weights")["layer"].unique()) == ["backbone", "head"]
    np.testing.assert_allclose(old.outputs()[0], model.predict(X, verbose=0), atol=1e-6)
    # Training can go on, and the list stays as it is.
    recorder = rc.Recorder(X, y, path, "old", if_exists="append")
    with recorder:
        recorder.snapshot(model, 1)
    assert rc.open_run(path).layers == old.layers


@pytest.mark.filterwarnings("ignore:`input_shape`")
def test_a_backbone_of_keras(tmp_path: Path) -> None:
    keras.utils.set_random_seed(3)
    base = keras.applications.MobileNetV2(
        weights=None, input_shape=(32, 32, 3), include_top=False, alpha=0.35, pooling="avg"
    )
    base.trainable = False
    inputs = keras.Input((32, 32, 3))
    features = base(L.Rescaling(1 / 127.5, offset=-1)(inputs), training=False)
    model = keras.Model(inputs, L.Dense(3, "softmax", name="out")(features))
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 255, (8, 32, 32, 3)).astype("float32")
    rc.Recorder(X, np.arange(8) % 3, tmp_path / "runs.h5", "mobile", model=model)
    run = rc.open_run(tmp_path / "runs.h5")
    assert run.verified
    layer = f"{base.name}/block_3_expand_relu"
    part = keras.Model(base.input, base.get_layer("block_3_expand_relu").output)
    expected = np.asarray(part(X / np.float32(127.5) - 1, training=False)).reshape(8, -1)
    np.testing.assert_allclose(run.coordinates(layer)[0], expected, atol=1e-5)
    with pytest.raises(rc.ArgumentError, match=r"block_3_expand_relu'.* and \d+ others\. Got"):
        run.points(f"{base.name}/block_3_expand_rel")
