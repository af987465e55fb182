"""On a full disk, whichever byte is the last, recordings stay intact and can be continued."""

from pathlib import Path

import numpy as np
import pytest
from support.disks import mounted, remount, room_for

import replaychart as rc
from replaychart.facts.keys import evaluation_key
from replaychart.facts.layers import Variable
from replaychart.facts.snapshots import RunDescription, Snapshot
from replaychart.storage import reader
from replaychart.storage.writer import RunWriter, write_evaluations

NUMBERS = 2500  # three snapshots share a chunk

FIRST, LATER = (evaluation_key("metric", name=name) for name in ("first", "later"))


def _description(points: int = 100) -> RunDescription:
    variable = Variable("hidden", (NUMBERS,), "float32")
    X = np.full((points, 2), points, np.float32)
    return RunDescription(X, np.zeros(points), "null", "null", (), {}, (variable,))


def _snapshot(epoch: int) -> Snapshot:
    return Snapshot(epoch, [np.arange(NUMBERS, dtype=np.float32) + epoch], 0.1, {"loss": epoch})


def _other(path: Path) -> None:
    writer = RunWriter(path, "other", _description())
    writer.append(_snapshot(0), _snapshot(1), end="finished")
    write_evaluations(reader.read_run(path, "other"), {FIRST: {"values": np.ones((2, 100))}})


def _epochs(path: Path, name: str) -> int:
    """Return how many epochs a run has, after checking all its values."""
    if name not in reader.run_names(path):
        return 0
    stored = reader.read_run(path, name)
    epochs = stored.epochs.tolist()
    assert epochs == list(range(len(epochs)))
    np.testing.assert_array_equal(
        stored.weights()[0], [_snapshot(epoch).weights[0] for epoch in epochs]
    )
    np.testing.assert_array_equal(stored.logs["loss"], epochs)
    return len(epochs)


def _recorded_until_full(path: Path, *, epochs: int) -> tuple[RunWriter, int]:
    """Return a writer that ran into a full disk, and how many snapshots it wrote before."""
    writer = RunWriter(path, "a", _description())
    for epoch in range(epochs):
        try:
            writer.append(_snapshot(epoch))
        except rc.RunFileError:
            return writer, epoch
    return writer, epochs


def test_files_that_cannot_grow_keep_their_content(tmp_path: Path) -> None:
    whole = tmp_path / "whole.h5"
    _other(whole)
    begun = whole.stat().st_size
    RunWriter(whole, "a", _description()).append(*map(_snapshot, range(5)))
    counts = []
    for size in range(begun - 2048, whole.stat().st_size + 60_000, 1021):
        path = tmp_path / f"{size}.h5"
        _other(path)
        with room_for(size):
            writer, written = _recorded_until_full(path, epochs=5)
        assert path.stat().st_size <= max(size, begun)
        assert _epochs(path, "a") == written, size
        assert _epochs(path, "other") == 2, size
        assert list(reader.read_run(path, "other").evaluations()) == [FIRST]
        # There is room again.
        for epoch in range(written, 6):
            writer.append(_snapshot(epoch))
        assert _epochs(path, "a") == 6
        assert _epochs(path, "other") == 2
        counts.append(written)
        path.unlink()
    assert counts == sorted(counts)
    assert len(set(counts)) >= 5
    assert (counts[0], counts[-1]) == (0, 5)


def test_files_on_full_disks_keep_their_content(tmp_path: Path) -> None:
    counts = []
    for kilobytes in range(84, 260, 12):
        with mounted(tmp_path / "disk", kilobytes=kilobytes) as disk:
            path = disk / "a.h5"
            _other(path)
            writer, written = _recorded_until_full(path, epochs=5)
            assert _epochs(path, "a") == written, kilobytes
            assert _epochs(path, "other") == 2
            remount(disk, "size=1000k")
            writer.append(*map(_snapshot, range(written, 6)))
            assert _epochs(path, "a") == 6
            counts.append(written)
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert counts[-1] == 5


def test_new_file_without_room_is_not_created(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    for size in range(0, 20_000, 501):
        with room_for(size), pytest.raises(rc.RunFileError, match="cannot be written"):
            RunWriter(path, "a", _description(10_000)).append(_snapshot(0))
        assert not path.exists()


def test_run_that_cannot_be_overwritten_is_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    RunWriter(path, "a", _description()).append(*map(_snapshot, range(3)), end="finished")
    size = path.stat().st_size
    for room in range(size, size + 80_000, 5003):
        with room_for(room), pytest.raises(rc.RunFileError, match="cannot be written"):
            RunWriter(path, "a", _description(20_000)).append(_snapshot(0))
        assert _epochs(path, "a") == 3
        assert len(reader.read_run(path, "a").inputs) == 100
        assert path.stat().st_size == size


def test_evaluations_without_room_leave_the_old_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    _other(path)
    stored, size = reader.read_run(path, "other"), path.stat().st_size
    values = np.random.default_rng(0).normal(size=(2, 5000))
    for room in range(size, size + 70_000, 3001):
        with room_for(room), pytest.raises(rc.RunFileError, match="cannot be written"):
            write_evaluations(stored, {LATER: {"values": values}})
        assert list(stored.evaluations()) == [FIRST]
        assert path.stat().st_size == size
    write_evaluations(stored, {LATER: {"values": values}})
    np.testing.assert_array_equal(stored.evaluations()[LATER]["values"], values)
