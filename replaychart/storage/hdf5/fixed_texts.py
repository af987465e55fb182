"""Writes texts of fixed length, whose bytes stand in the attribute or dataset that they belong to.

HDF5 keeps texts of any length in a heap of the file, without a checksum, and believes what it finds
there: one wrong byte can end the process that reads it. So this project writes none.
"""

import h5py
import numpy as np


def set_attribute(item: h5py.Group | h5py.Dataset, name: str, text: str) -> None:
    """Set an attribute to a text."""
    value = _fixed(text)
    item.attrs.create(name, value, dtype=value.dtype)


def write(group: h5py.Group, name: str, text: str) -> None:
    """Write a text as a dataset of shape (1,), with a checksum; an old one is replaced."""
    if name in group:
        del group[name]  # its type has the length of the old text
    group.create_dataset(name, data=_fixed(text)[None], chunks=(1,), fletcher32=True)


def _fixed(text: str) -> np.ndarray:
    encoded = text.encode("utf-8")
    return np.array(encoded, dtype=h5py.string_dtype("utf-8", max(len(encoded), 1)))
