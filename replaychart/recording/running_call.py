"""Looks at a function that calls a recorder: whether the same call still runs."""

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def running_call(function: str) -> Callable[[], bool] | None:
    """Return a function that says whether the calling function still runs, None outside of it.

    It is needed because a training framework may call no callback when training ends with an
    error, and the process of an interrupted notebook keeps running.

    Parameters
    ----------
    function : str
        The name of the function that trains.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_name != function:
        frame = frame.f_back
    if frame is None:
        return None
    # Not its code: after an interruption, a later call is not this one. And not the frame itself,
    # which would keep everything in it.
    identity, thread = id(frame), threading.get_ident()

    def runs() -> bool:
        running = sys._current_frames().get(thread)
        while running is not None and id(running) != identity:
            running = running.f_back
        return running is not None

    return runs
