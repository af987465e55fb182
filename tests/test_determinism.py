"""The same recording gives the same bytes: in every process, in any order, stored or not."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import SUPPORT
from support.determinism_process import BUILDERS, RECORDINGS, SUFFIXES
from support.training import Training

import replaychart as rc


def _started(
    recordings: Path, results: Path, *arguments: str, hash_seed: int
) -> subprocess.Popen[str]:
    results.mkdir()
    script = SUPPORT / "determinism_process.py"
    return subprocess.Popen(
        [sys.executable, str(script), str(recordings), str(results), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
    )


@pytest.fixture(scope="module")
def digests(
    parabola: Training,
    three: Training,
    regression: Training,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, str], dict[str, str]]:
    """What two processes made: one evaluated the recordings itself, the other has no Keras."""
    directory = tmp_path_factory.mktemp("determinism")
    (directory / "stored").mkdir()
    for training in (parabola, three, regression):
        shutil.copy(training.path, directory)
        shutil.copy(training.path, directory / "stored")
        rc.open_run(directory / "stored" / training.path.name).store()
    processes = [
        _started(directory, directory / "first", "forwards", hash_seed=1),
        _started(
            directory / "stored", directory / "other", "backwards", "without-keras", hash_seed=2
        ),
    ]
    for process in processes:
        told, _ = process.communicate(timeout=300)
        assert process.returncode == 0, told
    first, other = (
        json.loads((directory / name / "digests.json").read_text()) for name in ("first", "other")
    )
    return first, other


def _made(digests: dict[str, str]) -> set[str]:
    return {name for name, digest in digests.items() if not digest.endswith("Error")}


def test_every_chart_was_built(digests: tuple[dict[str, str], dict[str, str]]) -> None:
    first, other = map(_made, digests)
    assert {name.split()[1] for name in first if "." not in name} == {*BUILDERS, "dashboard"}
    without = {f"{recording} residual_histogram" for recording in ("parabola", "three")}
    of_classes = ("probability_histogram", "class_accuracy", "roc", "confusion", "calibration")
    without |= {f"regression {name}" for name in (*of_classes, "data_map")}
    without |= {
        "parabola tour",
        "three tour",
    }  # They have no hidden layer with more than two units.
    built = {f"{recording} {name}" for recording in RECORDINGS for name in BUILDERS}
    assert built - first == without
    # What a projection shows of a wide layer is not stored, nor are the tiles of units, the loss
    # over a plane of weights, and the outputs of layers that do not have two units.
    not_stored = {
        f"{recording} {name}"
        for recording in RECORDINGS
        for name in ("unit_maps", "network_diagram", "loss_landscape", "similarity")
    }
    wide = {
        "regression feature_space",
        "regression probe",
        "regression layer_morph",
        "regression tour",
        "three layer_morph",
    }
    assert first - other <= wide | not_stored


def test_specs_are_the_same(digests: tuple[dict[str, str], dict[str, str]]) -> None:
    first, other = digests
    names = [name for name in _made(first) & _made(other) if "." not in name]
    assert len(names) > 25
    assert [name for name in names if first[name] != other[name]] == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_are_the_same(suffix: str, digests: tuple[dict[str, str], dict[str, str]]) -> None:
    first, other = digests
    saved = [name for name in first if name.endswith(f".{suffix}")]
    assert len(saved) == 2
    assert [name for name in saved if first[name] != other[name]] == []
