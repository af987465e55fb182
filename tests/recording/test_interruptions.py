"""Ctrl-C at any moment: also in the middle of a write."""

import random
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import replaychart as rc

needs_timer = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer")


class _Interruptions:
    """Raises KeyboardInterrupt some random time after it was armed, wherever Python is then."""

    def __init__(self) -> None:
        self.armed = False
        self.count = 0

    def __enter__(self) -> "_Interruptions":
        self._before = signal.signal(signal.SIGALRM, self._interrupt)
        return self

    def __exit__(self, *error: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)

    def arm(self, seconds: float) -> None:
        self.armed = True
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def _interrupt(self, number: int, frame: Any) -> None:
        if self.armed:
            self.armed = False
            self.count += 1
            raise KeyboardInterrupt


# A file that was just opened may be closed by the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@needs_timer
@pytest.mark.parametrize("first", ["interrupted", "whole"])
def test_interruptions_in_the_middle_of_writes_lose_nothing(first: str, tmp_path: Path) -> None:
    path, epochs = tmp_path / "a.h5", 300
    X, y = np.zeros((200, 2)), np.zeros(200, int)
    moments = random.Random(0)
    losses = [np.arange(200, dtype=np.float32) + 1000 * epoch for epoch in range(epochs)]
    with _Interruptions() as interruptions, rc.record_outputs(
        path, "a", inputs=X, targets=y
    ) as outputs:  # fmt: skip
        if first == "whole":
            outputs.snapshot(0, losses=losses[0], logs={"loss": 0})
        for epoch in range(first == "whole", epochs):
            while True:
                try:
                    interruptions.arm(moments.uniform(1e-5, 3e-3))
                    outputs.snapshot(epoch, losses=losses[epoch], logs={"loss": epoch})
                    interruptions.armed = False
                    break
                except KeyboardInterrupt:
                    pass
    assert interruptions.count > epochs / 10
    run = rc.open_run(path)
    assert run.state == "finished"
    assert run.epochs.tolist() == list(range(epochs))
    np.testing.assert_array_equal(run.losses(), losses)
    assert run.curves.values("loss", source="training").tolist() == list(range(epochs))
