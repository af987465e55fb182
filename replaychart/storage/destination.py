"""Checks that a run can be recorded under a name in a file."""

import os
from pathlib import Path

import h5py

from replaychart.errors import ArgumentError, RecordingError, RunFileError
from replaychart.storage import layout, state
from replaychart.storage.hdf5 import checked
from replaychart.storage.hdf5.checked import Attributes
from replaychart.storage.hdf5.damage import damage_told
from replaychart.storage.hdf5.transactions import is_hdf5_file, reading


def check_destination(path: Path, group: str, *, if_exists: str) -> None:
    """Raise unless a run named `group` can be recorded into the file at `path`.

    Parameters
    ----------
    path : pathlib.Path
        The file, which need not exist.
    group : str
        The run's name.
    if_exists : {"error", "overwrite", "append"}
        What is to happen to a run of that name.

    Raises
    ------
    ArgumentError
        `group` cannot name a run.
    RunFileError
        The directory is missing, the file is not HDF5, or it cannot be written.
    RecordingError
        The group exists and may not be replaced, or another recorder is at work on it.
    """
    named = isinstance(group, str) and group not in ("", ".")
    # HDF5 would end the name at a NUL, and can keep no text that has no UTF-8.
    if not named or set(group) & {"/", "\0"} or not _is_unicode(group):
        message = (
            "group must be a non-empty text without '/', without NUL and of Unicode characters. "
            f"Got {group!r}."
        )
        raise ArgumentError(message)
    if not path.parent.is_dir():
        message = f"path must lie in a directory that exists. Got {str(path)!r}."
        raise RunFileError(message)
    exists = path.exists()
    if exists and (not path.is_file() or not is_hdf5_file(path)):
        message = f"path must be an HDF5 file or a file yet to be made. Got {str(path)!r}."
        raise RunFileError(message)
    if not os.access(path if exists else path.parent, os.W_OK):
        message = f"path must be a file that can be written. Got {str(path)!r}, which cannot."
        raise RunFileError(message)
    if exists:
        with reading(path) as file, damage_told(f"Run {group!r} of {str(path)!r}"):
            check_group(file, path, group, if_exists=if_exists)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_group(file: h5py.File, path: Path, group: str, *, if_exists: str) -> None:
    """Raise `RecordingError` unless a run can be written under this name."""
    if not checked.has(file, group):
        return
    checked.require_own(file, group)
    attributes = Attributes(file[group])
    if layout.WRITER_ATTRIBUTE not in attributes:
        message = (
            f"group {group!r} of {str(path)!r} exists and is not a run of ReplayChart, so it "
            "is left alone. Choose another group."
        )
        raise RecordingError(message)
    if state.is_taken(attributes):
        message = (
            f"Run {group!r} of {str(path)!r} is being recorded by another training, in process "
            f"{state.process(attributes)}. Choose another group, or wait until that has ended."
        )
        raise RecordingError(message)
    if if_exists == "error":
        message = (
            f"group {group!r} exists in {str(path)!r}. Choose another group, another path, or "
            "pass if_exists='overwrite' to replace the run or 'append' to go on with it."
        )
        raise RecordingError(message)
