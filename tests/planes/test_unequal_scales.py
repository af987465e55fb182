"""Contours over features in very different units are as exact as those in one unit."""

import keras
import numpy as np
import pytest
from sklearn.datasets import make_moons
from support.training import dense

import replaychart as rc

SCALE = np.array([1.0, 1000.0])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[rc.Run, keras.Model]]:
    """One network over two moons, and over the same moons with a feature in another unit."""
    path = tmp_path_factory.mktemp("scales") / "runs.h5"
    X, y = make_moons(150, noise=0.1, random_state=0)
    trained = {}
    for name, scale in (("same unit", np.ones(2)), ("other unit", SCALE)):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Rescaling((1 / scale).tolist(), name="rescaling"),
                dense(8, "tanh", "wide"),
                dense(1, "sigmoid", "output"),
            ]
        )
        model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy")
        points = (X * scale).astype("float32")
        model.fit(points, y, epochs=20, verbose=0, callbacks=[rc.Recorder(points, y, path, name)])
        trained[name] = rc.open_run(path, name), model
    return trained


def test_boundary_bends_in_any_unit(trained: dict[str, tuple[rc.Run, keras.Model]]) -> None:
    lines = {name: run.boundary(epochs=20) for name, (run, _) in trained.items()}
    assert len(lines["same unit"]) > 20
    assert len(lines["other unit"]) == pytest.approx(len(lines["same unit"]), rel=0.5)
    for name, (_, model) in trained.items():
        vertices = lines[name][["x", "y"]].to_numpy("float32")
        middles = (vertices[1:] + vertices[:-1]) / 2
        probability = model.predict(middles, verbose=0)[:, 0]
        assert np.abs(probability - 0.5).max() < 0.05, name


def test_surface_keeps_its_vertices(trained: dict[str, tuple[rc.Run, keras.Model]]) -> None:
    counts = [len(run.surface(epochs=20)) for run, _ in trained.values()]
    assert counts[1] == pytest.approx(counts[0], rel=0.3)
