"""Turns the errors that a damaged or hostile file causes into one that names the file."""

from collections.abc import Iterator
from contextlib import contextmanager

from replaychart.errors import ReplayChartError, RunFileError

# Everything that h5py, NumPy and json raise for damaged bytes.
DAMAGE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,  # includes RecursionError
    TypeError,
    ValueError,
)


class RefusedError(ValueError):
    """The content is intact, but points outside the file or would take too much memory."""


@contextmanager
def damage_reported(what: str) -> Iterator[None]:
    """Turn every error that the content of a file causes into a `RunFileError`.

    Parameters
    ----------
    what : str
        What is being read; the message begins with it.

    Raises
    ------
    RunFileError
        The content is damaged or refused.
    """
    try:
        yield
    except ReplayChartError:
        raise
    except RefusedError as error:
        message = f"{what} is refused: {error}"
        raise RunFileError(message) from error
    except DAMAGE as error:
        # The str of a KeyError is its key in quotes, and that of a MemoryError is empty.
        reason = error.args[0] if isinstance(error, KeyError) and error.args else str(error)
        message = f"{what} is damaged: {reason or type(error).__name__}"
        raise RunFileError(message) from error
