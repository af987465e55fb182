"""The file that HDF5 sees during a transaction."""

from io import FileIO
from pathlib import Path
from sys import maxsize

from replaychart.storage.hdf5 import journal
from replaychart.storage.hdf5.journal import Journal

_PAGE = journal.PAGE
# The beginning of a new file until its first page is written, which is done last.
_UNMADE = b"ReplayChart: nothing has been written into this file yet.\n"


def is_unmade(file: FileIO) -> bool:
    """Return whether a file is empty, or the transaction that creates it did not finish."""
    file.seek(0)
    return _UNMADE.startswith(file.read(len(_UNMADE)))


class StagedFile:
    """The file that HDF5 sees: changes stay in memory, new bytes are appended to the real file.

    Parameters
    ----------
    file : io.FileIO
        The real file.
    new : bool
        Whether to ignore the existing content.
    begun : Journal, optional
        Changes to apply to what HDF5 sees.
    """

    def __init__(self, file: FileIO, *, new: bool = False, begun: Journal | None = None) -> None:
        self._file = file
        self.new = new
        self._before = file.seek(0, 2)
        self._size = 0 if new else self._before
        # Bytes below this offset are kept in memory, as pages. For a new file that is the first
        # page, without which the others do not count.
        self._kept = _PAGE if new else self._before
        self._pages: dict[int, bytearray] = {}
        self._error: OSError | None = None
        self._position = 0
        self._done = False
        if new:
            self._pages[0] = bytearray(_PAGE)
        if begun is not None:
            for offset, values in begun.changes:
                self._keep(offset, memoryview(values))
            self._size = begun.size

    def begin(self) -> None:
        """Mark a new file as unfinished."""
        if self.new:
            journal.write(self._file, 0, _UNMADE)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to an offset; `whence` is 0, or 2 for the end."""
        self._position = offset + (self._size if whence == 2 else 0)
        return self._position

    def tell(self) -> int:
        """Return the current offset."""
        return self._position

    def read(self, size: int) -> bytes:
        """Return bytes; HDF5 only calls `readinto`, but requires this method to exist."""
        values = bytearray(size)
        self.readinto(memoryview(values))
        return bytes(values)

    def readinto(self, view: memoryview) -> int:
        """Fill memory with the bytes at the current offset, and with zeros beyond the end."""
        view = memoryview(view)
        start, end = self._position, self._position + len(view)
        read = self._read(start, view)
        view[read:] = bytes(len(view) - read)
        kept_end = min(end, self._kept)
        for number in _pages_between(start, kept_end) if self._pages else ():
            page = self._pages.get(number)
            if page is not None:
                low, high = max(start, number * _PAGE), min(kept_end, (number + 1) * _PAGE)
                view[low - start : high - start] = _part(page, number, low, high)
        self._position = end
        return len(view)

    def write(self, view: memoryview) -> int:
        """Keep bytes that fall in the old part of the file in memory, and append the rest."""
        view = memoryview(view)
        start = self._position
        split = min(max(self._kept - start, 0), len(view))
        if split:
            self._keep(start, view[:split])
        if split < len(view):
            self._append(start + split, view[split:])
        self._position += len(view)
        self._size = max(self._size, self._position)
        return len(view)

    def truncate(self, size: int) -> int:
        """Set the size that the file will have after `commit`."""
        self._size = size
        return size

    def flush(self) -> None:
        """Do nothing: changes take effect in `commit`."""

    def commit(self) -> None:
        """Apply the changes to the real file.

        Raises
        ------
        OSError
            The file cannot be written. If there is a journal, the next transaction completes it.
        """
        if self._error is not None:
            raise self._error
        if self.new:
            self._file.truncate(self._size)
            journal.write(self._file, 0, bytes(self._pages[0][: self._size]))
        elif changes := self._changes():
            journal.commit(self._file, Journal(changes, self._size))
        self._done = True

    def discard(self, path: Path) -> None:
        """Cut off appended bytes unless a journal needs them, and remove a new file."""
        if self._done:
            return  # The error came from a delayed signal.
        try:
            if self.new:
                path.unlink()
            elif journal.read(self._file) is None:
                self._file.truncate(self._before)
        except OSError:
            pass  # Bytes beyond the end do no harm, and the first error is the one to report.

    def _read(self, start: int, view: memoryview) -> int:
        self._file.seek(start)
        read = 0
        while read < len(view):
            count = self._file.readinto(view[read:])
            if not count:
                break
            read += count
        return read

    def _page(self, number: int) -> bytearray:
        """Return a page of the real file."""
        page = bytearray(_PAGE)
        self._read(number * _PAGE, memoryview(page))
        return page

    def _keep(self, start: int, view: memoryview) -> None:
        end = start + len(view)
        for number in _pages_between(start, end):
            low, high = max(start, number * _PAGE), min(end, (number + 1) * _PAGE)
            if number not in self._pages:
                self._pages[number] = self._page(number)
            _part(self._pages[number], number, low, high)[:] = view[low - start : high - start]

    def _append(self, start: int, view: memoryview) -> None:
        try:
            journal.write(self._file, start, view)
        except OSError as error:
            # HDF5 must not see an error; from here on it works on memory only.
            self._error = error
            self._keep_all()
            self._keep(start, view)

    def _keep_all(self) -> None:
        """Append nothing from here on, and keep all changes in memory."""
        number, length = divmod(self._kept, _PAGE)
        if number in self._pages:
            self._pages[number][length:] = self._page(number)[length:]
        self._kept = maxsize

    def _changes(self) -> list[tuple[int, bytes]]:
        """Return the pages that differ from the real file."""
        changes: list[tuple[int, bytes]] = []
        for number, page in sorted(self._pages.items()):
            start = number * _PAGE
            values = bytes(page[: self._kept - start])
            if values == bytes(self._page(number)[: self._kept - start]):
                continue
            changes.append((start, values))
        return changes


def _pages_between(start: int, end: int) -> range:
    return range(start // _PAGE, -(-end // _PAGE)) if start < end else range(0)


def _part(page: bytearray, number: int, low: int, high: int) -> memoryview:
    start = number * _PAGE
    return memoryview(page)[low - start : high - start]
