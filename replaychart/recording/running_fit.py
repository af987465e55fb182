"""Looks at the `fit` that calls a recorder: whether it still runs, and its other callbacks."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import keras

from replaychart.recording.running_call import running_call

if TYPE_CHECKING:
    from types import FrameType


def running_fit() -> Callable[[], bool] | None:
    """Return a function that says whether the calling ``fit`` still runs, None outside of ``fit``.

    Keras calls no callback when training ends with an error.
    """
    return running_call("fit")


def validates_an_epoch() -> bool:
    """Return whether the ``on_test_begin`` that calls this is that of ``fit``, after an epoch.

    Another callback may evaluate the model at any time.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_name != "fit":
        name = frame.f_code.co_name
        if name.startswith("on_") and name != "on_test_begin":
            return False
        frame = frame.f_back
    return frame is not None


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
