"""Killing a process before or during any of its writes leaves the file intact."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import SUPPORT
from support.killed_writes import NUMBERS, STORED_FIRST, STORED_LATER, description, snapshot

from replaychart.storage import reader
from replaychart.storage.destination import check_destination
from replaychart.storage.writer import RunWriter, write_evaluations

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

SCRIPT = SUPPORT / "killed_writes.py"
Found = dict[str, tuple[list[int], int]]


def _killed(path: Path, action: str, directory: Path) -> list[Path]:
    """Return copies of a file in which an action was killed, each at a later write."""
    directory.mkdir()
    arguments = [sys.executable, str(SCRIPT), str(path), action, str(directory)]
    subprocess.run(arguments, check=True, timeout=300)
    copies = sorted(directory.iterdir())
    assert len(copies) > 10
    return copies


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    path = tmp_path / "runs.h5"
    for name in ("old", "other"):
        writer = RunWriter(path, name, description())
        for epoch in range(3):
            writer.append(snapshot(epoch))
        writer.append(end="finished")
    for name in ("old", "other"):
        write_evaluations(
            reader.read_run(path, name), {STORED_FIRST: {"values": np.ones((3, 400))}}
        )
    return path


def _runs(path: Path) -> Found:
    """Return the epochs and number of points of each run, after checking all its values."""
    found = {}
    for name in reader.run_names(path):
        stored = reader.read_run(path, name)
        epochs = stored.epochs.tolist()
        points = len(stored.inputs)
        of = 5 if points == 300 else 0
        expected = [snapshot(epoch, of=of).weights[0] for epoch in epochs]
        np.testing.assert_array_equal(stored.weights()[0], expected)
        np.testing.assert_array_equal(stored.logs["loss"], epochs)
        np.testing.assert_array_equal(stored.inputs, np.full((points, 2), points))
        found[name] = (epochs, points)
    return found


def _takes_another_run(path: Path) -> None:
    """Assert that another run can be added to a file and that its other runs stay the same."""
    before = _runs(path)
    check_destination(path, "next", if_exists="error")
    RunWriter(path, "next", description()).append(snapshot(0), snapshot(1), end="finished")
    assert _runs(path) == {**before, "next": ([0, 1], 400)}


OLD = ([0, 1, 2], 400)


def test_first_run_of_a_new_file_is_complete_or_missing(tmp_path: Path) -> None:
    seen = []
    for copy in _killed(tmp_path / "none.h5", "first", tmp_path / "killed"):
        seen.append(_runs(copy))
        assert seen[-1] in ({}, {"new": ([0], 400)}), copy.name
        _takes_another_run(copy)
    assert seen[0] == {}
    assert seen[-1]


def test_new_run_is_complete_or_its_name_stays_free(recorded: Path, tmp_path: Path) -> None:
    for copy in _killed(recorded, "begin", tmp_path / "killed"):
        runs = _runs(copy)
        begun = runs.pop("new", None)
        assert begun in (None, ([0], 400)), copy.name
        assert runs == {"old": OLD, "other": OLD}, copy.name
        if begun is None:
            check_destination(copy, "new", if_exists="error")
        _takes_another_run(copy)


@pytest.mark.thorough
def test_run_that_grows_keeps_every_epoch_that_was_written(recorded: Path, tmp_path: Path) -> None:
    seen = []
    for copy in _killed(recorded, "append", tmp_path / "killed"):
        epochs, points = _runs(copy)["old"]
        assert epochs == list(range(len(epochs))), copy.name
        assert points == 400
        assert _runs(copy)["other"] == OLD, copy.name
        evaluations = reader.read_run(copy, "other").evaluations()
        np.testing.assert_array_equal(evaluations[STORED_FIRST]["values"], np.ones((3, 400)))
        # A kill within the write of a page only moves the end of what was written before.
        seen.append(len(epochs))
        _takes_another_run(copy)
    assert seen == sorted(seen)
    assert set(seen) == {3, 4, 5, 6}


@pytest.mark.thorough
def test_run_that_is_overwritten_is_the_old_one_or_the_new_one(
    recorded: Path, tmp_path: Path
) -> None:
    seen = []
    for copy in _killed(recorded, "overwrite", tmp_path / "killed"):
        runs = _runs(copy)
        assert runs["old"] in (OLD, ([0], 300)), copy.name
        assert runs["other"] == OLD, copy.name
        seen.append(runs["old"])
        _takes_another_run(copy)
    assert seen[0] == OLD
    assert seen[-1] == ([0], 300)


def test_evaluations_are_the_old_ones_or_the_new_ones(recorded: Path, tmp_path: Path) -> None:
    new = np.random.default_rng(0).normal(size=(3, 400))
    seen = set()
    for copy in _killed(recorded, "store", tmp_path / "killed"):
        assert _runs(copy) == {"old": OLD, "other": OLD}, copy.name
        (key, arrays), = reader.read_run(copy, "old").evaluations().items()  # fmt: skip
        np.testing.assert_array_equal(
            arrays["values"], new if key == STORED_LATER else np.ones((3, 400))
        )
        seen.add(key)
    assert seen == {STORED_FIRST, STORED_LATER}


def test_interrupted_changes_are_read_without_touching_the_file(
    recorded: Path, tmp_path: Path
) -> None:
    with_journal = []
    for copy in _killed(recorded, "append", tmp_path / "killed"):
        copy.chmod(0o444)
        before = copy.read_bytes()
        _runs(copy)
        assert copy.read_bytes() == before
        with_journal.append(before[-36:-20] == b"ReplayChart log\n")
    assert any(with_journal)
    assert NUMBERS * 4 < 2**15, "snapshots share a chunk, which is changed in place"
