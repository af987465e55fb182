"""Whether the training of a run has finished, is being recorded, or was interrupted.

A run stores who records it from the start, and at the end that it is finished. An unfinished run is
being recorded while its recorder is at work; otherwise it was interrupted.
"""

import json
import os
import socket
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakValueDictionary

import h5py
import numpy as np
import psutil

from replaychart.storage import layout
from replaychart.storage.hdf5 import fixed_texts

FINISHED = "finished"
BEING_RECORDED = "being recorded"
INTERRUPTED = "interrupted"
UNKNOWN = "unknown"

# Takes the place of the recorder if it was closed before the training reached its end.
_NOBODY = ""
# Seconds. The start time of a process is relative to that of the system, which drifts slightly when
# the clock is adjusted.
_CLOCK = 5.0


class Presence:
    """Represents a recorder of this process while it is at work.

    Parameters
    ----------
    training : callable, optional
        Returns whether training is still running. Default: the user's own code drives the
        recorder, which is at work until `end`.
    """

    def __init__(self, training: Callable[[], bool] | None = None) -> None:
        self._training = training
        self._thread = threading.get_ident()
        self.text = json.dumps(
            {
                "host": socket.gethostname(),
                "process": os.getpid(),
                "since": psutil.Process().create_time(),
                "recorder": uuid.uuid4().hex,
            }
        )
        _PRESENT[self.text] = self

    def end(self) -> None:
        """Stop being at work."""
        _PRESENT.pop(self.text, None)

    @property
    def at_work(self) -> bool:
        """Whether more may be recorded."""
        return self.text in _PRESENT and (self._training is None or self._training())

    @property
    def gives_way(self) -> bool:
        """Whether its own thread may take over the run: notebooks may leave recorders unclosed."""
        return self._training is None and self._thread == threading.get_ident()


_PRESENT: WeakValueDictionary[str, Presence] = WeakValueDictionary()


def begin(run: h5py.Group, presence: Presence) -> None:
    """Store in the attributes of a run who records it."""
    fixed_texts.set_attribute(run, layout.RECORDER_ATTRIBUTE, presence.text)
    run.attrs[layout.FINISHED_ATTRIBUTE] = False


def end(run: h5py.Group, how: str) -> None:
    """Store in the attributes of a run how it ended: `FINISHED`, `INTERRUPTED` or `UNKNOWN`."""
    if how == FINISHED:
        run.attrs[layout.FINISHED_ATTRIBUTE] = True
    elif how == UNKNOWN:
        del run.attrs[layout.FINISHED_ATTRIBUTE]
    else:
        fixed_texts.set_attribute(run, layout.RECORDER_ATTRIBUTE, _NOBODY)


def is_recorded_by(attributes: Mapping[str, Any], presence: Presence) -> bool:
    """Return whether a run with these attributes belongs to this recorder."""
    try:
        return attributes[layout.RECORDER_ATTRIBUTE] == presence.text
    except KeyError:
        return False


def is_taken(attributes: Mapping[str, Any]) -> bool:
    """Return whether a run with these attributes belongs to another recorder at work."""
    if state(attributes) != BEING_RECORDED:
        return False
    own = _PRESENT.get(attributes[layout.RECORDER_ATTRIBUTE])
    return own is None or not own.gives_way


def process(attributes: Mapping[str, Any]) -> int:
    """Return the ID of the process that records a run."""
    return int(json.loads(attributes[layout.RECORDER_ATTRIBUTE])["process"])


def state(attributes: Mapping[str, Any]) -> str:
    """Return the state of a run with these attributes.

    Returns
    -------
    {"finished", "being recorded", "interrupted", "unknown"}
        Unknown if another machine recorded it and may still do so, or if the attributes do not say
        who did.
    """
    finished = attributes.get(layout.FINISHED_ATTRIBUTE)
    if not isinstance(finished, (bool, np.bool_)):
        return UNKNOWN
    if finished:
        return FINISHED
    text = str(attributes.get(layout.RECORDER_ATTRIBUTE))
    if text == _NOBODY:
        return INTERRUPTED
    try:
        recorder = json.loads(text)
        host, number, since = recorder["host"], int(recorder["process"]), float(recorder["since"])
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return UNKNOWN
    if host != socket.gethostname():
        return UNKNOWN
    return BEING_RECORDED if _is_at_work(text, number, since) else INTERRUPTED


def _is_at_work(text: str, number: int, since: float) -> bool:
    if number == os.getpid():
        presence = _PRESENT.get(text)
        return presence is not None and presence.at_work
    try:
        other = psutil.Process(number)
        dead = other.status() == psutil.STATUS_ZOMBIE
        return not dead and abs(other.create_time() - since) < _CLOCK
    except (psutil.Error, ValueError, OverflowError):
        return False
