"""All-or-nothing changes to a file, even if the program is killed.

The new bytes are first appended to the file as a journal, then written to their places, then the
journal is cut off. If a file ends with a complete journal, its writer was interrupted and the
journal contains the missing changes. If it ends with part of a journal, nothing has been changed
yet, and HDF5 ignores bytes after its own end of the file.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import FileIO

# The end of a journal: this string, the file's size without the journal, the journal's size, and a
# checksum.
_END = struct.Struct("<16sQQI")
_TEXT = b"ReplayChart log\n"
# Every change is a page, or the part of it that exists.
PAGE = 4096
_CHANGE = struct.Struct("<QQ")  # offset and size of the bytes that follow


@dataclass(frozen=True)
class Journal:
    """Changes to a file.

    Attributes
    ----------
    changes : sequence of (int, bytes)
        Offsets, and the bytes to write there.
    size : int
        The size of the file after the changes.
    """

    changes: Sequence[tuple[int, bytes]]
    size: int


def read(file: FileIO) -> Journal | None:
    """Return the journal at the end of a file, None if there is none or only part of one."""
    whole = file.seek(0, 2)
    if whole < _END.size:
        return None
    text, size, length, checksum = _END.unpack(_bytes(file, whole - _END.size, _END.size))
    start = whole - _END.size - length
    if text != _TEXT or start < 0 or size > start:
        return None
    body = _bytes(file, start, length)
    if zlib.crc32(body) != checksum:
        return None
    changes: list[tuple[int, bytes]] = []
    position = 0
    while position + _CHANGE.size <= length:
        offset, count = _CHANGE.unpack_from(body, position)
        position += _CHANGE.size
        after = not changes or offset > changes[-1][0]
        if offset % PAGE or not 0 < count <= PAGE or not after or offset + count > start:
            return None  # A real journal has pages in order, all within the file.
        changes.append((offset, body[position : position + count]))
        position += count
    return Journal(changes, size) if position == length else None


def carry_out(file: FileIO, journal: Journal) -> None:
    """Make the changes in the journal at the end of a file, and cut it off."""
    for offset, values in journal.changes:
        write(file, offset, values)
    file.truncate(journal.size)


def commit(file: FileIO, journal: Journal) -> None:
    """Append a journal to a file, and make its changes."""
    start = max(file.seek(0, 2), journal.size)
    length = checksum = 0
    for offset, values in journal.changes:
        for part in (_CHANGE.pack(offset, len(values)), values):
            write(file, start + length, part)
            length += len(part)
            checksum = zlib.crc32(part, checksum)
    write(file, start + length, _END.pack(_TEXT, journal.size, length, checksum))
    carry_out(file, journal)


def write(file: FileIO, offset: int, values: bytes | memoryview) -> None:
    """Write all bytes, even if the system accepts only part of them at a time."""
    file.seek(offset)
    rest = memoryview(values)
    while rest:
        rest = rest[file.write(rest) :]


def _bytes(file: FileIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    values = bytearray()
    while len(values) < count:
        more = file.read(count - len(values))
        if not more:
            break
        values += more
    return bytes(values).ljust(count, b"\0")
