"""Writes runs under new names; run as a script by the test of trainings at the same time.

Arguments: a file of runs, a group, and how many runs to write. It waits for a line, and prints the
names that the runs got.
"""

import sys
from pathlib import Path

import numpy as np

from replaychart.facts.snapshots import RunDescription, Snapshot
from replaychart.storage.state import FINISHED
from replaychart.storage.writer import RunWriter


def main() -> None:
    path, group, runs = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    description = RunDescription(
        inputs=np.zeros((3, 2)),
        targets=np.zeros(3),
        architecture="null",
        compile_config="null",
        layers=(),
        details={"recorded": "outputs"},
    )
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(runs):
        writer = RunWriter(path, group, description, if_exists="new")
        writer.append(Snapshot(0))
        writer.append(Snapshot(1), end=FINISHED)
        print(writer.group, flush=True)


if __name__ == "__main__":
    main()
