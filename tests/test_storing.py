"""`store_all`: what it stores, skips and reports."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import joblib
import keras
import numpy as np
import pytest
from support.training import dense, small_model, train

import replaychart as rc
from replaychart.storage.reader import read_run


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs of different widths."""
    path = tmp_path_factory.mktemp("sweep") / "sweep.h5"
    X, y = rc.datasets.parabola(30)
    for units in (2, 3, 4):
        keras.utils.set_random_seed(units)
        model = small_model(dense(units, "tanh", "hidden"), dense(1, "sigmoid", "output"))
        train(path, f"{units} units", model, X, y, epochs=2)
    return path


@pytest.fixture
def sweep(recorded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(recorded, tmp_path / "sweep.h5"))


def _evaluations(path: Path, name: str) -> dict[str, dict[str, np.ndarray]]:
    return read_run(path, name).evaluations()


def _assert_same(
    found: dict[str, dict[str, np.ndarray]], expected: dict[str, dict[str, np.ndarray]]
) -> None:
    assert set(found) == set(expected)
    for key, arrays in expected.items():
        for part, values in arrays.items():
            np.testing.assert_array_equal(found[key][part], values)


def test_every_run_is_stored_as_store_does(sweep: Path, tmp_path: Path) -> None:
    one_by_one = Path(shutil.copy(sweep, tmp_path / "one_by_one.h5"))
    table = rc.store_all(sweep, progress=False)
    assert table["run"].tolist() == rc.list_runs(sweep)
    assert table["outcome"].tolist() == ["stored"] * 3
    assert table["error"].tolist() == [""] * 3
    for name in rc.list_runs(sweep):
        rc.open_run(one_by_one, name).store()
        _assert_same(_evaluations(sweep, name), _evaluations(one_by_one, name))


def test_what_is_stored_is_skipped_without_keras(sweep: Path) -> None:
    first, *others = rc.list_runs(sweep)
    rc.open_run(sweep, first).store()
    assert rc.store_all(sweep)["outcome"].tolist() == ["already stored", *["stored"] * len(others)]
    before = hashlib.sha256(sweep.read_bytes()).hexdigest()
    code = (
        "import sys; sys.modules['keras'] = None\n"
        "import replaychart as rc\n"
        "print(set(rc.store_all(sys.argv[1])['outcome']))"
    )
    command = [sys.executable, "-c", code, str(sweep)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    assert result.stdout.strip() == "{'already stored'}"
    assert hashlib.sha256(sweep.read_bytes()).hexdigest() == before, "nothing was written"


def test_more_layers_are_added_to_what_is_stored(sweep: Path) -> None:
    rc.store_all(sweep)
    assert set(rc.store_all(sweep, layers=["hidden"])["outcome"]) == {"stored", "already stored"}
    assert rc.store_all(sweep, layers=["hidden"])["outcome"].tolist() == ["already stored"] * 3


def test_a_run_that_fails_is_named_and_does_not_stop_the_others(sweep: Path) -> None:
    with h5py.File(sweep, "r+") as file:
        del file["3 units/weights"]
    with pytest.warns(UserWarning, match=r"1 of 3 runs of .*sweep.h5.* '3 units': .*weights"):
        table = rc.store_all(sweep).set_index("run")
    assert table["outcome"].to_dict() == {
        "2 units": "stored",
        "3 units": "failed",
        "4 units": "stored",
    }
    assert "weights" in table["error"]["3 units"]
    with pytest.warns(UserWarning, match="3 of 3 runs"):
        table = rc.store_all(sweep, layers=["missing"])
    assert table["error"].str.contains("layers must be one of|weights").all()


def test_a_file_without_runs(tmp_path: Path) -> None:
    with pytest.raises(rc.RunFileError, match="There is no file"):
        rc.store_all(tmp_path / "missing.h5")
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    with pytest.raises(rc.RunFileError, match="contains no ReplayChart run"):
        rc.store_all(tmp_path / "empty.h5")


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"model": 5}, "model must be a Keras model, .* Got 5"),
        ({"custom_objects": 5}, "custom_objects must map names to layers, .* Got 5"),
    ],
)
def test_wrong_arguments_are_no_failures_of_runs(
    wrong: dict[str, Any], message: str, sweep: Path
) -> None:
    with pytest.raises(rc.ArgumentError, match=message):
        rc.store_all(sweep, **wrong)


def test_workers_of_joblib_store_the_same(sweep: Path, tmp_path: Path) -> None:
    alone = Path(shutil.copy(sweep, tmp_path / "alone.h5"))
    rc.store_all(alone)
    with joblib.parallel_config(n_jobs=2):
        assert rc.store_all(sweep)["outcome"].tolist() == ["stored"] * 3
    for name in rc.list_runs(sweep):
        _assert_same(_evaluations(sweep, name), _evaluations(alone, name))


@pytest.mark.thorough
def test_a_cluster_of_dask_stores_the_same(sweep: Path, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    alone = Path(shutil.copy(sweep, tmp_path / "alone.h5"))
    rc.store_all(alone)
    run = rc.open_run(alone, "3 units")
    expected = run.loss_plane(resolution=7)
    with (
        distributed.Client(n_workers=2, threads_per_worker=1, dashboard_address=None),
        joblib.parallel_config(backend="dask"),
    ):
        assert rc.store_all(sweep)["outcome"].tolist() == ["stored"] * 3
        found = rc.open_run(sweep, "3 units").loss_plane(resolution=7)
    for name in rc.list_runs(sweep):
        _assert_same(_evaluations(sweep, name), _evaluations(alone, name))
    np.testing.assert_array_equal(found["loss"], expected["loss"])
