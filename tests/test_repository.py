"""What is tracked: nothing large, except what the package needs."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MOST_BYTES = 1_000_000
LARGE = {"replaychart/recordings/parabola.h5"}


def _tracked_files() -> list[str]:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("this is not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip(f"git cannot list the files: {listed.stderr.strip()}")
    return [name for name in listed.stdout.split("\0") if name]


def test_no_tracked_file_is_large() -> None:
    tracked = _tracked_files()
    assert "README.md" in tracked
    # One that was deleted and not yet committed has no size.
    paths = {name: ROOT / name for name in tracked if (ROOT / name).is_file()}
    large = {name for name, path in paths.items() if path.stat().st_size > MOST_BYTES}
    assert large == LARGE
