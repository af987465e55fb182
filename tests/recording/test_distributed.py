"""Distributed trainings: read once, written once, by one process."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import SUPPORT

import replaychart as rc
from replaychart.recording.distribution import is_chief

SCRIPT = SUPPORT / "distributed_training.py"


def _started(kind: str, directory: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), kind, str(directory)],
        env={**os.environ, "KERAS_BACKEND": "tensorflow", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _finished(process: subprocess.Popen[str], kind: str) -> None:
    try:
        output, _ = process.communicate(timeout=240)
    finally:
        process.kill()
    assert output.endswith(f"{kind} passed\n"), output


def test_two_replicas_are_one_recording(tmp_path: Path) -> None:
    _finished(_started("mirrored", tmp_path), "mirrored")


@pytest.mark.thorough
def test_of_two_workers_the_chief_writes(tmp_path: Path) -> None:
    ports = []
    for _ in range(2):
        with socket.socket() as free:
            free.bind(("localhost", 0))
            ports.append(free.getsockname()[1])
    cluster = {"worker": [f"localhost:{port}" for port in ports]}
    workers = [
        _started("worker", tmp_path, TF_CONFIG=json.dumps({"cluster": cluster, "task": task}))
        for task in ({"type": "worker", "index": 0}, {"type": "worker", "index": 1})
    ]
    for process in workers:
        _finished(process, "worker")
    run = rc.open_run(tmp_path / "runs.h5")
    assert run.epochs.tolist() == [0, 1, 2]
    trained = [np.load(tmp_path / f"worker-{index}.npz") for index in (0, 1)]
    recorded = run.distributions("weights", layers=["hidden"], epochs=2)["value"].to_numpy()
    for weights in trained:
        np.testing.assert_array_equal(np.sort(recorded), np.sort(weights["arr_0"].ravel()))


@pytest.mark.parametrize(
    ("config", "chief"),
    [
        ("", True),
        ("not JSON", True),
        ({"cluster": {}, "task": {}}, True),
        ({"cluster": {"worker": ["a", "b"]}, "task": {"type": "worker", "index": 0}}, True),
        ({"cluster": {"worker": ["a", "b"]}, "task": {"type": "worker", "index": 1}}, False),
        ({"cluster": {"chief": ["a"]}, "task": {"type": "chief", "index": 0}}, True),
        (
            {"cluster": {"chief": ["a"], "worker": ["b"]}, "task": {"type": "worker", "index": 0}},
            False,
        ),
        ({"cluster": {"ps": ["a"]}, "task": {"type": "ps", "index": 0}}, False),
    ],
)
def test_chief_is_told_by_the_environment(
    config: object, chief: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_CONFIG", config if isinstance(config, str) else json.dumps(config))
    assert is_chief() is chief
