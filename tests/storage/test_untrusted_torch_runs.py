"""What a file says of a PyTorch module or a function is not trusted."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import replaychart as rc

POINTS = 20


def _changed(path: Path, where: str, change: Callable[[Any], Any]) -> None:
    """Change a JSON string in a file."""
    with h5py.File(path, "r+") as file:
        run = file["a"]
        if where == "details":
            text = run.attrs["details"]
            values = change(json.loads(text))
            del run.attrs["details"]
            run.attrs["details"] = np.bytes_(json.dumps(values).encode())
            return
        values = change(json.loads(run[where][0]))
        del run[where]
        run[where] = np.array([json.dumps(values).encode()])


def _linear(params: Any, X: np.ndarray) -> np.ndarray:
    return X @ params["kernel"]


@pytest.fixture
def of_function(tmp_path: Path) -> Path:
    X = np.ones((POINTS, 2))
    path = tmp_path / "a.h5"
    params = {"kernel": np.ones((2, 1))}
    with rc.record_function(_linear, params, X, X[:, :1], path, "a", predicts="numbers"):
        pass
    return path


@pytest.mark.parametrize(
    "structure",
    [
        "os.system",
        {"kind": "mapping", "keys": ["a"], "parts": [{"kind": "array"}, {"kind": "array"}]},
        {"kind": "list", "parts": [{"kind": "array"}] * 2},
        {"kind": "list", "parts": []},
        {"kind": "eval"},
        [],
    ],
)
def test_a_structure_of_parameters_is_only_containers(structure: Any, of_function: Path) -> None:
    _changed(of_function, "details", lambda details: {**details, "structure": structure})
    with pytest.raises(rc.EvaluationError):
        rc.open_run(of_function, model=_linear).outputs()


@pytest.mark.parametrize(
    "loss",
    [
        {"module": "os", "class_name": "function", "config": "system"},
        {"module": "torch.nn", "class_name": "Tensor", "config": {}},
        {"module": "torch.nn", "class_name": "F", "config": {}},
        {"module": "torch.nn", "class_name": "MSELoss", "config": {"no": 1}},
        {"module": "torch.nn", "class_name": "CrossEntropyLoss", "config": {"weight": ["a"]}},
        {
            "module": "torch.nn.functional",
            "class_name": "function",
            "config": "handle_torch_function",
        },
        {"module": "torch.nn"},
        "mse",
        ["mse"],
    ],
)
def test_only_losses_of_pytorch_are_rebuilt(loss: Any, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: see CONTRIBUTING.md")
    module, X, path = torch.nn.Linear(2, 1), np.ones((POINTS, 2)), tmp_path / "a.h5"
    with rc.TorchRecorder(module, X, X[:, :1], path, "a", loss=torch.nn.MSELoss()):
        pass
    _changed(path, "model/compile_config", lambda config: {**config, "loss": loss})
    with pytest.raises(rc.EvaluationError, match="is not one of PyTorch's. Pass it to open_run"):
        rc.open_run(path, model=module).losses()


@pytest.mark.parametrize(
    ("key", "value"),
    [("framework", 3), ("state_names", "weight"), ("state_names", [3]), ("state_names", 3)],
)
def test_details_of_another_type_are_damage(key: str, value: Any, of_function: Path) -> None:
    _changed(of_function, "details", lambda details: {**details, key: value})
    with pytest.raises(rc.RunFileError, match=key):
        rc.open_run(of_function)


def test_an_unknown_framework_is_refused(of_function: Path) -> None:
    _changed(of_function, "details", lambda details: {**details, "framework": "other"})
    with pytest.raises(rc.EvaluationError, match="recorded with 'other', which this version"):
        rc.open_run(of_function).outputs()
