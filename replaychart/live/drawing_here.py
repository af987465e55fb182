"""Draws in the process that trains."""

import time
from collections.abc import Callable

from replaychart.live.differences import Messages
from replaychart.live.following import Following

# Drawing may take at most this share of the time.
_LARGEST_SHARE = 0.05


class DrawingHere:
    """Draws when it is asked to, and pauses afterwards to take a small share of the time.

    Parameters
    ----------
    following : Following
        Draws the run.
    shown, replayed : callable
        Take what was drawn: the newest epoch, or the replay.
    failed : callable
        Takes the error if drawing failed.
    """

    def __init__(
        self,
        following: Following,
        shown: Callable[[Messages], None],
        replayed: Callable[[Messages], None],
        failed: Callable[[str], None],
    ) -> None:
        self._following = following
        self._shown, self._replayed = shown, replayed
        self._failed = failed
        self._free_at = 0.0

    @property
    def busy(self) -> bool:
        """Whether it is too early to draw again."""
        return time.monotonic() < self._free_at

    def newest(self) -> None:
        """Draw the newest epoch."""
        begun = time.monotonic()
        self._draw(self._following.newest, self._shown)
        now = time.monotonic()
        self._free_at = now + (now - begun) * (1 / _LARGEST_SHARE - 1)

    def replay(self) -> None:
        """Draw the replay of all epochs."""
        self._draw(self._following.replay, self._replayed)

    def _draw(self, draw: Callable[[], Messages], take: Callable[[Messages], None]) -> None:
        try:
            messages = draw()
        except Exception as error:  # charts of the user's own raise anything
            self._failed(f"{type(error).__name__}: {error}")
        else:
            take(messages)
