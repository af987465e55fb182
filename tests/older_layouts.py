"""Writes runs as older layouts had them."""

from pathlib import Path

import h5py
import numpy as np

import replaychart as rc
from replaychart.storage.hdf5.checked import Attributes, is_one_text, text_in
from replaychart.storage.parts import log_names


def in_third_layout(run: rc.Run, path: Path) -> rc.Run:
    """Return a run's copy with texts of any length, and without checksums."""
    stored = run._stored
    with h5py.File(stored.path) as source, h5py.File(path, "w") as file:
        own = source[stored.name]
        copy = file.create_group(stored.name)
        names = log_names(own, at_most=len(stored.logs))
        _copy(own, copy)
        del copy["log_names"]
        copy.create_dataset(
            "log_names", data=names, dtype=h5py.string_dtype(), maxshape=(None,), chunks=(64,)
        )
        copy.attrs["replaychart_layout"] = 3
    return rc.open_run(path, stored.name)


def in_first_layout(run: rc.Run, path: Path) -> rc.Run:
    """Return a run's copy with a dataset per weight, and one per logged name."""
    stored = run._stored
    with h5py.File(stored.path) as source, h5py.File(path, "w") as file:
        copy = file.create_group(stored.name)
        _copy(source[stored.name], copy)
        copy.attrs["replaychart_layout"] = 1
        for name in ("weights", "outputs", "log_names", "scalars", "model/variables"):
            del copy[name]
        for index, values in enumerate(stored.weights()):
            copy[f"weights/{index}"] = np.asarray(values[np.arange(len(stored.epochs))])
        copy["learning_rate"] = stored.learning_rates
        logs = copy.create_group("logs")
        for index, (name, values) in enumerate(stored.logs.items()):
            logs[str(index)] = values
            logs[str(index)].attrs["name"] = name
    return rc.open_run(path, stored.name)


def _copy(source: h5py.Group | h5py.Dataset, target: h5py.Group | h5py.Dataset) -> None:
    for name, value in Attributes(source).items():
        target.attrs[name] = value
    if isinstance(source, h5py.Dataset):
        return
    for name, item in source.items():
        if isinstance(item, h5py.Group):
            target.create_group(name)
        elif h5py.check_string_dtype(item.dtype) and is_one_text(item):
            target[name] = text_in(source, name)
        else:
            chunked = {"chunks": item.chunks, "maxshape": item.maxshape} if item.size else {}
            target.create_dataset(name, data=item[()], **chunked)
        _copy(item, target[name])
