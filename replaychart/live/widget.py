"""The notebook's widget. Importing this module needs anywidget."""

import anywidget
import traitlets

from replaychart.live.differences import Messages
from replaychart.live.scripts import module


class LiveWidget(anywidget.AnyWidget):
    """Shows a training run, and lets its viewer steer it.

    Attributes
    ----------
    epoch : float
        The epoch shown. After the training, setting it moves the slider.
    playing : bool
        Whether the replay plays.
    selection : list of int
        The numbers of the samples that are picked in a chart that `link` returned. Setting them
        shows their trails.
    paused : bool
        Whether the training is to pause.
    stopped : bool
        Whether the training is to stop.
    learning_rate : float or None
        The learning rate; None if it cannot be set.
    state : {"waiting", "training", "ended"}
    status : str
        The state in words.
    """

    _esm = module("widget.js")
    # JSON, as bytes: they are passed on as they are.
    _whole = traitlets.Bytes(b"").tag(sync=True)
    _changes = traitlets.Bytes(b"").tag(sync=True)
    epoch = traitlets.Float(0.0).tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)
    selection = traitlets.List(traitlets.Int()).tag(sync=True)
    paused = traitlets.Bool(False).tag(sync=True)
    stopped = traitlets.Bool(False).tag(sync=True)
    learning_rate = traitlets.Float(None, allow_none=True).tag(sync=True)
    state = traitlets.Unicode("waiting").tag(sync=True)
    status = traitlets.Unicode("Waiting for the first epoch …").tag(sync=True)

    def answer_while_busy(self) -> None:
        """Take what the viewer does while a cell runs, if the kernel has subshells.

        A browser sends it to a subshell, which answers while the main shell is busy. From version
        7.3 on, ipykernel passes it on to the shell that updated the widget last, and that is the
        busy one.
        """
        if hasattr(self.comm, "_reply_subshell_for"):
            self.comm._reply_subshell_for = None

    def show(self, messages: Messages) -> None:
        """Show a chart in all browsers."""
        with self.hold_sync():
            if messages.whole is not None:
                self._whole = messages.whole
            self._changes = messages.changes
            self.epoch = float(messages.epoch)
