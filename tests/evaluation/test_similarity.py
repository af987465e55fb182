"""`Run.similarity` and its chart: linear CKA against its definition with centering matrices."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.training import Training

import replaychart as rc

POINTS = 12


def _cka(one: np.ndarray, two: np.ndarray) -> float:
    """Linear CKA as Kornblith et al. define it: with kernels and the centering matrix."""
    center = np.eye(len(one)) - 1 / len(one)

    def hsic(first: np.ndarray, second: np.ndarray) -> float:
        kernels = [values.astype(np.float64) @ values.T for values in (first, second)]
        return float(np.trace(kernels[0] @ center @ kernels[1] @ center))

    return hsic(one, two) / np.sqrt(hsic(one, one) * hsic(two, two))


def _outputs(seed: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    narrow = generator.normal(size=(POINTS, 3)) + 5
    wide = np.tanh(narrow @ generator.normal(size=(3, 40)))
    return {"narrow": narrow, "wide": wide, "dead": np.full((POINTS, 2), 0.1)}


def _record(path: Path, name: str, seeds: dict[int, int], inputs: Any = None) -> rc.Run:
    inputs = np.arange(2.0 * POINTS).reshape(POINTS, 2) if inputs is None else inputs
    targets = np.arange(len(inputs)) % 2
    with rc.record_outputs(path, name, inputs=inputs, targets=targets) as recorder:
        for epoch, seed in seeds.items():
            layers = {layer: values[: len(inputs)] for layer, values in _outputs(seed).items()}
            recorder.snapshot(epoch, layers=layers)
    return rc.open_run(path, name)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[rc.Run, rc.Run]:
    path = tmp_path_factory.mktemp("similarity") / "runs.h5"
    first = _record(path, "a", {0: 1, 1: 2, 5: 3})
    return first, _record(path, "b", {0: 4, 5: 5, 9: 6})


def test_layers_of_one_run_against_the_definition(pair: tuple[rc.Run, rc.Run]) -> None:
    frame = pair[0].similarity(layers=["narrow", "wide"])
    assert frame["epoch"].tolist() == [0] * 4 + [1] * 4 + [5] * 4
    expected = [
        _cka(_outputs(seed)[row], _outputs(seed)[column])
        for seed in (1, 2, 3)
        for row in ("narrow", "wide")
        for column in ("narrow", "wide")
    ]
    np.testing.assert_allclose(frame["similarity"], expected, rtol=1e-5)
    assert 0.05 < frame["similarity"].min() < 0.95


def test_layers_of_two_runs_at_the_epochs_of_both(pair: tuple[rc.Run, rc.Run]) -> None:
    frame = pair[0].similarity(pair[1], layers=["wide", "narrow"])
    assert sorted(set(frame["epoch"])) == [0, 5]
    last = frame[frame["epoch"] == 5].set_index(["layer", "other_layer"])["similarity"]
    expected = _cka(_outputs(3)["wide"], _outputs(5)["narrow"])
    assert last["wide", "narrow"] == pytest.approx(expected, rel=1e-5)


def test_a_rotation_and_a_scale_do_not_change_it(tmp_path: Path) -> None:
    run = _record(tmp_path / "a.h5", "a", {0: 1})
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    with rc.record_outputs(
        tmp_path / "a.h5", "b", inputs=run.inputs, targets=run.targets
    ) as recorder:
        recorder.snapshot(0, layers={"turned": 7 * _outputs(1)["narrow"] @ rotation - 2})
    other = rc.open_run(tmp_path / "a.h5", "b")
    frame = run.similarity(other).set_index("layer")["similarity"]
    assert frame["narrow"] == pytest.approx(1, abs=1e-5)


def test_a_layer_of_dead_units_has_no_similarity(pair: tuple[rc.Run, rc.Run]) -> None:
    frame = pair[0].similarity(epochs=0)
    dead = (frame["layer"] == "dead") | (frame["other_layer"] == "dead")
    assert frame.loc[dead, "similarity"].isna().all()
    assert frame.loc[~dead, "similarity"].notna().all()
    spec = rc.similarity(pair[0]).to_dict()
    assert "output of a layer:" in str(spec["title"])


def test_outputs_of_keras(one_hot: Training) -> None:
    frame = one_hot.open().similarity(epochs=6)
    latent = np.array(one_hot.at(6).layers[0](one_hot.X))
    outputs = np.array(one_hot.at(6)(one_hot.X))
    assert frame["similarity"].iloc[1] == pytest.approx(_cka(latent, outputs), rel=1e-4)


def test_the_chart_holds_the_numbers(pair: tuple[rc.Run, rc.Run]) -> None:
    chart = rc.similarity(*pair, names=("One", "Two"), layers=["narrow", "wide"])
    (rows,) = chart.to_dict()["datasets"].values()
    frame = pair[0].similarity(pair[1], layers=["narrow", "wide"])
    packed = pd.DataFrame(rows)
    assert packed["layer"].tolist() == frame["layer"][:4].tolist()
    steps = np.array(packed["replay_similarity"].tolist()).T.ravel()
    np.testing.assert_allclose(0.001 * steps, frame["similarity"], atol=0.00051)
    text = str(chart.to_dict())
    assert "One" in text
    assert "Two" in text


def test_many_layers_have_no_numbers(tmp_path: Path) -> None:
    inputs = np.random.default_rng(0).normal(size=(POINTS, 2))
    with rc.record_outputs(
        tmp_path / "a.h5", "a", inputs=inputs, targets=np.zeros(POINTS)
    ) as recorder:
        recorder.snapshot(0, layers={f"layer {i}": inputs * [1, i] for i in range(30)})
    spec = rc.similarity(rc.open_run(tmp_path / "a.h5"), width=200, height=200).to_dict()
    assert [layer["mark"]["type"] for layer in spec["layer"]] == ["rect"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"other": "b"}, "other must be a run from open_run. Got 'b'"),
        ({"layers": ["x"]}, "layers must be one of 'narrow', 'wide', 'dead'. Got 'x'"),
        ({"names": ("a", "b")}, "names must be two different strings, .* for one run"),
        ({"width": 0}, "width must be a positive number"),
    ],
)
def test_bad_arguments(pair: tuple[rc.Run, rc.Run], options: dict[str, Any], message: str) -> None:
    with pytest.raises(rc.ArgumentError, match=message):
        rc.similarity(pair[0], **options)


def test_other_points_and_other_epochs(pair: tuple[rc.Run, rc.Run], tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with pytest.raises(rc.ArgumentError, match="same recorded points.*12 points.* 5 with 2"):
        rc.similarity(pair[0], _record(path, "few", {0: 1}, inputs=np.zeros((5, 2))))
    with pytest.raises(rc.ArgumentError, match="their values differ"):
        pair[0].similarity(_record(path, "zeros", {0: 1}, inputs=np.zeros((POINTS, 2))))
    with pytest.raises(rc.ArgumentError, match="none in common"):
        pair[0].similarity(_record(path, "late", {70: 1}))
