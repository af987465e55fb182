"""Changes of a file that are all made or none, also where the program is killed in between.

What is to be overwritten is first written behind the end of the file, as a journal; then it is
written into its place; then the journal is cut off. A file that ends with a whole journal was left
in between: the journal says what is missing. One that ends with a piece of a journal has not been
touched yet, and HDF5 takes no notice of what stands behind its own end.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import FileIO

# What ends a journal: this text, the file's size without it, the journal's size, a checksum.
_END = struct.Struct("<16sQQI")
_TEXT = b"ReplayChart log\n"
# Every change is a page, or what there is of it.
PAGE = 4096
_CHANGE = struct.Struct("<QQ")  # offset and size of the bytes that follow


@dataclass(frozen=True)
class Journal:
    """What is to become of a file.

    Attributes
    ----------
    changes : sequence of (int, bytes)
        Offsets, and the bytes to be written there.
    size : int
        The file's size when they are.
    """

    changes: Sequence[tuple[int, bytes]]
    size: int


def read(file: FileIO) -> Journal | None:
    """Return the journal that a file ends with, None if there is none, or but a piece of one."""
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
            return None  # Nobody's own: pages in their order, all of them before the journal.
        changes.append((offset, body[position : position + count]))
        position += count
    return Journal(changes, size) if position == length else None


def carry_out(file: FileIO, journal: Journal) -> None:
    """Make the changes of a journal that the file ends with, and cut it off."""
    for offset, values in journal.changes:
        write(file, offset, values)
    file.truncate(journal.size)


def commit(file: FileIO, journal: Journal) -> None:
    """Write a journal behind the end of a file, and make its changes."""
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
    """Write all of some bytes: the system may take them piece by piece."""
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
