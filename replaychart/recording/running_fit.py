"""Looks at the `fit` that calls a recorder: whether it still runs, and its other callbacks."""

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import keras

if TYPE_CHECKING:
    from types import FrameType


def running_fit() -> Callable[[], bool] | None:
    """Return a function that says whether the calling ``fit`` still runs, None outside of ``fit``.

    It is needed because Keras calls no callback when training ends with an error, and the process
    of an interrupted notebook keeps running.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_name != "fit":
        frame = frame.f_back
    if frame is None:
        return None
    # Not its code: after an interruption, a later fit is not this one. And not the frame itself,
    # which would keep everything in it.
    identity, thread = id(frame), threading.get_ident()

    def runs() -> bool:
        running = sys._current_frames().get(thread)
        while running is not None and id(running) != identity:
            running = running.f_back
        return running is not None

    return runs


def running_callbacks() -> keras.callbacks.CallbackList | None:
    """Return the list of callbacks that is calling this one, None if there is none.

    A callback that is appended to it is called after all others.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        caller = frame.f_locals.get("self")
        if isinstance(caller, keras.callbacks.CallbackList):
            return caller
        frame = frame.f_back
    return None
