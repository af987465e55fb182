"""Reads items of a file safely, and checks that they are what they should be.

A file may be hostile, and any of its bytes may be damaged. So nothing outside the file is ever
read: links to other files, datasets that are assembled from other files or stored in one, and
filters that HDF5 would have to load are refused. Sizes are checked before memory is taken; see
`sizes`. A string may be at most 64 MB long.

Only strings of fixed length are read by default. HDF5 keeps variable-length strings in a heap,
trusts what it finds there, and one wrong byte can crash it. The caller has to ask for them, which
makes sense for files that other programs wrote.
"""

from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any

import h5py
import numpy as np

from replaychart.storage.hdf5.damage import RefusedError
from replaychart.storage.hdf5.sizes import COMPRESSING, filters_of, require_sizes

_LONGEST_TEXT = 64 * 1024**2
_FILTERS = {*COMPRESSING, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}


def all_names_in(group: h5py.Group) -> list[str]:
    """Return the names in a group, sorted, including those of links."""
    # In the native order: HDF5 crashes if it has to sort the names of a damaged group.
    names: list[bytes] = []
    group.id.links.iterate(names.append, order=h5py.h5.ITER_NATIVE)
    return sorted(name.decode("utf-8", "surrogateescape") for name in names)


def names_in(group: h5py.Group) -> list[str]:
    """Return the names in a group, sorted, and raise if one is a link; see `require_own`."""
    names = all_names_in(group)
    for name in names:
        require_own(group, name)
    return names


def require_own(parent: h5py.Group, name: str) -> None:
    """Raise unless a name in a group belongs to an item that is stored in this group.

    Raises
    ------
    RefusedError
        It is a link to another place or another file.
    KeyError
        There is no such name.
    ValueError
        It is not a valid name.
    """
    key = name.encode("utf-8")  # raises for bytes that are not UTF-8
    if not key or key == b"." or b"/" in key:
        message = f"{name!r} is not a valid name"
        raise ValueError(message)
    if not parent.id.links.exists(key):
        message = f"{parent.name} has no {name!r}"
        raise KeyError(message)
    kind = parent.id.links.get_info(key).type
    if kind != h5py.h5l.TYPE_HARD:
        where = "another file" if kind == h5py.h5l.TYPE_EXTERNAL else "another place"
        message = f"{name!r} in {parent.name} is a link to {where}, which is not followed"
        raise RefusedError(message)


def has(parent: h5py.Group, path: str) -> bool:
    """Return whether a path exists, even as a link."""
    *above, name = path.split("/")
    for step in above:
        if not parent.id.links.exists(step.encode("utf-8")):
            return False
        parent = group_in(parent, step)
    return bool(parent.id.links.exists(name.encode("utf-8")))


def group_in(parent: h5py.Group, path: str) -> h5py.Group:
    """Return a group, and raise if it is something else or a link; see `require_own`."""
    found = parent
    for name in path.split("/"):
        found = _item(found, name)
    if not isinstance(found, h5py.Group):
        message = f"{path!r} in {parent.name} is not a group"
        raise ValueError(message)
    return found


def dataset_in(parent: h5py.Group, path: str) -> h5py.Dataset:
    """Return a dataset without reading it, after checking that it is safe to read.

    Raises
    ------
    RefusedError
        Its values are stored in another file, it uses another filter, or it is too large.
    KeyError, ValueError
        There is no such dataset.
    """
    above, _, name = path.rpartition("/")
    found = _item(group_in(parent, above) if above else parent, name)
    if not isinstance(found, h5py.Dataset) or found.shape is None:
        message = f"{path!r} in {parent.name} is not a dataset with values"
        raise ValueError(message)
    _require_own_values(found)
    require_sizes([found])
    return found


def number_dataset_in(
    parent: h5py.Group, path: str, *, shape: Sequence[int | None] | None = None
) -> h5py.Dataset:
    """Return a numeric dataset without reading it.

    Parameters
    ----------
    parent : h5py.Group
    path : str
    shape : sequence of (int or None), optional
        The required shape, with None for any length. Default: any shape.

    Raises
    ------
    RefusedError, KeyError, ValueError
        As in `dataset_in`; or the dataset is not numeric, or has another shape.
    """
    dataset = dataset_in(parent, path)
    if dataset.dtype.kind not in "biuf":
        message = f"{dataset.name} has the dtype {dataset.dtype}, which is not numeric"
        raise ValueError(message)
    fits = shape is None or (
        len(dataset.shape) == len(shape)
        and all(want in (None, length) for want, length in zip(shape, dataset.shape, strict=True))
    )
    if not fits:
        wanted = ", ".join("any" if length is None else str(length) for length in shape or ())
        message = f"{dataset.name} must have the shape ({wanted}). Got {dataset.shape}"
        raise ValueError(message)
    return dataset


def numbers_in(
    parent: h5py.Group, path: str, *, shape: Sequence[int | None] | None = None
) -> np.ndarray:
    """Return the values of a numeric dataset; see `number_dataset_in`."""
    return native(number_dataset_in(parent, path, shape=shape)[()])


def require_rows(dataset: h5py.Dataset, rows: int) -> None:
    """Raise `ValueError` unless a dataset has at least this many rows."""
    if len(dataset.shape) < 1 or dataset.shape[0] < rows:
        message = f"{dataset.name} must have at least {rows} rows. Got the shape {dataset.shape}"
        raise ValueError(message)


def native(values: np.ndarray) -> np.ndarray:
    """Return an array in native byte order."""
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def text_in(parent: h5py.Group, path: str) -> str:
    """Return the string in a dataset of shape (1,); see `dataset_in`."""
    dataset = dataset_in(parent, path)
    if dataset.shape != (1,):
        message = f"{dataset.name} must be one string, of shape (1,). Got the shape {dataset.shape}"
        raise ValueError(message)
    _require_text(dataset.dtype, dataset.name)
    return text_of(dataset.asstr()[0], dataset.name)


class Attributes(Mapping[str, Any]):
    """The attributes of a group or dataset: numbers, strings and numeric arrays.

    Parameters
    ----------
    item : h5py.Group or h5py.Dataset
    any_length : bool, default False
        Whether variable-length strings are read too.
    """

    def __init__(self, item: h5py.Group | h5py.Dataset, *, any_length: bool = False) -> None:
        self._item = item
        self._any_length = any_length

    def __getitem__(self, name: str) -> Any:
        """Return an attribute, and raise `ValueError` if its type is not safe to read."""
        # h5py checks the type too, but only after reading.
        stored = h5py.h5a.open(self._item.id, name.encode("utf-8"))
        if stored.dtype.kind not in "biuf":
            _require_text(stored.dtype, f"the attribute {name}", any_length=self._any_length)
        value = self._item.attrs[name]
        # h5py returns bytes for strings of fixed length, str for those of variable length.
        return value.decode("utf-8") if isinstance(value, bytes) else value

    def __contains__(self, name: object) -> bool:
        """Return whether an attribute exists, without reading it."""
        return name in self._item.attrs

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the attributes."""
        return iter(self._item.attrs)

    def __len__(self) -> int:
        """Return the number of attributes."""
        return len(self._item.attrs)


def count_of(value: Any, name: str) -> int:
    """Return the value of an attribute that is a count, as an int."""
    if not isinstance(value, Integral) or isinstance(value, (bool, np.bool_)) or value < 0:
        message = f"the attribute {name} must be a whole number from 0. Got {value!r}"
        raise ValueError(message)
    return int(value)


def _require_text(dtype: np.dtype, name: str, *, any_length: bool = False) -> None:
    """Raise `ValueError` unless a dtype is that of strings that are safe to read."""
    text = h5py.check_string_dtype(dtype)
    if text is None:
        message = f"{name} must be a string. Got the dtype {dtype}"
        raise ValueError(message)
    if text.length is None and not any_length:
        message = f"{name} is a variable-length string, and only those of fixed length are read"
        raise ValueError(message)


def _item(parent: h5py.Group, name: str) -> Any:
    require_own(parent, name)
    return parent[name]


def _require_own_values(dataset: h5py.Dataset) -> None:
    if dataset.is_virtual or dataset.external:
        message = f"the values of {dataset.name} are stored in other files, which are not read"
        raise RefusedError(message)
    for number, name in filters_of(dataset).items():
        if number not in _FILTERS:
            message = (
                f"{dataset.name} uses the filter {number} ({name!r}), which is not part of h5py"
            )
            raise RefusedError(message)


def text_of(value: Any, name: str) -> str:
    """Return a value from a file, and raise unless it is a valid string of at most 64 MB."""
    if not isinstance(value, str):
        message = f"{name} must be a string. Got {type(value).__name__}"
        raise ValueError(message)
    if len(value) > _LONGEST_TEXT:
        message = f"{name} has {len(value):,} characters; at most {_LONGEST_TEXT:,} are allowed"
        raise RefusedError(message)
    value.encode("utf-8")  # raises for lone surrogates
    return value
