"""``kill -9`` at any moment of a training loses no epoch that was reached, and no other run.

Eight trainings are killed. The variable ``REPLAYCHART_KILLS`` of the environment sets another
number, and ``REPLAYCHART_KILLS_SEED`` other moments.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from support import SUPPORT

import replaychart as rc
from replaychart.storage import reader
from replaychart.storage.reader import StoredRun

SCRIPT = SUPPORT / "killed_training.py"
KILLS = int(os.environ.get("REPLAYCHART_KILLS", "8"))
SEED = os.environ.get("REPLAYCHART_KILLS_SEED", "0")
NUMBERS = 2 * 20 + 20 + 20 + 1


@contextmanager
def _trainings(path: Path, directory: Path) -> Iterator[Iterator[int]]:
    """Give the numbers of the trainings, each when it was killed."""
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(path), str(directory), str(KILLS), SEED],
        env={**os.environ, "KERAS_BACKEND": "tensorflow"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def numbers() -> Iterator[int]:
        for line in process.stdout:
            yield int(line)
            process.stdin.write("\n")
            process.stdin.flush()

    try:
        yield numbers()
    finally:
        process.kill()
        process.communicate()


def _told(path: Path, numbers: int) -> np.ndarray:
    """Return the rows that a training told; the last may have been cut short."""
    values = np.frombuffer(path.read_bytes()[: path.stat().st_size // 8 * 8])
    return values[: len(values) // numbers * numbers].reshape(-1, numbers)


def _recorded(stored: StoredRun) -> np.ndarray:
    """Return a row of epoch and weights for each snapshot, as `_told` does."""
    weights = [np.asarray(one).reshape(len(stored.epochs), -1) for one in stored.weights()]
    return np.column_stack([stored.epochs, *weights]).astype(np.float64)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_trainings_keep_every_epoch_that_was_reached(tmp_path: Path) -> None:
    path = tmp_path / "runs.h5"
    whole: dict[str, np.ndarray] = {}
    killed_after = []
    with _trainings(path, tmp_path) as trainings:
        for number in trainings:
            name = str(number)
            names = reader.run_names(path) if path.exists() else []
            reached = tmp_path / f"{name}.epochs"
            epochs = _told(reached, 1)[:, 0] if reached.exists() else np.empty(0)
            if name in names:
                stored = reader.read_run(path, name)
                recorded = _recorded(stored)
                told = _told(tmp_path / f"{name}.weights", 1 + NUMBERS)
                np.testing.assert_array_equal(recorded, told[: len(recorded)])
                assert len(epochs) <= len(recorded) <= len(epochs) + 1
                np.testing.assert_array_equal(recorded[: len(epochs), 0], epochs)
                assert stored.state == ("interrupted" if number < KILLS else "finished")
                whole[name] = recorded
            else:
                assert not len(epochs), "killed before the first snapshot was written"
            assert sorted(names) == sorted(whole)
            for other in names:
                np.testing.assert_array_equal(_recorded(reader.read_run(path, other)), whole[other])
            killed_after.append(len(epochs))
    assert len(killed_after) == KILLS + 1
    assert len(set(killed_after)) > min(KILLS / 4, 10), "they were killed at many different moments"
    print(f"{KILLS} trainings were killed after", *killed_after[:-1], "snapshots")

    with pytest.warns(UserWarning, match="interrupted after epoch"):
        run = rc.open_run(path, max(whole, key=lambda name: len(whole[name])))
    assert np.isfinite(run.losses()).all()
    assert rc.open_run(path, str(KILLS)).epochs.tolist() == [0, 1, 2, 3]
