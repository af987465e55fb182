"""Checks that a run can be recorded into a file under a given name."""

import itertools
import os
from pathlib import Path

import h5py

from replaychart.errors import ArgumentError, RecordingError, RunFileError
from replaychart.storage import layout, state
from replaychart.storage.hdf5 import checked
from replaychart.storage.hdf5.checked import Attributes
from replaychart.storage.hdf5.damage import damage_reported
from replaychart.storage.hdf5.transactions import is_hdf5_file, reading


def check_destination(path: Path, group: str, *, if_exists: str) -> None:
    """Raise unless a run named `group` can be recorded into the file at `path`.

    Parameters
    ----------
    path : pathlib.Path
        The file, which may not exist yet.
    group : str
        The run's name.
    if_exists : {"error", "overwrite", "append", "new"}
        What to do if a run of that name exists; "new" takes another name.

    Raises
    ------
    ArgumentError
        `group` is not a valid name for a run.
    RunFileError
        The directory is missing, the file is not HDF5, or it cannot be written.
    RecordingError
        The group exists and must not be replaced, or another recorder is at work on it.
    """
    named = isinstance(group, str) and group not in ("", ".")
    # HDF5 would end the name at a NUL, and cannot store what UTF-8 cannot encode.
    if not named or set(group) & {"/", "\0"} or not _is_unicode(group):
        message = (
            "group must be a non-empty string of Unicode characters, without '/' and without NUL. "
            f"Got {group!r}."
        )
        raise ArgumentError(message)
    if not path.parent.is_dir():
        message = f"path must be in an existing directory. Got {str(path)!r}."
        raise RunFileError(message)
    exists = path.exists()
    if exists and (not path.is_file() or not is_hdf5_file(path)):
        message = f"path must be an HDF5 file or a new file. Got {str(path)!r}."
        raise RunFileError(message)
    if not os.access(path if exists else path.parent, os.W_OK):
        message = f"path must be a writable file. Got {str(path)!r}, which is not writable."
        raise RunFileError(message)
    if exists and if_exists != "new":
        with reading(path) as file, damage_reported(f"Run {group!r} of {str(path)!r}"):
            check_group(file, path, group, if_exists=if_exists)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_group(file: h5py.File, path: Path, group: str, *, if_exists: str) -> None:
    """Raise `RecordingError` unless a run can be written under a name."""
    if not checked.has(file, group):
        return
    checked.require_own(file, group)
    attributes = Attributes(file[group])
    if layout.WRITER_ATTRIBUTE not in attributes:
        message = (
            f"group {group!r} of {str(path)!r} exists and was not recorded by ReplayChart, so it "
            "is not replaced. Choose another group."
        )
        raise RecordingError(message)
    if state.is_taken(attributes):
        message = (
            f"Run {group!r} of {str(path)!r} is being recorded by another training run, in process "
            f"{state.process(attributes)}. Choose another group, or wait until it has ended."
        )
        raise RecordingError(message)
    if if_exists == "error":
        message = (
            f"group {group!r} already exists in {str(path)!r}. Choose another group or path, or "
            "pass if_exists='overwrite' to replace the run, 'append' to continue it or 'new' to "
            "record under the next free name."
        )
        raise RecordingError(message)


def free_name(file: h5py.File, group: str) -> str:
    """Return a name that nothing in a file has: the given one, or with ``-2``, ``-3``... after it.

    The file must stay open for writing until the name is taken, so that no one else takes it.
    """
    names = itertools.chain([group], (f"{group}-{number}" for number in itertools.count(2)))
    return next(name for name in names if not checked.has(file, name))
