"""`store_all`: what it stores, skips and reports."""

import hashlib
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import joblib
import keras
import numpy as np
import pandas as pd
import pytest
from support.training import dense, small_model, train

import replaychart as rc
from replaychart.storage.reader import read_run

_EVALUATED = ("gradients", "activations", "pre_activations")


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


def test_epochs_of_one_run_are_spread_over_workers(sweep: Path, tmp_path: Path) -> None:
    alone = Path(shutil.copy(sweep, tmp_path / "alone.h5"))
    run = rc.open_run(alone, "2 units")
    run.store()
    spread = rc.open_run(sweep, "2 units")
    with joblib.parallel_config("threading", n_jobs=2):
        frames = {kind: spread.distributions(kind, summary=True) for kind in _EVALUATED}
        spread = rc.open_run(sweep, "2 units")
        spread.store()
    _assert_same(_evaluations(sweep, "2 units"), _evaluations(alone, "2 units"))
    for kind, frame in frames.items():
        pd.testing.assert_frame_equal(frame, run.distributions(kind, summary=True))


def test_workers_leave_errors_to_the_process_that_asks(sweep: Path) -> None:
    run = rc.open_run(sweep, "3 units")
    with h5py.File(sweep, "r+") as file:
        del file["3 units/weights"]
    with (
        joblib.parallel_config("threading", n_jobs=2),
        pytest.raises(rc.RunFileError, match="The weights of run '3 units'"),
    ):
        run.store()


@pytest.mark.thorough
def test_epochs_of_several_outputs_and_of_validation_points_are_spread(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((2,))
    hidden = dense(2, "tanh", "hidden")(inputs)
    outputs = [dense(1, "sigmoid", "kind")(hidden), dense(1, "linear", "size")(hidden)]
    model = keras.Model(inputs, outputs)
    model.compile("adam", loss=["binary_crossentropy", "mse"], metrics=[["accuracy"], ["mae"]])
    X, kind = rc.datasets.parabola(30)
    y = [kind, X[:, 0]]
    path, other = tmp_path / "alone.h5", tmp_path / "spread.h5"
    recorder = rc.Recorder(X, y, path, "both", validation=(X[:9], [one[:9] for one in y]))
    model.fit(X, y, epochs=3, verbose=0, callbacks=[recorder])
    shutil.copy(path, other)
    rc.open_run(path).store()
    with joblib.parallel_config("threading", n_jobs=3):
        rc.open_run(other).store()
        of_validation = rc.open_run(other).output("kind").validation
        assert of_validation is not None
        found = of_validation.distributions("activations", summary=True)
    _assert_same(_evaluations(other, "both"), _evaluations(path, "both"))
    of_validation = rc.open_run(path).output("kind").validation
    assert of_validation is not None
    expected = of_validation.distributions("activations", summary=True)
    pd.testing.assert_frame_equal(found, expected)


_KILLED = """
import os, signal, sys, threading
from pathlib import Path
import replaychart as rc
from replaychart.storing import storing
path = Path(sys.argv[1])
for one in storing(path, rc.list_runs(path)):
    # While the next run is evaluated.
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGKILL)).start()
"""


@pytest.mark.thorough
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_after_a_kill_the_rest_is_stored(sweep: Path, tmp_path: Path) -> None:
    whole = Path(shutil.copy(sweep, tmp_path / "whole.h5"))
    rc.store_all(whole)
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(sweep)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert rc.store_all(sweep)["outcome"].tolist() == ["already stored", "stored", "stored"]
    for name in rc.list_runs(sweep):
        _assert_same(_evaluations(sweep, name), _evaluations(whole, name))


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"model": 5}, "model must be a Keras model, .* Got 5"),
        ({"custom_objects": 5}, "custom_objects must map names to layers, .* Got 5"),
        ({"progress": "x"}, "progress must be True or False. Got 'x'"),
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
        rc.open_run(sweep, "4 units").store()
        run = rc.open_run(sweep, "2 units")
        frames = {kind: run.distributions(kind, summary=True) for kind in _EVALUATED}
        outcomes = rc.store_all(sweep)["outcome"].tolist()
    assert outcomes == ["stored", "stored", "already stored"]
    for kind, frame in frames.items():
        pd.testing.assert_frame_equal(
            frame, rc.open_run(alone, "2 units").distributions(kind, summary=True)
        )
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
        run = rc.open_run(sweep, "2 units")
        frames = {kind: run.distributions(kind, summary=True) for kind in _EVALUATED}
        rc.open_run(sweep, "4 units").store()
        outcomes = rc.store_all(sweep)["outcome"].tolist()
        found = rc.open_run(sweep, "3 units").loss_plane(resolution=7)
    assert outcomes == ["stored", "stored", "already stored"]
    for kind, frame in frames.items():
        pd.testing.assert_frame_equal(
            frame, rc.open_run(alone, "2 units").distributions(kind, summary=True)
        )
    for name in rc.list_runs(sweep):
        _assert_same(_evaluations(sweep, name), _evaluations(alone, name))
    np.testing.assert_array_equal(found["loss"], expected["loss"])
