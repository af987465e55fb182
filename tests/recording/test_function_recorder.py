"""`record_function`: networks that are functions of their parameters."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import replaychart as rc

POINTS = 40


def _data() -> tuple[np.ndarray, np.ndarray]:
    X, y = rc.datasets.parabola(POINTS // 2)
    return X.astype(np.float32), y.astype(np.float32)


def _params(seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "hidden": {"kernel": rng.normal(size=(2, 2)), "bias": np.zeros(2)},
        "output": {"kernel": rng.normal(size=(2, 1)), "bias": np.zeros(1)},
    }


def apply(params: Any, X: np.ndarray) -> dict[str, np.ndarray]:
    hidden = np.tanh(X @ params["hidden"]["kernel"] + params["hidden"]["bias"])
    logits = hidden @ params["output"]["kernel"] + params["output"]["bias"]
    return {"hidden": hidden, "output": 1 / (1 + np.exp(-logits))}


def crossentropy(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    return -np.log(np.where(y == 1, p, 1 - p))


def _recorded(path: Path, **options: Any) -> list[Any]:
    """Record parameters that change in place, and return copies."""
    params, kept = _params(), [_params()]
    options = {"loss": crossentropy, "predicts": "probabilities", **options}
    with rc.record_function(apply, params, *_data(), path, "numpy", **options) as recorder:
        for epoch in range(1, 4):
            params["output"]["kernel"] += 0.5
            params["hidden"]["bias"] -= 0.1
            recorder.snapshot(params, epoch, {"loss": 1 / epoch, "learning_rate": 0.5})
            kept.append({name: dict(own) for name, own in params.items()})
            kept[-1] = {n: {k: v.copy() for k, v in own.items()} for n, own in params.items()}
        params["output"]["kernel"] += 100  # after the last snapshot
    return kept


def _open(path: Path, **options: Any) -> rc.Run:
    return rc.open_run(
        path, **{"model": apply, "custom_objects": {"crossentropy": crossentropy}, **options}
    )


def test_numbers_are_those_of_the_function(tmp_path: Path) -> None:
    kept = _recorded(tmp_path / "a.h5")
    run = _open(tmp_path / "a.h5")
    X, y = _data()
    assert run.verified
    assert (run.layers, run.classes) == (["hidden", "output"], 2)
    for snapshot, params in enumerate(kept):
        returned = apply(params, X)
        own = {name: run.coordinates(name, epochs=snapshot)[0] for name in run.layers}
        for name, values in own.items():
            np.testing.assert_allclose(values, returned[name], atol=1e-6)
        expected = crossentropy(returned["output"][:, 0], y)
        np.testing.assert_allclose(run.losses(epochs=snapshot)[0], expected, atol=1e-5)
    history = run.history()
    logged = history.query("source == 'training' and name == 'loss'")["value"].tolist()
    assert logged == [1, 1 / 2, 1 / 3]
    weights = run.distributions("weights", layers=["hidden"], epochs=2)
    assert weights["value"].tolist() == kept[2]["hidden"]["kernel"].ravel().tolist()


def test_charts_that_need_no_gradients_work(tmp_path: Path) -> None:
    _recorded(tmp_path / "a.h5")
    run = _open(tmp_path / "a.h5")
    dashboard = rc.feature_space(run, "hidden") | rc.decision_boundary(run)
    more = rc.probability_histogram(run) | rc.loss_histogram(run) | rc.loss_and_metric(run)
    assert rc.save(dashboard | more, tmp_path / "a.png", epoch=2).stat().st_size > 10_000
    assert rc.save(rc.weights(run) | rc.activations(run), tmp_path / "b.png").stat().st_size > 2_000
    assert len(run.surface("hidden", epochs=1))
    with pytest.raises(rc.EvaluationError, match="not one of JAX, so its gradients"):
        rc.gradients(run)
    with pytest.raises(rc.ArgumentError, match="there are no pre-activations"):
        rc.pre_activations(run)
    with pytest.raises(rc.EvaluationError, match="it is a function of the inputs"):
        run._network.rebuilt("outputs").outputs_by_snapshot(
            None, np.zeros((3, 2)), [0], plane_of="hidden"
        ).__next__()


WITHOUT = """
import sys
for name in ("torch", "keras", "tensorflow", "jax"):
    sys.modules[name] = None
import replaychart as rc
run = rc.open_run(sys.argv[1])
rc.save(rc.feature_space(run) | rc.decision_boundary(run) | rc.loss_histogram(run), sys.argv[2])
try:
    run.surface(resolution=7)
except rc.EvaluationError as error:
    print(error)
"""


def test_a_stored_run_charts_without_the_function(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    _recorded(path, store=True)
    finished = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(path), str(tmp_path / "a.json")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert "Pass the function (apply) to open_run as model=" in finished.stdout
    assert (tmp_path / "a.json").stat().st_size > 10_000


def test_what_is_passed_must_be_the_recorded_one(tmp_path: Path) -> None:
    _recorded(tmp_path / "a.h5")

    def other(params: Any, X: np.ndarray) -> Any:
        return {"hidden": 2 * apply(params, X)["hidden"], "output": 1 - apply(params, X)["output"]}

    run = _open(tmp_path / "a.h5", model=other)
    assert run.verified is False
    with pytest.raises(rc.EvaluationError, match="differs .* The difference begins at layer 'hidd"):
        run.outputs()
    with pytest.raises(rc.EvaluationError, match="Pass it to open_run as custom_objects="):
        _open(tmp_path / "a.h5", custom_objects=None).losses()
    with pytest.raises(rc.EvaluationError, match="params of the shapes that run 'numpy' recorded"):
        _open(tmp_path / "a.h5", model=(apply, {"a": np.zeros(3)})).outputs()
    same = _open(tmp_path / "a.h5", model=(apply, _params(5)))
    assert same.verified
    model = keras.Sequential()
    with pytest.raises(rc.ArgumentError, match="model must be a function, as run 'numpy'"):
        rc.open_run(tmp_path / "a.h5", model=model)
    with pytest.raises(rc.ArgumentError, match="cannot be restored, because run 'numpy' was"):
        same.restore(apply)  # type: ignore[arg-type]


def test_several_inputs_and_lists_of_parameters(tmp_path: Path) -> None:
    X, _ = _data()
    params = [(np.ones((2, 3)), np.zeros(3)), [np.ones((3, 2)), None]]

    def several(params: Any, X: Any) -> Any:
        (first, bias), (last, _) = params
        return {"mixed": X["a"] @ first + bias, "sum": (X["a"] @ first + X["b"]) @ last}

    given = {"a": X, "b": X[:, :1]}
    options: dict[str, Any] = {"predicts": "numbers", "if_exists": "overwrite"}
    path = tmp_path / "a.h5"
    with rc.record_function(several, params, given, X, path, "a", **options) as recorder:
        recorder.snapshot(params, 1)
    run = rc.open_run(path, model=several)
    np.testing.assert_allclose(run.outputs()[1], several(params, given)["sum"], rtol=1e-6)
    assert run.verified
    assert run.value_distributions.layers() == ["mixed", "sum"]
    assert len(rc.weights(run).to_dict()["layer"])

    def in_a_list(params: Any, X: Any) -> Any:
        return several(params, {"a": X[0], "b": X[1]})["sum"]

    with rc.record_function(in_a_list, params, [X, X[:, :1]], X, path, "a", **options):
        pass
    run = rc.open_run(path, model=in_a_list)
    np.testing.assert_allclose(run.outputs()[0], several(params, given)["sum"], rtol=1e-6)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "apply": ({"apply": "net"}, "apply must be a function of params and X. Got 'net'"),
    "params": (
        {"params": {"a": "b"}},
        "params must contain (arrays, nested in|nothing but arrays)",
    ),
    "no params": ({"params": {}}, "params must contain arrays, nested in mappings"),
    "complex": (
        {"params": {"a": 1j * np.ones(2)}},
        "real numbers. Got the dtype complex128 at 'a'",
    ),
    "features": ({"X": np.zeros((POINTS, 3))}, "It raised for 16 of the points: ValueError"),
    "one number": ({"apply": lambda _, X: X.sum()}, r"one row for each point.*Got the shape \(\)"),
    "a list": ({"apply": lambda _, X: [X]}, "one row for each point.*Got a list"),
    "nothing": ({"apply": lambda _, __: {}}, "Got an empty mapping"),
    "loss": ({"loss": "mse"}, "loss must be a function of outputs and targets. Got 'mse'"),
    "loss of three": ({"loss": lambda a, *, b: a + b}, "loss must be one for each point"),
    "predicts": ({"predicts": "classes"}, "predicts must be one of None, 'probabilities'"),
    "class names": ({"class_names": ["a"]}, "class_names must contain 2 names"),
    "every": ({"every": "2 batches"}, "every must be a number of epochs or a list"),
    "store": ({"store": 1}, "store must be True or False"),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_bad_input_is_one_error_before_training(name: str, tmp_path: Path) -> None:
    changed, message = REFUSED[name]
    X, y = _data()
    given = {"apply": apply, "params": _params(), "X": X, "y": y, "path": tmp_path / "a.h5"}
    given |= {"group": "a", "loss": crossentropy, "predicts": "probabilities", **changed}
    with pytest.raises(rc.ArgumentError, match=message):
        rc.record_function(**given)
    assert not list(tmp_path.iterdir())


def test_parameters_must_keep_their_shapes(tmp_path: Path) -> None:
    with rc.record_function(apply, _params(), *_data(), tmp_path / "a.h5", "a") as recorder:
        with pytest.raises(rc.RecordingError, match="params must keep their shapes"):
            recorder.snapshot({"hidden": np.zeros(3)}, 1)
        recorder.snapshot(_params(1), 1)
    with pytest.raises(rc.RecordingError, match="recorder of 'a' is closed"):
        recorder.snapshot(_params(1), 2)


def test_flax_haiku_equinox_and_plain_jax(tmp_path: Path) -> None:
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed: see CONTRIBUTING.md")
    finished = subprocess.run(
        [sys.executable, str(Path(__file__).parents[1] / "support/jax_training.py"), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert finished.stdout.endswith("passed\n"), finished.stderr


def test_validation_points(tmp_path: Path) -> None:
    X, y = _data()
    own = X[:15] + np.float32(0.1), y[:15]
    kept = _recorded(tmp_path / "a.h5", validation=own)
    run = _open(tmp_path / "a.h5")
    for snapshot, params in enumerate(kept):
        probability = apply(params, own[0])["output"][:, 0]
        np.testing.assert_allclose(
            run.validation.losses()[snapshot], crossentropy(probability, own[1]), rtol=1e-5
        )
    replayed = run.curves.values("val_loss", source="replay")
    np.testing.assert_allclose(replayed, run.validation.losses().mean(axis=1), rtol=1e-6)
    rc.feature_space(run).to_dict()
    with pytest.raises(rc.ArgumentError, match="validation must be a pair"):
        _recorded(tmp_path / "b.h5", validation=X)
