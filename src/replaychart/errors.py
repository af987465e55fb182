"""The exceptions that ReplayChart raises: all of them are `ReplayChartError`."""

from collections.abc import Iterable
from numbers import Integral

__all__ = [
    "ArgumentError",
    "DatasetError",
    "EvaluationError",
    "MissingDependencyError",
    "RecordingError",
    "ReplayChartError",
    "RunFileError",
    "require_at_least",
    "require_one_of",
]


class ReplayChartError(Exception):
    """The base of every error that ReplayChart raises on purpose."""


class ArgumentError(ReplayChartError, ValueError):
    """An argument has a value that is not allowed."""


class DatasetError(ReplayChartError, OSError):
    """A data set cannot be downloaded, or a file does not hold it."""


class RecordingError(ReplayChartError, RuntimeError):
    """A training cannot be recorded."""


class RunFileError(ReplayChartError, OSError):
    """A file is missing, cannot be written, or does not hold what was asked of it."""


class FileInUseError(RunFileError):
    """Another program holds a file for longer than was waited."""


class EvaluationError(ReplayChartError, RuntimeError):
    """A recorded model cannot be rebuilt, or not be evaluated in the way that was asked for."""


class MissingDependencyError(ReplayChartError, ImportError):
    """An optional package is needed and not installed."""


def require_one_of(argument: str, value: object, allowed: Iterable[object]) -> None:
    """Raise `ArgumentError` unless `value` is one of `allowed`; the message names all three."""
    allowed = list(allowed)
    if value not in allowed:
        names = ", ".join(repr(name) for name in allowed)
        message = f"{argument} must be one of {names}. Got {value!r}."
        raise ArgumentError(message)


def require_at_least(argument: str, value: object, least: int) -> None:
    """Raise `ArgumentError` unless `value` is a whole number of at least `least`."""
    if not isinstance(value, Integral) or value < least:
        message = f"{argument} must be a whole number of at least {least}. Got {value!r}."
        raise ArgumentError(message)
