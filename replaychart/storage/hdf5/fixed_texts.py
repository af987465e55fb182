"""Writes strings of fixed length, whose bytes lie in the attribute or dataset itself.

HDF5 keeps variable-length strings in a heap without a checksum and trusts what it finds there: one
wrong byte can crash the process that reads it. So none are written.
"""

import h5py
import numpy as np


def set_attribute(item: h5py.Group | h5py.Dataset, name: str, text: str) -> None:
    """Set an attribute to a string."""
    value = _fixed(text)
    item.attrs.create(name, value, dtype=value.dtype)


def write(group: h5py.Group, name: str, text: str) -> None:
    """Write a string as a dataset of shape (1,) with a checksum, replacing any existing one."""
    if name in group:
        del group[name]  # its dtype has the length of the old string
    group.create_dataset(name, data=_fixed(text)[None], chunks=(1,), fletcher32=True)


def _fixed(text: str) -> np.ndarray:
    encoded = text.encode("utf-8")
    return np.array(encoded, dtype=h5py.string_dtype("utf-8", max(len(encoded), 1)))
