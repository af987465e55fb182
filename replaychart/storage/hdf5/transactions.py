"""Atomic writes to an HDF5 file, and reads between them.

HDF5 changes a file in place, in many small writes. If a program is killed between two of them, the
file may no longer open, and on a full disk h5py ends in a segmentation fault. So HDF5 works on a
`StagedFile`. New bytes are appended to the real file at once, after its present content; changes
to existing bytes stay in memory. HDF5 never sees an error, and once it has closed the file, the
changes are made through a `journal`.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path

import h5py

from replaychart.errors import FileInUseError, ReplayChartError, RunFileError
from replaychart.storage.hdf5 import journal
from replaychart.storage.hdf5.damage import DAMAGE
from replaychart.storage.hdf5.held_signals import signals_held
from replaychart.storage.hdf5.locks import PATIENCE, locked
from replaychart.storage.hdf5.staged_file import StagedFile, is_unmade

# The format of HDF5 1.10 has checksums.
_FORMAT = ("v110", "latest")


@contextmanager
def transaction(
    path: Path, *, create: bool = False, patience: float = PATIENCE
) -> Iterator[h5py.File]:
    """Open a file for writing; an error or a killed process leaves it unchanged.

    Parameters
    ----------
    path : pathlib.Path
        The file. No one else can read or write it in the meantime.
    create : bool, default False
        Whether to create the file if it is missing.
    patience : float
        How many seconds to wait for other programs that have the file open.

    Raises
    ------
    RunFileError
        The file is missing, is not an HDF5 file, is in use by another program, or cannot be
        written.
    """
    try:
        with locked(path, exclusive=True, create=create, patience=patience) as file:
            begun = journal.read(file)
            if begun is not None:
                journal.carry_out(file, begun)
            new = is_unmade(file)
            if new and not create:
                message = f"The file {str(path)!r} is empty."
                raise RunFileError(message)
            staged = StagedFile(file, new=new)
            try:
                # A signal handler must not raise while HDF5 works, because HDF5 calls Python.
                with signals_held():
                    staged.begin()
                    with h5py.File(staged, "w" if staged.new else "r+", libver=_FORMAT) as opened:
                        yield opened
                    staged.commit()
            except BaseException:
                staged.discard(path)
                raise
    except ReplayChartError:
        raise
    except FileNotFoundError as error:
        message = f"The file {str(path)!r} or its directory no longer exists."
        raise RunFileError(message) from error
    except (
        OSError, KeyError, ValueError, TypeError, RuntimeError, OverflowError, MemoryError
    ) as error:  # fmt: skip
        # h5py raises any of these for a damaged file.
        message = f"The file {str(path)!r} cannot be written: {error}"
        raise RunFileError(message) from error


@contextmanager
def reading(path: Path) -> Iterator[h5py.File]:
    """Open a file for reading, while no one writes to it. The file is not changed.

    Raises
    ------
    RunFileError
        The file is missing, is not an HDF5 file, cannot be read, or is in use by another program
        for several seconds.
    """
    if not path.exists():
        message = f"There is no file {str(path)!r}."
        raise RunFileError(message)
    if not path.is_file() or not is_hdf5_file(path):
        message = f"{str(path)!r} is not an HDF5 file."
        raise RunFileError(message)
    with ExitStack() as stack:
        try:
            file = stack.enter_context(locked(path, exclusive=False))
            opened = stack.enter_context(_opened(path, file))
        except FileInUseError:
            raise
        except DAMAGE as error:
            message = f"The file {str(path)!r} cannot be opened for reading: {error}"
            raise RunFileError(message) from error
        yield opened


def _opened(path: Path, file: FileIO) -> h5py.File:
    begun = journal.read(file)
    if is_unmade(file):
        return h5py.File(str(path), "w", driver="core", backing_store=False)
    if begun is not None:
        # The last writer was killed. The next one will complete its changes.
        return h5py.File(StagedFile(file, begun=begun), "r")
    return h5py.File(path, "r")


def is_hdf5_file(path: Path) -> bool:
    """Return whether a file is an HDF5 file, or an empty one that can become one."""
    # In this order, because another process may fill the file in between.
    try:
        with FileIO(path) as file:
            if is_unmade(file):
                return True
    except OSError:
        return False
    return bool(h5py.is_hdf5(path))
