"""Reads everything in a file of runs with one bit flipped, for many bits in turn.

A script, because damaged bytes may crash HDF5 itself. It prints a line for each bit: its number,
and "as before" if the content is the same, "detected" for an error or a warning, or "other" if the
content differs.

    python flipped_bits.py FILE DIRECTORY FIRST LAST STEP
"""

import faulthandler
import hashlib
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from replaychart import ReplayChartError
from replaychart.storage import reader

SECONDS = 60


def content(path: Path) -> str:
    """Return a digest of everything in a file."""
    digest = hashlib.sha256()
    for name in reader.run_names(path):
        stored = reader.read_run(path, name)
        parts: list[Any] = [name, *vars(stored).values()]
        if stored.has_model:
            parts += stored.weights()
        evaluations = stored.evaluations()
        parts += [evaluations[key] for key in sorted(evaluations)]
        for part in parts:
            _add(digest, part)
    return digest.hexdigest()


def _add(digest: Any, part: Any) -> None:
    if isinstance(part, np.ndarray):
        digest.update(f"{part.dtype} {part.shape}".encode() + np.ascontiguousarray(part).tobytes())
    elif isinstance(part, dict):
        for key in sorted(part):
            digest.update(key.encode())
            _add(digest, part[key])
    else:
        digest.update(repr(part).encode())


def main(source: Path, directory: Path, first: int, last: int, step: int) -> None:
    faulthandler.enable()
    warnings.simplefilter("error", UserWarning)
    path = directory / source.name
    original = source.read_bytes()
    path.write_bytes(original)
    before = content(path)
    for bit in range(first, last, step):
        print(bit, end=" ", flush=True)
        flipped = bytearray(original)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        signal.alarm(SECONDS)
        try:
            print("as before" if content(path) == before else "other", flush=True)
        except (ReplayChartError, UserWarning):
            print("detected", flush=True)
        signal.alarm(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
