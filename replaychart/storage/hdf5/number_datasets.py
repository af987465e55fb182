"""Writes datasets of numbers, with checksums, in pieces of a size that suits them."""

from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np

from replaychart.storage.hdf5 import fixed_texts

# A chunk is the piece that HDF5 reads and writes at once. Snapshots of small networks share one, so
# that thousands of epochs are not thousands of pieces; those of large ones are cut into several.
# Chunks are not compressed: weights and outputs lose 7 % (lzf) to 14 % (gzip) of their bytes, and
# writing them takes 5 to 10 times as long.
_SHARED_CHUNK_BYTES = 32 * 1024
_LARGEST_CHUNK_BYTES = 256 * 1024
LARGEST_CHUNK_IN_EPOCHS = 64
# In bytes: what is longer is a dataset of the same name.
LONGEST_ATTRIBUTE = 60_000


def write(group: h5py.Group, name: str, values: np.ndarray, **compression: Any) -> h5py.Dataset:
    """Write a dataset of numbers, with checksums."""
    # HDF5 has filters for what has a place in a chunk: not for nothing, nor for a number alone.
    filters = {"fletcher32": True, **compression} if values.size and values.ndim else {}
    return group.create_dataset(name, data=values, **filters)


def set_attribute(group: h5py.Group, name: str, value: str | np.ndarray) -> None:
    """Set an attribute, or a dataset of its name where HDF5 has no attribute so long."""
    for place in (group, group.attrs):
        if name in place:
            del place[name]
    size = len(value.encode()) if isinstance(value, str) else value.nbytes
    long = size > LONGEST_ATTRIBUTE
    if isinstance(value, str):
        (fixed_texts.write if long else fixed_texts.set_attribute)(group, name, value)
    elif long:
        write(group, name, value)
    else:
        group.attrs[name] = value


def rows(run: h5py.Group, name: str, first: np.ndarray | np.generic) -> h5py.Dataset:
    """Return the dataset that holds a row for each snapshot, made if this is the first one."""
    try:
        return run[name]
    except KeyError:
        return run.create_dataset(
            name,
            shape=(0, *first.shape),
            maxshape=(None, *first.shape),
            chunks=_chunks(first),
            dtype=first.dtype,
            fletcher32=True,
        )


def append(dataset: h5py.Dataset, row: int, values: Sequence[np.ndarray | np.generic]) -> None:
    """Write a row for each snapshot, from a row on; what stood behind it is gone."""
    dataset.resize(row + len(values), axis=0)
    dataset[row:] = np.stack(values)


def _chunks(values: np.ndarray | np.generic) -> tuple[int, ...]:
    """Return the shape of chunks for snapshots of these values."""
    epochs = _SHARED_CHUNK_BYTES // max(values.nbytes, 1)
    epochs = min(max(epochs, 1), LARGEST_CHUNK_IN_EPOCHS)
    pieces = -(-values.nbytes // _LARGEST_CHUNK_BYTES)
    shape = [max(size, 1) for size in values.shape]
    if shape and pieces:
        shape[0] = -(-shape[0] // pieces)
    return (epochs, *shape)
