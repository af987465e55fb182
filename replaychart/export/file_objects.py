"""Saving to file objects, such as `io.BytesIO` or the response of a web application."""

import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, get_args

from replaychart.arguments import require_one_of
from replaychart.errors import ArgumentError, RunFileError

Format = Literal["html", "json", "png", "svg", "pdf", "gif", "webp", "mp4", "webm"]


class SupportsWrite(Protocol):
    """A file object for bytes or for text, of which only ``write`` is needed."""

    def write(self, content: Any, /) -> Any:
        """Write bytes or a string."""


FileObject = TypeVar("FileObject", bound=SupportsWrite)

# These may also be written to a file object for text.
_TEXTS = ("html", "json", "svg")


def checked_format(file: SupportsWrite, format: Format | None) -> Format:  # noqa: A002
    """Return the format in which to write a chart to a file object.

    Parameters
    ----------
    file : file object
        The file object.
    format : str or None
        The format that was passed.

    Raises
    ------
    ArgumentError
        `file` is not a file object or cannot take this format, or the format is unknown or missing.
    """
    if not callable(getattr(file, "write", None)):
        message = (
            "path must be a path: a non-empty string or an os.PathLike, or a file object. Got "
            f"{file!r}."
        )
        raise ArgumentError(message)
    if format is None:
        message = f"format is required for a file object, such as format='png'. Got path={file!r}."
        raise ArgumentError(message)
    require_one_of("format", format, get_args(Format))
    if getattr(file, "closed", False):
        message = f"path must be an open file. Got the closed file {file!r}."
        raise ArgumentError(message)
    if isinstance(file, io.IOBase) and not file.writable():
        message = f"path must be open for writing. Got {file!r}."
        raise ArgumentError(message)
    if _takes_text(file) and format not in _TEXTS:
        message = (
            f"path must be a binary file object for format={format!r}, such as io.BytesIO(). Got "
            f"{file!r}, which takes text."
        )
        raise ArgumentError(message)
    return format


@contextmanager
def copied_to(file: SupportsWrite, format: str) -> Iterator[Path]:  # noqa: A002
    """Provide a temporary path, and on success copy its content to a file object.

    After an error or an interruption, nothing was written to the file object. It stays open.

    Parameters
    ----------
    file : file object
        Where the content goes, from the current position on.
    format : str
        The suffix of the temporary path, without the dot.

    Yields
    ------
    pathlib.Path
        The path to write to.

    Raises
    ------
    RunFileError
        The file object cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="replaychart-") as directory:
        path = Path(directory) / f"chart.{format}"
        yield path
        try:
            _copy(path, file)
        except OSError as error:
            message = f"{file!r} cannot be written: {error}"
            raise RunFileError(message) from error


def _copy(path: Path, file: SupportsWrite) -> None:
    if _takes_text(file):
        # Without `newline`, line breaks would be translated on some systems.
        with path.open(encoding="utf-8", newline="") as text:
            shutil.copyfileobj(text, file)
        return
    with path.open("rb") as content:
        if not isinstance(file, io.RawIOBase):
            shutil.copyfileobj(content, file)
            return
        # Raw files may write only a part of what they are given.
        buffered = io.BufferedWriter(file)
        try:
            shutil.copyfileobj(content, buffered)
        finally:
            buffered.detach()


def _takes_text(file: SupportsWrite) -> bool:
    # Wrappers, as `tempfile` returns, are not instances of TextIOBase but have its attributes.
    return isinstance(file, io.TextIOBase) or hasattr(file, "encoding")
