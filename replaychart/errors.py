"""The exceptions that ReplayChart raises; all of them are subclasses of `ReplayChartError`."""

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
    """Base class of all errors that ReplayChart raises on purpose."""


class ArgumentError(ReplayChartError, ValueError):
    """An argument has a value that is not allowed."""


class DatasetError(ReplayChartError, OSError):
    """A dataset cannot be downloaded, or a file does not contain it."""


class RecordingError(ReplayChartError, RuntimeError):
    """A training run cannot be recorded."""


class RunFileError(ReplayChartError, OSError):
    """A file is missing, damaged or not writable, or does not contain what was requested."""


class FileInUseError(RunFileError):
    """Another program has had a file open for too long."""


class EvaluationError(ReplayChartError, RuntimeError):
    """A recorded model cannot be rebuilt, or cannot be evaluated as requested."""


class MissingDependencyError(ReplayChartError, ImportError):
    """An optional package is required but not installed."""
