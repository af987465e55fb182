"""Writes a run as the first layout had it: a dataset per weight, and one per logged name."""

from pathlib import Path

import h5py
import numpy as np

import replaychart as rc


def rewritten(run: rc.Run, path: Path) -> rc.Run:
    """Return a run's copy in the first layout."""
    stored = run._stored
    with h5py.File(stored.path) as source, h5py.File(path, "w") as file:
        source.copy(source[stored.name], file, name=stored.name)
        copy = file[stored.name]
        copy.attrs["replaychart_layout"] = 1
        for name in ("weights", "outputs", "log_names", "scalars", "model/variables"):
            if name in copy:
                del copy[name]
        for index, values in enumerate(stored.weights()):
            copy[f"weights/{index}"] = np.asarray(values[np.arange(len(stored.epochs))])
        copy["learning_rate"] = stored.learning_rates
        logs = copy.create_group("logs")
        for index, (name, values) in enumerate(stored.logs.items()):
            logs[str(index)] = values
            logs[str(index)].attrs["name"] = name
    return rc.open_run(path, stored.name)
