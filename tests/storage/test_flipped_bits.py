"""A flipped bit either raises an error or warning, or lies in unused space.

To try all bits: ``REPLAYCHART_FLIPPED_BITS=1000000 pytest tests/storage``.
"""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import pytest
from support import SUPPORT, two_runs

BITS = int(os.environ.get("REPLAYCHART_FLIPPED_BITS", "150"))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_runs.record(tmp_path_factory.mktemp("flipped") / "runs.h5")


def test_flipped_bit_is_detected_or_has_no_effect(recorded: Path, tmp_path: Path) -> None:
    bits = 8 * recorded.stat().st_size
    script = SUPPORT / "flipped_bits.py"
    step = max(1, bits // BITS)
    done = subprocess.run(
        [sys.executable, str(script), str(recorded), str(tmp_path), "0", str(bits), str(step)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout.splitlines()[-1]}\n{done.stderr}"
    outcomes = [line.split(" ", 1) for line in done.stdout.splitlines()]
    assert len(outcomes) == len(range(0, bits, step))
    assert [bit for bit, outcome in outcomes if outcome == "other"] == []
    detected = sum(outcome == "detected" for _, outcome in outcomes)
    assert detected > 0.8 * len(outcomes), "the rest is unused space"


def test_file_has_no_variable_length_strings_and_checksums_for_all_values(recorded: Path) -> None:
    def check(name: str, item: h5py.Group | h5py.Dataset) -> None:
        types = [item.attrs.get_id(attribute).dtype for attribute in item.attrs]
        if isinstance(item, h5py.Dataset):
            types.append(item.dtype)
            assert item.fletcher32 or not item.size, name
        assert all(dtype.kind in "biufS" for dtype in types), name

    with h5py.File(recorded) as file:
        file.visititems(check)
        assert len(file["model/evaluations"]) > 10
