"""`network_diagram`: weights, tiles and marks, compared with what Keras and NumPy compute."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import Training, dense, small_model, train

import replaychart as rc
from replaychart.drawing.tiles import Response, tile_url
from replaychart.errors import ArgumentError, EvaluationError


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Training:
    """Layers of bounded and unbounded units in the plane; one ReLU unit is dead."""
    keras.utils.set_random_seed(5)
    X = np.random.default_rng(0).normal(size=(80, 2)).astype("float32")
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    large = keras.initializers.RandomNormal(stddev=3, seed=1)
    model = small_model(
        keras.layers.Dense(4, "tanh", name="first", kernel_initializer=large),
        keras.layers.Dense(3, name="second"),
        keras.layers.ReLU(name="function"),
        dense(1, "sigmoid", "output"),
    )
    kernel, bias = model.get_layer("second").get_weights()
    bias[1] = -100
    model.get_layer("second").set_weights([kernel, bias])
    path = tmp_path_factory.mktemp("mixed") / "mixed.h5"
    return train(path, "mixed", model, X, y, epochs=3)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Training:
    """A layer of 20 units, and 18 features."""
    keras.utils.set_random_seed(6)
    X = np.random.default_rng(1).normal(size=(50, 18)).astype("float32")
    y = (X[:, 0] > 0).astype(int)
    model = small_model(
        dense(20, "tanh", "wide"), dense(2, "softmax", "output"),
        loss="sparse_categorical_crossentropy", features=18,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("wide") / "wide.h5"
    return train(path, "wide", model, X, y, epochs=2, class_names=["low", "high"])


def _rows(chart: Any, column: str) -> list[dict[str, Any]]:
    every = chart.to_dict()["datasets"].values()
    return next(rows for rows in every if column in rows[0])


def _activations(training: Training, snapshot: int, points: np.ndarray) -> list[np.ndarray]:
    """What Keras computes: the outputs of the three functions of `mixed`."""
    model = training.at(snapshot)
    ends = [model.get_layer(name).output for name in ("first", "function", "output")]
    return keras.Model(model.inputs, ends).predict(points, verbose=0)


def test_edges_are_the_recorded_weights(mixed: Training) -> None:
    rows = _rows(rc.network_diagram(mixed.open()), "replay_weight")
    kernels = [[weights[place] for weights in mixed.weights] for place in (0, 2, 4)]
    assert len(rows) == 2 * 4 + 4 * 3 + 3
    inputs = ["input 1", "input 2"]
    for place, (begins, count) in enumerate([(inputs, 4), (range(4), 3), (range(3), 1)]):
        for i, begin in enumerate(begins):
            for j in range(count):
                names = (begin if place == 0 else f"Unit {i + 1}", f"Unit {j + 1}")
                expected = [kernel[i, j] for kernel in kernels[place]]
                assert any(
                    (row["from"], row["to"]) == names
                    and np.allclose(row["replay_weight"], expected, rtol=6e-3)
                    for row in rows
                )


def test_tiles_show_what_keras_computes(mixed: Training) -> None:
    run = mixed.open()
    rows = _rows(rc.network_diagram(run, resolution=6), "replay_tile")
    assert [row["layer"] for row in rows] == [
        *("inputs",) * 2, *("first",) * 4, *("second",) * 3, "output"
    ]  # fmt: skip
    (left, right), (low, high) = run.planes.input_limits()
    x, y = (a + (b - a) * (np.arange(6) + 0.5) / 6 for a, b in ((left, right), (low, high)))
    places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    each = [_activations(mixed, snapshot, places) for snapshot in range(4)]
    for begin, layer in ((2, 0), (6, 1), (9, 2)):
        values = np.stack([one[layer] for one in each]).reshape(4, 6, 6, -1)
        response = Response.of(values)
        for unit in range(values.shape[-1]):
            tiles = rows[begin + unit]["replay_tile"]
            assert tiles == [tile_url(one[..., unit], response) for one in values]


def test_units_are_counted_as_numpy_counts_them(mixed: Training) -> None:
    frame = mixed.open().units()
    for snapshot in range(4):
        first, second, output = _activations(mixed, snapshot, mixed.X)
        own = frame[frame["epoch"] == snapshot]
        np.testing.assert_allclose(
            own["mean"], np.concatenate([one.mean(axis=0) for one in (first, second, output)]),
            atol=1e-6,
        )  # fmt: skip
        saturated = own.set_index(["layer", "unit"])["saturated"]
        np.testing.assert_allclose(saturated["first"], (np.abs(first) > 0.99).mean(axis=0))
        beyond = (output < 0.005) | (output > 0.995)
        np.testing.assert_allclose(saturated["output"], beyond.mean(axis=0))
        assert saturated["second"].isna().all()
        zero = own[own["layer"] == "second"]["zero"]
        np.testing.assert_allclose(zero, (second == 0).mean(axis=0))
        assert own["constant"].tolist() == [False] * 4 + [False, True, False] + [False]
    assert (frame["saturated"] > 0.1).any()


def test_dead_units_are_crossed_out_and_saturation_is_a_bar(mixed: Training) -> None:
    run = mixed.open()
    chart = rc.network_diagram(run)
    rows = _rows(chart, "replay_dead")
    frame = run.units()
    for row, (_, own) in zip(rows, frame.groupby(["layer", "unit"], sort=False), strict=True):
        assert row["replay_dead"] == own["constant"].astype(int).tolist()
        drawn = own["saturated"].fillna(0) * (own["layer"] != "output")
        np.testing.assert_allclose(row["replay_saturated"], drawn, atol=6e-4)
    explained = str(chart.to_dict()["title"])
    assert "cross: dead unit" in explained
    assert "bar below a unit" in explained


def test_units_of_a_wide_layer_are_grouped(wide: Training) -> None:
    run = wide.open()
    chart = rc.network_diagram(run)
    rows = _rows(chart, "replay_weight")
    first, _, second, _ = (np.array(one) for one in zip(*wide.weights, strict=True))
    alone = np.sort(np.argsort(-np.linalg.norm(first[-1], axis=0))[:12])
    others = np.setdiff1d(np.arange(20), alone)
    named = {row["to"] for row in rows if row["to"] not in ("low", "high")}
    assert named == {*(f"Unit {unit + 1}" for unit in alone), "8 other units"}
    by_names = {(row["from"], row["to"]): row["replay_weight"] for row in rows}
    np.testing.assert_allclose(
        by_names["8 other units", "high"], second[:, others, 1].mean(axis=1), rtol=6e-3
    )
    largest = np.argsort(-np.linalg.norm(first[-1], axis=1))[:12]
    rest = np.setdiff1d(np.arange(18), largest)
    np.testing.assert_allclose(
        by_names["6 others", "8 other units"],
        first[:, rest][:, :, others].mean(axis=(1, 2)), rtol=6e-3,
    )  # fmt: skip
    assert "drawn as one unit, their mean: 6 of inputs, 8 of wide" in str(chart.to_dict()["title"])


def test_without_a_plane_tiles_show_the_mean_of_each_class(wide: Training) -> None:
    run = wide.open()
    rows = _rows(rc.network_diagram(run), "replay_tile")
    outputs = wide.at(2).predict(wide.X, verbose=0)
    means = np.stack([outputs[wide.y == number].mean(axis=0) for number in (0, 1)])
    tiles = [row["replay_tile"][2] for row in rows if row["layer"] == "output"]
    response = Response((0.0, 1.0), Response.of(np.array([0.0, 0.9])).colors)
    assert tiles == [tile_url(means[None, :, unit], response) for unit in (0, 1)]
    over_a_plane = rc.network_diagram(run, features=(3, 0))
    assert "right: input 4, up: input 1" in str(over_a_plane.to_dict()["title"])
    assert {"input 4", "input 1"} <= {row["from"] for row in _rows(over_a_plane, "replay_weight")}


def test_branches_and_convolutions_are_not_drawn(branches: Training, images: Training) -> None:
    run = branches.open()
    chart = rc.network_diagram(run, features=(0, 1))
    assert [layer.name for layer in run.dense_chain()] == ["plane", "logit"]
    assert {row["to"] for row in _rows(chart, "replay_weight")} == {"Unit 1"}
    assert "not drawn: right, left, normal, both, dropout" in str(chart.to_dict()["title"])
    of_images = rc.network_diagram(images.open())
    assert "not drawn: convolution, flat" in str(of_images.to_dict()["title"])
    assert [row["layer"] for row in _rows(of_images, "replay_tile")] == ["output"] * 3


def test_layers_in_the_middle_of_a_long_chain_are_not_drawn(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(20)
    layers = [dense(2, "tanh", f"layer{number}") for number in range(1, 13)]
    model = small_model(*layers, dense(1, "sigmoid", "output"))
    run = train(tmp_path / "a.h5", "a", model, X, y, epochs=1).open()
    spec = rc.network_diagram(run, width=900).to_dict()
    assert "not drawn: layer5, layer6, layer7, layer8" in str(spec["title"])
    rows = next(rows for rows in spec["datasets"].values() if "replay_weight" in rows[0])
    assert len(rows) == 4 * 4 + 3 * 4 + 2


def test_a_single_feature_and_a_regression(regression: Training, tmp_path: Path) -> None:
    assert len(_rows(rc.network_diagram(regression.open()), "replay_tile")) == 2 + 8 + 3 + 1
    X = np.linspace(-1, 1, 30)[:, None].astype("float32")
    model = small_model(
        dense(3, "relu", "hidden"), dense(1, None, "output"), loss="mse", features=1
    )
    run = train(tmp_path / "a.h5", "a", model, X, X[:, 0] ** 2, epochs=1).open()
    assert "right: input 1" in str(rc.network_diagram(run).to_dict()["title"])


def test_modules_of_pytorch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    X, y = rc.datasets.parabola(40)
    tensors = torch.tensor(X, dtype=torch.float32)
    layers = [torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)]
    module = torch.nn.Sequential(*layers)
    loss = torch.nn.BCEWithLogitsLoss()
    path = tmp_path / "torch.h5"
    with rc.TorchRecorder(module, X, y, path, "a", loss=loss):
        pass
    run = rc.open_run(path, "a", model=module)
    rows = _rows(rc.network_diagram(run), "replay_weight")
    kernel = layers[0].weight.detach().numpy()
    found = {(row["from"], row["to"]): row["replay_weight"][0] for row in rows[:]}
    assert found["input 2", "Unit 3"] == pytest.approx(kernel[2, 1], rel=6e-3)
    with torch.no_grad():
        outputs = module[:2](tensors).numpy()
    hidden = run.units().query("layer == layer.iloc[0]")
    np.testing.assert_allclose(hidden["mean"], outputs.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(hidden["saturated"], (np.abs(outputs) > 0.99).mean(axis=0))


def test_it_composes_and_stays_within_its_budget(mixed: Training) -> None:
    run = mixed.open()
    parameter = rc.epoch_param(run)
    both = rc.network_diagram(run, epoch=parameter) | rc.decision_boundary(run, epoch=parameter)
    both.to_dict()
    with pytest.warns(UserWarning, match="2 of 4 epochs"):
        rc.network_diagram(run, max_bytes=20_000)


def test_a_stored_diagram_needs_no_keras(mixed: Training, tmp_path: Path) -> None:
    path = tmp_path / "stored.h5"
    path.write_bytes(mixed.path.read_bytes())
    run = rc.open_run(path)
    before = rc.network_diagram(run)
    run.store()
    again = rc.open_run(path)
    assert rc.network_diagram(again).to_dict() == before.to_dict()
    assert not again._network.is_rebuilt


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": (0, 9)}, "features must"),
        ({"resolution": 1}, "resolution must be"),
        ({"width": 60}, "must leave at least 10 pixels"),
        ({"height": 120}, "must leave at least 10 pixels"),
    ],
)
def test_bad_arguments_are_named(mixed: Training, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        rc.network_diagram(mixed.open(), **options)


def test_a_network_without_dense_layers_at_its_end(tmp_path: Path) -> None:
    values = {"epoch": 0, "predictions": np.full(4, 0.5), "losses": np.ones(4)}
    X, y = np.zeros((4, 2)), np.array([0, 0, 1, 1])
    rc.record_outputs(tmp_path / "a.h5", "a", inputs=X, targets=y, epochs=[values])
    with pytest.raises(EvaluationError, match="recorded from outputs, without weights"):
        rc.network_diagram(rc.open_run(tmp_path / "a.h5"))
