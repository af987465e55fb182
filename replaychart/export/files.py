"""Atomic writing of files."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from replaychart.errors import ArgumentError, RunFileError

LONGEST_PREFIX = 40


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Provide a temporary path next to `path`, and move the file into place on success.

    An error or an interruption leaves any existing file untouched and no partial file behind.

    Parameters
    ----------
    path : pathlib.Path
        The final path of the file.

    Yields
    ------
    pathlib.Path
        The path to write to.

    Raises
    ------
    ArgumentError
        The path is a directory.
    RunFileError
        The file cannot be written.
    """
    if path.is_dir():
        message = f"path must be a file. Got the directory {str(path)!r}."
        raise ArgumentError(message)
    try:
        # Cut, because the whole name may be as long as the file system allows.
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem[:LONGEST_PREFIX]}-", suffix=path.suffix, dir=path.parent
        )
    except OSError as error:
        message = f"{str(path)!r} cannot be written: {error}"
        raise RunFileError(message) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp creates files that only their owner can read.
        temporary.chmod(allowed(0o666))
        temporary.replace(path)
    except OSError as error:
        message = f"{str(path)!r} cannot be written: {error}"
        raise RunFileError(message) from error
    finally:
        temporary.unlink(missing_ok=True)


def allowed(mode: int) -> int:
    """Return a file mode without the permissions that the user's umask removes."""
    mask = os.umask(0)
    os.umask(mask)
    return mode & ~mask
