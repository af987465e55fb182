"""Train the network of the demo and record it into the package.

Usage: python scripts/record_parabola.py [FILE]
"""

import sys
from pathlib import Path

import replaychart as rc
from replaychart.demonstration import train

if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else rc.datasets.parabola_recording()
    # HDF5 does not give back the space of what is replaced.
    path.unlink(missing_ok=True)
    train(path, epochs=150)
    rc.open_run(path, "parabola").store()
    print(f"Recorded {path} ({path.stat().st_size / 1e6:.1f} MB)")
