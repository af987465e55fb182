"""Waits for its turn with a file, so that writers and readers do not meet."""

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
except ImportError:  # Windows: one recorder at a time is then the user's care.
    fcntl = None  # type: ignore[assignment]

# A snapshot takes milliseconds to write or read: who waits that long waits for another program.
PATIENCE = 10.0
_FIRST_PAUSE = 0.0005
_LONGEST_PAUSE = 0.02

_TAKEN = (errno.EAGAIN, errno.EACCES)


@contextmanager
def locked(
    path: Path, *, exclusive: bool, create: bool = False, patience: float = PATIENCE
) -> Iterator[FileIO]:
    """Open a file and lock it: by the same lock that HDF5 itself takes, where the system has it.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    exclusive : bool
        Whether it is opened for writing, and held alone; else for reading, and held together.
    create : bool, default False
        Whether it is made if it is missing.
    patience : float
        How many seconds to wait for others.

    Yields
    ------
    io.FileIO
        Unbuffered.

    Raises
    ------
    OSError
        The file cannot be opened.
    FileInUseError
        Others held it for the whole time.
    """
    end = time.monotonic() + patience
    while True:
        with _open(path, exclusive=exclusive, create=create) as file:
            _lock(file, path, exclusive=exclusive, end=end)
            # Who held it before may have removed it, or put another one in its place.
            if not _is_still_there(file, path):
                continue
            try:
                yield file
            finally:
                # Closing is not enough if the process was forked meanwhile.
                _unlock(file)
            return


def _open(path: Path, *, exclusive: bool, create: bool) -> FileIO:
    if not exclusive:
        return FileIO(path, "r")
    if not create:
        return FileIO(path, "r+")
    # Made if it is missing, also where a symbolic link leads to it.
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
