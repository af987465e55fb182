"""Recording and replaying under the other backends of Keras 3, each in a process of its own."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import SUPPORT

SCRIPT = SUPPORT / "backends_training.py"


@pytest.mark.parametrize("backend", ["torch", pytest.param("jax", marks=pytest.mark.thorough)])
def test_numbers_are_those_of_keras(backend: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed: see CONTRIBUTING.md")
    finished = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path)],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert finished.stdout.endswith(f"{backend} passed\n"), finished.stderr
