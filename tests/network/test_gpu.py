"""What a GPU evaluates is what the CPU evaluates."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from support.training import dense, small_model, train

import replaychart as rc

pytestmark = pytest.mark.gpu

# Saves what is evaluated, and prints the device on which Keras computes.
_EVALUATING = """
import sys, keras, numpy as np, replaychart as rc
run = rc.open_run(sys.argv[1])
np.savez(
    sys.argv[2],
    outputs=run.coordinates("hidden"),
    probabilities=run.probabilities(),
    losses=run.losses(),
    gradients=run.distributions("gradients")["value"],
    surface=run.surface("hidden")["level"],
)
assert run.verified
print(keras.ops.ones(1).device)
"""
_NO_GPU = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
# By default, GPUs may round the factors of matrix products to 10 bits (TensorFloat-32).
_WHOLE_NUMBERS = {"NVIDIA_TF32_OVERRIDE": "0"}


def _has_gpu() -> bool:
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow

        return bool(tensorflow.config.list_physical_devices("GPU"))
    if backend == "jax":
        import jax

        return any(device.platform != "cpu" for device in jax.devices())
    import torch

    return bool(torch.cuda.is_available())


def _evaluated(recording: Path, to: Path, environment: dict[str, str]) -> str:
    """Evaluate a recording in another process, and return the device."""
    command = [sys.executable, "-c", _EVALUATING, str(recording), str(to)]
    own = {**os.environ, "KERAS_BACKEND": keras.backend.backend(), **environment}
    result = subprocess.run(command, check=True, capture_output=True, text=True, env=own)
    return result.stdout.split()[-1].lower()


def test_a_gpu_evaluates_what_the_cpu_does(tmp_path: Path) -> None:
    if not _has_gpu():
        pytest.skip(f"Keras' backend, {keras.backend.backend()}, has no GPU here")
    keras.utils.set_random_seed(0)
    X, y = rc.datasets.parabola(200)
    model = small_model(
        dense(16, "tanh", "wide"), dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output")
    )
    recording = train(tmp_path / "a.h5", "a", model, X, y, epochs=3).path
    here, there = tmp_path / "gpu.npz", tmp_path / "cpu.npz"
    assert "cpu" not in _evaluated(recording, here, _WHOLE_NUMBERS)
    assert "cpu" in _evaluated(recording, there, _NO_GPU)
    with np.load(here) as found, np.load(there) as expected:
        for name in expected:
            np.testing.assert_allclose(found[name], expected[name], atol=1e-5, err_msg=name)
