"""Takes out of a file what is asked for, if it is there and is what it should be.

Whoever wrote the file may have wanted harm, and any byte of it may be damaged. So nothing is
followed out of the file: links to other files, datasets that are put together from other files or
whose numbers lie in one, and filters that HDF5 would have to load are refused. And no memory is
taken for a size that is only claimed; see `sizes`. A text is no longer than 64 MB.

Texts are read where they are of fixed length. HDF5 keeps those of any length in a heap of the file,
believes what it finds there, and one wrong byte can crash it; they are read only where the caller
asks for them, because other programs write no other ones.
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
    """Return the names in a group, sorted, wherever they lead."""
    # In the order in which HDF5 has them: it crashes on damaged groups where it is to sort them.
    names: list[bytes] = []
    group.id.links.iterate(names.append, order=h5py.h5.ITER_NATIVE)
    return sorted(name.decode("utf-8", "surrogateescape") for name in names)


def names_in(group: h5py.Group) -> list[str]:
    """Return the names in a group, sorted, and raise if one leads out; see `require_own`."""
    names = all_names_in(group)
    for name in names:
        require_own(group, name)
    return names


def require_own(parent: h5py.Group, name: str) -> None:
    """Raise unless a name in a group stands for what lies in this file, and nowhere else.

    Raises
    ------
    RefusedError
        It is a link to another place or to another file.
    KeyError
        There is no such name.
    ValueError
        It cannot be a name.
    """
    key = name.encode("utf-8")  # raises for bytes that are no text
    if not key or key == b"." or b"/" in key:
        message = f"{name!r} cannot be a name"
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
    """Return whether there is something under a path, wherever that would lead."""
    *above, name = path.split("/")
    for step in above:
        if not parent.id.links.exists(step.encode("utf-8")):
            return False
        parent = group_in(parent, step)
    return bool(parent.id.links.exists(name.encode("utf-8")))


def group_in(parent: h5py.Group, path: str) -> h5py.Group:
    """Return a group, and raise if it is none or lies elsewhere; see `require_own`."""
    found = parent
    for name in path.split("/"):
        found = _item(found, name)
    if not isinstance(found, h5py.Group):
        message = f"{path!r} in {parent.name} is no group"
        raise ValueError(message)
    return found


def dataset_in(parent: h5py.Group, path: str) -> h5py.Dataset:
    """Return a dataset that can be read safely, without reading it.

    Raises
    ------
    RefusedError
        Its values lie elsewhere, or it is larger than it can be: see the module.
    KeyError, ValueError
        There is no such dataset.
    """
    above, _, name = path.rpartition("/")
    found = _item(group_in(parent, above) if above else parent, name)
    if not isinstance(found, h5py.Dataset) or found.shape is None:
        message = f"{path!r} in {parent.name} is no dataset with values"
        raise ValueError(message)
    _require_own_values(found)
    require_sizes([found])
    return found


def number_dataset_in(
    parent: h5py.Group, path: str, *, shape: Sequence[int | None] | None = None
) -> h5py.Dataset:
    """Return a dataset of numbers, without reading it.

    Parameters
    ----------
    parent : h5py.Group
    path : str
    shape : sequence of (int or None), optional
        The shape that it must have, None for any length. Default: any shape.

    Raises
    ------
    RefusedError, KeyError, ValueError
        As `dataset_in`; or it holds no numbers, or has another shape.
    """
    dataset = dataset_in(parent, path)
    if dataset.dtype.kind not in "biuf":
        message = f"{dataset.name} has the dtype {dataset.dtype} and holds no numbers"
        raise ValueError(message)
    fits = shape is None or (
        len(dataset.shape) == len(shape)
        and all(want in (None, length) for want, length in zip(shape, dataset.shape, strict=True))
    )
    if not fits:
        wanted = ", ".join("any" if length is None else str(length) for length in shape or ())
        message = f"{dataset.name} has the shape {dataset.shape} and not ({wanted})"
        raise ValueError(message)
    return dataset


def numbers_in(
    parent: h5py.Group, path: str, *, shape: Sequence[int | None] | None = None
) -> np.ndarray:
    """Return a dataset's numbers; see `number_dataset_in`."""
    return native(number_dataset_in(parent, path, shape=shape)[()])


def require_rows(dataset: h5py.Dataset, rows: int) -> None:
    """Raise `ValueError` unless a dataset has at least so many rows."""
    if len(dataset.shape) < 1 or dataset.shape[0] < rows:
        message = f"{dataset.name} has the shape {dataset.shape}, and {rows} rows are needed"
        raise ValueError(message)


def native(values: np.ndarray) -> np.ndarray:
    """Return numbers in the machine's own order of bytes."""
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def text_in(parent: h5py.Group, path: str) -> str:
    """Return a dataset of one text; see `dataset_in`."""
    dataset = dataset_in(parent, path)
    if dataset.shape != (1,):
        message = f"{dataset.name} has the shape {dataset.shape} and is not one text"
        raise ValueError(message)
    _require_text(dataset.dtype, dataset.name)
    return text_of(dataset.asstr()[0], dataset.name)


class Attributes(Mapping[str, Any]):
    """The attributes of a group or a dataset, as numbers, texts, and arrays of numbers.

    Parameters
    ----------
    item : h5py.Group or h5py.Dataset
    any_length : bool, default False
        Whether texts of any length are read too.
    """

    def __init__(self, item: h5py.Group | h5py.Dataset, *, any_length: bool = False) -> None:
        self._item = item
        self._any_length = any_length

    def __getitem__(self, name: str) -> Any:
        """Return an attribute, and raise `ValueError` if HDF5 cannot read its kind safely."""
        # h5py asks for the type too, but not before it reads.
        stored = h5py.h5a.open(self._item.id, name.encode("utf-8"))
        if stored.dtype.kind not in "biuf":
            _require_text(stored.dtype, f"the attribute {name}", any_length=self._any_length)
        value = self._item.attrs[name]
        # h5py gives bytes for texts of fixed length, str for those of any length.
        return value.decode("utf-8") if isinstance(value, bytes) else value

    def __contains__(self, name: object) -> bool:
        """Return whether there is an attribute of a name, without reading it."""
        return name in self._item.attrs

    def __iter__(self) -> Iterator[str]:
        """Yield the attributes' names."""
        return iter(self._item.attrs)

    def __len__(self) -> int:
        """Return the number of attributes."""
        return len(self._item.attrs)


def count_of(value: Any, name: str) -> int:
    """Return an attribute's value as a number of things."""
    if not isinstance(value, Integral) or isinstance(value, (bool, np.bool_)) or value < 0:
        message = f"the attribute {name} is {value!r} and not a number of things"
        raise ValueError(message)
    return int(value)


def _require_text(dtype: np.dtype, name: str, *, any_length: bool = False) -> None:
    """Raise `ValueError` unless a type is that of texts that may be read."""
    text = h5py.check_string_dtype(dtype)
    if text is None:
        message = f"{name} is {dtype} and not a text"
        raise ValueError(message)
    if text.length is None and not any_length:
        message = f"{name} is a text of any length, and only those of fixed length are read"
        raise ValueError(message)


def _item(parent: h5py.Group, name: str) -> Any:
    require_own(parent, name)
    return parent[name]


def _require_own_values(dataset: h5py.Dataset) -> None:
    if dataset.is_virtual or dataset.external:
        message = f"the values of {dataset.name} lie in other files, which are not read"
        raise RefusedError(message)
    for number, name in filters_of(dataset).items():
        if number not in _FILTERS:
            message = (
                f"{dataset.name} is written with the filter {number} ({name!r}), which does not "
                "come with h5py"
            )
            raise RefusedError(message)


def text_of(value: Any, name: str) -> str:
    """Return a value from a file, and raise unless it is a text that may be read."""
    if not isinstance(value, str):
        message = f"{name} is {type(value).__name__} and not a text"
        raise ValueError(message)
    if len(value) > _LONGEST_TEXT:
        message = (
            f"{name} has {len(value):,} letters, more than the {_LONGEST_TEXT:,} that are read"
        )
        raise RefusedError(message)
    value.encode("utf-8")  # raises for bytes that are no text
    return value
