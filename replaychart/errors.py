"""The exceptions that ReplayChart raises: all of them are `ReplayChartError`."""

__all__ = [
    "ArgumentError",
    "DatasetError",
    "EvaluationError",
    "MissingDependencyError",
    "RecordingError",
    "ReplayChartError",
    "RunFileError",
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
