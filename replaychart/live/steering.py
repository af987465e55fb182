"""What a viewer can change in a training run that goes on: pause, stop, learning rate."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from replaychart.live.widget import LiveWidget
    from replaychart.recording.loop_recorder import LoopRecorder

# Seconds between two looks at a widget that is paused.
_LOOK = 0.05


class Steering:
    """Does what a widget asks for.

    Parameters
    ----------
    recorder : Recorder or LoopRecorder
        The recorder of the run.
    """

    def __init__(self, recorder: Any) -> None:
        self._recorder: LoopRecorder = recorder
        self.model: Any = None
        self._known: float | None = None

    def begin(self, widget: "LiveWidget") -> None:
        """Show the learning rate."""
        widget.learning_rate = self._known = self._rate()

    def obey(self, widget: "LiveWidget", while_paused: Callable[[], None]) -> None:
        """Change the learning rate, wait while the widget is paused, and stop the training.

        Parameters
        ----------
        widget : LiveWidget
        while_paused : callable
            Called again and again.
        """
        self._set_rate(widget)
        while widget.paused and not widget.stopped:
            while_paused()
            time.sleep(_LOOK)
        self._set_rate(widget)
        if widget.stopped and self.model is not None:
            self.model.stop_training = True

    def look(self, widget: "LiveWidget") -> None:
        """Show the learning rate if the training has changed it, as schedules do."""
        rate = self._rate()
        if rate != self._known and widget.learning_rate == self._known:
            widget.learning_rate = self._known = rate

    def _set_rate(self, widget: "LiveWidget") -> None:
        wanted = widget.learning_rate
        if wanted == self._known or wanted is None or not wanted > 0:
            return
        if self.model is None:
            self._recorder.learning_rate = wanted
        else:
            with suppress(Exception):  # an optimizer of the user's own may refuse
                self.model.optimizer.learning_rate = wanted
        # The optimizer may round it.
        widget.learning_rate = self._known = self._rate()

    def _rate(self) -> float | None:
        """Return the learning rate, None if it cannot be set."""
        if self.model is None:
            return getattr(self._recorder, "learning_rate", None)
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is None or callable(getattr(optimizer, "_learning_rate", None)):
            return None  # a schedule
        from replaychart.recording.live_model import learning_rate_of

        rate = learning_rate_of(self.model)
        return rate if rate == rate else None
