"""Turns what a damaged or hostile file leads to into one error that names the file."""

from collections.abc import Iterator
from contextlib import contextmanager

from replaychart.errors import ReplayChartError, RunFileError

# What h5py, NumPy and json raise on damaged bytes.
DAMAGE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,  # RecursionError too
    TypeError,
    ValueError,
)


class RefusedError(ValueError):
    """What a file holds is whole, and would lead out of it or take more memory than is right."""


@contextmanager
def damage_told(what: str) -> Iterator[None]:
    """Turn whatever a file's content leads to into one error that names the file.

    Parameters
    ----------
    what : str
        What is read.

    Raises
    ------
    RunFileError
        It is damaged, or refused.
    """
    try:
        yield
    except ReplayChartError:
        raise
    except RefusedError as error:
        message = f"{what} is refused: {error}"
        raise RunFileError(message) from error
    except DAMAGE as error:
        # A KeyError is its key in quotes, a MemoryError has nothing to say.
        reason = error.args[0] if isinstance(error, KeyError) and error.args else str(error)
        message = f"{what} is damaged: {reason or type(error).__name__}"
        raise RunFileError(message) from error
