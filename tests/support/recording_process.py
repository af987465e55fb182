"""Records outputs; run as a script by the tests of trainings at the same time.

Arguments: a file of runs, a group, a file, and what ``if_exists`` shall be. It waits for a line,
records until the file is there, and prints what came of it. Its numbers tell group and epoch.
"""

import sys
import zlib
from pathlib import Path

import numpy as np

import replaychart as rc

POINTS = 300


def losses(group: str, epoch: int) -> np.ndarray:
    """Numbers that tell where they belong."""
    return np.arange(POINTS, dtype=np.float32) + 1000 * epoch + zlib.crc32(group.encode()) % 1000


def main() -> None:
    path, group, stop, if_exists = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4]
    X, y = np.zeros((POINTS, 2)), np.zeros(POINTS, int)
    rc.list_runs  # noqa: B018 - what is imported late shall not spread the starts
    rc.record_outputs  # noqa: B018
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        with rc.record_outputs(
            path, group, inputs=X, targets=y, if_exists=if_exists
        ) as outputs:  # fmt: skip
            epoch = 0
            while not stop.exists():
                outputs.snapshot(epoch, losses=losses(group, epoch), logs={"loss": epoch})
                epoch += 1
    except rc.ReplayChartError as error:
        print(f"{type(error).__name__}: {error}", flush=True)
    else:
        print("recorded", epoch, flush=True)


if __name__ == "__main__":
    main()
