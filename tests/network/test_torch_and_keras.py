"""The same network in Keras and in PyTorch gives the same picture."""

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: see CONTRIBUTING.md")
import keras  # noqa: E402

import replaychart as rc  # noqa: E402


def _module(model: keras.Model) -> Any:
    layers = OrderedDict(
        hidden=torch.nn.Linear(2, 2),
        act=torch.nn.Sigmoid(),
        output=torch.nn.Linear(2, 1),
        last=torch.nn.Sigmoid(),
    )
    module = torch.nn.Sequential(layers)
    _set(module, model)
    return module


def _set(module: Any, model: keras.Model) -> None:
    """Give a module the weights of a model."""
    with torch.no_grad():
        for name in ("hidden", "output"):
            kernel, bias = model.get_layer(name).get_weights()
            getattr(module, name).weight.copy_(torch.tensor(kernel.T.copy()))
            getattr(module, name).bias.copy_(torch.tensor(bias))


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[rc.Run, rc.Run]:
    """One training, recorded as one of Keras and, with the same weights, as one of PyTorch."""
    keras.utils.set_random_seed(8)
    path = tmp_path_factory.mktemp("both") / "runs.h5"
    X, y = rc.datasets.parabola(100)
    hidden = keras.layers.Dense(2, activation="sigmoid", name="hidden")
    output = keras.layers.Dense(1, activation="sigmoid", name="output")
    model = keras.Sequential([keras.Input((2,)), hidden, output])
    model.compile(keras.optimizers.SGD(0.5), loss="binary_crossentropy")
    module = _module(model)
    loss = torch.nn.BCELoss()
    with (
        rc.Recorder(X, y, path, "keras") as ours,
        rc.TorchRecorder(module, X, y, path, "torch", loss=loss) as theirs,
    ):
        ours.snapshot(model, 0)
        for epoch in (5, 10, 15):
            model.fit(X, y, epochs=5, batch_size=16, verbose=0)
            _set(module, model)
            ours.snapshot(model, epoch)
            theirs.snapshot(epoch)
    return rc.open_run(path, "keras"), rc.open_run(path, "torch", model=module)


def test_points_losses_and_curves_are_the_same(both: tuple[rc.Run, rc.Run]) -> None:
    keras_run, torch_run = both
    for layer in (None, "hidden", "output"):
        ours, theirs = (run.points(layer) for run in both)
        assert list(ours.columns) == list(theirs.columns)
        assert ours["subset"].equals(theirs["subset"])
        ours, theirs = (frame.drop(columns="subset").to_numpy() for frame in (ours, theirs))
        np.testing.assert_allclose(theirs, ours, atol=1e-6)
    ours, theirs = (run.history().query("source == 'replay'") for run in both)
    np.testing.assert_allclose(theirs["value"].to_numpy(), ours["value"].to_numpy(), atol=1e-6)
    assert keras_run.layers == torch_run.layers


@pytest.mark.parametrize("kind", ["weights", "gradients", "activations", "pre_activations"])
@pytest.mark.parametrize("summary", [False, True])
def test_distributions_are_the_same(kind: Any, summary: bool, both: tuple[rc.Run, rc.Run]) -> None:
    for variable in ("kernel", "bias") if kind in ("weights", "gradients") else ("kernel",):
        ours, theirs = (run.distributions(kind, variable=variable, summary=summary) for run in both)
        of_texts = ["layer", "variable"]
        assert ours[of_texts].equals(theirs[of_texts])
        numbers = [name for name in ours.columns if name not in of_texts]
        np.testing.assert_allclose(theirs[numbers], ours[numbers], atol=1e-6)


# Where a surface is flat, a rounding error of an output moves a contour by more than that.
_MOVED = 5e-6


def test_grids_and_surfaces_are_the_same(both: tuple[rc.Run, rc.Run]) -> None:
    ours, theirs = (run.grid("hidden") for run in both)
    np.testing.assert_allclose(theirs[["x", "y"]], ours[["x", "y"]], atol=1e-6)
    for options in ({}, {"layer": "hidden"}, {"layer": "hidden", "plane": "layer"}):
        ours, theirs = (run.surface(resolution=30, **options) for run in both)
        assert ours[["epoch", "class", "ring"]].equals(theirs[["epoch", "class", "ring"]])
        np.testing.assert_allclose(theirs[["x", "y"]], ours[["x", "y"]], atol=_MOVED)
        ours, theirs = (run.boundary(resolution=30, **options) for run in both)
        np.testing.assert_allclose(theirs[["x", "y"]], ours[["x", "y"]], atol=_MOVED)


def test_charts_are_the_same(both: tuple[rc.Run, rc.Run]) -> None:
    def spec(run: rc.Run) -> Any:
        chart = rc.feature_space(run, "hidden") | rc.probability_histogram(run)
        return (chart | rc.loss_histogram(run)).to_dict()

    ours, theirs = map(spec, both)
    assert _without_data(ours) == _without_data(theirs)


def _without_data(spec: Any) -> Any:
    if isinstance(spec, dict):
        return {
            key: _without_data(one)
            for key, one in spec.items()
            if key not in ("data", "datasets", "domain", "name", "views")
        }
    return [_without_data(one) for one in spec] if isinstance(spec, list) else spec
