"""Writes numeric datasets with checksums, in chunks of a suitable size."""

from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np

from replaychart.storage.hdf5 import fixed_texts

# A chunk is what HDF5 reads and writes at once. Small rows share one, so that thousands of rows are
# not thousands of chunks; large rows are split into several. Chunks are not compressed: that would
# make weights and outputs 7 % (lzf) to 14 % (gzip) smaller and writing 5 to 10 times slower.
_SHARED_CHUNK_BYTES = 32 * 1024
_LARGEST_CHUNK_BYTES = 256 * 1024
LARGEST_CHUNK_IN_ROWS = 64
# In bytes; a longer value becomes a dataset of the same name.
LONGEST_ATTRIBUTE = 60_000


def write(group: h5py.Group, name: str, values: np.ndarray, **compression: Any) -> h5py.Dataset:
    """Write a numeric dataset with checksums."""
    # HDF5 applies filters to chunks, which empty and scalar datasets do not have.
    filters = {"fletcher32": True, **compression} if values.size and values.ndim else {}
    return group.create_dataset(name, data=values, **filters)


def set_attribute(group: h5py.Group, name: str, value: str | np.ndarray) -> None:
    """Set an attribute, or write a dataset of the same name if it is too long for one."""
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


def rows(group: h5py.Group, name: str, first: np.ndarray | np.generic) -> h5py.Dataset:
    """Return a dataset that grows by rows, created for rows like the first if it is missing."""
    try:
        return group[name]
    except KeyError:
        return group.create_dataset(
            name,
            shape=(0, *first.shape),
            maxshape=(None, *first.shape),
            chunks=_chunks(first),
            dtype=first.dtype,
            fletcher32=True,
        )


def append(dataset: h5py.Dataset, row: int, values: Sequence[np.ndarray | np.generic]) -> None:
    """Write rows, starting at a given row; existing rows from there on are dropped."""
    dataset.resize(row + len(values), axis=0)
    # One large row is not copied to be written.
    dataset[row:] = np.asarray(values[0])[None] if len(values) == 1 else np.stack(values)


def _chunks(values: np.ndarray | np.generic) -> tuple[int, ...]:
    """Return the shape of chunks for rows like these values."""
    rows = _SHARED_CHUNK_BYTES // max(values.nbytes, 1)
    rows = min(max(rows, 1), LARGEST_CHUNK_IN_ROWS)
    pieces = -(-values.nbytes // _LARGEST_CHUNK_BYTES)
    shape = [max(size, 1) for size in values.shape]
    if shape and pieces:
        shape[0] = -(-shape[0] // pieces)
    return (rows, *shape)
