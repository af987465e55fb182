"""Reads the values that a training run logs, whoever put them into the logs."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from replaychart.errors import ArgumentError
from replaychart.recording.given_numbers import off_device

# A log with more values than this, one for each class, is something else, such as an image.
_MOST_VALUES = 4096
_LONGEST_REPR = 60


class Logs:
    """Converts logs to numbers. Entries that are not numbers are left out, with a warning for each.

    Keras passes the same logs to all callbacks, and any of them may add anything.
    """

    def __init__(self) -> None:
        self._left_out: set[str] = set()

    def numbers(self, logs: Mapping[Any, Any] | None) -> dict[str, float]:
        """Return one float per name. A metric of several values becomes ``name[0]``, ``name[1]``...

        Parameters
        ----------
        logs : mapping or None
            What was logged, by name.

        Warns
        -----
        UserWarning
            An entry was left out, the first time that this happens.
        """
        found: dict[str, float] = {}
        for key, value in dict(logs or {}).items():
            name = _text(key)
            values = _numbers(value)
            if values is None:
                self._leave_out(name, value)
            elif values.size == 1:
                found[name] = float(values.reshape(()))
            else:
                for index, entry in enumerate(values.ravel()):
                    found[f"{name}[{index}]"] = float(entry)
        return found

    def _leave_out(self, name: str, value: object) -> None:
        if name in self._left_out:
            return
        self._left_out.add(name)
        message = (
            f"logs[{name!r}] is not recorded, because it is not a number or an array "
            f" of at most {_MOST_VALUES:,} numbers. Got {_described(value)}."
        )
        warnings.warn(message, UserWarning, stacklevel=2)


def checked_logs(logs: object) -> Mapping[Any, Any] | None:
    """Return logs that a user passed, unchanged.

    Raises
    ------
    ArgumentError
        They are not a mapping.
    """
    if logs is not None and not isinstance(logs, Mapping):
        message = f"logs must map names to numbers. Got {type(logs).__name__}."
        raise ArgumentError(message)
    return logs


def _text(key: object) -> str:
    # The file stores names as UTF-8.
    return str(key).encode(errors="replace").decode()


def _numbers(value: object) -> np.ndarray | None:
    """Return a value as an array of float64, None if it is not one number or a few."""
    try:
        values = np.asarray(off_device(value))
        if values.dtype.kind not in "biufO" or values.size > _MOST_VALUES:
            return None
        return values.astype(np.float64)
    except Exception:  # an object of another library may raise anything
        return None


def _described(value: object) -> str:
    """Return the type of a value, and the value itself if it is short."""
    kind = type(value).__name__
    if not isinstance(value, (str, bytes, complex)):
        return kind
    text = repr(value)
    return f"{kind} {text}" if len(text) <= _LONGEST_REPR else f"{kind} {text[:_LONGEST_REPR]}..."
