"""A damaged file raises a `ReplayChartError`, or what is still intact is read.

To run more of the random damage:
``REPLAYCHART_DAMAGED_FILES=1000 pytest -k random_damage``.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from support import SUPPORT, two_runs
from support.deepreplay_files import sequential_config
from support.deepreplay_files import train as record_old
from support.training import dense, small_model

import replaychart as rc
from replaychart.storage import layout
from replaychart.storage.hdf5 import fixed_texts
from replaychart.storage.hdf5.checked import Attributes

RANDOM = int(os.environ.get("REPLAYCHART_DAMAGED_FILES", "40"))
TOGETHER = 40


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_runs.record(tmp_path_factory.mktemp("damaged") / "runs.h5")


def _outcomes(path: Path, directory: Path, first: int, last: int) -> tuple[list[str], str | None]:
    """Return the outcome for each damaged file, and what killed the process if anything did."""
    script = SUPPORT / "damaged_runs.py"
    command = [sys.executable, str(script), str(path), str(directory), str(first), str(last)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    if done.returncode == 0:
        return lines, None
    if done.returncode > 0:
        pytest.fail(done.stderr)
    return lines, f"file {lines[-1]}: {signal.Signals(-done.returncode).name}\n{done.stderr}"


def test_random_damage_raises_only_own_errors(recorded: Path, tmp_path: Path) -> None:
    bare, ended, number = [], [], 0
    while number < RANDOM:
        last = min(number + TOGETHER, RANDOM)
        lines, end = _outcomes(recorded, tmp_path, number, last)
        bare += [line.replace("\\n", "\n") for line in lines if " BARE " in line]
        if end is not None:
            ended.append(end)
            last = int(lines[-1].split()[0]) + 1
        number = last
    assert not bare + ended, "\n".join(bare + ended)


def test_empty_file_contains_no_run(tmp_path: Path) -> None:
    # A first write that is killed before it writes anything leaves an empty file.
    (tmp_path / "empty.h5").touch()
    assert rc.list_runs(tmp_path / "empty.h5") == []
    with pytest.raises(rc.RunFileError, match="contains no run"):
        rc.open_run(tmp_path / "empty.h5")


@pytest.mark.parametrize("percent", range(1, 100, 7))
def test_truncated_file_raises(percent: int, recorded: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.h5"
    content = recorded.read_bytes()
    path.write_bytes(content[: len(content) * percent // 100])
    with pytest.raises(rc.RunFileError, match="cut.h5"):
        rc.list_runs(path)


def _without(part: str) -> Callable[[h5py.Group], None]:
    def change(run: h5py.Group) -> None:
        del run[part]

    return change


def _with(part: str, value: Any) -> Callable[[h5py.Group], None]:
    def change(run: h5py.Group) -> None:
        if isinstance(value, str):
            fixed_texts.write(run, part, value)
        else:
            del run[part]
            run[part] = value

    return change


def _attribute(name: str, value: Any) -> Callable[[h5py.Group], None]:
    def change(run: h5py.Group) -> None:
        if isinstance(value, str):
            fixed_texts.set_attribute(run, name, value)
        else:
            run.attrs[name] = value

    return change


DAMAGED: dict[str, Callable[[h5py.Group], None]] = {
    **{
        f"no {part}": _without(part)
        for part in (
            *("inputs", "targets", "epochs", "scalars", "log_names", "weights", "model"),
            *("weights/float32", "model/architecture", "model/compile_config", "model/layers"),
            "model/variables",
        )
    },
    "inputs are strings": _with("inputs", ["a", "b"]),
    "inputs are one number": _with("inputs", 3.0),
    "inputs are none": _with("inputs", np.zeros((0, 2))),
    "inputs are not finite": _with("inputs", np.full((30, 2), np.nan)),
    "targets are fewer": _with("targets", np.zeros(29)),
    "inputs are a group": lambda run: (_without("inputs")(run), run.create_group("inputs"))[0],
    "epochs do not rise": _with("epochs", [0.0, 2.0, 1.0]),
    "epochs are not finite": _with("epochs", [0.0, 1.0, np.nan]),
    "epochs are negative": _with("epochs", [-1.0, 0.0, 1.0]),
    "epochs are more": _with("epochs", np.arange(9.0)),
    "epochs are none": _with("epochs", np.zeros(0)),
    "scalars are flat": _with("scalars", np.zeros(3)),
    "log names are numbers": _with("log_names", np.zeros(2)),
    "weights are narrower": _with("weights/float32", np.zeros((3, 8), "f4")),
    "weights are fewer": _with("weights/float32", np.zeros((2, 9), "f4")),
    "weights are of another dtype": _with("weights/float32", np.zeros((3, 9), "f8")),
    "architecture is no JSON": _with("model/architecture", "{"),
    "architecture is a list": _with("model/architecture", "[1]"),
    "architecture is nested deeply": _with("model/architecture", "[" * 100_000),
    "architecture is numbers": _with("model/architecture", np.zeros(3)),
    "architecture is bytes": _with("model/architecture", np.bytes_(b"\xff\xfe")),
    "architecture is a variable-length string": lambda run: (
        _without("model/architecture")(run),
        run.create_dataset("model/architecture", data=["null"], dtype=h5py.string_dtype()),
    )[0],
    "layers are an object": _with("model/layers", "{}"),
    "layers are numbers": _with("model/layers", "[1, 2]"),
    "layers have no names": _with("model/layers", '[{"kind": "Dense", "output_shape": [2]}]'),
    "layers have no variables": _with(
        "model/layers",
        '[{"name": "a", "kind": "b", "output_shape": null, "variables": [{"name": "k", '
        '"position": 99}]}]',
    ),
    "variables are of negative shape": _with(
        "model/variables", '[{"layer": "a", "shape": [-1], "dtype": "float32"}]'
    ),
    "variables are of no dtype": _with(
        "model/variables", '[{"layer": "a", "shape": [9], "dtype": "nothing"}]'
    ),
    "no details": lambda run: run.attrs.pop("details"),
    "details are a variable-length string": lambda run: run.attrs.create("details", "{}"),
    "details are no JSON": _attribute("details", "{"),
    "details are a list": _attribute("details", "[]"),
    "details are numbers": _attribute("details", np.zeros(3)),
    "names are numbers": _attribute("details", '{"class_names": [1, 2]}'),
    "metrics are a list": _attribute("details", '{"metrics": ["acc"]}'),
    "steps are a string": _attribute("details", '{"steps_per_epoch": "1; warn(1)"}'),
    "run id is a number": _attribute("run_id", 3),
    "layout is a string": _attribute("replaychart_layout", "2"),
    "layout is a fraction": _attribute("replaychart_layout", 2.5),
    "layout is negative": _attribute("replaychart_layout", -1),
    "layout is many": _attribute("replaychart_layout", [1, 2]),
    "layout is true": _attribute("replaychart_layout", True),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_run_raises_and_hides_no_other(name: str, recorded: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.h5"
    shutil.copy(recorded, path)
    with h5py.File(path, "a") as file:
        DAMAGED[name](file["model"])
    assert rc.list_runs(path) == ["model", "outputs"]
    with pytest.raises(rc.RunFileError, match=r"Run 'model' of .*damaged.h5' is damaged: \S"):
        rc.open_run(path, "model")
    assert rc.open_run(path, "outputs").losses().shape == (3, 30)


@pytest.mark.parametrize("version", [layout.LAYOUT_VERSION + 1, 99, 10**9])
@pytest.mark.parametrize(
    ("writer", "named"),
    [(np.bytes_("9.9"), r"replaychart 9\.9"), ("9.9", "a later version"), (3.0, "replaychart 3.0")],
)
def test_newer_layout_is_refused_whatever_else_it_changes(
    writer: Any, named: str, version: int, recorded: Path, tmp_path: Path
) -> None:
    path = tmp_path / "newer.h5"
    shutil.copy(recorded, path)
    with h5py.File(path, "a") as file:
        file["model"].attrs["replaychart_layout"] = version
        file["model"].attrs["replaychart_version"] = writer
        del file["model/inputs"], file["model/epochs"]
    with pytest.raises(rc.RunFileError, match=rf"layout version {version}; .* by {named}: upgrade"):
        rc.open_run(path, "model")


@pytest.mark.parametrize("version", range(layout.LAYOUT_VERSION))
@pytest.mark.parametrize(
    ("writer", "named"),
    [(np.bytes_("0.0.3"), r"replaychart 0\.0\.3"), ("0.0.3", "an earlier version")],
)
def test_older_layout_is_refused(
    writer: Any, named: str, version: int, recorded: Path, tmp_path: Path
) -> None:
    path = tmp_path / "older.h5"
    shutil.copy(recorded, path)
    with h5py.File(path, "a") as file:
        file["model"].attrs["replaychart_layout"] = version
        file["model"].attrs["replaychart_version"] = writer
    message = (
        rf"Run 'model' of .*older.h5' has layout version {version}; this version of replaychart "
        rf"reads layout version 4. It was written by {named}: record it again."
    )
    assert rc.list_runs(path) == ["model", "outputs"]
    with pytest.raises(rc.RunFileError, match=message):
        rc.open_run(path, "model")
    assert rc.open_run(path, "outputs").losses().shape == (3, 30)


OUTPUTS: dict[str, Callable[[h5py.Group], None]] = {
    "none": _without("outputs"),
    "fewer epochs": _with("outputs/0", np.zeros((2, 30, 2))),
    "fewer points": _with("outputs/0", np.zeros((3, 29, 2))),
    "no key": lambda run: run["outputs/0"].attrs.pop("key"),
    "key is no JSON": lambda run: fixed_texts.set_attribute(run["outputs/0"], "key", "losses"),
    "strings": _with("outputs/1", ["a"] * 3),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_damaged_outputs_raise(name: str, recorded: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.h5"
    shutil.copy(recorded, path)
    with h5py.File(path, "a") as file:
        OUTPUTS[name](file["outputs"])
    with pytest.raises(rc.RunFileError, match="Run 'outputs' of .* is damaged"):
        rc.open_run(path, "outputs")
    assert rc.open_run(path, "model").losses().shape == (3, 30)


@pytest.mark.parametrize(
    "change",
    [
        lambda values, key: fixed_texts.set_attribute(values, "key", key[:-1]),
        lambda values, _: [values.__delitem__(part) for part in list(values)],
        lambda values, _: [_with(part, np.zeros((1, 1)))(values) for part in list(values)],
        lambda values, _: [_with(part, "text")(values) for part in list(values)],
        lambda values, _: [_with(part, values[part][()] > 0)(values) for part in list(values)],
    ],
)
def test_damaged_evaluation_is_skipped_and_computed_again(
    change: Callable[[h5py.Group, str], Any], recorded: Path, tmp_path: Path
) -> None:
    path = tmp_path / "damaged.h5"
    shutil.copy(recorded, path)
    with h5py.File(path, "a") as file:
        for values in file["model/evaluations"].values():
            key = Attributes(values)["key"]
            if json.loads(key)["quantity"] == "losses":
                change(values, key)
    run = rc.open_run(path, "model")
    with pytest.warns(UserWarning, match="Skipped 1 unreadable evaluation of .*Run.store"):
        losses = run.losses()
    expected = rc.open_run(recorded, "model").losses()
    np.testing.assert_allclose(losses, expected, rtol=0, atol=1e-6)
    run.store()
    np.testing.assert_array_equal(rc.open_run(path, "model").losses(), losses)


@pytest.mark.parametrize(
    ("part", "dtype"), [("quantiles", bool), ("density", int), ("count", "f4")]
)
def test_distribution_of_other_values_is_skipped(
    part: str, dtype: Any, recorded: Path, tmp_path: Path
) -> None:
    path = tmp_path / "damaged.h5"
    shutil.copy(recorded, path)
    with h5py.File(path, "a") as file:
        for values in file["model/evaluations"].values():
            if json.loads(Attributes(values)["key"])["quantity"] == "distribution":
                _with(part, np.ones_like(values[part][()], dtype))(values)
    run = rc.open_run(path, "model")
    with pytest.warns(
        UserWarning,
        match="unreadable evaluations of .*: the arrays do not fit together: distributions of",
    ):
        chart = rc.gradients(run).to_dict()
    assert chart == rc.gradients(rc.open_run(recorded, "model")).to_dict()


@pytest.mark.parametrize("percent", range(5, 100, 10))
def test_truncated_files_of_deepreplay_raise(percent: int, tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(8)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    config = sequential_config(model)
    column = y[:, None].astype(np.float64)
    old = record_old(tmp_path / "old.h5", "old", model, X, column, model_config=config)
    for path in (old.path, old.model_file):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) * percent // 100])
        with pytest.raises(rc.ReplayChartError, match=path.name):
            rc.open_run(old.path)
        path.write_bytes(content)
    assert rc.open_run(old.path).epochs[0] == 0
