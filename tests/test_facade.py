"""The public interface: names, imports and examples."""

import ast
import doctest
import importlib.util
import inspect
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import replaychart as rc
from replaychart import charts

PUBLIC = [name for name in rc.__all__ if name not in ("__version__", "datasets")]


def test_every_public_name_is_there_and_documented() -> None:
    for name in PUBLIC:
        assert inspect.getdoc(getattr(rc, name)), name
    assert set(PUBLIC) <= set(dir(rc))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = rc.nothing  # type: ignore[attr-defined]


def test_every_file_in_charts_is_one_public_function_of_its_name() -> None:
    files = [module.name for module in pkgutil.iter_modules(charts.__path__)]
    homes = {name: home for name, home in rc._HOMES.items() if home.startswith("charts.")}
    assert homes == {name: f"charts.{name}" for name in files}
    for name in files:
        chart = getattr(rc, name)
        assert inspect.isfunction(chart)
        assert chart.__name__ == name
        parameters = inspect.signature(chart).parameters
        assert next(iter(parameters)) in ("run", "runs")
        size = {"size"} if name == "dashboard" else {"width", "height"}
        shared = {"epochs", "epoch", "title", "max_bytes"} | size
        assert shared <= parameters.keys(), name


def test_type_checkers_are_shown_the_same_names() -> None:
    tree = ast.parse(Path(rc.__file__).read_text())
    (checked,) = (
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    imported = {
        alias.name: node.module
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    homes = {name: f"replaychart.{home}" for name, home in rc._HOMES.items()}
    assert imported == {"datasets": "replaychart", **homes}


def test_importing_imports_nothing_heavy() -> None:
    heavy = ("keras", "tensorflow", "h5py", "sklearn", "PIL", "pandas", "replaychart.charts")
    code = f"import replaychart, sys; print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_missing_keras_is_reported() -> None:
    code = "import sys; sys.modules['keras'] = None; import replaychart; replaychart.Recorder"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert "MissingDependencyError" in result.stderr
    assert "pip install 'replaychart[tensorflow]'" in result.stderr


def _modules_with_examples() -> list[str]:
    found = []
    for module in pkgutil.walk_packages(rc.__path__, "replaychart."):
        if module.name == "replaychart.__main__":
            continue
        # Read and not imported, because some need PyTorch.
        spec = importlib.util.find_spec(module.name)
        if spec is not None and ">>>" in Path(spec.origin or "").read_text(encoding="utf-8"):
            found.append(module.name)
    return found


@pytest.mark.parametrize("name", _modules_with_examples())
def test_examples_in_docstrings_run(name: str, tmp_path: Path) -> None:
    if name == "replaychart.recording.torch_recorder":
        pytest.importorskip("torch", reason="torch is not installed: see CONTRIBUTING.md")
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        if name == "replaychart.run":
            import keras

            X, y = rc.datasets.parabola(8)
            model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid")])
            model.compile(loss="binary_crossentropy")
            rc.Recorder(X, y, "runs.h5", "parabola", model=model)
        result = doctest.testmod(importlib.import_module(name))
    finally:
        os.chdir(here)
    assert result.attempted > 0
    assert result.failed == 0
