"""Kills a writer before each of its writes in turn; run as a script, which forks.

Arguments: a file of runs, what to do with it (a name in `ACTIONS`), and a directory. For every
write that the action makes, the directory gets a copy of the file whose writer was killed before
that write; for the last copy, the action was not killed. A write of several pages is also cut at
one of them: the system can stop a process between two pages, but not within one.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from io import FileIO
from pathlib import Path

import numpy as np

from replaychart.facts.keys import evaluation_key
from replaychart.facts.layers import Variable
from replaychart.facts.snapshots import RunDescription, Snapshot
from replaychart.storage import reader
from replaychart.storage.destination import check_destination
from replaychart.storage.hdf5 import journal
from replaychart.storage.writer import RunWriter, write_evaluations

NUMBERS = 3000
PAGE = 4096


def snapshot(epoch: int, *, of: int = 0) -> Snapshot:
    """Return a snapshot whose weights identify its epoch and its run."""
    weights = [np.arange(NUMBERS, dtype=np.float32) + 1000 * epoch + of]
    return Snapshot(epoch, weights, 0.1, {"loss": float(epoch), f"metric {epoch}": 1.0})


def description(*, points: int = 400) -> RunDescription:
    variable = Variable("hidden", (NUMBERS,), "float32")
    X = np.full((points, 2), points, np.float32)
    return RunDescription(X, np.zeros(points), "null", "null", (), {}, (variable,))


def first(path: Path) -> None:
    RunWriter(path, "new", description()).append(snapshot(0))


def begin(path: Path) -> None:
    check_destination(path, "new", if_exists="error")
    first(path)


def append(path: Path) -> None:
    stored = reader.read_run(path, "old")
    writer = RunWriter.onto(stored, keep=len(stored.epochs), details={})
    for epoch in range(3, 6):
        writer.append(snapshot(epoch))
    writer.append(end="finished")


def overwrite(path: Path) -> None:
    check_destination(path, "old", if_exists="overwrite")
    RunWriter(path, "old", description(points=300)).append(snapshot(0, of=5), end="finished")


def store(path: Path) -> None:
    stored = reader.read_run(path, "old")
    values = np.random.default_rng(0).normal(size=(len(stored.epochs), 400))
    write_evaluations(stored, {STORED_LATER: {"values": values}})


STORED_FIRST, STORED_LATER = (evaluation_key("metric", name=name) for name in ("old", "new"))

ACTIONS: dict[str, Callable[[Path], None]] = {
    "first": first, "begin": begin, "append": append, "overwrite": overwrite, "store": store,
}  # fmt: skip


class _KilledBefore:
    """Counts changes to files, and kills the process before one of them."""

    def __init__(self, number: int, *, in_the_middle: bool) -> None:
        self._left = number
        self._in_the_middle = in_the_middle

    def install(self) -> None:
        from replaychart.storage.hdf5 import locks

        killed = self

        class Counted(FileIO):
            def write(self, values: bytes | memoryview) -> int:
                start = self.tell()
                cut = (start + len(values) // 2) // PAGE * PAGE - start
                killed.step(lambda: FileIO.write(self, values[: max(cut, 0)]))
                return super().write(values)

            def truncate(self, size: int | None = None) -> int:
                killed.step(lambda: None)
                return super().truncate(size)

        for module in (locks, journal):
            module.FileIO = Counted  # type: ignore[attr-defined]

    def step(self, half: Callable[[], object]) -> None:
        if self._left == 0:
            if self._in_the_middle:
                half()
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1


def main() -> None:
    path, action, directory = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    number, killed = 0, True
    while killed:
        for in_the_middle in (False, True):
            copy = directory / f"{number:03}-{'middle' if in_the_middle else 'before'}.h5"
            if path.exists():
                shutil.copy(path, copy)
            child = os.fork()
            if child == 0:
                _KilledBefore(number, in_the_middle=in_the_middle).install()
                ACTIONS[action](copy)
                os._exit(0)
            status = os.waitpid(child, 0)[1]
            killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            assert killed or status == 0, status
        number += 1


if __name__ == "__main__":
    main()
