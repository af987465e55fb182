"""The recording that comes with the package can be made again."""

import subprocess
import sys
from pathlib import Path

import numpy as np

import replaychart as rc
from replaychart import demonstration

# Opens and draws without Keras, which a run with stored evaluations does not need.
_WITHOUT_KERAS = """
import sys
sys.modules["keras"] = sys.modules["tensorflow"] = None
import replaychart as rc
from replaychart.charts.dashboard import dashboard
dashboard(rc.open_run(sys.argv[1])).to_dict()
"""


def test_recording_begins_like_the_shipped_one(tmp_path: Path, shipped: rc.Run) -> None:
    path = tmp_path / "parabola.h5"
    path.write_text("what was there before")
    demonstration.record(path, epochs=3)
    run = rc.open_run(path)
    assert run.epochs.tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(run.inputs, shipped.inputs)
    expected = shipped.probabilities(epochs=range(4))
    np.testing.assert_allclose(run.probabilities(), expected, atol=1e-4)
    drawn = subprocess.run(
        [sys.executable, "-c", _WITHOUT_KERAS, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert drawn.returncode == 0, drawn.stderr


def test_file_must_be_given() -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "replaychart.demonstration"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert "usage: python -m replaychart.demonstration FILE" in refused.stderr
