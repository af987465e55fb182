"""`Live`: draws a training run in a notebook while it goes on."""

import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

from replaychart.arguments import is_number, shown
from replaychart.charts.dashboard import dashboard
from replaychart.errors import ArgumentError, MissingDependencyError
from replaychart.live.differences import Messages
from replaychart.live.drawing_here import DrawingHere
from replaychart.live.following import Following
from replaychart.live.live_chart import Draw
from replaychart.live.steering import Steering

if TYPE_CHECKING:
    from replaychart.live.drawing_process import DrawingProcess
    from replaychart.live.widget import LiveWidget
    from replaychart.recording.loop_recorder import LoopRecorder
    from replaychart.recording.outputs import OutputsRecorder
    from replaychart.recording.recorder import Recorder

_TRAINING, _ENDED = "training", "ended"


class Live:
    """Draw a training run in a notebook while it goes on.

    Pass it to ``model.fit`` as a callback, after the recorder, or call `update` after each epoch of
    your own loop. The cell shows the newest recorded epoch. When training ends or is interrupted,
    the chart becomes the replay of all epochs, which plays in the same cell.

    Below the chart are buttons that pause and stop the training, and its learning rate, which you
    can change. They work while a cell runs in JupyterLab 4.4 and later with ipykernel 7, which
    answer a widget while the kernel is busy.

    Charts are drawn in a process of their own, so training does not wait for them. If the chart or
    the model cannot be passed to another process, the training process draws them itself, and
    takes at most 5 % of its time for it. Training computes the same numbers as without `Live`. If
    drawing fails, there is one warning, and training continues.

    Parameters
    ----------
    recorder : Recorder, TorchRecorder or the result of `record_function` or `record_outputs`
        The recorder of the same training run.
    draw : callable, default `dashboard`
        Takes the run, and ``epochs=``, which it passes on to charts, and returns an Altair chart.
        Curves show all epochs until now, everything else shows the newest one.
    seconds : float, default 1.0
        The shortest time between two charts.

    Attributes
    ----------
    widget : LiveWidget
        The widget in the notebook. Its traits ``epoch``, ``playing``, ``selection`` (the picked
        samples of a chart that `link` returned), ``paused``, ``stopped`` and ``learning_rate`` can
        be read and set. `Live` displays it when training begins; to have it in another place,
        display it there before.

    Raises
    ------
    ArgumentError
        `recorder` is not a recorder, or `draw` or `seconds` is not allowed.
    MissingDependencyError
        anywidget is not installed.

    Warns
    -----
    UserWarning
        The chart could not be drawn. Training continues without it.

    Examples
    --------
    >>> import replaychart as rc
    >>> recorder = rc.Recorder(X, y, "runs.h5", group="parabola")  # doctest: +SKIP
    >>> live = rc.Live(recorder)  # doctest: +SKIP
    >>> model.fit(X, y, epochs=150, callbacks=[recorder, live])  # doctest: +SKIP

    In a loop of your own:

    >>> with rc.TorchRecorder(module, X, y, "runs.h5", "torch") as recorder:  # doctest: +SKIP
    ...     with rc.Live(recorder) as live:
    ...         for epoch in range(1, 101):
    ...             train(module)
    ...             recorder.snapshot(epoch)
    ...             live.update()
    ...             if live.widget.stopped:
    ...                 break

    References
    ----------
    https://anywidget.dev
    """

    def __init__(
        self,
        recorder: "Recorder | LoopRecorder | OutputsRecorder",
        *,
        draw: Draw = dashboard,
        seconds: float = 1.0,
    ) -> None:
        if not hasattr(recorder, "opening_arguments"):
            message = (
                "recorder must be a Recorder, a TorchRecorder or the result of record_function or "
                f"record_outputs. Got {shown(recorder)}."
            )
            raise ArgumentError(message)
        if not callable(draw):
            message = f"draw must be a function of a run and epochs. Got {shown(draw)}."
            raise ArgumentError(message)
        if not is_number(seconds) or not seconds >= 0:
            message = f"seconds must be a number of at least 0. Got {shown(seconds)}."
            raise ArgumentError(message)
        self._recorder = recorder
        self._draw = draw
        self._seconds = float(seconds)
        self._new_widget = _widget_class()
        self._displayed = False
        self._params: Mapping[str, Any] = {}
        self._steering = Steering(recorder)
        self._done = threading.Event()
        self.widget: LiveWidget = self._new_widget()
        self._start_over()

    def _start_over(self) -> None:
        self._drawing: DrawingProcess | DrawingHere | None = None
        self._problem: str | None = None
        self._gave_up = False
        self._under_way = False
        self._how = ""
        self._asked_at = -float("inf")

    def update(self) -> None:
        """Draw the newest recorded epoch, unless the last chart is too recent.

        ``fit`` does this itself. In a loop of your own, call it after each epoch, or more often to
        make the buttons answer sooner. It waits as long as the viewer pauses the training.
        """
        self._carefully(self._update)

    def finish(self, *, timeout: float = 60.0) -> None:
        """Turn the chart into the replay of all epochs, and wait until it is drawn.

        When ``fit``, the ``with`` block or the cell of a notebook ends, the chart becomes the
        replay anyway; this waits for it.

        Parameters
        ----------
        timeout : float, default 60.0
            The longest time to wait, in seconds.
        """
        self._end("Finished")
        self._done.wait(timeout)

    def __enter__(self) -> Self:
        """Begin, and return itself."""
        self._carefully(self._begin)
        return self

    def __exit__(self, error: type[BaseException] | None, *details: object) -> None:
        """Turn the chart into the replay of all epochs."""
        self._end("Finished" if error is None else "Interrupted")

    def set_model(self, model: Any) -> None:
        """Take the model that is trained; Keras calls this before training."""
        self._steering.model = model

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Take the number of epochs and batches; Keras calls this before training."""
        self._params = params

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Show the widget."""
        if self.widget.state == _ENDED:
            self.widget, self._displayed = self._new_widget(), False
            self._start_over()
        self._carefully(self._begin)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Draw the state before training, which the recorder has just recorded."""
        self.update()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Do what the viewer of the widget wants."""
        self._carefully(self._obey)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Draw the epoch."""
        self.update()

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Turn the chart into the replay of all epochs."""
        self._end("Stopped" if self.widget.stopped else "Finished")

    def __getattr__(self, name: str) -> Any:
        """Return a method that does nothing for the other events of Keras's callbacks.

        This is no ``keras.callbacks.Callback``, because it works without Keras as well.
        """
        if name.startswith("on_"):
            return _ignored
        message = f"{type(self).__name__!r} object has no attribute {name!r}"
        raise AttributeError(message)

    def _carefully(self, act: Callable[[], None]) -> None:
        """Do something that must not stop the training."""
        try:
            act()
        except Exception as error:
            self._give_up(f"{type(error).__name__}: {error}")

    def _begin(self) -> None:
        if self._under_way:
            return
        self._under_way = True
        self._done.clear()
        self._drawing, self._gave_up = None, False
        self.widget.answer_while_busy()
        with self.widget.hold_sync():
            self.widget.state, self.widget.status = _TRAINING, "Waiting for the first epoch …"
            self.widget.paused = self.widget.stopped = False
            self._steering.begin(self.widget)
        shell = _notebook()
        if shell is not None:
            # Nothing else says that a training was interrupted.
            shell.events.register("post_run_cell", self._after_cell)
            if not self._displayed:
                from IPython.display import display

                display(self.widget)
                self._displayed = True

    def _after_cell(self, *_: object) -> None:
        self._end("Interrupted" if self._steering.model is not None else "Finished")

    def _obey(self) -> None:
        self._steering.obey(self.widget, self._describe)

    def _update(self) -> None:
        self._begin()
        self._obey()
        self._steering.look(self.widget)
        self._describe()
        now = time.monotonic()
        if self._gave_up or not self._recorder.begun or now - self._asked_at < self._seconds:
            return
        drawing = self._drawing_now()
        if not drawing.busy:
            self._recorder.flush()
            self._asked_at = now
            drawing.newest()

    def _describe(self) -> None:
        """Say in words what goes on."""
        widget, epochs = self.widget, self._params.get("epochs")
        text = f"Epoch {widget.epoch:g}" + (f" of {epochs}" if epochs else "")
        if widget.paused:
            text += ", paused"
        elif widget.stopped:
            text += ", stopping after this epoch"
        if widget._whole and not self._gave_up and text != widget.status:
            widget.status = text

    def _drawing_now(self) -> "DrawingProcess | DrawingHere":
        """Return what draws: another process if possible, otherwise this one."""
        if self._drawing is None:
            from replaychart.live.drawing_process import DrawingProcess

            try:
                self._drawing = DrawingProcess(
                    self._recorder.path,
                    self._recorder.group,
                    self._draw,
                    planned=self._params.get("epochs"),
                    opening=self._recorder.opening_arguments,
                    shown=self.widget.show,
                    replayed=self._replayed,
                    failed=self._not_there,
                )
            except Exception:  # anything that cannot be pickled, or a system without processes
                self._drawing = self._here()
        elif self._problem is not None and not isinstance(self._drawing, DrawingHere):
            self._drawing = self._here()
        return self._drawing

    def _here(self) -> DrawingHere:
        opening = dict(self._recorder.opening_arguments)
        if self._steering.model is not None:
            # It has all classes and functions of the user's own.
            opening["model"] = self._steering.model
        following = Following(
            self._recorder.path,
            self._recorder.group,
            self._draw,
            planned=self._params.get("epochs"),
            opening=opening,
        )
        return DrawingHere(following, self.widget.show, self._replayed, self._give_up)

    def _not_there(self, problem: str) -> None:
        """Draw in this process from now on. Called in another thread."""
        self._problem = problem
        if not self._under_way:
            self._here().replay()

    def _end(self, how: str) -> None:
        if not self._under_way:
            return
        self._under_way = False
        shell = _notebook()
        if shell is not None:
            shell.events.unregister("post_run_cell", self._after_cell)
        self._carefully(lambda: self._turn_into_replay(how))

    def _turn_into_replay(self, how: str) -> None:
        self._how = how
        with self.widget.hold_sync():
            self.widget.state = _ENDED
            if not self._gave_up:
                self.widget.status = "Drawing the replay …"
        if self._gave_up or not self._recorder.begun:
            self._done.set()
        else:
            self._recorder.flush()
            self._drawing_now().replay()

    def _replayed(self, messages: Messages) -> None:
        with self.widget.hold_sync():
            self.widget.show(messages)
            self.widget.playing = True
            self.widget.status = f"{self._how} after epoch {messages.newest:g}"
        self._let_go()

    def _let_go(self) -> None:
        """Say that there is nothing to wait for."""
        # References in a circle would keep the recorder of an interrupted training.
        self._drawing = None
        self._done.set()

    def _give_up(self, problem: str) -> None:
        """Draw nothing any more, and say why, once."""
        if self._gave_up:
            return
        self._gave_up = True
        self._let_go()
        message = f"The live view stopped: {problem} Training continues."
        self.widget.status = message
        warnings.warn(message, UserWarning, stacklevel=2)


def _ignored(*_: object, **__: object) -> None:
    """Do nothing."""


# Keras would otherwise take it for a method that has something to do after each batch.
_ignored._is_default = True  # type: ignore[attr-defined]


def _widget_class() -> "type[LiveWidget]":
    try:
        import cloudpickle  # noqa: F401

        from replaychart.live.widget import LiveWidget
    except ImportError as error:
        message = (
            "Live needs anywidget and cloudpickle: pip install 'replaychart[live]'. "
            f"Importing it failed: {error}"
        )
        raise MissingDependencyError(message) from error
    return LiveWidget


def _notebook() -> Any:
    """Return the running IPython, None if there is none."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()
