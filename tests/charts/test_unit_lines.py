"""Lines of `decision_boundary` where units switch on, compared with Keras and NumPy."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import Training, dense, small_model, train

import replaychart as rc
from replaychart.errors import ArgumentError, EvaluationError


@pytest.fixture(scope="module")
def folding(tmp_path_factory: pytest.TempPathFactory) -> Training:
    """Two ReLU layers, the second one with its function in a layer of its own."""
    keras.utils.set_random_seed(3)
    X = np.random.default_rng(2).normal(size=(90, 2)).astype("float32")
    y = (X[:, 0] ** 2 + X[:, 1] ** 2 > 1.2).astype(int)
    model = small_model(
        dense(5, "relu", "first"),
        dense(4, None, "second"),
        keras.layers.ReLU(),
        dense(1, "sigmoid", "output"),
    )
    path = tmp_path_factory.mktemp("folding") / "folding.h5"
    return train(path, "folding", model, X, y, epochs=3)


def _lines(run: rc.Run, layer: str, view: Any = None) -> Any:
    rectangle = run.planes.rectangle(None, plane="inputs", view=view)
    return run.planes.unit_boundaries(layer, rectangle, list(range(len(run.epochs))))


def test_lines_are_where_the_pre_activation_is_0(folding: Training) -> None:
    run = folding.open()
    for layer in ("first", "second"):
        paths = _lines(run, layer)
        assert len(set(paths.value)) > 2
        for piece in paths.pieces():
            model = folding.at(piece.snapshot)
            before = keras.Model(model.inputs, model.get_layer("second").output)
            if layer == "first":
                kernel, bias = model.get_layer("first").get_weights()
                values = piece.vertices @ kernel + bias
            else:
                values = before.predict(piece.vertices, verbose=0)
            assert np.abs(values[:, int(piece.value)]).max() < 2e-3


def test_every_unit_that_switches_in_the_plane_has_a_line(folding: Training) -> None:
    run = folding.open()
    paths = _lines(run, "first")
    xlim, ylim = run.planes.input_limits()
    corners = np.array([(x, y) for x in xlim for y in ylim])
    for snapshot, weights in enumerate(folding.weights):
        values = corners @ weights[0] + weights[1]
        switching = np.flatnonzero((values.min(axis=0) < 0) & (values.max(axis=0) > 0))
        found = paths.value[paths.snapshot == snapshot]
        assert sorted(set(found.astype(int))) == switching.tolist()


def test_lines_are_as_thick_as_the_outgoing_weights(folding: Training) -> None:
    run = folding.open()
    spec = rc.decision_boundary(run, units="first").to_dict()
    rows = next(rows for rows in spec["datasets"].values() if "replay_width" in rows[0])
    sizes = np.stack([np.linalg.norm(weights[2], axis=1) for weights in folding.weights])
    for row in rows:
        share = sizes[:, row["unit"] - 1] / sizes.max()
        assert row["replay_width"] == pytest.approx(0.5 + 3.5 * share, abs=0.006)
    assert "lines: where units of first switch on" in str(spec["title"])


def test_widths_in_the_picture(folding: Training, tmp_path: Path) -> None:
    chart = rc.decision_boundary(folding.open(), units="first")
    svg = rc.save(chart, tmp_path / "a.svg", epoch=3).read_text("utf-8")
    rows = next(rows for rows in chart.to_dict()["datasets"].values() if "replay_width" in rows[0])
    widths = [row["replay_width"][3] for row in rows if row["replay_xs"][3] != [None]]
    assert widths
    assert all(f'stroke-width="{width:g}"' in svg for width in widths)


def test_a_slice_through_more_features(branches: Training) -> None:
    run = branches.open()
    view = run.planes.slice((1, 3), "mean")
    paths = _lines(run, "left", view)
    center = branches.X.mean(axis=0)
    for piece in paths.pieces():
        points = np.repeat(center[None], len(piece.vertices), axis=0)
        points[:, [1, 3]] = piece.vertices
        kernel, bias = branches.at(piece.snapshot).get_layer("left").get_weights()
        assert np.abs((points @ kernel + bias)[:, int(piece.value)]).max() < 2e-3
    # A branch has no single following layer, so its lines are equally thick.
    spec = rc.decision_boundary(run, features=(1, 3), units="left").to_dict()
    rows = next(rows for rows in spec["datasets"].values() if "replay_width" in rows[0])
    assert {width for row in rows for width in row["replay_width"]} == {1.5}


def test_stored_lines_need_no_keras(folding: Training, tmp_path: Path) -> None:
    path = tmp_path / "stored.h5"
    path.write_bytes(folding.path.read_bytes())
    run = rc.open_run(path)
    before = rc.decision_boundary(run, units="second")
    run.store()
    again = rc.open_run(path)
    assert rc.decision_boundary(again, units="second").to_dict() == before.to_dict()
    assert not again._network.is_rebuilt


def test_modules_of_pytorch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    X, y = rc.datasets.parabola(40)
    module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    path = tmp_path / "torch.h5"
    with rc.TorchRecorder(module, X, y, path, "a", loss=torch.nn.BCEWithLogitsLoss()):
        pass
    run = rc.open_run(path, "a", model=module)
    for piece in _lines(run, run.layers[0]).pieces():
        with torch.no_grad():
            values = module[0](torch.from_numpy(piece.vertices).float()).numpy()
        assert np.abs(values[:, int(piece.value)]).max() < 2e-3


def test_bad_arguments_are_named(folding: Training, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="units must be one of 'first', 'second', 'output'"):
        rc.decision_boundary(folding.open(), units="thrid")
    X = np.linspace(-1, 1, 20)[:, None].astype("float32")
    model = small_model(dense(3, "relu", "hidden"), dense(1, None, "out"), loss="mse", features=1)
    line = train(tmp_path / "a.h5", "a", model, X, X[:, 0] ** 2, epochs=1).open()
    with pytest.raises(ArgumentError, match="units must be None for run 'a', which has inputs"):
        rc.decision_boundary(line, units="hidden")


def test_the_layers_of_a_function_are_not_known_to_be_dense(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(20)
    params = {"hidden": {"kernel": np.ones((2, 3))}, "output": {"kernel": np.ones((3, 1))}}

    def apply(params: Any, x: Any) -> Any:
        hidden = np.tanh(x @ params["hidden"]["kernel"])
        return {"hidden": hidden, "output": 1 / (1 + np.exp(-hidden @ params["output"]["kernel"]))}

    with rc.record_function(apply, params, X, y, tmp_path / "a.h5", "a"):
        pass
    run = rc.open_run(tmp_path / "a.h5", model=apply)
    with pytest.raises(ArgumentError, match="has no dense layers with weights. Got 'hidden'"):
        rc.decision_boundary(run, units="hidden")
    with pytest.raises(EvaluationError, match="has no dense layers that end with its output"):
        rc.network_diagram(run)
