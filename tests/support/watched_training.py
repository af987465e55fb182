"""Trains slowly; run as a script, and watched by another process.

Arguments: a file of runs, a group, and the number of epochs.
"""

import sys
import time

import numpy as np

import replaychart as rc


def main() -> None:
    path, group, epochs = sys.argv[1], sys.argv[2], int(sys.argv[3])
    X, y = rc.datasets.parabola(40)
    generator = np.random.default_rng(1)
    noise = generator.normal(size=len(y))
    with rc.record_outputs(path, group, inputs=X, targets=y) as outputs:
        for epoch in range(epochs + 1):
            scores = (2 * y - 1) * epoch / 4 + noise
            outputs.snapshot(epoch, probabilities=1 / (1 + np.exp(-scores)))
            time.sleep(0.3)


if __name__ == "__main__":
    main()
