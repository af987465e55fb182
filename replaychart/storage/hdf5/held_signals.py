"""Delays signals while HDF5 is working."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# Signals that may have a handler in Python; not every system has all of them.
_SIGNALS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGBREAK")
    if hasattr(signal, name)
]


@contextmanager
def signals_held() -> Iterator[None]:
    """Delay signals that have a handler in Python, such as Ctrl-C, until the block ends."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Handlers only run in the main thread.
        return
    arrived: list[tuple[int, Any]] = []
    handlers: dict[int, Callable[..., Any]] = {}

    def hold(number: int, frame: Any) -> None:
        arrived.append((number, frame))

    try:
        for number in _SIGNALS:
            handler = signal.getsignal(number)
            if callable(handler):
                handlers[number] = handler
                signal.signal(number, hold)
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number, frame in arrived:
            handlers[number](number, frame)
