"""Files that are either whole or not there."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from replaychart.errors import ArgumentError, RunFileError


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Give a path to write to, beside `path`, and put the file into place when all went well.

    Whatever goes wrong, an interruption included, leaves the old file, or none, and nothing half
    written.

    Parameters
    ----------
    path : pathlib.Path
        Where the file shall be.

    Yields
    ------
    pathlib.Path
        Where to write it.

    Raises
    ------
    ArgumentError
        The path is a directory.
    RunFileError
        The file cannot be written.
    """
    if path.is_dir():
        message = f"path must be a file. Got {str(path)!r}, which is a directory."
        raise ArgumentError(message)
    try:
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent
        )
    except OSError as error:
        message = f"{str(path)!r} cannot be written: {error}"
        raise RunFileError(message) from error
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        # mkstemp makes files that only their owner may read.
        beside.chmod(allowed(0o666))
        beside.replace(path)
    except OSError as error:
        message = f"{str(path)!r} cannot be written: {error}"
        raise RunFileError(message) from error
    finally:
        beside.unlink(missing_ok=True)


def allowed(mode: int) -> int:
    """Return a file mode without what the user's umask takes away."""
    mask = os.umask(0)
    os.umask(mask)
    return mode & ~mask
