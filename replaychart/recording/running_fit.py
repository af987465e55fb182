"""Tells whether the `fit` that a recorder takes part in is still running."""

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def running_fit() -> Callable[[], bool] | None:
    """Return what tells whether the ``fit`` that calls this still runs, None if none calls it.

    Keras calls nobody when a training ends with an error, and an interrupted notebook lives on.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_name != "fit":
        frame = frame.f_back
    if frame is None:
        return None
    code, thread = frame.f_code, threading.get_ident()

    def runs() -> bool:
        running = sys._current_frames().get(thread)
        while running is not None and running.f_code is not code:
            running = running.f_back
        return running is not None

    return runs
