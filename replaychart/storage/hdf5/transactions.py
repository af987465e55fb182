"""Writes to a file of runs that happen wholly or not at all.

HDF5 changes a file in place, in many small writes. A program that is killed between two of them
leaves a file that may not open any more, and one that meets a full disk is ended by h5py with a
segmentation fault. So HDF5 is handed a `StagedFile`. What it appends goes into the file at once,
behind all that the file consists of; what it changes stays in memory. HDF5 sees no error, whatever
happens, and when it has closed the file, the changes are made through a `journal`.
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

# What HDF5 writes since version 1.10 has checksums.
_FORMAT = ("v110", "latest")


@contextmanager
def transaction(
    path: Path, *, create: bool = False, patience: float = PATIENCE
) -> Iterator[h5py.File]:
    """Open a file for writing. After an error, and if the process is killed, it is what it was.

    Parameters
    ----------
    path : pathlib.Path
        The file. No one else reads or writes it meanwhile.
    create : bool, default False
        Whether it is made if it is missing.
    patience : float
        How many seconds to wait for others who have it open.

    Raises
    ------
    RunFileError
        It is missing, is no HDF5 file, is held by others, or cannot be written.
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
                # A signal's handler must not raise while HDF5 works: it calls back into Python.
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
        message = f"There is no file {str(path)!r} any more, or its directory is gone."
        raise RunFileError(message) from error
    except (
        OSError, KeyError, ValueError, TypeError, RuntimeError, OverflowError, MemoryError
    ) as error:  # fmt: skip
        # h5py raises any of these where a file is damaged.
        message = f"The file {str(path)!r} cannot be written: {error}"
        raise RunFileError(message) from error


@contextmanager
def reading(path: Path) -> Iterator[h5py.File]:
    """Open a file for reading, while no one writes it. It is not changed.

    Raises
    ------
    RunFileError
        It is missing, is no HDF5 file, cannot be read, or is being written for longer than a
        moment.
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
        # Whoever wrote it was killed in between. The next one to write makes up for it.
        return h5py.File(StagedFile(file, begun=begun), "r")
    return h5py.File(path, "r")


def is_hdf5_file(path: Path) -> bool:
    """Return whether a file is one of HDF5, or is to become one."""
    # In this order: another process may make it one of HDF5 in between.
    try:
        with FileIO(path) as file:
            if is_unmade(file):
                return True
    except OSError:
        return False
    return bool(h5py.is_hdf5(path))
