"""Draws in a process of its own, so that the training does not wait.

Run as a module, this is that process. It reads what to do from its standard input, and writes what
it has drawn to its standard output, both pickled. It ends when its input does, and so with the
process that trains.
"""

import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import cloudpickle

from replaychart.live.differences import Messages
from replaychart.live.live_chart import Draw

_NEWEST, _REPLAY = "newest", "replay"
# It leaves the processor to the training if both want it, and takes no accelerator.
_NICENESS = 5
_ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
}


class DrawingProcess:
    """Asks another process to draw.

    Parameters
    ----------
    path : pathlib.Path
        The recording.
    group : str
        The name of the run.
    draw : callable
        Takes a run, and ``epochs=``, and returns an Altair chart.
    planned : float or None
        The epoch at which the training will end.
    opening : mapping
        Further arguments of `open_run`.
    shown, replayed : callable
        Take what was drawn: the newest epoch, or the replay. They are called in another thread, as
        is `failed`.
    failed : callable
        Takes the error if drawing failed. Nothing is drawn any more after that.

    Raises
    ------
    Exception
        The chart or the model cannot be passed to another process.
    """

    def __init__(
        self,
        path: Path,
        group: str,
        draw: Draw,
        *,
        planned: float | None,
        opening: Mapping[str, Any],
        shown: Callable[[Messages], None],
        replayed: Callable[[Messages], None],
        failed: Callable[[str], None],
    ) -> None:
        what = {
            "path": path.absolute(),
            "group": group,
            "draw": draw,
            "planned": planned,
            "opening": dict(opening),
        }
        task = cloudpickle.dumps(what)
        self._requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._take = {_NEWEST: shown, _REPLAY: replayed}
        self._failed = failed
        self._waiting = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Interrupting a notebook interrupts all processes of its session.
            start_new_session=True,
            env=_environment(),
        )
        self._requests.put(task)
        threading.Thread(target=self._send, daemon=True).start()
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def busy(self) -> bool:
        """Whether it is drawing."""
        return self._waiting > 0

    def newest(self) -> None:
        """Ask for the newest epoch."""
        self._ask(_NEWEST)

    def replay(self) -> None:
        """Ask for the replay of all epochs, and for nothing afterwards."""
        self._ask(_REPLAY)
        self._requests.put(None)

    def _ask(self, what: str) -> None:
        self._waiting += 1
        self._requests.put(pickle.dumps(what))

    def _send(self) -> None:
        """Pass on requests. A process that is starting does not read them yet."""
        assert self._process.stdin is not None
        # If the process has ended, `_listen` says so.
        with suppress(OSError), self._process.stdin as requests:
            while (message := self._requests.get()) is not None:
                requests.write(message)
                requests.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as answers:
            while True:
                try:
                    what, messages, error = pickle.load(answers)
                except Exception:  # the end of the process, in the middle of an answer too
                    break
                self._waiting -= 1
                if error is not None:
                    self._waiting = 0
                    self._failed(error)
                    break
                self._take[what](messages)
        self._requests.put(None)
        self._process.wait()
        if self._waiting > 0:
            self._failed("The process that draws has ended.")


def _environment() -> dict[str, str]:
    known = {**os.environ, **_ENVIRONMENT, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    keras = sys.modules.get("keras")
    return known if keras is None else known | {"KERAS_BACKEND": keras.backend.backend()}


def main() -> None:
    """Draw what is asked for, until the input ends."""
    # What libraries print must not get among the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    asked = sys.stdin.buffer
    draw = _drawer(asked, answers)
    while draw is not None:
        try:
            what = pickle.load(asked)
        except EOFError:
            return
        answer: tuple[str, Messages | None, str | None]
        try:
            answer = (what, draw(what), None)
        except Exception as error:
            answer = (what, None, f"{type(error).__name__}: {error}")
        _answer(answers, answer)


def _drawer(asked: IO[bytes], answers: IO[bytes]) -> Callable[[str], Messages] | None:
    from replaychart.live.following import Following

    try:
        task: dict[str, Any] = pickle.load(asked)
        following = Following(
            task["path"],
            task["group"],
            task["draw"],
            planned=task["planned"],
            opening=task["opening"],
        )
    except Exception as error:  # such as a module that is not there
        _answer(answers, ("", None, f"{type(error).__name__}: {error}"))
        return None
    return lambda what: following.newest() if what == _NEWEST else following.replay()


def _answer(answers: IO[bytes], answer: tuple[str, Messages | None, str | None]) -> None:
    pickle.dump(answer, answers)
    answers.flush()


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        main()
