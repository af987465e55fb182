"""A transaction is atomic, whatever HDF5 does in the meantime."""

import subprocess
import sys
import zlib
from collections.abc import Callable
from io import FileIO
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.disks import room_for

import replaychart as rc
from replaychart.errors import FileInUseError
from replaychart.storage.hdf5 import journal
from replaychart.storage.hdf5.locks import locked
from replaychart.storage.hdf5.staged_file import StagedFile
from replaychart.storage.hdf5.transactions import reading, transaction

offsets = st.integers(0, 20_000)
operations = st.lists(
    st.one_of(
        st.tuples(st.just("write"), offsets, st.integers(1, 9000)),
        st.tuples(st.just("read"), offsets, st.integers(1, 9000)),
        st.tuples(st.just("truncate"), offsets, st.just(0)),
    ),
    max_size=12,
)


def _done(staged: StagedFile, expected: bytearray, steps: list[tuple[str, int, int]]) -> None:
    """Do the same to both, and compare what is read."""
    for number, (what, offset, size) in enumerate(steps):
        if what == "write":
            values = bytes((number + index) % 251 + 1 for index in range(size))
            staged.seek(offset)
            staged.write(memoryview(values))
            expected.extend(bytes(max(offset + size - len(expected), 0)))
            expected[offset : offset + size] = values
        elif what == "read":
            staged.seek(offset)
            found = staged.read(min(size, max(len(expected) - offset, 0)))
            assert found == expected[offset : offset + size]
        else:
            size = min(offset, len(expected))
            staged.truncate(size)
            del expected[size:]


@given(before=st.integers(1, 15_000), steps=operations, commits=st.booleans())
def test_staged_file_reads_like_a_file_and_becomes_it(
    before: int,
    steps: list[tuple[str, int, int]],
    commits: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.getbasetemp() / "staged.bin"
    content = bytes(index % 253 + 1 for index in range(before))
    path.write_bytes(content)
    expected = bytearray(content)
    # HDF5 sets the size last, and bytes beyond a smaller size are undefined.
    steps = [step for step in steps if step[0] != "truncate"] + [
        step for step in steps if step[0] == "truncate"
    ][:1]
    with FileIO(path, "r+") as file:
        staged = StagedFile(file)
        _done(staged, expected, steps)
        if commits:
            staged.commit()
        else:
            staged.discard(path)
    wrote = any(what == "write" for what, _, _ in steps)
    if not commits or not wrote:
        assert path.read_bytes()[:before] == content
    else:
        assert path.read_bytes()[: len(expected)] == expected


@given(before=st.integers(1, 15_000), steps=operations, room=st.integers(0, 25_000))
def test_staged_file_reads_like_a_file_even_without_room_for_it(
    before: int,
    steps: list[tuple[str, int, int]],
    room: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.getbasetemp() / "no_room.bin"
    content = bytes(index % 253 + 1 for index in range(before))
    path.write_bytes(content)
    steps = [step for step in steps if step[0] != "truncate"]
    with FileIO(path, "r+") as file:
        staged, expected = StagedFile(file), bytearray(content)
        with room_for(room):
            _done(staged, expected, steps)
            try:
                staged.commit()
            except OSError:
                staged.discard(path)
                expected[:] = content
    assert path.read_bytes()[: len(expected)] == expected


def _file(path: Path) -> None:
    with transaction(path, create=True) as file:
        file["numbers"] = np.arange(10_000)
        file.create_group("group").attrs["text"] = "text"


def test_error_within_a_transaction_leaves_every_byte_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    _file(path)
    before = path.read_bytes()

    def fails() -> None:
        with transaction(path) as file:
            del file["group"]
            file["numbers"][:] = 0
            file["more"] = np.ones(100_000)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert path.read_bytes() == before


def test_transaction_creates_a_plain_hdf5_file(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    _file(path)
    with transaction(path) as file:
        file["numbers"][5] = -1
        file["group"].attrs["text"] = "another text"
    # There is no journal, and plain h5py can read the file.
    with h5py.File(path, "r") as file:
        expected = np.arange(10_000)
        expected[5] = -1
        np.testing.assert_array_equal(file["numbers"], expected)
        assert file["group"].attrs["text"] == "another text"
        assert path.stat().st_size == file.id.get_filesize()


@pytest.mark.parametrize("content", [b"", b"Repl"])
def test_empty_file_has_no_runs_and_can_be_written(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes(content)
    assert rc.list_runs(path) == []
    _file(path)
    with h5py.File(path, "r") as file:
        assert set(file) == {"numbers", "group"}


@pytest.mark.parametrize("damage", [lambda end: end[:-1], lambda end: end[:-1] + b"\xff"])
def test_incomplete_journal_does_not_count(
    damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(5000))
    with FileIO(path, "r+") as file:
        journal.commit(file, journal.Journal([(4096, b"change")], 5000))
        assert journal.read(file) is None, "it was carried out and cut off"
    content = path.read_bytes()
    assert content[4096:4102] == b"change"
    body = b"".join([(4096).to_bytes(8, "little"), (6).to_bytes(8, "little"), b"change"])
    end = body + journal._END.pack(journal._TEXT, 5000, len(body), zlib.crc32(body))
    path.write_bytes(bytes(5000) + end)
    with FileIO(path, "r") as file:
        assert journal.read(file) == journal.Journal([(4096, b"change")], 5000)
    path.write_bytes(bytes(5000) + damage(end))
    with FileIO(path, "r") as file:
        assert journal.read(file) is None


_HOLDER = """
import sys, h5py
with h5py.File(sys.argv[1], sys.argv[2]):
    print("open", flush=True)
    sys.stdin.readline()
"""


def _held(path: Path, mode: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path), mode],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


@pytest.mark.parametrize("mode", ["r", "r+"])
def test_waits_for_a_program_that_has_the_file_open(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    _file(path)
    holder = _held(path, mode)
    in_use = pytest.raises(FileInUseError, match=r"'.*a\.h5' is in use: another program")
    with in_use, transaction(path, patience=0.05):
        pass
    if mode == "r":
        with reading(path) as file:
            assert file["group"].attrs["text"] == "text"
    else:
        with pytest.raises(FileInUseError), locked(path, exclusive=False, patience=0.05):
            pass
    holder.communicate("\n")
    with transaction(path, patience=0.05) as file:
        file["group"].attrs["text"] = "changed"
