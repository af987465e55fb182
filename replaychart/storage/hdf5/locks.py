"""Locks files, so that no one reads a file while another writes it."""

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from replaychart.errors import FileInUseError

try:
    import fcntl
except ImportError:  # Windows: users have to take care to run one recorder at a time.
    fcntl = None  # type: ignore[assignment]

# Seconds. Reading or writing a snapshot takes milliseconds, so whoever holds the file longer than
# this is another program.
PATIENCE = 10.0
_FIRST_PAUSE = 0.0005
_LONGEST_PAUSE = 0.02

_TAKEN = (errno.EAGAIN, errno.EACCES)


@contextmanager
def locked(
    path: Path, *, exclusive: bool, create: bool = False, patience: float = PATIENCE
) -> Iterator[FileIO]:
    """Open a file and lock it, with the lock that HDF5 itself uses if the system has it.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    exclusive : bool
        Whether to open the file for writing, with an exclusive lock, or for reading, with a shared
        one.
    create : bool, default False
        Whether to create the file if it is missing.
    patience : float
        How many seconds to wait for other programs.

    Yields
    ------
    io.FileIO
        Unbuffered.

    Raises
    ------
    OSError
        The file cannot be opened.
    FileInUseError
        Another program held the file the whole time.
    """
    end = time.monotonic() + patience
    while True:
        with _open(path, exclusive=exclusive, create=create) as file:
            _lock(file, path, exclusive=exclusive, end=end)
            # The previous holder may have removed or replaced the file.
            if not _is_still_there(file, path):
                continue
            try:
                yield file
            finally:
                # Closing is not enough if the process has been forked in the meantime.
                _unlock(file)
            return


def _open(path: Path, *, exclusive: bool, create: bool) -> FileIO:
    if not exclusive:
        return FileIO(path, "r")
    if not create:
        return FileIO(path, "r+")
    # Creates a missing file, even if the path is a symbolic link to it.
    return FileIO(path, "r+", opener=lambda name, flags: os.open(name, flags | os.O_CREAT, 0o666))


def _lock(file: FileIO, path: Path, *, exclusive: bool, end: float) -> None:
    if fcntl is None:
        return
    pause = _FIRST_PAUSE
    while True:
        try:
            fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _TAKEN:
                return  # a file system without locks
        else:
            return
        if time.monotonic() > end:
            message = f"The file {str(path)!r} is in use: another program has it open."
            raise FileInUseError(message)
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _unlock(file: FileIO) -> None:
    if fcntl is not None:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_UN)


def _is_still_there(file: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
